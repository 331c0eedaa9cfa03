/// gatehouse.http/1: the host's HTTP client.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/abi/ext/http.h"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// A response of an upstream. Destroying it before its end closes the connection. One thread.
class HttpResponse {
 public:
  HttpResponse(const gh_http_api* api, const gh_exchange* x, gh_http_response* response)
      : api_(api), exchange_(x), response_(response, {api}) {}

  int status() const { return api_->status(response_.get()); }
  View header(View name) const { return view(api_->header(response_.get(), raw(name))); }
  /// Name and value of the header at this place, or nothing past the last: for one that comes
  /// several times, as Set-Cookie.
  std::optional<std::pair<View, View>> header_at(std::size_t index) const {
    gh_str name{}, value{};
    if (api_->header_at(response_.get(), index, &name, &value) != GH_OK) return std::nullopt;
    return std::pair(view(name), view(value));
  }
  /// The next piece of the body, or an empty optional at its proper end.
  Result<std::optional<View>> read() {
    gh_str piece{};
    const gh_status s = api_->read(response_.get(), &piece);
    if (s == GH_ABSENT) return std::optional<View>();
    if (s != GH_OK) return Status(s, exchange_);
    return std::optional<View>(view(piece));
  }
  /// The next server-sent event, or an empty optional at the proper end of the body.
  Result<std::optional<gh_sse_event>> next_event() {
    gh_sse_event e{};
    e.size = sizeof e;
    e.retry_ns = -1;
    const gh_status s = api_->event(response_.get(), &e);
    last_id_ = view(e.id);
    retry_ = std::chrono::nanoseconds(e.retry_ns);
    if (s == GH_ABSENT) return std::optional<gh_sse_event>();
    if (s != GH_OK) return Status(s, exchange_);
    return std::optional<gh_sse_event>(e);
  }

  /// The last event id of the stream, also without an event; until the next call of next_event().
  View last_id() const { return last_id_; }
  /// The reconnection time that the stream has sent; negative: none.
  std::chrono::nanoseconds retry() const { return retry_; }

 private:
  struct Close {
    const gh_http_api* api;
    void operator()(gh_http_response* response) const { api->close(response); }
  };
  const gh_http_api* api_;
  const gh_exchange* exchange_;
  std::unique_ptr<gh_http_response, Close> response_;
  View last_id_;
  std::chrono::nanoseconds retry_{-1};
};

/// The host's HTTP client for one origin. Open it in the plugin's constructor. Any thread.
class Http {
 public:
  struct Options {
    std::string base_url;
    std::chrono::nanoseconds connect, first_byte, idle;
  };
  /// Reports a wrong base_url as a problem of the configuration at `pointer`.
  Http(Host host, const Options& options, View pointer)
      : api_(detail::required<gh_http_api>(host, GH_HTTP_1)), client_(nullptr, {api_}) {
    if (!api_) return;
    gh_http_options o{};
    o.size = sizeof o;
    o.base_url = raw(options.base_url);
    o.connect_ns = options.connect.count();
    o.first_byte_ns = options.first_byte.count();
    o.idle_ns = options.idle.count();
    gh_str error{};
    client_.reset(api_->open(host.raw_host(), &o, &error));
    if (!client_) host.problem(pointer, view(error));
  }

  /// Sends a request and waits for the head of its response. `path` is appended to that of
  /// base_url. `first_byte`: in place of that of the options, unless 0. `event`: longest time until
  /// the next server-sent event, unless 0; comments do not count.
  Result<HttpResponse> send(Exchange& x, View method, View path,
                            const std::vector<std::pair<View, View>>& headers, View body,
                            std::chrono::nanoseconds first_byte = {},
                            std::chrono::nanoseconds event = {}) const {
    std::vector<gh_http_header> raw_headers;
    raw_headers.reserve(headers.size());
    for (const auto& [name, value] : headers) raw_headers.push_back({raw(name), raw(value)});
    gh_http_request request{};
    request.size = sizeof request;
    request.method = raw(method);
    request.path = raw(path);
    request.headers = raw_headers.data();
    request.header_count = raw_headers.size();
    request.body = raw(body);
    request.first_byte_ns = first_byte.count();
    request.event_ns = event.count();
    gh_http_response* response = nullptr;
    const gh_status s = api_->send(client_.get(), x.raw(), &request, &response);
    if (s != GH_OK) return Status(s, x.raw());
    return HttpResponse(api_, x.raw(), response);
  }

 private:
  struct Drop {
    const gh_http_api* api;
    void operator()(gh_http_client* client) const { api->drop(client); }
  };
  const gh_http_api* api_;
  std::unique_ptr<gh_http_client, Drop> client_;
};

}  // namespace v1
}  // namespace gatehouse
