/// The gateway as one plugin instance sees it: what every plugin needs. The rest is in abi/ext/.
#ifndef GATEHOUSE_ABI_HOST_H
#define GATEHOUSE_ABI_HOST_H

#include "gatehouse/abi/exchange.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GH_DEBUG, GH_INFO, GH_WARN, GH_ERROR };  ///< Levels of the log.
enum { GH_UP, GH_DEGRADED, GH_DOWN };           ///< Health of an instance.

/// One per plugin instance, alive from create() to destroy(). Its tables, and those of extensions,
/// are constants of the process. Any thread, unless marked.
struct gh_host {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  gh_str version;   ///< Of the gateway.
  gh_str instance;  ///< `as` of the configuration, else the plugin's name.
  const gh_json_api* json;
  const gh_exchange_api* exchange;
  /// [create() only] The configuration is wrong at this JSON pointer (RFC 6901), e.g. "/base_url".
  /// create() must then fail. The operator sees all problems at once, with file and line.
  void (*problem)(const gh_host*, gh_str pointer, gh_str message);
  /// [create() only] As problem(), for what works and yet is likely a mistake: create() may
  /// succeed.
  void (*warning)(const gh_host*, gh_str pointer, gh_str message);
  /// [create() only] Claims a method and a path; exchange->route() returns the id. One `*` in the
  /// path matches one or more characters; an exact path goes before a pattern. When no plugin
  /// answers, a claimed path with another method gets 405, an unclaimed path 404.
  int32_t (*route)(const gh_host*, gh_str method, gh_str path);
  void (*log)(const gh_host*, int level, gh_exchange* or_null, gh_str message,
              const gh_json* fields_or_null);
  /// The health of this instance until the next call: GH_UP, GH_DEGRADED or GH_DOWN, and the
  /// reason.
  void (*health)(const gh_host*, int state, gh_str reason);
  int64_t (*now_ns)(const gh_host*);   ///< Monotonic.
  int64_t (*wall_ns)(const gh_host*);  ///< Since 1970-01-01 UTC.
  /// Waits. Returns early with GH_STOP or GH_CANCELLED, as exchange->cancelled().
  gh_status (*sleep)(const gh_host*, gh_exchange*, int64_t ns);
  /// The table of this id, such as GH_HTTP_1. NULL: this host does not have it.
  const void* (*extension)(const gh_host*, const char* id);
  /// 1: other machines can reach the gateway, as `server.listen` is no loopback address. Callers
  /// then need credentials, or the operator's word that anyone may call.
  int32_t exposed;
  int32_t reserved;  ///< 0.
  /// 1: records of this level are written, so that their fields are worth making. The operator may
  /// change the level at any time.
  int (*logs)(const gh_host*, int level);
  /// As log(), with the fields as the text of a JSON object, which the caller has written
  /// correctly; empty: none. It is not parsed.
  void (*log_text)(const gh_host*, int level, gh_exchange* or_null, gh_str message, gh_str fields);
};

#ifdef __cplusplus
}
#endif
#endif
