#include <algorithm>
#include <stdexcept>

#include "core/exchange/exchange.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/http/client.h"
#include "core/http/grammar.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

using gatehouse::core::Exchange;
using gatehouse::core::HttpClient;
using gatehouse::core::HttpResponse;

struct gh_http_client {
  HttpClient client;
};

struct gh_http_response {
  std::unique_ptr<HttpResponse> response;
  Exchange& exchange;
};

namespace gatehouse::core {
namespace {

/// A request that timed out after it was sent may still be running and cost money, so it is not
/// transient.
gh_status fail(Exchange& x, const Error& error) {
  constexpr std::chrono::nanoseconds kNotKnown{0};
  const auto failed = [&](int http_status, const char* code, const char* message,
                          std::uint32_t flags) {
    return x.fail({http_status, code, message, error.detail, kNotKnown, flags});
  };
  switch (error.kind) {
    case Error::gone: return GH_STOP;
    case Error::cancelled: return GH_CANCELLED;
    case Error::timeout:
      return failed(504, "upstream_timeout", "The upstream did not respond in time.",
                    GH_FAIL_SUSPECT);
    case Error::connect_timeout:
      return failed(504, "upstream_timeout", "The upstream did not respond in time.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case Error::unreachable:
      return failed(502, "upstream_unreachable", "The upstream could not be reached.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case Error::proxy_refused:
      return failed(502, "upstream_proxy_refused",
                    "The proxy in front of the upstream refused the connection.", GH_FAIL_UPSTREAM);
    case Error::too_large:
      return failed(502, "upstream_too_large",
                    "The upstream's response has a part that is too large.", 0);
    default: break;
  }
  return failed(502, "upstream_broken", "The upstream's response broke off.",
                GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
}

/// No part ends a line of the head early: values may come from files and clients.
bool is_legal(const HttpClient::Request& request) {
  return is_token(request.method) &&
         std::all_of(request.path.begin(), request.path.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; }) &&
         std::all_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
           return is_token(header.first) && is_field_value(header.second);
         });
}

bool has(const HttpClient::Request& request, std::string_view header) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& h) { return equals_ignoring_case(h.first, header); });
}

/// A header that the HTTP client writes itself and the plugin has set too; two of them would allow
/// request smuggling.
std::string_view own_header(const HttpClient::Request& request) {
  for (const std::string_view own : {"Host", "Content-Length", "Transfer-Encoding", "Connection"}) {
    if (has(request, own)) return own;
  }
  return {};
}

/// Unless the plugin has set traceparent itself.
void add_trace(HttpClient::Request& request, const Trace& trace) {
  if (trace.parent.empty() || has(request, "traceparent")) return;
  request.headers.emplace_back("traceparent", trace.parent);
  if (!trace.state.empty() && !has(request, "tracestate"))
    request.headers.emplace_back("tracestate", trace.state);
}

gh_http_client* open(const gh_host* host, const gh_http_options* o, gh_str* error) {
  try {
    HttpClient::Options options{std::string(view(o->base_url)), bounded(o->connect_ns),
                                bounded(o->first_byte_ns), bounded(o->idle_ns)};
    options.proxy = [host](const Endpoint& server) {
      return Instance::of(host).surroundings().upstream.proxy_for(server);
    };
    return new gh_http_client{HttpClient(std::move(options))};
  } catch (const std::exception& e) {
    static std::string text;  // control thread only, and read at once
    text = e.what();
    *error = raw(text);
    return nullptr;
  }
}

gh_status send(gh_http_client* client, gh_exchange* raw_x, const gh_http_request* r,
               gh_http_response** out) {
  Exchange& x = Exchange::of(raw_x);
  HttpClient::Request request{view(r->method), view(r->path), {}, view(r->body)};
  if (GH_HAS(gh_http_request, r, first_byte_ns)) request.first_byte = bounded(r->first_byte_ns);
  if (GH_HAS(gh_http_request, r, event_ns)) request.event = bounded(r->event_ns);
  request.headers.reserve(r->header_count + 2);  // with those of the trace
  for (std::size_t i = 0; i < r->header_count; ++i)
    request.headers.emplace_back(view(r->headers[i].name), view(r->headers[i].value));
  if (!is_legal(request))
    return x.fail({500, "plugin_error", "The request could not be processed.",
                   "the method, path or a header of a plugin's HTTP request is not legal"});
  if (const auto own = own_header(request); !own.empty()) {
    return x.fail({500, "plugin_error", "The request could not be processed.",
                   "the gateway itself writes the header " + std::string(own) +
                       " of a plugin's HTTP request"});
  }
  add_trace(request, x.trace());
  // However fast the upstream is, so that the form of its failures does not depend on its speed.
  x.client().about_to_wait();
  auto sent = client->client.send(request, x.waiter());
  if (!sent) return fail(x, sent.error());
  *out = new gh_http_response{*std::move(sent), x};
  return GH_OK;
}

gh_status header_at(const gh_http_response* a, std::size_t index, gh_str* name, gh_str* value) {
  const auto& headers = a->response->headers();
  if (index >= headers.size()) return GH_ABSENT;
  if (name) *name = raw(headers[index].first);
  if (value) *value = raw(headers[index].second);
  return GH_OK;
}

gh_status read(gh_http_response* a, gh_str* piece) {
  const auto read = a->response->read();
  if (!read) return fail(a->exchange, read.error());
  *piece = raw(*read);
  return piece->n > 0 ? GH_OK : GH_ABSENT;
}

gh_status event(gh_http_response* a, gh_sse_event* out) {
  const auto next = a->response->next_event();
  out->id = raw(a->response->event_stream().last_id());
  if (GH_HAS(gh_sse_event, out, retry_ns))
    out->retry_ns = a->response->event_stream().retry().count();
  if (!next) return fail(a->exchange, next.error());
  const auto& e = *next;
  if (!e) return GH_ABSENT;
  out->event = raw(e->type);
  out->data = raw(e->data);
  return GH_OK;
}

std::int32_t status(const gh_http_response* r) { return r->response->status(); }

gh_str header(const gh_http_response* r, gh_str name) {
  return raw(r->response->header(view(name)));
}

void close(gh_http_response* r) { delete r; }

void drop(gh_http_client* client) { delete client; }

}  // namespace

const gh_http_api& http_table() {
  static constexpr gh_http_api kTable = {.size = sizeof kTable,
                                         .reserved = 0,
                                         .open = guarded<open, nullptr>,
                                         .send = guarded<send, GH_UNAVAILABLE>,
                                         .status = status,
                                         .header = header,
                                         .header_at = header_at,
                                         .read = guarded<read, GH_UNAVAILABLE>,
                                         .event = guarded<event, GH_UNAVAILABLE>,
                                         .close = close,
                                         .drop = drop};
  return kTable;
}

}  // namespace gatehouse::core
