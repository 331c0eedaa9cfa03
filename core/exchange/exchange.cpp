#include "core/exchange/exchange.h"

#include <algorithm>
#include <atomic>
#include <random>

#include "core/exchange/turn.h"
#include "core/http/grammar.h"
#include "core/json/node.h"
#include "core/text/hex.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

const RequestHead kNoRequest{};

/// The client's X-Request-Id if it is safe in logs and headers, else a unique one.
std::string request_id_from(std::string_view given) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (!given.empty() && given.size() <= 64 && given.find_first_not_of(kAllowed) == given.npos)
    return std::string(given);
  static const unsigned process = std::random_device()();
  static std::atomic<unsigned> count{0};
  std::string id;
  id.reserve(17);
  append_hex(id, process, 8);
  id += '-';
  append_hex(id, count.fetch_add(1, std::memory_order_relaxed), 8);
  return id;
}

/// RFC 8259 8.1: JSON between systems is UTF-8; a charset parameter is accepted if it is utf-8.
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
  answer_headers_.reserve(12);  // as many as most responses have
  if (!head.method.empty()) trace_ = begin_span(header("traceparent"), header("tracestate"));
  set_header("X-Request-Id", request_id_);
}

Exchange::Exchange(const Exchange& parent, Client& client, Waiter& waiter)
    : head_(kNoRequest),
      client_(client),
      waiter_(waiter),
      request_id_(parent.request_id_),
      trace_(parent.trace_) {}

bool Exchange::set_trace(std::string_view traceparent) {
  if (!is_traceparent(traceparent)) return false;
  trace_.parent = traceparent;
  return true;
}

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
  if ((json_ || !json_error_.empty()) && !body_) return GH_ABSENT;
  if (const gh_status result = read_body(); result != GH_OK) return result;
  body_is_seen_ = true;
  out = *body_;
  return GH_OK;
}

gh_status Exchange::json(gh_json*& out) {
  if (!json_ && json_error_.empty()) {
    if (const gh_status result = parse_body(); result != GH_OK) return result;
  }
  if (!json_) {
    return fail({400,
                 "invalid_json",
                 "The request body is not valid JSON: " + std::string(json_error_) + ".",
                 {}});
  }
  out = json_;
  return GH_OK;
}

gh_status Exchange::parse_body() {
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
  // Copied only for a plugin that has a view of it: an image of 20 MB would be held twice.
  json_ = arena_.parse(body_is_seen_ ? *body_ : std::move(*body_), json_error_);
  if (!body_is_seen_) body_.reset();
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

void Exchange::set_caller(std::string_view tenant, std::string_view user, std::string_view key) {
  const auto keep = [this](std::string_view text) {
    return raw(text.empty() ? std::string_view() : arena_.copy(text));
  };
  caller_ = {sizeof caller_, 0, keep(tenant), keep(user), keep(key)};
}

void Exchange::outlive(std::function<bool()> wanted) {
  std::erase_if(wanted_, [this](const auto& one) { return one.first == frame; });
  if (wanted) wanted_.emplace_back(frame, std::move(wanted));
  if (wanted_.empty()) return client_.outlive({});
  client_.outlive([this] {
    return std::any_of(wanted_.begin(), wanted_.end(),
                       [](const auto& one) { return one.second(); });
  });
}

gh_status Exchange::fail(Failure failure) {
  failure.http_status = std::clamp(failure.http_status, 400, 599);
  failure_ = std::move(failure);
  is_blamed_ = false;
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

}  // namespace gatehouse::core
