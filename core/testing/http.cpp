#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/http/sse.h"
#include "core/testing/exchange.h"

namespace gatehouse::testing {

void Upstream::push(Reply r) {
  const std::lock_guard lock(mutex_);
  replies_.push_back(std::move(r));
}

std::string Upstream::Sent::header(View name) const { return join(headers, name); }

/// What plugins do with their upstreams.
class HttpClients {
 public:
  static std::mutex& mutex_of(Upstream& upstream) { return upstream.mutex_; }
  static std::deque<Reply>& replies_of(Upstream& upstream) { return upstream.replies_; }
};

namespace {

struct Client {
  Upstream& upstream;
  std::string base_url;
  std::chrono::nanoseconds connect, first_byte, idle;
};
struct Reading {
  Reading(FakeExchange& x, Upstream::Sent& request, Reply r)
      : exchange(x), sent(request), reply(std::move(r)) {}

  FakeExchange& exchange;
  Upstream::Sent& sent;
  Reply reply;
  std::size_t pieces_read = 0;
  // Made anew for each call, so that an address sanitizer sees a view that is kept too long.
  struct Given {
    std::string piece, event, data, id;
  };
  std::unique_ptr<Given> given = std::make_unique<Given>();
  core::SseReader stream;
};
Reading& of(gh_http_response* a) { return *reinterpret_cast<Reading*>(a); }
const Reading& of(const gh_http_response* a) { return *reinterpret_cast<const Reading*>(a); }

gh_status end(Reading& a) {
  if (a.reply.end == GH_STOP) {
    a.exchange.client_has_left = true;
    if (a.exchange.outlives()) a.reply.end = GH_ABSENT;
  }
  a.sent.read_to_end = a.reply.end == GH_ABSENT;
  return a.reply.end == GH_FAILED ? a.exchange.fail_with(a.reply.failure) : a.reply.end;
}

gh_http_client* open(const gh_host* host, const gh_http_options* o, gh_str* error) {
  const View url = view(o->base_url);
  if (url.substr(0, 7) != "http://" && url.substr(0, 8) != "https://") {
    *error = raw("this is no http:// or https:// URL");
    return nullptr;
  }
  using std::chrono::nanoseconds;
  auto client =
      new Client{State::of(host).harness.upstream, std::string(url), nanoseconds(o->connect_ns),
                 nanoseconds(o->first_byte_ns), nanoseconds(o->idle_ns)};
  return reinterpret_cast<gh_http_client*>(client);
}
gh_status send(gh_http_client* raw_client, gh_exchange* x, const gh_http_request* request,
               gh_http_response** out) {
  const auto& client = *reinterpret_cast<Client*>(raw_client);
  FakeExchange& exchange = FakeExchange::of(x);
  exchange.about_to_wait();
  if (const gh_status s = exchange.flush(); s != GH_OK) return s;
  const std::lock_guard lock(HttpClients::mutex_of(client.upstream));
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

  auto& replies = HttpClients::replies_of(client.upstream);
  if (replies.empty())
    return exchange.fail_with(
        {502, "upstream_unreachable", "The upstream cannot be reached.", "no reply was pushed"});
  auto answer = std::make_unique<Reading>(exchange, sent, std::move(replies.front()));
  replies.pop_front();
  if (answer->reply.status == 0) return end(*answer);
  *out = reinterpret_cast<gh_http_response*>(answer.release());
  return GH_OK;
}
std::int32_t status(const gh_http_response* a) { return of(a).reply.status; }
gh_str header(const gh_http_response* a, gh_str name) {
  const Headers& headers = of(a).reply.headers;
  const auto at = std::find_if(headers.begin(), headers.end(), [&](const auto& h) {
    return equals_ignoring_case(h.first, view(name));
  });
  return at == headers.end() ? gh_str{} : raw(at->second);
}
gh_status header_at(const gh_http_response* a, std::size_t index, gh_str* name, gh_str* value) {
  const Headers& headers = of(a).reply.headers;
  if (index >= headers.size()) return GH_ABSENT;
  if (name) *name = raw(headers[index].first);
  if (value) *value = raw(headers[index].second);
  return GH_OK;
}
gh_status next_piece(Reading& a, std::string& piece) {
  if (const gh_status s = a.exchange.flush(); s != GH_OK) return s;
  if (a.pieces_read == a.reply.pieces.size()) return end(a);
  piece = a.reply.pieces[a.pieces_read++];
  return GH_OK;
}
gh_status read(gh_http_response* raw_answer, gh_str* piece) {
  Reading& a = of(raw_answer);
  a.given = std::make_unique<Reading::Given>();
  const gh_status s = next_piece(a, a.given->piece);
  if (s == GH_OK) *piece = raw(a.given->piece);
  return s;
}

gh_status event(gh_http_response* raw_answer, gh_sse_event* out) {
  Reading& a = of(raw_answer);
  a.given = std::make_unique<Reading::Given>();
  gh_status status = GH_OK;
  auto next = a.stream.next();
  while (!next && (status = next_piece(a, a.given->piece)) == GH_OK) {
    a.stream.feed(a.given->piece);
    next = a.stream.next();
  }
  a.given->id = a.stream.last_id();
  out->id = raw(a.given->id);
  if (GH_HAS(gh_sse_event, out, retry_ns)) out->retry_ns = a.stream.retry().count();
  if (!next) return status;
  a.given->event = next->type;
  a.given->data = next->data;
  out->event = raw(a.given->event);
  out->data = raw(a.given->data);
  return GH_OK;
}

void close(gh_http_response* a) {
  of(a).sent.closed = true;
  delete &of(a);
}
void drop(gh_http_client* client) { delete reinterpret_cast<Client*>(client); }

}  // namespace

const gh_http_api& http_table() {
  static constexpr gh_http_api kTable = {.size = sizeof kTable,
                                         .reserved = 0,
                                         .open = open,
                                         .send = send,
                                         .status = status,
                                         .header = header,
                                         .header_at = header_at,
                                         .read = read,
                                         .event = event,
                                         .close = close,
                                         .drop = drop};
  return kTable;
}

}  // namespace gatehouse::testing
