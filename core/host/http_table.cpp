#include "core/host/http_table.h"

#include <algorithm>
#include <stdexcept>

#include "core/exchange/exchange.h"
#include "core/http/client.h"
#include "core/http/grammar.h"
#include "gatehouse/plugin.hpp"

using gatehouse::core::Exchange;
using gatehouse::core::HttpClient;
using gatehouse::core::HttpResponse;

struct gh_http_client {
  HttpClient client;
};

struct gh_http_answer {
  std::unique_ptr<HttpResponse> answer;
  Exchange& exchange;
};

namespace gatehouse::core {
namespace {

/// A request that was sent and not answered in time may be running still, and be paid for: it is
/// not transient.
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
      return failed(504, "upstream_timeout", "The upstream did not answer in time.",
                    GH_FAIL_SUSPECT);
    case Error::connect_timeout:
      return failed(504, "upstream_timeout", "The upstream did not answer in time.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case Error::unreachable:
      return failed(502, "upstream_unreachable", "The upstream could not be reached.",
                    GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
    case Error::too_large:
      return failed(502, "upstream_too_large",
                    "The upstream's answer has a part that is too large.", 0);
    default: break;
  }
  return failed(502, "upstream_broken", "The upstream's answer broke off.",
                GH_FAIL_TRANSIENT | GH_FAIL_UPSTREAM);
}

/// Nothing in it ends a line of the head early: values may come from files and clients.
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

/// The header of the request that the client writes itself, if the plugin has written it: two of
/// them hide smuggling.
std::string_view own_header(const HttpClient::Request& request) {
  for (const std::string_view own : {"Host", "Content-Length", "Transfer-Encoding", "Connection"}) {
    if (has(request, own)) return own;
  }
  return {};
}

/// Unless the plugin has put it into a trace itself.
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
               gh_http_answer** out) {
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
  if (!sent) return fail(x, sent.error());
  *out = new gh_http_answer{*std::move(sent), x};
  return GH_OK;
}

gh_status header_at(const gh_http_answer* a, std::size_t index, gh_str* name, gh_str* value) {
  const auto& headers = a->answer->headers();
  if (index >= headers.size()) return GH_ABSENT;
  if (name) *name = raw(headers[index].first);
  if (value) *value = raw(headers[index].second);
  return GH_OK;
}

gh_status read(gh_http_answer* a, gh_str* piece) {
  const auto read = a->answer->read();
  if (!read) return fail(a->exchange, read.error());
  *piece = raw(*read);
  return piece->n > 0 ? GH_OK : GH_ABSENT;
}

gh_status event(gh_http_answer* a, gh_sse_event* out) {
  const auto next = a->answer->next_event();
  out->id = raw(a->answer->event_stream().last_id());
  if (GH_HAS(gh_sse_event, out, retry_ns))
    out->retry_ns = a->answer->event_stream().retry().count();
  if (!next) return fail(a->exchange, next.error());
  const auto& e = *next;
  if (!e) return GH_ABSENT;
  out->event = raw(e->type);
  out->data = raw(e->data);
  return GH_OK;
}

}  // namespace

const gh_http_api& http_table() {
  static const gh_http_api table = {
      sizeof(gh_http_api),
      open,
      send,
      [](const gh_http_answer* a) { return std::int32_t{a->answer->status()}; },
      [](const gh_http_answer* a, gh_str name) { return raw(a->answer->header(view(name))); },
      read,
      event,
      [](gh_http_answer* a) { delete a; },
      [](gh_http_client* c) { delete c; },
      header_at,
  };
  return table;
}

}  // namespace gatehouse::core
