#pragma once

#include <mutex>

#include "transport.h"

namespace gatehouse {

/// A server at a URL (MCP 2025-11-25, Streamable HTTP): a message to it is a POST, whose answer is one message or a stream of
/// them; what it says by itself comes in a stream of its own.
class HttpTransport final : public Transport {
 public:
  /// `pointer` is that of its settings.
  HttpTransport(Host host, Json config, const std::string& pointer, Answer answer);

  Status keep(Exchange& x, Open& open) override;
  void close(Exchange& x) override;
  Result<Response> request(Exchange& x, std::int64_t id, View message) override { return ask(x, session(), id, message); }
  Result<Response> initialize(Exchange& x, std::int64_t id, View message) override { return ask(x, Session(), id, message); }
  Status send(Exchange& x, View message) override;
  void agree_on(View version) override;
  void drop() override;

 private:
  using Headers = std::vector<std::pair<View, View>>;
  struct Session {
    std::string id, version;
  };

  Result<Response> ask(Exchange& x, const Session& session, std::int64_t id, View message);
  Status listen(Exchange& x);
  Status hear(Exchange& x, HttpAnswer& stream, std::string& last_id);
  Result<HttpAnswer> get(Exchange& x, const Http& http, const Session& session, const std::string& last_id) const;
  Result<HttpAnswer> post(Exchange& x, const Session& session, View message) const;
  Result<Response> read_events(Exchange& x, HttpAnswer& stream, std::int64_t id, std::string& last_id);
  Headers headers(const Session& session) const;
  Session session() const;
  bool is_dropped() const;

  const Host host_;
  const std::chrono::nanoseconds connect_timeout_;
  const std::string path_;
  const std::vector<std::pair<std::string, std::string>> configured_;  // headers
  const Http http_;
  const Http listening_;  // to what the server says by itself
  const Answer answer_;
  const Waker changed_;

  mutable std::mutex mutex_;  // guards the rest
  Session session_;
  bool dropped_ = false;
};

}  // namespace gatehouse
