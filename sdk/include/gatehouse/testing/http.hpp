/// gatehouse.http/1: the upstreams of gatehouse/testing.hpp, which includes this.
#pragma once

#include "gatehouse/testing/exchange.hpp"

namespace gatehouse::testing {
namespace fake {

struct HttpFake {
  struct Client {
    Upstream& upstream;
    std::string base_url;
    std::chrono::nanoseconds connect, first_byte, idle;
  };
  struct Reading {
    Reading(ExchangeFake& x, Upstream::Sent& request, Reply r)
        : exchange(x), sent(request), reply(std::move(r)) {}

    ExchangeFake& exchange;
    Upstream::Sent& sent;
    Reply reply;
    std::size_t pieces_read = 0;
    // Made anew for each call, so that an address sanitizer sees a view that is kept too long.
    struct Given {
      std::string piece, event, data, id;
    };
    std::unique_ptr<Given> given = std::make_unique<Given>();
    std::string unread, line, event, data, last_id;  // of the event stream
    std::int64_t retry_ns = -1;
    bool after_cr = false;
  };
  static Reading& of(gh_http_response* a) { return *reinterpret_cast<Reading*>(a); }
  static const Reading& of(const gh_http_response* a) {
    return *reinterpret_cast<const Reading*>(a);
  }

  static gh_http_client* open(const gh_host* host, const gh_http_options* o, gh_str* error) {
    const View url = view(o->base_url);
    if (url.substr(0, 7) != "http://" && url.substr(0, 8) != "https://") {
      *error = raw("this is no http:// or https:// URL");
      return nullptr;
    }
    using std::chrono::nanoseconds;
    auto client =
        new Client{Harness::of(host).upstream, std::string(url), nanoseconds(o->connect_ns),
                   nanoseconds(o->first_byte_ns), nanoseconds(o->idle_ns)};
    return reinterpret_cast<gh_http_client*>(client);
  }
  static gh_status send(gh_http_client* raw_client, gh_exchange* x, const gh_http_request* request,
                        gh_http_response** out) {
    const auto& client = *reinterpret_cast<Client*>(raw_client);
    ExchangeFake& exchange = ExchangeFake::of(x);
    if (const gh_status s = ExchangeFake::flush(x); s != GH_OK) return s;
    const std::lock_guard lock(client.upstream.mutex_);
    Upstream::Sent& sent = client.upstream.requests.emplace_back();
    sent.base_url = client.base_url;
    sent.method = view(request->method);
    sent.path = view(request->path);
    sent.body = view(request->body);
    for (std::size_t i = 0; i < request->header_count; ++i)
      sent.headers.emplace_back(view(request->headers[i].name), view(request->headers[i].value));
    sent.connect = client.connect;
    const bool own = GH_HAS(gh_http_request, request, first_byte_ns) && request->first_byte_ns > 0;
    sent.first_byte = own ? std::chrono::nanoseconds(request->first_byte_ns) : client.first_byte;
    sent.idle = client.idle;

    auto& replies = client.upstream.replies_;
    if (replies.empty())
      return exchange.fail_with(
          {502, "upstream_unreachable", "The upstream cannot be reached.", "no reply was pushed"});
    auto answer = std::make_unique<Reading>(exchange, sent, std::move(replies.front()));
    replies.pop_front();
    if (answer->reply.status == 0) return end(*answer);
    *out = reinterpret_cast<gh_http_response*>(answer.release());
    return GH_OK;
  }
  static gh_status end(Reading& a) {
    if (a.reply.end == GH_STOP) {
      a.exchange.client_has_left = true;
      if (a.exchange.outlives()) a.reply.end = GH_ABSENT;
    }
    a.sent.read_to_end = a.reply.end == GH_ABSENT;
    return a.reply.end == GH_FAILED ? a.exchange.fail_with(a.reply.failure) : a.reply.end;
  }

  static std::int32_t status(const gh_http_response* a) { return of(a).reply.status; }
  static gh_str header(const gh_http_response* a, gh_str name) {
    const Headers& headers = of(a).reply.headers;
    const auto at = std::find_if(headers.begin(), headers.end(),
                                 [&](const auto& h) { return same_name(h.first, view(name)); });
    return at == headers.end() ? gh_str{} : raw(at->second);
  }
  static gh_status header_at(const gh_http_response* a, std::size_t index, gh_str* name,
                             gh_str* value) {
    const Headers& headers = of(a).reply.headers;
    if (index >= headers.size()) return GH_ABSENT;
    if (name) *name = raw(headers[index].first);
    if (value) *value = raw(headers[index].second);
    return GH_OK;
  }
  static gh_status next_piece(Reading& a, std::string& piece) {
    if (const gh_status s = ExchangeFake::flush(a.exchange.raw_exchange()); s != GH_OK) return s;
    if (a.pieces_read == a.reply.pieces.size()) return end(a);
    piece = a.reply.pieces[a.pieces_read++];
    return GH_OK;
  }
  static gh_status read(gh_http_response* raw_answer, gh_str* piece) {
    Reading& a = of(raw_answer);
    a.given = std::make_unique<Reading::Given>();
    const gh_status s = next_piece(a, a.given->piece);
    if (s == GH_OK) *piece = raw(a.given->piece);
    return s;
  }

  static gh_status event(gh_http_response* raw_answer, gh_sse_event* out) {
    Reading& a = of(raw_answer);
    a.given = std::make_unique<Reading::Given>();
    for (;;) {
      for (std::size_t i = 0; i < a.unread.size(); ++i) {
        const char c = a.unread[i];
        const bool second_half_of_crlf = c == '\n' && a.after_cr;
        a.after_cr = c == '\r';
        if (second_half_of_crlf) continue;
        if (c != '\n' && c != '\r') {
          a.line += c;
        } else if (end_of_line(a)) {
          a.unread.erase(0, i + 1);
          out->event = raw(a.given->event);
          out->data = raw(a.given->data);
          tell_state(a, *out);
          return GH_OK;
        }
      }
      a.unread.clear();
      if (const gh_status s = next_piece(a, a.unread); s != GH_OK) {
        a.given->id = a.last_id;
        tell_state(a, *out);
        return s;
      }
    }
  }
  static void tell_state(const Reading& a, gh_sse_event& out) {
    out.id = raw(a.given->id);
    if (GH_HAS(gh_sse_event, &out, retry_ns)) out.retry_ns = a.retry_ns;
  }
  /// Takes the line in; true when it completes an event.
  static bool end_of_line(Reading& a) {
    const std::string line = std::exchange(a.line, {});
    if (line.empty()) {
      std::string data = std::exchange(a.data, {});
      if (data.empty()) {
        a.event.clear();
        return false;
      }
      data.pop_back();  // the line end after its last line
      *a.given = {{}, std::exchange(a.event, {}), std::move(data), a.last_id};
      return true;
    }
    const auto colon = line.find(':');
    const View field = View(line).substr(0, colon);
    View value = colon == View::npos ? View() : View(line).substr(colon + 1);
    if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (field == "data") a.data.append(value).append("\n");
    if (field == "event") a.event = value;
    if (field == "id" && value.find('\0') == View::npos) a.last_id = value;
    if (field == "retry" && !value.empty() && value.size() < 10 &&
        value.find_first_not_of("0123456789") == View::npos)
      a.retry_ns = std::stoll(std::string(value)) * 1'000'000;
    return false;
  }

  static void close(gh_http_response* a) {
    of(a).sent.closed = true;
    delete &of(a);
  }
  static void drop(gh_http_client* client) { delete reinterpret_cast<Client*>(client); }

  static constexpr gh_http_api kTable = {sizeof(gh_http_api), 0,    open,  send,  status, header,
                                         header_at,           read, event, close, drop};
};

}  // namespace fake
}  // namespace gatehouse::testing
