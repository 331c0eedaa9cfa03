#include "core/exchange/exchange.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <random>

#include "core/exchange/turn.h"
#include "core/http/grammar.h"
#include "gatehouse/plugin.hpp"

namespace gatehouse::core {
namespace {

const RequestHead kNoRequest{};

/// The client's own id if it is harmless in a log and a header, else one that no other process or
/// request has.
std::string request_id_from(std::string_view given) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!given.empty() && given.size() <= 64 && given.find_first_not_of(kAllowed) == given.npos)
    return std::string(given);
  static const unsigned process = std::random_device()();
  static std::atomic<unsigned> count{0};
  char text[18];
  std::snprintf(text, sizeof text, "%08x-%08x", process,
                count.fetch_add(1, std::memory_order_relaxed));
  return text;
}

/// RFC 8259 8.1: JSON between systems is UTF-8; a charset parameter is tolerated when it says just
/// that.
bool is_json(std::string_view content_type) {
  std::size_t end = content_type.find(';');
  if (!equals_ignoring_case(trim(content_type.substr(0, end)), "application/json")) return false;
  while (end != content_type.npos) {
    content_type.remove_prefix(end + 1);
    end = content_type.find(';');
    const std::string_view parameter = trim(content_type.substr(0, end));
    if (!equals_ignoring_case(parameter.substr(0, 8), "charset=")) continue;
    const std::string_view charset = parameter.substr(8);
    if (!equals_ignoring_case(charset, "utf-8") && !equals_ignoring_case(charset, "\"utf-8\""))
      return false;
  }
  return true;
}

}  // namespace

Exchange::Exchange(const RequestHead& head, std::string_view peer, Client& client, Waiter& waiter)
    : head_(head),
      peer_(peer),
      client_(client),
      waiter_(waiter),
      request_id_(request_id_from(header("X-Request-Id"))) {
  if (!head.method.empty()) trace_ = begin_span(header("traceparent"), header("tracestate"));
  set_header("X-Request-Id", request_id_);
}

Exchange::Exchange(const Exchange& parent, Client& client, Waiter& waiter)
    : head_(kNoRequest),
      client_(client),
      waiter_(waiter),
      request_id_(parent.request_id_),
      trace_(parent.trace_) {}

std::string_view Exchange::header(std::string_view name) {
  std::string_view found;
  std::string joined;
  for (const Field& field : head_.fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (!found.data()) {
      found = field.value.data() ? field.value : std::string_view("");
    } else {
      if (joined.empty()) joined = found;
      joined.append(", ").append(field.value);
    }
  }
  return joined.empty() ? found : arena_.copy(joined);
}

gh_status Exchange::read_body() {
  if (body_) return GH_OK;
  std::string bytes;
  std::optional<Failure> failure;
  const gh_status result = client_.read_body(bytes, failure);
  if (failure) return fail(std::move(*failure));
  if (result == GH_OK) body_ = std::move(bytes);
  return result;
}

gh_status Exchange::body(std::string_view& out) {
  if (json_ && !body_) return GH_ABSENT;
  if (const gh_status result = read_body(); result != GH_OK) return result;
  body_is_seen_ = true;
  out = *body_;
  return GH_OK;
}

gh_status Exchange::json(gh_json*& out) {
  if (!json_) {
    if (!is_json(header("Content-Type"))) {
      return fail({415,
                   "unsupported_media_type",
                   "The body must be sent as Content-Type: application/json in UTF-8.",
                   {}});
    }
    if (const std::string_view coding = header("Content-Encoding");
        !coding.empty() && !equals_ignoring_case(coding, "identity")) {
      return fail(
          {415, "unsupported_media_type", "The body must be sent without Content-Encoding.", {}});
    }
    if (const gh_status result = read_body(); result != GH_OK) return result;
    const Turn turn(body_->size(), waiter_);
    if (turn.wake() != Wake::ready) return as_status(turn.wake());
    std::string_view error;
    json_ = arena_.parse(*body_, error);
    if (!json_)
      return fail({400,
                   "invalid_json",
                   "The request body is not valid JSON: " + std::string(error) + ".",
                   {}});
    if (!body_is_seen_)
      body_.reset();  // an image of 20 MB would be held twice while the model thinks
  }
  out = json_;
  return GH_OK;
}

gh_json* Exchange::make_chat() {
  if (!chat_) chat_ = arena_.make();
  return chat_;
}

gh_json* Exchange::notes() {
  if (!notes_) json_api().set_empty(notes_ = arena_.make(), GH_OBJECT);
  return notes_;
}

bool Exchange::set_header(std::string_view name, std::string_view value) {
  if (!is_token(name) || !is_field_value(value)) return false;
  for (const char* framing : {"Connection", "Content-Length", "Date",
                              "Transfer-Encoding"}) {  // the server writes these itself
    if (equals_ignoring_case(name, framing)) return false;
  }
  const bool has_left = client_.committed();
  const auto announces = [&](const auto& header) {
    return equals_ignoring_case(header.first, "Trailer") &&
           equals_ignoring_case(header.second, name);
  };
  if (has_left && std::none_of(answer_headers_.begin(), answer_headers_.end(), announces))
    return false;
  auto& headers = has_left ? trailers_ : answer_headers_;
  for (auto& [key, old] : headers) {
    if (equals_ignoring_case(key, name)) return old = value, true;
  }
  headers.emplace_back(name, value);
  return true;
}

bool Exchange::remove_header(std::string_view name) {
  if (client_.committed()) return false;
  std::erase_if(answer_headers_,
                [&](const auto& header) { return equals_ignoring_case(header.first, name); });
  return true;
}

gh_status Exchange::fail(Failure failure) {
  failure.http_status = std::clamp(failure.http_status, 400, 599);
  failure_ = std::move(failure);
  raw_failure_ = {sizeof raw_failure_,   failure_->http_status,
                  raw(failure_->code),   raw(failure_->message),
                  raw(failure_->detail), failure_->retry_after.count(),
                  failure_->flags,       0};
  return GH_FAILED;
}

gh_status Exchange::as_status(Wake wake) {
  switch (wake) {
    case Wake::gone: return GH_STOP;
    case Wake::cancelled: return GH_CANCELLED;
    default: return GH_OK;
  }
}

const gh_exchange_api& exchange_api() {
  static const gh_exchange_api api = {
      sizeof(gh_exchange_api),
      [](const gh_exchange* x, int which) -> gh_str {
        const Exchange& e = Exchange::of(x);
        switch (which) {
          case GH_METHOD: return raw(e.head().method);
          case GH_PATH: return raw(e.head().path);
          case GH_QUERY: return raw(e.head().query);
          case GH_PEER: return raw(e.peer());
          case GH_CLIENT: return raw(e.client_address());
          case GH_REQUEST_ID: return raw(e.request_id());
          case GH_TRACE: return raw(e.trace().parent);
          default: return {nullptr, 0};
        }
      },
      [](const gh_exchange* x) { return std::int32_t{Exchange::of(x).route}; },
      [](gh_exchange* x, gh_str name) { return raw(Exchange::of(x).header(view(name))); },
      [](const gh_exchange* x, std::size_t index, gh_str* name, gh_str* value) -> gh_status {
        const auto& fields = Exchange::of(x).head().fields;
        if (index >= fields.size()) return GH_ABSENT;
        if (name) *name = raw(fields[index].name);
        if (value) *value = raw(fields[index].value);
        return GH_OK;
      },
      [](gh_exchange* x, gh_str* out) -> gh_status {
        std::string_view body;
        const gh_status status = Exchange::of(x).body(body);
        if (status == GH_OK) *out = raw(body);
        return status;
      },
      [](gh_exchange* x, gh_json** out) -> gh_status { return Exchange::of(x).json(*out); },
      [](gh_exchange* x, int create) {
        return create ? Exchange::of(x).make_chat() : Exchange::of(x).chat();
      },
      [](gh_exchange* x) { return Exchange::of(x).notes(); },
      [](const gh_exchange* x) { return std::int32_t{Exchange::of(x).status}; },
      [](gh_exchange* x, std::int32_t status) {
        Exchange::of(x).status = std::clamp(status, 200, 599);
      },
      [](gh_exchange* x, gh_str name, gh_str value) -> gh_status {
        Exchange& e = Exchange::of(x);
        return (value.p ? e.set_header(view(name), view(value)) : e.remove_header(view(name)))
                   ? GH_OK
                   : GH_INVALID;
      },
      [](gh_exchange* x, const gh_failure* f) -> gh_status {
        const std::int64_t retry_after =
            GH_HAS(gh_failure, f, retry_after_ns) ? f->retry_after_ns : 0;
        return Exchange::of(x).fail({f->http_status, std::string(view(f->code)),
                                     std::string(view(f->message)), std::string(view(f->detail)),
                                     std::chrono::nanoseconds(retry_after),
                                     GH_HAS(gh_failure, f, flags) ? f->flags : 0});
      },
      [](const gh_exchange* x) { return Exchange::of(x).raw_failure(); },
      [](const gh_exchange* x) { return int(Exchange::of(x).client().begun()); },
      [](const gh_exchange* x) { return Exchange::of(x).cancelled(); },
      [](const gh_exchange* x) -> std::int64_t {
        const auto deadline = Exchange::of(x).waiter().deadline();
        return std::chrono::nanoseconds(deadline.time_since_epoch()).count();
      },
      [](gh_exchange* x) { return Exchange::of(x).client().flush(); },
      [](gh_exchange* x, gh_str bytes, std::int64_t interval) {
        Exchange::of(x).client().heartbeat(view(bytes), std::chrono::nanoseconds(interval));
      },
      [](gh_exchange* x, int (*wanted)(void*), void* self) {
        Exchange::of(x).client().outlive(
            wanted ? std::function<bool()>([wanted, self] { return wanted(self) != 0; }) : nullptr);
      },
  };
  return api;
}

}  // namespace gatehouse::core
