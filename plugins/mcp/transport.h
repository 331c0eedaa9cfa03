#pragma once

#include <functional>

#include "message.h"

namespace gatehouse::plugins::mcp {

/// A request to a server, and what carrying it needs to know.
struct RpcRequest {
  std::int64_t id = 0;
  std::string message = {};  // JSON text
  bool begins = false;       // asks what the server is: it belongs to no session yet
  bool is_second =
      false;  // it was asked in a session that is over: if it is refused again, that was not why
  bool repeatable = true;  // to ask it twice does no harm
  /// How long nothing need be heard of it, neither an answer nor progress; 0: as long as the
  /// exchange lives.
  std::chrono::nanoseconds silence = {};
  /// Of the HTTP request, if it is one.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The answer to a request, and its length as JSON text.
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
    std::function<Status(Exchange&)> begin;  // with an exchange that ends with the time to connect
    std::function<void()> done;  // when it has begun, and is heard whatever it says by itself
  };
  /// What to send back for a message that the server sent by itself; empty: nothing.
  using Answer = std::function<std::string(Json)>;

  virtual ~Transport() = default;

  // ---- One thread, in the background ----

  /// Connects, calls `opening`, for which it has `time`, and stays until the connection is lost,
  /// drop() is called, or `x` ends. The status says what was lost.
  virtual Status keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) = 0;
  /// After keep(): gives up what is left of the connection.
  virtual void close(Exchange& x) = 0;

  // ---- Any thread ----

  /// Sends a request and waits for the answer as long as `x` lives; GH_CANCELLED: that, or the
  /// silence was too long. A failure is for the model to read.
  virtual Result<Response> request(Exchange& x, const RpcRequest& request) = 0;
  /// Sends a notification or an answer.
  virtual Status send(Exchange& x, View message) = 0;
  /// The server speaks this version of the protocol. Without sessions each request stands for
  /// itself.
  virtual void agree_on(View, bool /*has_sessions*/) {}
  /// Asks for what the server says by itself, where the protocol wants that to be asked for.
  virtual Status subscribe(Exchange& x, const RpcRequest& request) {
    return send(x, request.message);
  }
  /// Requests have headers.
  virtual bool has_headers() const { return false; }
  /// Ends keep(), soon.
  virtual void drop() = 0;
};

/// Codes of failures that tell something about the connection: the server has forgotten the
/// session; is away; has ended instead of answering; does not know the gateway; gave an answer that
/// cannot be read.
inline constexpr View kSessionExpired = "mcp_session_expired";
inline constexpr View kUnreachable = "mcp_unreachable";
inline constexpr View kEnded = "mcp_ended";
inline constexpr View kUnauthorized = "mcp_unauthorized";
inline constexpr View kUnreadable = "mcp_unreadable";

/// A server that is out of order. `detail` is for the log.
inline Fail unavailable(std::string why, std::string detail = {}) {
  return Fail{502, "mcp_unavailable", std::move(why), std::move(detail)};
}

/// An answer that cannot be read. The model may ask for less, or for something else.
inline Fail unreadable(View text, std::size_t bytes) {
  return {502,
          std::string(kUnreadable),
          "The tool server gave an answer that " + why_unreadable(text, bytes) + ".",
          {}};
}

}  // namespace gatehouse::plugins::mcp
