/// The contract between Gatehouse and a plugin: plain C99, nothing but the standard headers below.
///
/// A plugin is a shared object that exports one data symbol, `gatehouse_plugin_v1`, and carries a
/// text note in the ELF section `.gatehouse`. The host passes tables of functions in; the plugin
/// calls no symbol of the host. C++ authors include gatehouse/plugin.hpp instead, which wraps
/// everything here.
///
/// Ownership  Who allocates frees. Only make/parse -> drop, open -> drop, send -> close and create
/// -> destroy cross. Lifetime   A view (gh_str) or node got from an exchange lives until handle()
/// returns; one got from a document until
///            drop(); one inside an event only during emit(). Config nodes live until create()
///            returns. Nodes do not move when their document is edited; an erased node stays
///            readable.
/// Threads    [control] entries are called one after another on one thread. handle() is called on
/// many threads at
///            once, each with a stack of 1 MiB of which the host needs 128 KiB, but an exchange
///            with its `out` and `next` belongs to one thread. Host functions may be called on any
///            thread unless marked otherwise. handle() may block, but only in host functions or
///            briefly: those wake up when the client leaves, the deadline passes or the gateway
///            stops. SIGPIPE is ignored.
/// next       May be called zero, one or more times inside handle(), one call after another.
/// Errors     fail() puts the failure on the exchange and returns GH_FAILED, which is passed up
/// unchanged; the next
///            call of next() clears it. No exception, longjmp or exit may cross this boundary.
/// Versions   The major number is part of the entry symbol's name. Minor versions only append: to
/// tables, to structs
///            that begin with `size`, to enums. Test `size` before touching an entry newer than the
///            one you need; pass on events of a kind you do not know. Nothing added after 1.0 is
///            ever required of a plugin.
#ifndef GATEHOUSE_ABI_H
#define GATEHOUSE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GH_ABI_MAJOR 1
#define GH_ABI_MINOR 1
#define GH_MAGIC 0x31504847u /* "GHP1" */
#define GH_EXPORT __attribute__((visibility("default")))
/// Whether the struct behind `p`, which begins with `size`, is new enough to have this member.
#define GH_HAS(type, p, member) ((p)->size >= offsetof(type, member) + sizeof((p)->member))

/// UTF-8 text, not NUL-terminated. {NULL, 0} means absent where a function says so.
typedef struct gh_str {
  const char* p;
  size_t n;
} gh_str;

typedef struct gh_json gh_json;          ///< A node of a JSON document that the host owns.
typedef struct gh_exchange gh_exchange;  ///< One request and its answer.
typedef struct gh_host gh_host;

typedef int32_t gh_status;
enum {
  GH_OK = 0,
  GH_STOP = 1,      ///< The reader of these events is gone: return at once, quietly.
  GH_INVALID = -1,  ///< The call itself was wrong.
  GH_ABSENT = -2,   ///< There is no such thing; of a sequence: the end.
  GH_FAILED = -3,   ///< Failed, and the exchange says why.
  GH_CANCELLED =
      -4,  ///< The deadline passed or the gateway stops: return soon; the client may still be told.
  GH_UNSUPPORTED = -5,  ///< This host cannot do that.
  GH_UNAVAILABLE = -6   ///< [1.1] What this takes is out of order just now.
};

enum { GH_NULL, GH_BOOL, GH_INT, GH_REAL, GH_STRING, GH_ARRAY, GH_OBJECT };
enum { GH_DEBUG, GH_INFO, GH_WARN, GH_ERROR };
enum { GH_UP, GH_DEGRADED, GH_DOWN };

/* ---- Events
 * --------------------------------------------------------------------------------------------------
 */

/// What a gh_event says, and which of its members it uses. Members that are not named are empty.
enum {
  /// Bytes of the HTTP body. text. The only kind above the ingress plugin, and never seen below it.
  GH_EV_BYTES = 1,
  /// The model begins to answer: one per call of the model. No member.
  GH_EV_STEP_START,
  /// More answer text. text; id (optional: a change of id, like a change of kind, begins a new
  /// block); metadata.
  GH_EV_TEXT,
  /// More reasoning. As GH_EV_TEXT.
  GH_EV_REASONING,
  /// A tool call begins. id, name. Flags.
  GH_EV_TOOL_INPUT_START,
  /// A piece of the JSON text of its arguments. id, text.
  GH_EV_TOOL_INPUT_DELTA,
  /// A complete tool call. id, name, json (the arguments), metadata. Flags. May come without start
  /// and delta.
  GH_EV_TOOL_CALL,
  /// A tool call that cannot be carried out. id, name, json (the arguments), text (why, for the
  /// log), metadata. Flags.
  GH_EV_TOOL_CALL_ERROR,
  /// The result of a tool that ran on this side. id, json. Flags.
  GH_EV_TOOL_OUTPUT,
  /// A tool that ran on this side failed. id, text (why, for the log). Flags.
  GH_EV_TOOL_OUTPUT_ERROR,
  /// A source of the answer. id, text (URL), name (title, optional).
  GH_EV_SOURCE,
  /// A file as part of the answer. name (media type), text (base64), metadata.
  GH_EV_FILE,
  /// Token counts of this step so far; replaces earlier ones of the step. json: any of
  /// input_tokens, output_tokens,
  /// total_tokens, reasoning_tokens, cached_input_tokens.
  GH_EV_USAGE,
  /// The step is over. name: stop, length, content-filter, tool-calls, error or other.
  GH_EV_STEP_FINISH,
  /// [1.1] A call that would run on this side waits until the user allows it. id (of the call),
  /// text (id of the question).
  GH_EV_TOOL_APPROVAL,
  /// [1.1] The user has not allowed a call that would have run on this side. id.
  GH_EV_TOOL_DENIED,
  /// [1.1] Data for the client's interface that are no part of the conversation. name (their kind:
  /// letters, digits and -), json.
  GH_EV_DATA,
  /// [1.1] What the provider says about its response to this step. json: any of model (which
  /// answered), id.
  GH_EV_RESPONSE
};

enum {
  GH_LAST = 1,     ///< GH_EV_BYTES: the body is complete with this piece.
  GH_DYNAMIC = 2,  ///< Tool events: the tool is run on this side (an MCP tool), not by the client.
  GH_PROVIDER_EXECUTED = 4,  ///< Tool events: the model's provider ran it itself.
  GH_PRELIMINARY = 8         ///< GH_EV_TOOL_OUTPUT: another output of this call follows.
};

typedef struct gh_event {
  uint32_t size;  ///< sizeof(gh_event) in the sender's header.
  uint16_t kind;
  uint16_t flags;
  gh_str id;
  gh_str name;
  gh_str text;
  const gh_json* json;
  const gh_json* metadata;  ///< Object keyed by provider ("google"), to be sent back with the
                            ///< history; or NULL.
} gh_event;

/// Where events go. Owned by whoever passes it to next(), alive during that call.
typedef struct gh_sink {
  uint32_t size;
  void* self;
  gh_status (*emit)(void* self,
                    const gh_event*);  ///< GH_OK, or GH_STOP / GH_CANCELLED: stop producing.
} gh_sink;

/// The rest of the pipeline. Usable only inside handle(), on its thread.
typedef struct gh_next {
  uint32_t size;
  void* self;
  gh_status (*call)(void* self, gh_exchange*, const gh_sink* out);
} gh_next;

/* ---- JSON
 * ----------------------------------------------------------------------------------------------------
 */

/// Documents of the host. A NULL node in gives the empty answer out, so look-ups chain. Objects
/// keep the order of their members. One document belongs to one thread at a time; reading a
/// document that nobody edits is safe on any thread.
typedef struct gh_json_api {
  uint32_t size;
  int (*type)(const gh_json*);
  const gh_json* (*get)(const gh_json*, gh_str key);
  const gh_json* (*at)(const gh_json*, size_t index);  ///< Walks to it: use step() for loops.
  size_t (*count)(const gh_json*);
  /// The member or element after `previous` (NULL: the first), or NULL. `key` may be NULL.
  const gh_json* (*step)(const gh_json* container, const gh_json* previous, gh_str* key);
  gh_str (*str)(const gh_json*);  ///< {NULL, 0} unless a string.
  int64_t (*integer)(const gh_json*, int64_t otherwise);
  double (*real)(const gh_json*, double otherwise);  ///< Integers too.
  int (*boolean)(const gh_json*, int otherwise);
  gh_json* (*edit)(gh_json*,
                   gh_str key);  ///< Finds or creates the member; what is no object becomes one.
  gh_json* (*push)(gh_json*);    ///< Appends null; what is no array becomes one.
  gh_status (*erase)(gh_json* container, const gh_json* child);
  void (*set_empty)(gh_json*, int type);  ///< null, or an array or object without content.
  void (*set_bool)(gh_json*, int);
  void (*set_int)(gh_json*, int64_t);
  void (*set_real)(gh_json*, double);
  void (*set_str)(
      gh_json*, gh_str);  ///< Copies the text, unless it is part of a string of the same document.
  void (*copy)(gh_json* dst,
               const gh_json* src);  ///< Deep; strings are shared within one document.
  gh_json* (*make)(void);            ///< A new document (null). Yours: drop() it.
  /// Yours: drop() it. NULL and a static text on error. An integer beyond int64_t is a GH_REAL, the
  /// nearest double, and a number beyond a double is null, as in JavaScript. More than 256 levels
  /// are refused.
  gh_json* (*parse)(gh_str text, gh_str* error);
  void (*dump)(const gh_json*, void* to, void (*append)(void* to, gh_str piece));
  void (*drop)(gh_json* root);
} gh_json_api;

/* ---- Exchange
 * ------------------------------------------------------------------------------------------------
 */

enum {
  GH_METHOD,
  GH_PATH,
  GH_QUERY,
  GH_PEER,  ///< The address that the connection comes from, without the port.
  GH_REQUEST_ID,
  GH_CLIENT,  ///< [1.1] The address of the client: what the trusted proxies before the gateway say
              ///< it is, else GH_PEER.
  /// [1.1] The traceparent header (W3C Trace Context) for what is asked on behalf of this request.
  /// The host's HTTP client sends it by itself.
  GH_TRACE
};

/// [1.1] gh_failure.flags: what a failure says about the next attempt and about the upstream. None:
/// the request itself, or a setting, is at fault.
enum {
  GH_FAIL_TRANSIENT = 1,  ///< The same request may succeed a moment later.
  GH_FAIL_UPSTREAM = 2,   ///< The upstream is out of order, whoever asks it.
  GH_FAIL_SUSPECT = 4  ///< Either the upstream is out of order or this request is too much for it:
                       ///< other callers will tell.
};

/// Why a request was not answered as asked.
typedef struct gh_failure {
  uint32_t size;
  int32_t http_status;  ///< 400 to 599.
  gh_str code;          ///< Stable, snake_case.
  gh_str message;       ///< One sentence for the caller.
  gh_str detail;  ///< For the log only: may hold what an upstream said, never keys or prompts.
  /// [1.1] When to ask again, from now: becomes the Retry-After of the answer, in whole seconds. 0:
  /// not known.
  int64_t retry_after_ns;
  uint32_t flags;     ///< [1.1] GH_FAIL_...
  uint32_t reserved;  ///< 0.
} gh_failure;

typedef struct gh_exchange_api {
  uint32_t size;
  gh_str (*field)(const gh_exchange*, int which);
  /// The id that route() of the host gave for this method and path, or -1.
  int32_t (*route)(const gh_exchange*);
  /// A request header, any case. Several of one name are joined by ", " (RFC 9110 5.3). Absent:
  /// {NULL, 0}.
  gh_str (*header)(gh_exchange*, gh_str name);
  gh_status (*header_at)(const gh_exchange*, size_t index, gh_str* name, gh_str* value);
  /// The whole request body; the first call may wait for it. GH_FAILED: too large, too slow or
  /// malformed. GH_ABSENT: json() has been called before the first body().
  gh_status (*body)(gh_exchange*, gh_str* out);
  /// The body as JSON, parsed once for all. Unless body() has been called before, its bytes are
  /// given back: a running request holds what it is made of once. GH_FAILED: as body(), or no JSON,
  /// by its Content-Type or by its content.
  gh_status (*json)(gh_exchange*, gh_json** out);
  /// The chat document, or NULL. The ingress plugin creates it (create = 1), unless a plugin above
  /// did so to fill in what a request leaves open; see sdk/README.md for its members.
  gh_json* (*chat)(gh_exchange*, int create);
  /// An object that all plugins share and the access log writes: model, finish_reason,
  /// input_tokens, ...
  gh_json* (*notes)(gh_exchange*);
  int32_t (*status)(const gh_exchange*);  ///< Of the answer; 200 at first.
  void (*set_status)(gh_exchange*, int32_t);
  /// Replaces the header of the answer; value.p == NULL removes it. GH_INVALID: committed, or not a
  /// legal header. [1.1] When the head has left with the header Trailer, that names this one, it
  /// goes behind the body (RFC 9110 6.5).
  gh_status (*set_header)(gh_exchange*, gh_str name, gh_str value);
  gh_status (*fail)(gh_exchange*, const gh_failure*);  ///< Returns GH_FAILED.
  const gh_failure* (*failure)(const gh_exchange*);    ///< NULL: none.
  int (*committed)(const gh_exchange*);                ///< The head of the answer has left.
  /// GH_OK; GH_STOP: the client is gone; GH_CANCELLED: the deadline passed or the gateway stops.
  gh_status (*cancelled)(const gh_exchange*);
  int64_t (*deadline_ns)(const gh_exchange*);  ///< On the clock of now_ns(); INT64_MAX: none.
  /// Sends what was emitted so far. Host functions that wait do this by themselves.
  gh_status (*flush)(gh_exchange*);
  /// From now on, `bytes` are sent whenever the answer has been silent for `interval_ns` while the
  /// host waits.
  void (*heartbeat)(gh_exchange*, gh_str bytes, int64_t interval_ns);
  /// [1.1] While wanted() is true, somebody else takes part in this answer: the client does not
  /// slow it down (what it does not take at once is kept for it) and does not end it by leaving
  /// (only emit() says GH_STOP; what waits goes on). Asked on the thread of the exchange when the
  /// client has left or does not take what it is sent, and then at least every 100 ms of waiting.
  /// wanted == NULL ends this.
  void (*outlive)(gh_exchange*, int (*wanted)(void* self), void* self);
} gh_exchange_api;

/* ---- Host
 * ----------------------------------------------------------------------------------------------------
 */

/// [1.1] What a series of numbers counts.
enum {
  GH_COUNTER,  ///< Only grows; record() adds. Its name ends in _total.
  GH_GAUGE,    ///< record() sets.
  GH_SECONDS,  ///< A histogram of durations: 1.25 ms, doubling, to 81.92 s. Its name ends in
               ///< _seconds.
  GH_TOKENS    ///< A histogram of token counts: 1, times four, to 67108864.
};

typedef struct gh_label {
  gh_str name, value;
} gh_label;

/// One per plugin instance, alive from create() to destroy(). Any thread, unless marked.
struct gh_host {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  gh_str version;   ///< Of the gateway.
  gh_str instance;  ///< `as` of the configuration, else the plugin's name.
  const gh_json_api* json;
  const gh_exchange_api* exchange;
  /// [create() only] Something is wrong with the configuration at this JSON pointer (RFC 6901),
  /// e.g. "/base_url". create() must then fail; all problems are shown to the operator at once,
  /// with file and line.
  void (*problem)(const gh_host*, gh_str pointer, gh_str message);
  /// [create() only] Claims a method and a path; the id is what exchange->route() gives. One `*` in
  /// the path stands for any characters, at least one; an exact path goes before such a pattern. A
  /// claimed path with another method is answered 405 and an unclaimed path 404 when the pipeline
  /// ends without an answer.
  int32_t (*route)(const gh_host*, gh_str method, gh_str path);
  void (*log)(const gh_host*, int level, gh_exchange* or_null, gh_str message,
              const gh_json* fields_or_null);
  /// The health of this instance until the next call: GH_UP, GH_DEGRADED or GH_DOWN, and why.
  void (*health)(const gh_host*, int state, gh_str reason);
  int64_t (*now_ns)(const gh_host*);   ///< Monotonic.
  int64_t (*wall_ns)(const gh_host*);  ///< Since 1970-01-01 UTC.
  /// Waits; ends early with GH_STOP or GH_CANCELLED, as exchange->cancelled().
  gh_status (*sleep)(const gh_host*, gh_exchange*, int64_t ns);
  const void* (*extension)(const gh_host*, const char* id);  ///< NULL: this host does not have it.
  /* ---- 1.1 ---- */
  /// [create() only] As route(), but on the admin address, whose callers have shown its token: at
  /// "/INSTANCE" + path. Such a request meets no other plugin, and its `next` answers 404.
  int32_t (*admin_route)(const gh_host*, gh_str method, gh_str path);
  /// [create() only] Calls run() on a thread of its own when the instance begins to serve. Its
  /// exchange is nobody's request: no client, no deadline, no `out`; GH_CANCELLED when the instance
  /// is about to be destroyed, which waits for run() to return.
  void (*background)(const gh_host*, void (*run)(void* self, gh_exchange*), void* self);
  /// Finds or creates a series of numbers that GET /metrics shows. `name` is all of it, with the
  /// unit as in https://prometheus.io/docs/practices/naming/; `help`, `kind` and the names of the
  /// labels are the same for all series of a name (else -1). Values of labels are few and never
  /// come from a client: beyond 200 series of a name they are counted together as "other". Costs a
  /// look-up: keep the number.
  int32_t (*series)(const gh_host*, int kind, gh_str name, gh_str help, const gh_label* labels,
                    size_t count);
  void (*record)(const gh_host*, int32_t series, double value);
  /// Reads a file of the operator, YAML or JSON, at a path relative to the folder of the
  /// configuration, and checks it by a JSON Schema as the configuration itself. Yours: drop() it.
  /// NULL: `problem` was told why, a line with file and place each.
  gh_json* (*load)(const gh_host*, gh_str path, gh_str schema, void* to,
                   void (*problem)(void* to, gh_str line));
  /// [create() only] As problem(), for what works and yet is likely not what the operator wants:
  /// create() may succeed. `gatehouse check` shows it, and the log when the instance begins to
  /// serve.
  void (*warning)(const gh_host*, gh_str pointer, gh_str message);
  /// Changes whenever the file at this path, as for load(), is replaced or written; 0: there is
  /// none. Costs a system call.
  uint64_t (*stamp)(const gh_host*, gh_str path);
  /// 1: other machines can reach the gateway, as `server.listen` is no loopback address; so whoever
  /// calls needs a proof of who it is, or the operator's word that anyone may.
  int32_t exposed;
  int32_t reserved;  ///< 0.
};

/* ---- gatehouse.store/1: what outlives a request and a reload [1.1]
 * ------------------------------------------- */

#define GH_STORE_1 "gatehouse.store/1"

/// `limit` takes in any span of `window_ns`, never more.
typedef struct gh_quota {
  gh_str key;
  int64_t limit;
  int64_t window_ns;
  int64_t remaining;  ///< Out: takes that are left; -1: this one refused.
  int64_t reset_ns;   ///< Out: time until the oldest take no longer counts; when refused: until the
                      ///< next can succeed.
} gh_quota;

/// Shared by all gateways of one `store:`, or of this process alone. Keys are at most 4096 bytes of
/// any kind, and each instance name has its own; one key is for one thing: a value, a counter or a
/// quota (else GH_INVALID). Any thread. `x` is the exchange this is for, or NULL. A store that is
/// out of order answers GH_UNAVAILABLE, at once or within 250 ms; a value has the time that its
/// size needs as well.
typedef struct gh_store_api {
  uint32_t size;
  /// GH_OK after one call of append with the value, GH_ABSENT.
  gh_status (*get)(const gh_host*, gh_exchange* x, gh_str key, void* to,
                   void (*append)(void* to, gh_str value));
  /// ttl_ns: 1 ms to 366 days. GH_INVALID: too large for this store.
  gh_status (*put)(const gh_host*, gh_exchange* x, gh_str key, gh_str value, int64_t ttl_ns);
  /// Adds to a counter that begins with 0 and ends ttl_ns after it began. *total is the sum.
  gh_status (*add)(const gh_host*, gh_exchange* x, gh_str key, int64_t by, int64_t ttl_ns,
                   int64_t* total);
  /// Takes one from each of up to 16 quotas, whose keys differ, or none from any (GH_ABSENT).
  gh_status (*take)(const gh_host*, gh_exchange* x, gh_quota* quotas, size_t count);
  gh_status (*erase)(const gh_host*, gh_exchange* x, gh_str key);
  /// Erases all keys of this instance that begin with `prefix`.
  gh_status (*clear)(const gh_host*, gh_exchange* x, gh_str prefix);
  /// As take(), in the memory of this process alone, where all that take() has granted through this
  /// gateway is counted as well. For when the store is out of order: each gateway then lets pass at
  /// most the limit.
  gh_status (*take_here)(const gh_host*, gh_exchange* x, gh_quota* quotas, size_t count);
  /// The highest limit of a quota that this store can count.
  int64_t (*max_limit)(const gh_host*);
} gh_store_api;

/* ---- gatehouse.wait/1: threads that wait for each other [1.1]
 * ------------------------------------------------ */

#define GH_WAIT_1 "gatehouse.wait/1"

typedef struct gh_waker gh_waker;
typedef struct gh_task gh_task;

/// A descriptor of a plugin's own, such as the pipe of a child process, as pollfd in poll(2): -1 is
/// left out.
typedef struct gh_fd {
  int32_t fd;
  int16_t events;
  int16_t ready;  ///< Out.
} gh_fd;

typedef struct gh_wait_api {
  uint32_t size;
  gh_waker* (*make)(const gh_host*);  ///< Yours: drop() it. NULL: no descriptors are left.
  void (*wake)(gh_waker*);  ///< Any thread. Ends the wait that is on, or else the next one.
  /// Waits until woken, or until one of up to 8 descriptors is ready; one thread at a time. GH_OK;
  /// GH_ABSENT: not within `ns`; GH_STOP, GH_CANCELLED; GH_INVALID: too many.
  gh_status (*wait)(gh_waker*, gh_exchange*, gh_fd* fds, size_t count, int64_t ns);
  void (*drop)(gh_waker*);
  /// Calls run() on a thread of its own, with an exchange of its own that has no client and no
  /// `out`: cancelled by join(), or at `deadline_ns` on the clock of now_ns() or the parent's. To
  /// be joined. NULL: no thread could be started.
  gh_task* (*start)(const gh_host*, gh_exchange* parent, int64_t deadline_ns,
                    void (*run)(void* self, gh_exchange*), void* self);
  /// Returns when run() has returned, and frees the task. On the parent's thread. When the parent
  /// is cancelled meanwhile, so is the task, and this says why: GH_STOP, GH_CANCELLED. GH_FAILED:
  /// an exception left run().
  gh_status (*join)(gh_task*, gh_exchange* parent);
} gh_wait_api;

/* ---- gatehouse.crypto/1 [1.1]
 * --------------------------------------------------------------------------------- */

#define GH_CRYPTO_1 "gatehouse.crypto/1"

typedef struct gh_hash gh_hash;

typedef struct gh_crypto_api {
  uint32_t size;
  gh_hash* (*begin)(void);  ///< SHA-256 (FIPS 180-4) of what follows; give it to finish().
  void (*update)(gh_hash*, gh_str);
  void (*finish)(gh_hash*, uint8_t digest[32]);
  void (*hmac)(gh_str key, gh_str text, uint8_t digest[32]);  ///< HMAC-SHA-256 (RFC 2104).
} gh_crypto_api;

/* ---- gatehouse.status/1: what the gateway knows about itself [1.1]
 * -------------------------------------------- */

#define GH_STATUS_1 "gatehouse.status/1"

typedef struct gh_status_api {
  uint32_t size;
  /// Fills `into` with version, uptime_ms, draining, running, connections, store, reload and
  /// plugins; sdk/README.md lists their members.
  void (*report)(const gh_host*, gh_json* into);
  /// All series in the Prometheus text format, version 0.0.4.
  void (*metrics)(const gh_host*, void* to, void (*append)(void* to, gh_str text));
  /// The time that each plugin has taken so far, without those that it called, as the value of a
  /// Server-Timing header (W3C Server Timing): before next() those above, after it all that took
  /// part.
  void (*timing)(const gh_exchange*, void* to, void (*append)(void* to, gh_str text));
} gh_status_api;

/* ---- gatehouse.http/1: the host's HTTP client
 * ---------------------------------------------------------------- */

#define GH_HTTP_1 "gatehouse.http/1"

typedef struct gh_http_client gh_http_client;  ///< One origin: a pool of connections.
typedef struct gh_http_answer gh_http_answer;

typedef struct gh_http_options {
  uint32_t size;
  gh_str base_url;        ///< http:// or https://, from the configuration only; may have a path.
  int64_t connect_ns;     ///< Longest time for name, connection and TLS.
  int64_t first_byte_ns;  ///< Longest time from the request to the first byte of the answer.
  int64_t idle_ns;        ///< Longest silence inside an answer.
} gh_http_options;

typedef struct gh_http_header {
  gh_str name, value;
} gh_http_header;

typedef struct gh_http_request {
  uint32_t size;
  gh_str method;
  gh_str path;  ///< Appended to the path of base_url.
  const gh_http_header* headers;
  size_t header_count;
  gh_str body;
  int64_t first_byte_ns;  ///< [1.1] In place of that of the options; 0: that of the options.
  int64_t event_ns;  ///< [1.1] Longest time until the next server-sent event, whatever else keeps
                     ///< the stream alive; 0: any.
} gh_http_request;

/// One server-sent event (HTML Living Standard 9.2).
typedef struct gh_sse_event {
  uint32_t size;
  gh_str event, data, id;  ///< Views until the next call for this answer.
  int64_t retry_ns;  ///< [1.1] How long the server wants to be left alone before a broken stream is
                     ///< asked for again; -1: it has not said.
} gh_sse_event;

/// Connections are kept alive and reused, for 5 minutes at most; TLS is verified (host name,
/// default CAs, TLS 1.2 or newer); redirects are not followed. A request is sent once; only when a
/// kept connection turns out to be closed before any byte of the answer has come, it is sent again
/// on a new one, if it had not left whole or its method is idempotent (RFC 9110 9.2.2, RFC 9112
/// 9.3.1). A client may be used on many threads at once, an answer on one. The host writes Host,
/// Connection and the framing of the body (a request with one of these fails: 500 plugin_error),
/// and a User-Agent unless the request has one.
typedef struct gh_http_api {
  uint32_t size;
  /// [create() only] NULL and a static text when base_url is no such URL.
  gh_http_client* (*open)(const gh_host*, const gh_http_options*, gh_str* error);
  /// Sends, waits for the head of the answer. GH_OK: `out` is yours to close(). GH_FAILED: the
  /// exchange has the failure (502 upstream_unreachable, 502 upstream_broken, 504
  /// upstream_timeout). GH_STOP, GH_CANCELLED.
  gh_status (*send)(gh_http_client*, gh_exchange*, const gh_http_request*, gh_http_answer** out);
  int32_t (*status)(const gh_http_answer*);
  gh_str (*header)(const gh_http_answer*,
                   gh_str name);  ///< Any case. The first of this name. Absent: {NULL, 0}.
  /// The next piece of the body, a view until the next call. GH_ABSENT: its proper end. Else as
  /// send().
  gh_status (*read)(gh_http_answer*, gh_str* piece);
  /// The next server-sent event. GH_ABSENT: the proper end of the body. Else as send(). Not to be
  /// mixed with read(). When there is none, `id` and `retry_ns` still say what the stream has said
  /// last.
  gh_status (*event)(gh_http_answer*, gh_sse_event*);
  void (*close)(
      gh_http_answer*);  ///< Before its end has been read: ends the connection, and so the request.
  void (*drop)(gh_http_client*);  ///< [destroy() only] No answer may be open.
  /// [1.1] The header at this place, in the order received: how to read one that comes several
  /// times, as Set-Cookie does. GH_ABSENT: past the last. `name` and `value` may be NULL.
  gh_status (*header_at)(const gh_http_answer*, size_t index, gh_str* name, gh_str* value);
} gh_http_api;

/* ---- Plugin
 * --------------------------------------------------------------------------------------------------
 */

/// gh_plugin.flags. `gatehouse check` warns of pipelines in which a plugin is of no use at its
/// place.
enum {
  /// handle() is called only for exchanges that have a chat document. One that answers them itself
  /// is a GH_PLUGIN_PROVIDER too.
  GH_PLUGIN_CHAT = 1,
  GH_PLUGIN_INGRESS =
      2,  ///< [1.1] Makes the chat document, and of its events the answer that the client reads.
  GH_PLUGIN_PROVIDER = 4,  ///< [1.1] Answers every chat itself and does not call `next`.
  /// [1.1] Writes the head of answers, its status or headers: belongs above the ingress, which may
  /// begin an answer at once.
  GH_PLUGIN_HEAD = 8,
  GH_PLUGIN_GUARD = 16,  ///< [1.1] May refuse any request: belongs above the ingress as well, and
                         ///< below what serves probes.
  /// [1.1] Its routes tell how the gateway is. They answer without waiting, and do so beyond
  /// `server.max_running` too.
  GH_PLUGIN_PROBES = 32
};

/// Static data, read before any function of the plugin is called.
typedef struct gh_plugin {
  uint32_t magic;  ///< GH_MAGIC
  uint32_t size;
  uint16_t abi_major, abi_minor;  ///< Of the header it was built with.
  uint16_t abi_needs;             ///< The oldest minor version it works with.
  uint16_t flags;
  const char* name;           ///< One word for the plugin everywhere: file, configuration, log.
  const char* version;        ///< Semantic version.
  const char* summary;        ///< One line.
  const char* config_schema;  ///< JSON Schema, draft 7, of its configuration.
  /// [control] `config` is valid by config_schema. Starts no request. *self is yours until
  /// destroy().
  gh_status (*create)(const gh_host*, const gh_json* config, void** self);
  gh_status (*handle)(void* self, gh_exchange*, const gh_sink* out, const gh_next* next);
  /// [control] Optional. A reload: take over what should outlive `older`, which still serves.
  gh_status (*adopt)(void* self, void* older);
  void (*destroy)(void* self);  ///< No request is running in it, and none comes. On any thread.
  /// [1.1] Optional, on many threads at once. The server itself answers a request with an error,
  /// before any plugin was called: exchange->failure() says which. Of the request, what could be
  /// read is there. May set headers of the answer (a browser needs its CORS grant to see the
  /// error), count and log; must not wait, ask for the body or fail.
  void (*refused)(void* self, gh_exchange*);
} gh_plugin;

/// The text in section .gatehouse, read before the plugin is loaded: one JSON object with abi
/// ("1.0"), needs (minor), name, version, summary, schema (object). GATEHOUSE_NOTE spells it from
/// string literals.
///
/// GATEHOUSE_NEEDS is the oldest minor version of the host that the plugin works with. Define it
/// before this header is included if that is another than the header's own.
#ifndef GATEHOUSE_NEEDS
#define GATEHOUSE_NEEDS GH_ABI_MINOR
#endif
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
