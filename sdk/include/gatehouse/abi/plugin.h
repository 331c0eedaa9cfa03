/// What a plugin is: one data symbol and a note.
#ifndef GATEHOUSE_ABI_PLUGIN_H
#define GATEHOUSE_ABI_PLUGIN_H

#include "gatehouse/abi/event.h"
#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_MAGIC 0x31504847u /* "GHP1" */
#define GH_EXPORT __attribute__((visibility("default")))

/// gh_plugin.flags. `gatehouse check` warns of places in the pipeline where a plugin has no effect.
enum {
  /// handle() is called only for exchanges that have a chat document, and for requests to its
  /// routes.
  GH_PLUGIN_CHAT = 1,
  GH_PLUGIN_INGRESS = 2,   ///< Creates the chat document and renders events for its clients.
  GH_PLUGIN_PROVIDER = 4,  ///< Responds to chats, and may pass on those it does not serve.
  /// Sets the status or headers of responses: belongs above the ingress, which may send the head
  /// early.
  GH_PLUGIN_HEAD = 8,
  /// May reject any request: belongs above the ingress, and below plugins with probes.
  GH_PLUGIN_GUARD = 16,
  /// Its routes report health. They respond without waiting, also beyond `server.max_running`.
  GH_PLUGIN_PROBES = 32,
  /// It blocks outside the host's functions (a database driver, a computation of seconds), so that
  /// its pipeline keeps one thread per exchange.
  GH_PLUGIN_BLOCKS = 64,
  /// The host may unload the code after its last object has been destroyed, when a reload has
  /// brought other code. By then no thread of the plugin runs, and neither it nor a library linked
  /// into it has left behind a thread-local object with a destructor, a key of pthread_key_create()
  /// with a destructor or a signal handler. Without the flag the code stays in memory until the
  /// process ends.
  GH_PLUGIN_UNLOADS = 128,
  /// handle() is called only for requests to its routes.
  GH_PLUGIN_ROUTES = 256
};

/// Static data, read before any function of the plugin is called. A host takes a shorter one of an
/// older minor version; members it lacks count as NULL.
typedef struct gh_plugin {
  uint32_t magic;  ///< GH_MAGIC
  uint32_t size;
  uint16_t abi_major, abi_minor;  ///< Of the header it was built with.
  uint16_t abi_needs;             ///< GATEHOUSE_NEEDS.
  uint16_t reserved;              ///< 0.
  uint32_t flags;                 ///< GH_PLUGIN_...
  uint32_t reserved1;             ///< 0.
  /// The name of file, configuration entry and log: letters, digits, - and _, at most 64.
  const char* name;
  const char* version;        ///< Semantic version.
  const char* summary;        ///< One line.
  const char* config_schema;  ///< JSON Schema, draft 7, of its configuration.
  /// Its text in section .gatehouse. Referred to here so that no linker drops it.
  const char* note;
  /// [control] `config` is valid by config_schema, whose defaults are filled in. Sends no request.
  /// Success: *self is yours, and may be null, until destroy(). Otherwise destroy() is not called.
  gh_status (*create)(const gh_host*, const gh_json* config, void** self);
  gh_status (*handle)(void* self, gh_exchange*, const gh_sink* out, const gh_next* next);
  /// [control] Optional. After a reload: takes over what outlives `older`, an object of the same
  /// code, which still serves.
  gh_status (*adopt)(void* self, void* older);
  /// No request is running in it, and none follows. On any thread.
  void (*destroy)(void* self);
  /// Optional, on many threads at once. The server rejects a request before any plugin was called;
  /// exchange->failure() has the reason. It may set headers of the response (browsers need the CORS
  /// grant to read the error), count and log; it must not wait, read the body or fail.
  void (*refused)(void* self, gh_exchange*);
  /// [control] Optional. A reload has brought other code of this plugin, while `self` still serves:
  /// calls keep(to, bytes) once with what the other code is to restore(). The bytes begin with the
  /// version of their format; they stay in memory, so they may hold secrets.
  gh_status (*save)(void* self, void (*keep)(void* to, gh_str bytes), void* to);
  /// [control] Optional. Takes over what save() of older or newer code has kept, before the first
  /// request. GH_UNSUPPORTED: that format is not known, and `self` is as it was.
  gh_status (*restore)(void* self, gh_str bytes);
} gh_plugin;

/// The text in section .gatehouse, which the host reads before it loads the plugin: one JSON object
/// with abi ("1.0"), needs (minor), name, version, summary, schema (object). The same texts as in
/// gh_plugin, spelt from string literals without quotes or backslashes.
#define GATEHOUSE_NOTE_STR_(x) #x
#define GATEHOUSE_NOTE_NUM_(x) GATEHOUSE_NOTE_STR_(x)
#define GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, SCHEMA)                                            \
  __attribute__((section(".gatehouse"), used)) const char gatehouse_note[] =                      \
      "{\"abi\":\"" GATEHOUSE_NOTE_NUM_(GH_ABI_MAJOR) "." GATEHOUSE_NOTE_NUM_(                    \
          GH_ABI_MINOR) "\",\"needs\":" GATEHOUSE_NOTE_NUM_(GATEHOUSE_NEEDS) ",\"name\":\"" NAME  \
                                                                             "\",\"version\":"    \
                                                                             "\"" VERSION         \
                                                                             "\",\"summary\":"    \
                                                                             "\"" SUMMARY         \
                                                                             "\","                \
                                                                             "\"schema\":" SCHEMA \
                                                                             "}"

extern GH_EXPORT const gh_plugin gatehouse_plugin_v1;

#ifdef __cplusplus
}
#endif
#endif
