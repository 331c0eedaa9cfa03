/* What was published stays where it is: a plugin built once loads in every later 1.x host. Append
 * below, never change a line. */
#include "gatehouse/abi.h"

#define FROZEN(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define FROZEN_SIZE(type, size) \
  _Static_assert(sizeof(type) == (size), #type " has another size, but has no member `size`")
#define FROZEN_VALUE(name, value) _Static_assert((name) == (value), #name " has another value")
#define FROZEN_ID(name, text)                                                       \
  _Static_assert(sizeof(name) == sizeof(text) && __builtin_strcmp(name, text) == 0, \
                 #name " has another id")

_Static_assert(sizeof(void*) == 8 && sizeof(size_t) == 8,
               "the offsets below are those of 64-bit machines");

FROZEN_VALUE(GH_ABI_MAJOR, 1);
FROZEN_VALUE(GH_MAGIC, 0x31504847u);

/* abi/text.h */

FROZEN(gh_str, p, 0);
FROZEN(gh_str, n, 8);
FROZEN_SIZE(gh_str, 16);

FROZEN_VALUE(GH_OK, 0);
FROZEN_VALUE(GH_STOP, 1);
FROZEN_VALUE(GH_INVALID, -1);
FROZEN_VALUE(GH_ABSENT, -2);
FROZEN_VALUE(GH_FAILED, -3);
FROZEN_VALUE(GH_CANCELLED, -4);
FROZEN_VALUE(GH_UNSUPPORTED, -5);
FROZEN_VALUE(GH_UNAVAILABLE, -6);

/* abi/json.h */

FROZEN(gh_json_api, size, 0);
FROZEN(gh_json_api, reserved, 4);
FROZEN(gh_json_api, type, 8);
FROZEN(gh_json_api, get, 16);
FROZEN(gh_json_api, at, 24);
FROZEN(gh_json_api, count, 32);
FROZEN(gh_json_api, step, 40);
FROZEN(gh_json_api, str, 48);
FROZEN(gh_json_api, integer, 56);
FROZEN(gh_json_api, real, 64);
FROZEN(gh_json_api, boolean, 72);
FROZEN(gh_json_api, edit, 80);
FROZEN(gh_json_api, push, 88);
FROZEN(gh_json_api, erase, 96);
FROZEN(gh_json_api, set_empty, 104);
FROZEN(gh_json_api, set_bool, 112);
FROZEN(gh_json_api, set_int, 120);
FROZEN(gh_json_api, set_real, 128);
FROZEN(gh_json_api, set_str, 136);
FROZEN(gh_json_api, copy, 144);
FROZEN(gh_json_api, make, 152);
FROZEN(gh_json_api, parse, 160);
FROZEN(gh_json_api, dump, 168);
FROZEN(gh_json_api, drop, 176);

FROZEN_VALUE(GH_NULL, 0);
FROZEN_VALUE(GH_BOOL, 1);
FROZEN_VALUE(GH_INT, 2);
FROZEN_VALUE(GH_REAL, 3);
FROZEN_VALUE(GH_STRING, 4);
FROZEN_VALUE(GH_ARRAY, 5);
FROZEN_VALUE(GH_OBJECT, 6);

/* abi/event.h */

FROZEN(gh_event, kind, 0);
FROZEN(gh_event, flags, 2);
FROZEN(gh_event, reserved0, 4);
FROZEN(gh_event, id, 8);
FROZEN(gh_event, name, 24);
FROZEN(gh_event, text, 40);
FROZEN(gh_event, json, 56);
FROZEN(gh_event, metadata, 64);
FROZEN(gh_event, reserved, 72);
FROZEN_SIZE(gh_event, 104);

FROZEN(gh_sink, size, 0);
FROZEN(gh_sink, flags, 4);
FROZEN(gh_sink, self, 8);
FROZEN(gh_sink, emit, 16);

FROZEN(gh_next, size, 0);
FROZEN(gh_next, flags, 4);
FROZEN(gh_next, self, 8);
FROZEN(gh_next, call, 16);

FROZEN_VALUE(GH_EV_BYTES, 1);
FROZEN_VALUE(GH_EV_STEP_START, 2);
FROZEN_VALUE(GH_EV_TEXT, 3);
FROZEN_VALUE(GH_EV_REASONING, 4);
FROZEN_VALUE(GH_EV_TOOL_INPUT_START, 5);
FROZEN_VALUE(GH_EV_TOOL_INPUT_DELTA, 6);
FROZEN_VALUE(GH_EV_TOOL_CALL, 7);
FROZEN_VALUE(GH_EV_TOOL_CALL_ERROR, 8);
FROZEN_VALUE(GH_EV_TOOL_OUTPUT, 9);
FROZEN_VALUE(GH_EV_TOOL_OUTPUT_ERROR, 10);
FROZEN_VALUE(GH_EV_SOURCE, 11);
FROZEN_VALUE(GH_EV_FILE, 12);
FROZEN_VALUE(GH_EV_USAGE, 13);
FROZEN_VALUE(GH_EV_STEP_FINISH, 14);
FROZEN_VALUE(GH_EV_TOOL_APPROVAL, 15);
FROZEN_VALUE(GH_EV_TOOL_DENIED, 16);
FROZEN_VALUE(GH_EV_DATA, 17);
FROZEN_VALUE(GH_EV_RESPONSE, 18);
FROZEN_VALUE(GH_EV_WARNING, 19);
FROZEN_VALUE(GH_EV_CUSTOM, 20);

FROZEN_VALUE(GH_LAST, 1);
FROZEN_VALUE(GH_DYNAMIC, 2);
FROZEN_VALUE(GH_PROVIDER_EXECUTED, 4);
FROZEN_VALUE(GH_PRELIMINARY, 8);
FROZEN_VALUE(GH_MUST, 32768);

/* abi/exchange.h */

FROZEN(gh_failure, size, 0);
FROZEN(gh_failure, http_status, 4);
FROZEN(gh_failure, code, 8);
FROZEN(gh_failure, message, 24);
FROZEN(gh_failure, detail, 40);
FROZEN(gh_failure, retry_after_ns, 56);
FROZEN(gh_failure, flags, 64);
FROZEN(gh_failure, reserved, 68);

FROZEN(gh_caller, size, 0);
FROZEN(gh_caller, reserved, 4);
FROZEN(gh_caller, tenant, 8);
FROZEN(gh_caller, user, 24);
FROZEN(gh_caller, key, 40);

FROZEN(gh_exchange_api, size, 0);
FROZEN(gh_exchange_api, reserved, 4);
FROZEN(gh_exchange_api, field, 8);
FROZEN(gh_exchange_api, route, 16);
FROZEN(gh_exchange_api, header, 24);
FROZEN(gh_exchange_api, header_at, 32);
FROZEN(gh_exchange_api, body, 40);
FROZEN(gh_exchange_api, json, 48);
FROZEN(gh_exchange_api, chat, 56);
FROZEN(gh_exchange_api, notes, 64);
FROZEN(gh_exchange_api, caller, 72);
FROZEN(gh_exchange_api, set_caller, 80);
FROZEN(gh_exchange_api, status, 88);
FROZEN(gh_exchange_api, set_status, 96);
FROZEN(gh_exchange_api, set_header, 104);
FROZEN(gh_exchange_api, fail, 112);
FROZEN(gh_exchange_api, failure, 120);
FROZEN(gh_exchange_api, committed, 128);
FROZEN(gh_exchange_api, cancelled, 136);
FROZEN(gh_exchange_api, deadline_ns, 144);
FROZEN(gh_exchange_api, flush, 152);
FROZEN(gh_exchange_api, heartbeat, 160);
FROZEN(gh_exchange_api, before_wait, 168);

FROZEN_VALUE(GH_METHOD, 0);
FROZEN_VALUE(GH_PATH, 1);
FROZEN_VALUE(GH_QUERY, 2);
FROZEN_VALUE(GH_PEER, 3);
FROZEN_VALUE(GH_REQUEST_ID, 4);
FROZEN_VALUE(GH_CLIENT, 5);
FROZEN_VALUE(GH_TRACE, 6);
FROZEN_VALUE(GH_ROUTE_PATH, 7);

FROZEN_VALUE(GH_FAIL_TRANSIENT, 1);
FROZEN_VALUE(GH_FAIL_UPSTREAM, 2);
FROZEN_VALUE(GH_FAIL_SUSPECT, 4);

/* abi/host.h */

FROZEN(gh_host, size, 0);
FROZEN(gh_host, abi_major, 4);
FROZEN(gh_host, abi_minor, 6);
FROZEN(gh_host, version, 8);
FROZEN(gh_host, instance, 24);
FROZEN(gh_host, json, 40);
FROZEN(gh_host, exchange, 48);
FROZEN(gh_host, problem, 56);
FROZEN(gh_host, warning, 64);
FROZEN(gh_host, route, 72);
FROZEN(gh_host, log, 80);
FROZEN(gh_host, health, 88);
FROZEN(gh_host, now_ns, 96);
FROZEN(gh_host, wall_ns, 104);
FROZEN(gh_host, sleep, 112);
FROZEN(gh_host, extension, 120);
FROZEN(gh_host, exposed, 128);
FROZEN(gh_host, reserved, 132);
FROZEN(gh_host, logs, 136);
FROZEN(gh_host, log_text, 144);

FROZEN_VALUE(GH_DEBUG, 0);
FROZEN_VALUE(GH_INFO, 1);
FROZEN_VALUE(GH_WARN, 2);
FROZEN_VALUE(GH_ERROR, 3);

FROZEN_VALUE(GH_UP, 0);
FROZEN_VALUE(GH_DEGRADED, 1);
FROZEN_VALUE(GH_DOWN, 2);

/* abi/plugin.h */

FROZEN(gh_plugin, magic, 0);
FROZEN(gh_plugin, size, 4);
FROZEN(gh_plugin, abi_major, 8);
FROZEN(gh_plugin, abi_minor, 10);
FROZEN(gh_plugin, abi_needs, 12);
FROZEN(gh_plugin, reserved, 14);
FROZEN(gh_plugin, flags, 16);
FROZEN(gh_plugin, reserved1, 20);
FROZEN(gh_plugin, name, 24);
FROZEN(gh_plugin, version, 32);
FROZEN(gh_plugin, summary, 40);
FROZEN(gh_plugin, config_schema, 48);
FROZEN(gh_plugin, note, 56);
FROZEN(gh_plugin, create, 64);
FROZEN(gh_plugin, handle, 72);
FROZEN(gh_plugin, adopt, 80);
FROZEN(gh_plugin, destroy, 88);
FROZEN(gh_plugin, refused, 96);
FROZEN(gh_plugin, save, 104);
FROZEN(gh_plugin, restore, 112);

FROZEN_VALUE(GH_PLUGIN_CHAT, 1);
FROZEN_VALUE(GH_PLUGIN_INGRESS, 2);
FROZEN_VALUE(GH_PLUGIN_PROVIDER, 4);
FROZEN_VALUE(GH_PLUGIN_HEAD, 8);
FROZEN_VALUE(GH_PLUGIN_GUARD, 16);
FROZEN_VALUE(GH_PLUGIN_PROBES, 32);
FROZEN_VALUE(GH_PLUGIN_BLOCKS, 64);
FROZEN_VALUE(GH_PLUGIN_UNLOADS, 128);
FROZEN_VALUE(GH_PLUGIN_ROUTES, 256);

/* abi/ext/admin.h */

FROZEN(gh_admin_api, size, 0);
FROZEN(gh_admin_api, reserved, 4);
FROZEN(gh_admin_api, route, 8);
FROZEN_ID(GH_ADMIN_1, "gatehouse.admin/1");

/* abi/ext/background.h */

FROZEN(gh_background_api, size, 0);
FROZEN(gh_background_api, reserved, 4);
FROZEN(gh_background_api, run, 8);
FROZEN(gh_background_api, linger, 16);
FROZEN_ID(GH_BACKGROUND_1, "gatehouse.background/1");

/* abi/ext/client.h */

FROZEN(gh_client_api, size, 0);
FROZEN(gh_client_api, reserved, 4);
FROZEN(gh_client_api, has_left, 8);
FROZEN_ID(GH_CLIENT_1, "gatehouse.client/1");

/* abi/ext/counters.h */

FROZEN(gh_addition, key, 0);
FROZEN(gh_addition, by, 16);
FROZEN(gh_addition, ttl_ns, 24);
FROZEN(gh_addition, most, 32);
FROZEN(gh_addition, total, 40);
FROZEN(gh_addition, reserved, 48);
FROZEN_SIZE(gh_addition, 64);

FROZEN(gh_counters_api, size, 0);
FROZEN(gh_counters_api, reserved, 4);
FROZEN(gh_counters_api, add, 8);
FROZEN(gh_counters_api, add_here, 16);
FROZEN_ID(GH_COUNTERS_1, "gatehouse.counters/1");

/* abi/ext/crypto.h */

FROZEN(gh_crypto_api, size, 0);
FROZEN(gh_crypto_api, reserved, 4);
FROZEN(gh_crypto_api, begin, 8);
FROZEN(gh_crypto_api, update, 16);
FROZEN(gh_crypto_api, finish, 24);
FROZEN(gh_crypto_api, hmac, 32);
FROZEN_ID(GH_CRYPTO_1, "gatehouse.crypto/1");

/* abi/ext/failures.h */

FROZEN(gh_failures_api, size, 0);
FROZEN(gh_failures_api, reserved, 4);
FROZEN(gh_failures_api, render, 8);
FROZEN_ID(GH_FAILURES_1, "gatehouse.failures/1");

/* abi/ext/files.h */

FROZEN(gh_files_api, size, 0);
FROZEN(gh_files_api, reserved, 4);
FROZEN(gh_files_api, load, 8);
FROZEN(gh_files_api, stamp, 16);
FROZEN(gh_files_api, read, 24);
FROZEN_ID(GH_FILES_1, "gatehouse.files/1");

/* abi/ext/http.h */

FROZEN(gh_http_options, size, 0);
FROZEN(gh_http_options, reserved, 4);
FROZEN(gh_http_options, base_url, 8);
FROZEN(gh_http_options, connect_ns, 24);
FROZEN(gh_http_options, first_byte_ns, 32);
FROZEN(gh_http_options, idle_ns, 40);

FROZEN(gh_http_header, name, 0);
FROZEN(gh_http_header, value, 16);
FROZEN_SIZE(gh_http_header, 32);

FROZEN(gh_http_request, size, 0);
FROZEN(gh_http_request, reserved, 4);
FROZEN(gh_http_request, method, 8);
FROZEN(gh_http_request, path, 24);
FROZEN(gh_http_request, headers, 40);
FROZEN(gh_http_request, header_count, 48);
FROZEN(gh_http_request, body, 56);
FROZEN(gh_http_request, first_byte_ns, 72);
FROZEN(gh_http_request, event_ns, 80);

FROZEN(gh_sse_event, size, 0);
FROZEN(gh_sse_event, reserved, 4);
FROZEN(gh_sse_event, event, 8);
FROZEN(gh_sse_event, data, 24);
FROZEN(gh_sse_event, id, 40);
FROZEN(gh_sse_event, retry_ns, 56);

FROZEN(gh_http_api, size, 0);
FROZEN(gh_http_api, reserved, 4);
FROZEN(gh_http_api, open, 8);
FROZEN(gh_http_api, send, 16);
FROZEN(gh_http_api, status, 24);
FROZEN(gh_http_api, header, 32);
FROZEN(gh_http_api, header_at, 40);
FROZEN(gh_http_api, read, 48);
FROZEN(gh_http_api, event, 56);
FROZEN(gh_http_api, close, 64);
FROZEN(gh_http_api, drop, 72);
FROZEN_ID(GH_HTTP_1, "gatehouse.http/1");

/* abi/ext/metrics.h */

FROZEN(gh_label, name, 0);
FROZEN(gh_label, value, 16);
FROZEN_SIZE(gh_label, 32);

FROZEN(gh_metrics_api, size, 0);
FROZEN(gh_metrics_api, reserved, 4);
FROZEN(gh_metrics_api, series, 8);
FROZEN(gh_metrics_api, record, 16);

FROZEN_VALUE(GH_COUNTER, 0);
FROZEN_VALUE(GH_GAUGE, 1);
FROZEN_VALUE(GH_SECONDS, 2);
FROZEN_VALUE(GH_TOKENS, 3);
FROZEN_ID(GH_METRICS_1, "gatehouse.metrics/1");

/* abi/ext/models.h */

FROZEN(gh_models_api, size, 0);
FROZEN(gh_models_api, reserved, 4);
FROZEN(gh_models_api, offer, 8);
FROZEN(gh_models_api, offered, 16);
FROZEN(gh_models_api, lead, 24);
FROZEN_ID(GH_MODELS_1, "gatehouse.models/1");

/* abi/ext/openapi.h */

FROZEN(gh_openapi_api, size, 0);
FROZEN(gh_openapi_api, reserved, 4);
FROZEN(gh_openapi_api, describe, 8);
FROZEN(gh_openapi_api, document, 16);
FROZEN_ID(GH_OPENAPI_1, "gatehouse.openapi/1");

/* abi/ext/share.h */

FROZEN(gh_share_api, size, 0);
FROZEN(gh_share_api, reserved, 4);
FROZEN(gh_share_api, outlive, 8);
FROZEN_ID(GH_SHARE_1, "gatehouse.share/1");

/* abi/ext/status.h */

FROZEN(gh_status_api, size, 0);
FROZEN(gh_status_api, reserved, 4);
FROZEN(gh_status_api, report, 8);
FROZEN(gh_status_api, metrics, 16);
FROZEN(gh_status_api, timing, 24);
FROZEN_ID(GH_STATUS_1, "gatehouse.status/1");

/* abi/ext/store.h */

FROZEN(gh_quota, key, 0);
FROZEN(gh_quota, limit, 16);
FROZEN(gh_quota, window_ns, 24);
FROZEN(gh_quota, cost, 32);
FROZEN(gh_quota, remaining, 40);
FROZEN(gh_quota, reset_ns, 48);
FROZEN(gh_quota, reserved, 56);
FROZEN_SIZE(gh_quota, 72);

FROZEN(gh_store_api, size, 0);
FROZEN(gh_store_api, reserved, 4);
FROZEN(gh_store_api, get, 8);
FROZEN(gh_store_api, put, 16);
FROZEN(gh_store_api, add, 24);
FROZEN(gh_store_api, take, 32);
FROZEN(gh_store_api, erase, 40);
FROZEN(gh_store_api, clear, 48);
FROZEN(gh_store_api, take_here, 56);
FROZEN(gh_store_api, max_limit, 64);
FROZEN_ID(GH_STORE_1, "gatehouse.store/1");

/* abi/ext/trace.h */

FROZEN_VALUE(GH_AROUND_CHATS, 1);
FROZEN_VALUE(GH_AROUND_MODELS, 2);

FROZEN(gh_trace_api, size, 0);
FROZEN(gh_trace_api, reserved, 4);
FROZEN(gh_trace_api, set, 8);
FROZEN(gh_trace_api, around, 16);
FROZEN_ID(GH_TRACE_1, "gatehouse.trace/1");

/* abi/ext/wait.h */

FROZEN(gh_fd, fd, 0);
FROZEN(gh_fd, events, 4);
FROZEN(gh_fd, ready, 6);
FROZEN_SIZE(gh_fd, 8);

FROZEN(gh_wait_api, size, 0);
FROZEN(gh_wait_api, reserved, 4);
FROZEN(gh_wait_api, make, 8);
FROZEN(gh_wait_api, wake, 16);
FROZEN(gh_wait_api, wait, 24);
FROZEN(gh_wait_api, drop, 32);
FROZEN(gh_wait_api, start, 40);
FROZEN(gh_wait_api, join, 48);
FROZEN_ID(GH_WAIT_1, "gatehouse.wait/1");
