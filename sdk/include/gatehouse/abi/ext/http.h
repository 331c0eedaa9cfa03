/// gatehouse.http/1: the host's HTTP client.
#ifndef GATEHOUSE_ABI_EXT_HTTP_H
#define GATEHOUSE_ABI_EXT_HTTP_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_HTTP_1 "gatehouse.http/1"

typedef struct gh_http_client gh_http_client;  ///< One origin: a pool of connections.
typedef struct gh_http_response gh_http_response;

typedef struct gh_http_options {
  uint32_t size;
  uint32_t reserved;      ///< 0.
  gh_str base_url;        ///< http:// or https://, from the configuration only; may have a path.
  int64_t connect_ns;     ///< Longest time for name resolution, connection and TLS.
  int64_t first_byte_ns;  ///< Longest time from the request to the first byte of the response.
  int64_t idle_ns;        ///< Longest silence inside a response.
} gh_http_options;

typedef struct gh_http_header {
  gh_str name, value;
} gh_http_header;

typedef struct gh_http_request {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  gh_str method;
  gh_str path;  ///< Appended to the path of base_url.
  const gh_http_header* headers;
  size_t header_count;
  gh_str body;
  int64_t first_byte_ns;  ///< In place of that of the options; 0: that of the options.
  /// Longest time until the next server-sent event; comments that keep the stream alive do not
  /// count. 0: any.
  int64_t event_ns;
} gh_http_request;

/// One server-sent event (HTML Living Standard 9.2).
typedef struct gh_sse_event {
  uint32_t size;
  uint32_t reserved;       ///< 0.
  gh_str event, data, id;  ///< Views until the next call for this response.
  int64_t retry_ns;        ///< The server's reconnection time; -1: it has sent none.
} gh_sse_event;

/// Connections are kept alive and reused for at most 5 minutes. TLS is verified (host name, system
/// CAs, TLS 1.2 or newer). Redirects are not followed. A request is sent once; only when a kept
/// connection turns out to be closed before any byte of the response has come, it is sent again on
/// a new one, if it had not left whole or its method is idempotent (RFC 9110 9.2.2, RFC
/// 9112 9.3.1). A client may be used on many threads at once, a response on one. The host writes
/// Host, Connection and the framing of the body (a request with one of these fails with 500
/// plugin_error), and a User-Agent and traceparent unless the request has them.
typedef struct gh_http_api {
  uint32_t size;
  uint32_t reserved;  ///< 0.
  /// [create() only] NULL and a static text when base_url is no such URL.
  gh_http_client* (*open)(const gh_host*, const gh_http_options*, gh_str* error);
  /// Sends, and waits for the head of the response. GH_OK: `out` is yours to close(). GH_FAILED:
  /// the exchange has the failure (502 upstream_unreachable, 502 upstream_broken, 504
  /// upstream_timeout). GH_STOP, GH_CANCELLED.
  gh_status (*send)(gh_http_client*, gh_exchange*, const gh_http_request*, gh_http_response** out);
  int32_t (*status)(const gh_http_response*);
  gh_str (*header)(const gh_http_response*,
                   gh_str name);  ///< Any case; the first. Absent: {NULL, 0}.
  /// The header at this place, in the order received; GH_ABSENT: past the last. `name` and `value`
  /// may be NULL.
  gh_status (*header_at)(const gh_http_response*, size_t index, gh_str* name, gh_str* value);
  /// The next piece of the body, a view until the next call. GH_ABSENT: its proper end. Else as
  /// send().
  gh_status (*read)(gh_http_response*, gh_str* piece);
  /// The next server-sent event. GH_ABSENT: the proper end of the body. Else as send(). Do not mix
  /// with read(). Without an event, `id` and `retry_ns` still hold the last ones of the stream.
  gh_status (*event)(gh_http_response*, gh_sse_event*);
  void (*close)(gh_http_response*);  ///< Before the body's end: closes the connection.
  void (*drop)(gh_http_client*);     ///< [destroy() only] No response may be open.
} gh_http_api;

#ifdef __cplusplus
}
#endif
#endif
