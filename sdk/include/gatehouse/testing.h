/// A gateway in the same process, for tests of plugins in C and in every language that can call C.
/// C++ has gatehouse/testing.hpp, which this wraps: nothing is loaded, nothing goes out, and time
/// stands still unless the plugin waits.
///
///   gh_test* t = gh_test_open(&gatehouse_plugin_v1, "{\"value\": \"x\"}");
///   assert(gh_test_run(t, "{\"target\": \"/any\", \"next\": [[\"bytes+last:hi\"]]}") == 0);
///   assert(strcmp(gh_test_at(t, "/headers/X-Stamp"), "x") == 0);
///   gh_test_close(t);
///
/// Link the plugin's own source, or its object file, and the library gatehouse_testing. The rules
/// that a gateway does not enforce are checked: the grammar of events, the thread of an exchange, a
/// response or a failure at the end of each request.
///
/// A request, for gh_test_run(), is one JSON object. All members are optional:
///
///   method       "GET"; "POST" where there is a body or a chat
///   target       "/": path and query
///   headers      an object. Content-Type is application/json where there is a body
///   body         a string
///   chat         the chat document: the plugin stands below the ingress plugin
///   caller       {tenant, user, key}
///   admin        true: `target` is an admin route of the plugin
///   leaves_after the client leaves after so many events
///   advance_ms   moves the clock before the request
///   store        values by key, for the store; store_down: true or false, until it is changed
///   next         what the rest of the pipeline does at its first call, its second, ...; the last
///                one repeats. Events, written as in testing/events.hpp (["step-start",
///                "text:Hi", "step-finish:stop"]), or a failure ({"status": 503, "code": "busy",
///                "message": "Try again.", "transient": true}). Absent: 404 not_found
///   upstream     replies to the requests of the HTTP client, in order: {"status": 200, "headers":
///                {}, "body": ""}, or {"sse": ["data of the first event", ...]}; with "broken":
///                true its body breaks off
///   background   runs the background task with this index instead of a request; it may wait
///                `waits` times (0)
///
/// What gh_test_at() finds, by JSON pointer (RFC 6901):
///
///   of the last request:  status, headers, body, text (of all text events), events, failure
///                         (status, code, message, detail, retry_after_ms), notes, caller
///   since gh_test_open(): problems, warnings, routes, logs, health, sleeps_ms, next_calls, chats
///                         (as the rest of the pipeline got them), upstream (method, path, headers,
///                         body), metrics (by series), store
///   error                 why gh_test_run() returned -1, or gh_test_open() made no instance
#ifndef GATEHOUSE_TESTING_H
#define GATEHOUSE_TESTING_H

#include "gatehouse/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gh_test gh_test;

/// A gateway with one instance of the plugin. `config`: JSON text, valid by the plugin's schema,
/// whose defaults are filled in. Never NULL; problems of the configuration are at "/problems".
/// Yours: gh_test_close() it.
gh_test* gh_test_open(const gh_plugin* plugin, const char* config);
/// 0; -1: the plugin has broken a rule, or the request is malformed: see "/error".
int gh_test_run(gh_test*, const char* request);
/// A string as it is, any other value as JSON text; NULL: absent. Lives until the next call of
/// gh_test_run() or gh_test_close().
const char* gh_test_at(gh_test*, const char* pointer);
void gh_test_close(gh_test*);

#ifdef __cplusplus
}
#endif
#endif
