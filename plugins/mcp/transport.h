#pragma once

#include <functional>

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// The longest message that is taken from a server: four times the default of max_result.
inline constexpr std::size_t kMaxMessage = 4u << 20;

/// The answer to a request, and its length as JSON text.
struct Response {
  Document message;
  std::size_t bytes;

  Json result() const { return message.root()["result"]; }
};

/// Carries JSON-RPC messages to one MCP server and back.
class Transport {
 public:
  using Open = std::function<void(Exchange&)>;
  /// What to send back for a message that the server sent by itself; empty: nothing.
  using Answer = std::function<std::string(Json)>;

  virtual ~Transport() = default;

  // ---- One thread, in the background ----

  /// Connects, calls `open` with an exchange that ends after connect_timeout, and stays until the connection is lost, drop() is
  /// called, or `x` ends. The status says what was lost.
  virtual Status keep(Exchange& x, Open& open) = 0;
  /// After keep(): gives up what is left of the connection.
  virtual void close(Exchange& x) = 0;

  // ---- Any thread ----

  /// Sends a request and waits for the answer as long as `x` lives. A failure is for the model to read.
  virtual Result<Response> request(Exchange& x, std::int64_t id, View message) = 0;
  /// As request(), of the request that begins a session.
  virtual Result<Response> initialize(Exchange& x, std::int64_t id, View message) { return request(x, id, message); }
  /// The session that has begun has this version of the protocol.
  virtual void agree_on(View) {}
  /// Sends a notification or an answer.
  virtual Status send(Exchange& x, View message) = 0;
  /// Ends keep(), soon.
  virtual void drop() = 0;
};

/// Codes of the failures of a request that tell something about its connection: the server has forgotten the session, or is away.
inline constexpr View kSessionExpired = "mcp_session_expired";
inline constexpr View kUnreachable = "mcp_unreachable";

/// A server that is out of order. `detail` is for the log.
inline Fail unavailable(std::string why, std::string detail = {}) {
  return Fail{502, "mcp_unavailable", std::move(why), std::move(detail)};
}

}  // namespace gatehouse
