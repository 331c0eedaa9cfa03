#include "access_log.h"

#include <algorithm>
#include <cmath>

#include "schema.h"

namespace gatehouse {
namespace {

constexpr std::size_t kMaxPathBytes = 2048;  // of a path in a log line; the server takes longer ones

/// Passes an answer on and keeps the time of its first event.
class FirstEvent final : public Sink {
 public:
  FirstEvent(Sink& out, Host host) : out_(out), host_(host) {}

  Status emit(Event event) override {
    if (!at_) at_ = host_.now();
    return out_.emit(event);
  }
  std::optional<std::chrono::nanoseconds> at() const { return at_; }

 private:
  Sink& out_;
  const Host host_;
  std::optional<std::chrono::nanoseconds> at_;
};

bool is_extension_id(View text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool is_hex(View text) { return text.find_first_not_of("0123456789abcdef") == View::npos; }
bool is_zero(View text) { return text.find_first_not_of('0') == View::npos; }

/// The trace that the request is part of: W3C Trace Context, traceparent of version 00. Any other is ignored, as if it were not there.
void add_trace(MutableJson fields, View traceparent) {
  constexpr View kForm = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  if (traceparent.size() != kForm.size() || traceparent.substr(0, 3) != "00-" || traceparent[35] != '-' || traceparent[52] != '-') return;
  const View trace = traceparent.substr(3, 32), parent = traceparent.substr(36, 16), flags = traceparent.substr(53);
  if (!is_hex(trace) || is_zero(trace) || !is_hex(parent) || is_zero(parent) || !is_hex(flags)) return;
  fields.edit("trace_id").set(trace);
  fields.edit("parent_id").set(parent);
}

/// Milliseconds with one decimal.
double rounded_ms(std::chrono::nanoseconds time) { return std::round(std::chrono::duration<double, std::milli>(time).count() * 10) / 10; }

}  // namespace

Status AccessLog::handle(Exchange& x, Sink& out, Next& next) {
  const auto started = host_.now();
  const View path = x.path().substr(0, kMaxPathBytes);
  const std::string request = std::string(x.method()).append(" ").append(path);

  const Document document;
  MutableJson fields = document.root();
  fields.edit("method").set(x.method());
  fields.edit("path").set(path);
  fields.edit("peer").set(x.peer());
  // What a client claims without the right form is not worth a line; extension-auth refuses it.
  if (const View id = x.header("X-Extension-ID"); is_extension_id(id)) fields.edit("extension_id").set(id);
  add_trace(fields, x.header("traceparent"));
  host_.log(GH_INFO, &x, "→ " + request, fields);

  FirstEvent answer(out, host_);
  Status status = next(x, answer);

  const gh_failure* failure = status.code() == GH_FAILED ? x.failure() : nullptr;
  const int code = code_of(x, status);
  fields.edit("status").set(code);
  fields.edit("ms").set(rounded_ms(host_.now() - started));
  if (answer.at()) fields.edit("ttfb_ms").set(rounded_ms(*answer.at() - started));
  if (failure) {
    fields.edit("code").set(view(failure->code));
    if (failure->detail.n) fields.edit("detail").set(view(failure->detail));
  }
  for (const auto [key, value] : x.notes().members()) {
    if (!fields[key]) fields.edit(key).set(value);
  }

  std::string message = status && code < 400 ? "← " : "✗ ";
  message.append(std::to_string(code)).append(" ").append(request);
  if (status.code() == GH_STOP) message.append(" client left");
  if (status.code() == GH_CANCELLED) message.append(" cancelled");
  const bool ours = status.code() == GH_CANCELLED || (failure ? failure->http_status : code) >= 500;
  host_.log(ours ? GH_ERROR : GH_INFO, &x, message, fields);
  return status;
}

/// What the client got.
int AccessLog::code_of(const Exchange& x, const Status& status) const {
  if (status || x.committed()) return x.status();
  if (const gh_failure* failure = status.code() == GH_FAILED ? x.failure() : nullptr) return failure->http_status;
  if (status.code() == GH_STOP) return 499;  // nothing: it has left. As nginx logs it
  return x.deadline() <= host_.now() ? 504 : 503;
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::AccessLog, "access-log", "1.0.0", "One log line per request and one per answer", GATEHOUSE_SCHEMA, 0)
