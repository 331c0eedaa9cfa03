/// The interface between Gatehouse and a plugin: C99, with nothing but the standard headers.
///
/// A plugin is a shared object that exports one data symbol, `gatehouse_plugin_v1`, and has a text
/// note in the ELF section `.gatehouse`. The host passes it tables of functions; the plugin calls
/// no symbol of the host. C++ authors include gatehouse/plugin.hpp, which wraps all of this.
///
/// abi/*.h is what every plugin needs. abi/ext/NAME.h is one extension each, with a string id whose
/// last part is its revision; host->extension(id) returns its table. An id never changes its
/// meaning.
///
/// Ownership: whoever allocates frees. Only make/parse and drop, open and drop, send and close,
/// create and destroy cross the boundary in pairs.
///
/// Lifetime: a view (gh_str) or node of an exchange lives until handle() returns, one of a document
/// until drop(), one inside an event during emit(). Nodes of the configuration live until create()
/// returns. Nodes do not move when their document is edited; an erased node stays readable.
///
/// Threads: [control] functions are called one after another on one thread. handle() is called on
/// many threads at once; one exchange with its `out` and `next` belongs to one OS thread for its
/// whole life. Host functions may be called on any thread unless marked otherwise. While handle()
/// waits in a host function (next, emit, body, json, sleep, and those of the extensions http, wait
/// and store), other exchanges may run on the same thread: hold no lock and keep no value in a
/// thread_local variable across such a call. handle() must not block elsewhere unless the plugin
/// has the flag GH_PLUGIN_BLOCKS. Host functions that wait return early when the client has gone,
/// the deadline has passed or the gateway stops. SIGPIPE is ignored.
///
/// Stack: all plugins of a pipeline share 1 MiB, of which the host needs 128 KiB. One plugin uses
/// at most 64 KiB.
///
/// next(): zero, one or more calls inside handle(), one after another, as long as the response has
/// not ended. Each starts without a failure and sees the request as it stands.
///
/// Response: a plugin that returns GH_OK has emitted at least one event or called next(). Otherwise
/// the host fails the request with 500 `plugin_error` and logs the plugin's name.
///
/// Errors: fail() sets the failure of the exchange and returns GH_FAILED, which is returned upwards
/// unchanged. No exception, longjmp or exit may cross the boundary.
///
/// Versions: the major number is part of the entry symbol's name. Minor versions only append: to
/// tables and structs that begin with `size`, to enums, and new extensions. Test GH_HAS before you
/// use a member newer than GATEHOUSE_NEEDS, in either direction. Structs without `size` never
/// change. Nothing added after 1.0 is ever required of a plugin.
#ifndef GATEHOUSE_ABI_H
#define GATEHOUSE_ABI_H

#include "gatehouse/abi/event.h"
#include "gatehouse/abi/exchange.h"
#include "gatehouse/abi/ext/admin.h"
#include "gatehouse/abi/ext/background.h"
#include "gatehouse/abi/ext/client.h"
#include "gatehouse/abi/ext/counters.h"
#include "gatehouse/abi/ext/crypto.h"
#include "gatehouse/abi/ext/failures.h"
#include "gatehouse/abi/ext/files.h"
#include "gatehouse/abi/ext/http.h"
#include "gatehouse/abi/ext/metrics.h"
#include "gatehouse/abi/ext/models.h"
#include "gatehouse/abi/ext/openapi.h"
#include "gatehouse/abi/ext/share.h"
#include "gatehouse/abi/ext/status.h"
#include "gatehouse/abi/ext/store.h"
#include "gatehouse/abi/ext/trace.h"
#include "gatehouse/abi/ext/wait.h"
#include "gatehouse/abi/host.h"
#include "gatehouse/abi/json.h"
#include "gatehouse/abi/plugin.h"
#include "gatehouse/abi/text.h"

#endif
