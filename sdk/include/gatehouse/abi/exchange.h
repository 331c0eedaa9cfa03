/// One request and its response.
#ifndef GATEHOUSE_ABI_EXCHANGE_H
#define GATEHOUSE_ABI_EXCHANGE_H

#include "gatehouse/abi/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Texts of an exchange.
enum {
  GH_METHOD,
  GH_PATH,   ///< Without the query; not decoded.
  GH_QUERY,  ///< Without the question mark.
  GH_PEER,   ///< Address of the connection's other end, without the port.
  GH_REQUEST_ID,
  /// Address of the client: what the trusted proxies in front of the gateway report, else GH_PEER.
  GH_CLIENT,
  /// The traceparent header (W3C Trace Context) for upstream calls made for this request. The
  /// host's HTTP client sends it by itself.
  GH_TRACE,
  /// The path of the route that the request takes, as claimed, with its `*`; empty: none.
  GH_ROUTE_PATH
};

/// gh_failure.flags: what a failure means for the next attempt and for the upstream. None of them:
/// the request itself or a setting is at fault, and a retry is useless.
enum {
  GH_FAIL_TRANSIENT = 1,  ///< The same request may succeed a moment later.
  GH_FAIL_UPSTREAM = 2,   ///< The upstream is out of order for every caller.
  /// Either the upstream is out of order or this request is too much for it; the outcome of other
  /// requests decides.
  GH_FAIL_SUSPECT = 4
};

/// Why a request failed.
typedef struct gh_failure {
  uint32_t size;
  int32_t http_status;  ///< 400 to 599.
  gh_str code;          ///< Stable, snake_case.
  gh_str message;       ///< One sentence for the caller.
  gh_str detail;        ///< For the log only: may quote an upstream, never keys or prompts.
  /// When to send the request again, from now: becomes the Retry-After header, in whole seconds,
  /// rounded up. 0: unknown.
  int64_t retry_after_ns;
  uint32_t flags;     ///< GH_FAIL_...
  uint32_t reserved;  ///< 0.
} gh_failure;

/// Who sends a request, as established by the plugin that authenticated it. Empty members are
/// unknown. Never a secret: plugins log these texts.
typedef struct gh_caller {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  gh_str tenant;      ///< Whose data it may see: an extension, a team. Separates caches and tools.
  gh_str user;        ///< Which user, or installation, of the tenant.
  gh_str key;         ///< The name of the credential, not the credential.
} gh_caller;

typedef struct gh_exchange_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  gh_str (*field)(const gh_exchange*, int which);
  /// The id that route() of the host returned for this method and path, or -1.
  int32_t (*route)(const gh_exchange*);
  /// A request header, any case. Several of one name are joined by ", " (RFC 9110 5.3). Absent:
  /// {NULL, 0}.
  gh_str (*header)(gh_exchange*, gh_str name);
  gh_status (*header_at)(const gh_exchange*, size_t index, gh_str* name, gh_str* value);
  /// The whole request body; the first call may wait for it. GH_FAILED: too large, too slow or
  /// malformed. GH_ABSENT: json() was called before the first body().
  gh_status (*body)(gh_exchange*, gh_str* out);
  /// The body as JSON, parsed once for all plugins. Frees the bytes unless body() was called
  /// before. GH_FAILED: as body(), or Content-Type or content are not JSON.
  gh_status (*json)(gh_exchange*, gh_json** out);
  /// The chat document, or NULL. The ingress plugin creates it (create = 1). Its members:
  /// sdk/README.md.
  gh_json* (*chat)(gh_exchange*, int create);
  /// An object that all plugins share and the access log writes: model, finish_reason, ...
  gh_json* (*notes)(gh_exchange*);
  /// Never NULL.
  const gh_caller* (*caller)(const gh_exchange*);
  /// Copies the texts. The plugin that authenticates calls it, once, above all that read it.
  void (*set_caller)(gh_exchange*, const gh_caller*);
  int32_t (*status)(const gh_exchange*);  ///< Of the response; 200 at first.
  void (*set_status)(gh_exchange*, int32_t);
  /// Replaces a header of the response; value.p == NULL removes it. GH_INVALID: no legal header, or
  /// the head has left. A header that the sent header Trailer names is sent after the body (RFC
  /// 9110 6.5).
  gh_status (*set_header)(gh_exchange*, gh_str name, gh_str value);
  gh_status (*fail)(gh_exchange*, const gh_failure*);  ///< Returns GH_FAILED.
  const gh_failure* (*failure)(const gh_exchange*);    ///< NULL: none. Cleared by the next next().
  int (*committed)(const gh_exchange*);                ///< The status has been decided.
  /// GH_OK; GH_STOP: the client has gone; GH_CANCELLED: the deadline has passed or the gateway
  /// stops.
  gh_status (*cancelled)(const gh_exchange*);
  int64_t (*deadline_ns)(const gh_exchange*);  ///< On the clock of now_ns(); INT64_MAX: none.
  /// Sends the events emitted so far. Host functions that wait do this by themselves.
  gh_status (*flush)(gh_exchange*);
  /// From now on sends `bytes` whenever the response has been silent for `interval_ns` while the
  /// host waits.
  void (*heartbeat)(gh_exchange*, gh_str bytes, int64_t interval_ns);
  /// [ingress] Calls `call(self)` once, on this thread, before the host next waits for this
  /// request, so that a response can begin at the last moment at which a failure still has its own
  /// status. Replaces an earlier one; call == NULL: none.
  void (*before_wait)(gh_exchange*, void (*call)(void* self), void* self);
} gh_exchange_api;

#ifdef __cplusplus
}
#endif
#endif
