#include <algorithm>
#include <stdexcept>

#include "core/exchange/exchange.h"
#include "core/host/tables.h"
#include "core/http/client.h"
#include "core/http/grammar.h"
#include "gatehouse/text.hpp"

using gatehouse::core::Exchange;
using gatehouse::core::HttpAnswer;
using gatehouse::core::HttpClient;
using gatehouse::core::HttpProblem;

struct gh_http_client {
  HttpClient client;
};

struct gh_http_response {
  std::unique_ptr<HttpAnswer> answer;
  Exchange& exchange;
};

namespace gatehouse::core {
namespace {

/// A request that timed out after it was sent may still be running and cost money, so it is not
/// transient.
gh_status fail(Exchange& x, HttpProblem problem) {
  constexpr std::chrono::nanoseconds kNotKnown{0};
  const auto failed = [&](int http_status, const char* code, const char* message,
                          std::uint32_t flags) {
    return x.fail({http_status, code, message, std::move(problem.detail), kNotKnown, flags});
  };
  switch (problem.kind) {
    case HttpProblem::gone: return GH_STOP;
    case HttpProblem::cancelled: return GH_CANCELLED;
    case HttpProblem::timeout:
      return failed(504, "upstream_timeout", "The upstream did not answer in time.",
                    GH_FAIL_SUSPECT);
    case HttpProblem::no_connection_in_time:
      return failed(504, "upstream_timeout", "The upstream did not answer in time.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case HttpProblem::unreachable:
      return failed(502, "upstream_unreachable", "The upstream could not be reached.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case HttpProblem::too_large:
      return failed(502, "upstream_too_large",
                    "The upstream's answer has a part that is too large.", 0);
    case HttpProblem::broken: break;
  }
  return failed(502, "upstream_broken", "The upstream's answer broke off.",
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

gh_http_client* open(const gh_host*, const gh_http_options* o, gh_str* error) {
  try {
    return new gh_http_client{HttpClient(
        {std::string(view(o->base_url)), std::chrono::nanoseconds(o->connect_ns),
         std::chrono::nanoseconds(o->first_byte_ns), std::chrono::nanoseconds(o->idle_ns)})};
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
  if (GH_HAS(gh_http_request, r, first_byte_ns))
    request.first_byte = std::chrono::nanoseconds(r->first_byte_ns);
  if (GH_HAS(gh_http_request, r, event_ns)) request.event = std::chrono::nanoseconds(r->event_ns);
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
  auto sent = client->client.send(request, x.waiter());
  if (auto* problem = std::get_if<HttpProblem>(&sent)) return fail(x, std::move(*problem));
  *out = new gh_http_response{std::get<0>(std::move(sent)), x};
  return GH_OK;
}

gh_status header_at(const gh_http_response* a, std::size_t index, gh_str* name, gh_str* value) {
  const auto& headers = a->answer->headers();
  if (index >= headers.size()) return GH_ABSENT;
  if (name) *name = raw(headers[index].first);
  if (value) *value = raw(headers[index].second);
  return GH_OK;
}

gh_status read(gh_http_response* a, gh_str* piece) {
  auto read = a->answer->read();
  if (auto* problem = std::get_if<HttpProblem>(&read))
    return fail(a->exchange, std::move(*problem));
  *piece = raw(std::get<std::string_view>(read));
  return piece->n > 0 ? GH_OK : GH_ABSENT;
}

gh_status event(gh_http_response* a, gh_sse_event* out) {
  auto next = a->answer->next_event();
  out->id = raw(a->answer->event_stream().last_id());
  if (GH_HAS(gh_sse_event, out, retry_ns))
    out->retry_ns = a->answer->event_stream().retry().count();
  if (auto* problem = std::get_if<HttpProblem>(&next))
    return fail(a->exchange, std::move(*problem));
  const auto& e = std::get<0>(next);
  if (!e) return GH_ABSENT;
  out->event = raw(e->type);
  out->data = raw(e->data);
  return GH_OK;
}

std::int32_t status(const gh_http_response* r) { return r->answer->status(); }

gh_str header(const gh_http_response* r, gh_str name) { return raw(r->answer->header(view(name))); }

void close(gh_http_response* r) { delete r; }

void drop(gh_http_client* client) { delete client; }

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

}  // namespace gatehouse::core
