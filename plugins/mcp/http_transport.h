#pragma once

#include <map>
#include <mutex>

#include "transport.h"

namespace gatehouse::plugins::mcp {

/// A server at a URL (MCP, Streamable HTTP). A message to it is a POST, whose response is one
/// message or a stream of messages. Messages that the server initiates come in a stream of their
/// own.
class HttpTransport final : public Transport {
 public:
  /// `pointer`: of its settings in the configuration.
  HttpTransport(Host host, Json config, const std::string& pointer, Respond respond);

  Status keep(Exchange& x, std::chrono::nanoseconds time, Opening& opening) override;
  void close(Exchange& x) override;
  Result<Response> request(Exchange& x, const RpcRequest& request) override;
  Status send(Exchange& x, View message) override;
  void agree_on(View version, bool has_sessions) override;
  Status subscribe(Exchange& x, const RpcRequest& request) override;
  bool has_headers() const override { return true; }
  void drop() override;

 private:
  using Texts = std::vector<std::pair<std::string, std::string>>;
  struct Session {
    std::string id, version;
    bool stateless = false;  // since 2026-07-28 there are no sessions
  };
  /// An HTTP request.
  struct Sent {
    View method, body;
    const Session& session;
    Texts headers;
    bool repeatable;
    std::chrono::nanoseconds silence;  // 0: that of the client
  };

  Result<HttpResponse> exchange(Exchange& x, const Http& http, const Sent& sent);
  Result<HttpResponse> post(Exchange& x, const Http& http, const Session& session,
                            const RpcRequest& request);
  Result<HttpResponse> get(Exchange& x, const Http& http, const Session& session,
                           const std::string& last_id, std::chrono::nanoseconds silence);
  Texts headers_of(const Sent& sent) const;
  Result<Response> read_message(Exchange& x, HttpResponse& http, const Session& session,
                                const RpcRequest& request);
  Result<Response> read_streams(Exchange& x, HttpResponse stream, const Session& session,
                                const RpcRequest& request);
  Result<std::optional<Response>> read_events(Exchange& x, HttpResponse& stream, std::int64_t id);
  std::optional<Response> take(Exchange& x, Document message, std::size_t bytes, std::int64_t id);

  Status listen(Exchange& x, const Opening& opening);
  Result<HttpResponse> open_stream(Exchange& x, const Session& session, const std::string& last_id,
                                   std::chrono::nanoseconds silence);
  Status read_notifications(Exchange& x, HttpResponse& stream);
  void assume_changes() const;
  Status wait_for_drop(Exchange& x) const;

  std::string path() const;
  bool follow(const HttpResponse& response, const std::string& from);
  Result<bool> read_token();
  void keep_cookies(const HttpResponse& response);
  Texts credentials() const;
  Session session() const;
  std::optional<RpcRequest> subscription() const;
  bool is_dropped() const;

  const Host host_;
  const std::string origin_, configured_path_, token_file_;
  Texts configured_;  // headers
  const Http http_;
  const Http listening_;  // for the stream of the server's own messages
  const Respond respond_;
  const Waker changed_;

  mutable std::mutex mutex_;  // guards the rest
  Session session_;
  std::optional<RpcRequest> subscription_;
  std::string path_, token_;
  std::map<std::string, std::string> cookies_;
  bool dropped_ = false;
};

}  // namespace gatehouse::plugins::mcp
