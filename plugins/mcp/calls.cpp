/// Each call has a task, a thread beside the request's, which waits for the server. The thread of
/// the request starts at most kAtOnce of them, waits until one has ended, emits its result, and
/// starts the next. Calls whose result is no longer awaited, because the request ended or the
/// call timed out, are cancelled at their servers.
#include "calls.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "result.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAtOnce = 16;  // threads per request
constexpr auto kUntilWoken = 1h;     // any length: after it the state is checked
constexpr auto kCancelTimeout = 2s;  // to tell servers that calls are cancelled

/// A call on its server, and the task that waits for it.
class RunningCall {
 public:
  RunningCall(Host host, Call& call, const Waker& ended)
      : host_(host), call_(call), ended_waker_(ended) {}

  void start(Exchange& x) {
    began_ = host_.now();
    task_.emplace(host_, x, began_ + server().max_call_time(), *this);
    if (*task_) return;
    response_ = unavailable("There is no thread to call the tool.");
    end();
  }
  /// The task.
  void operator()(Exchange& x) {
    response_ = server().call(x, *call_.here->tool, call_.input, id_);
    end();
  }
  bool is_running() const { return task_ && !reported_; }
  bool has_ended() const { return is_running() && ended_; }

  /// Of a call that has ended: sets and emits its result.
  Status report(Exchange& x, Sink& out, Allowance& allowance) {
    reported_ = true;
    (void)task_->join(x);
    if (response_) {
      take_result(allowance);
      return out.emit(event::tool_output(call_.id, call_.result, GH_DYNAMIC));
    }
    take_failure(x, response_.error());
    return out.emit(event::tool_output_error(call_.id, call_.error, GH_DYNAMIC));
  }
  /// Of a call that is running while the request ends.
  void abandon(Exchange& x) {
    reported_ = true;
    (void)task_->join(x);
    unanswered_ = true;
    server().count("cancelled", host_.now() - began_);
  }
  /// The server is still working on it, though its result is no longer awaited.
  bool needs_cancel() const { return unanswered_ && id_ != 0; }
  void cancel(Exchange& x) const { server().cancel(x, id_); }

 private:
  Server& server() const { return *call_.here->server; }

  void take_result(Allowance& allowance) {
    const bool failed = response_->result()["isError"].boolean();
    server().count(failed ? "error" : "ok", host_.now() - began_);
    const std::size_t allowed = allowance.next();
    const bool fits = response_->bytes <= allowed;
    allowance.bytes_left -= fits ? response_->bytes : allowed;
    call_.document =
        fits ? std::move(response_->message) : cut_result(response_->result(), allowed);
    call_.result = fits ? call_.document->root()["result"] : call_.document->root();
  }
  void take_failure(const Exchange& x, const Status& status) {
    const Failure failure = status.failure();
    unanswered_ = !failure;
    server().count(unanswered_ ? "timeout" : "error", host_.now() - began_);
    log_failure(x, unanswered_ ? View("mcp_timeout") : failure.code());
    const std::string timeout_ms = std::to_string(server().call_timeout() / 1ms);
    call_.error = unanswered_ ? "The tool did not respond within " + timeout_ms + " ms."
                              : std::string(failure.message());
  }
  /// Without the reason, which may quote the arguments.
  void log_failure(const Exchange& x, View code) const {
    const Document fields;
    fields.root().edit("server").set(View(server().name()));
    fields.root().edit("tool").set(View(call_.here->tool->own_name));
    fields.root().edit("code").set(code);
    host_.log(GH_WARN, &x, "tool call failed", fields.root());
  }
  void end() {
    ended_ = true;
    ended_waker_.wake();
  }

  const Host host_;
  Call& call_;
  const Waker& ended_waker_;
  std::optional<Task> task_;
  std::chrono::nanoseconds began_{0};
  bool reported_ = false, unanswered_ = false;
  // Of the task, until it has ended.
  Result<Response> response_ = Status();
  std::int64_t id_ = 0;
  std::atomic<bool> ended_{false};
};

/// Servers are notified even if the client has left: they would continue their work.
void cancel(Host host, Exchange& x, const std::deque<RunningCall>& calls) {
  auto work = [&](Exchange& task) {
    for (const RunningCall& call : calls) {
      if (call.needs_cancel()) call.cancel(task);
    }
  };
  auto wanted = [] { return true; };
  const bool client_has_left = x.cancelled().code() == GH_STOP;
  const Share share(host);
  if (client_has_left) share.outlive(x, wanted);
  Task task(host, x, host.now() + kCancelTimeout, work);
  (void)task.join(x);
  if (client_has_left) share.end(x);
}

/// Until all calls have ended and are reported.
Status report_all(Exchange& x, Sink& out, std::deque<RunningCall>& calls, const Waker& ended,
                  Allowance& allowance) {
  std::size_t started = 0;
  for (std::size_t reported = 0; reported < calls.size();) {
    while (started < calls.size() && started - reported < kAtOnce) calls[started++].start(x);
    if (auto woken = ended.wait(x, kUntilWoken); !woken) return woken.error();
    for (RunningCall& call : calls) {
      if (!call.has_ended()) continue;
      if (Status status = call.report(x, out, allowance); !status) return status;
      ++reported;
    }
  }
  return Status();
}

}  // namespace

Status run_calls(Host host, Exchange& x, Sink& out, const std::vector<Call*>& calls,
                 Allowance& allowance) {
  const Waker ended(host);
  if (!ended) {
    return Fail{503, "overloaded", "The gateway cannot run a tool at the moment; try again.",
                "no descriptor is left"};
  }
  std::deque<RunningCall> running;
  for (Call* const call : calls) running.emplace_back(host, *call, ended);

  Status status = report_all(x, out, running, ended, allowance);
  for (RunningCall& call : running) {
    if (call.is_running()) call.abandon(x);
  }
  if (std::any_of(running.begin(), running.end(),
                  [](const RunningCall& call) { return call.needs_cancel(); }))
    cancel(host, x, running);
  return status;
}

void add_tool_result(MutableJson content, const Call& call) {
  MutableJson result = content.push();
  result.edit("type").set("tool-result");
  result.edit("id").set(View(call.id));
  result.edit("name").set(View(call.name));
  if (call.result) return write_result(result, call.result);
  result.edit("error").set(true);
  result.edit("output").set(View(call.error));
}

}  // namespace gatehouse::plugins::mcp
