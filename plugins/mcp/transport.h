#pragma once

#include <functional>

#include "message.h"

namespace gatehouse::plugins::mcp {

/// A JSON-RPC request to a server, and what its transport needs to know.
struct RpcRequest {
  std::int64_t id = 0;
  std::string message = {};  // JSON text
  bool begins = false;       // the first request of a connection: it belongs to no session yet
  /// It is repeated after its session was lost: if it is rejected again, that was not the reason.
  bool is_second = false;
  bool repeatable = true;  // sending it twice is harmless
  /// Longest time without a response or progress; 0: as long as the exchange lives.
  std::chrono::nanoseconds silence = {};
  /// Of the HTTP request, if there is one.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The response to a request, and its length as JSON text.
struct Response {
  Document message;
  std::size_t bytes;

  Json result() const { return message.root()["result"]; }
};

/// Carries JSON-RPC messages to one MCP server and back.
class Transport {
 public:
  /// What is done with a new connection.
  struct Opening {
    std::function<Status(Exchange&)> begin;  // its exchange ends with the time to connect
    std::function<void()> done;              // begun, and messages of the server are received
  };
  /// What to send back for a message that the server has initiated; empty: nothing.
  using Respond = std::function<std::string(Json)>;

  virtual ~Transport() = default;

  // ---- One thread, in the background ----

  /// Connects, calls `opening`, for which it has `time`, and stays until the connection is lost,
  /// drop() is called, or `x` ends. Returns why the connection was lost.
  virtual Status keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) = 0;
  /// After keep(): releases what is left of the connection.
  virtual void close(Exchange& x) = 0;

  // ---- Any thread ----

  /// Sends a request and waits for the response as long as `x` lives. GH_CANCELLED: `x` has ended,
  /// or the silence was too long. A failure is for the model to read.
  virtual Result<Response> request(Exchange& x, const RpcRequest& request) = 0;
  /// Sends a notification or a response.
  virtual Status send(Exchange& x, View message) = 0;
  /// The server speaks this version of the protocol. Without sessions each request is on its own.
  virtual void agree_on(View, bool /*has_sessions*/) {}
  /// Requests the notifications of the server, where the protocol wants them to be requested.
  virtual Status subscribe(Exchange& x, const RpcRequest& request) {
    return send(x, request.message);
  }
  /// Requests have headers.
  virtual bool has_headers() const { return false; }
  /// Ends keep(), soon.
  virtual void drop() = 0;
};

/// Of the settings of a server: a command may have to be downloaded first, as by npx or uvx.
inline std::chrono::milliseconds connect_timeout_of(Json config) {
  constexpr std::chrono::seconds kForCommand(60), kForUrl(10);
  return config["connect_timeout"].duration(config["command"] ? kForCommand : kForUrl);
}

/// Codes of failures that say something about the connection.
inline constexpr View kSessionExpired = "mcp_session_expired";  // the server has lost the session
inline constexpr View kUnreachable = "mcp_unreachable";
inline constexpr View kEnded = "mcp_ended";  // the server has ended in place of a response
inline constexpr View kUnauthorized = "mcp_unauthorized";
inline constexpr View kUnreadable = "mcp_unreadable";  // the response cannot be parsed

/// A server that is out of order. `detail` is for the log.
inline Fail unavailable(std::string why, std::string detail = {}) {
  return Fail{502, "mcp_unavailable", std::move(why), std::move(detail)};
}

/// A response that cannot be parsed. The model may request less, or something else.
inline Fail unreadable(View text, std::size_t bytes) {
  return {502,
          std::string(kUnreadable),
          "The response of the tool server " + why_unreadable(text, bytes) + ".",
          {}};
}

}  // namespace gatehouse::plugins::mcp
