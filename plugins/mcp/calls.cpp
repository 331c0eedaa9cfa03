#include "calls.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "result.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAtOnce = 16;  // threads: a model that calls more has the others wait
constexpr auto kUntilWoken = 1h;     // of any length
constexpr auto kLastWords = 2s;      // to tell servers that nobody waits any more

/// A call on its server, and the task that waits for it.
class Running {
 public:
  Running(Host host, Call& call, const Waker& ended)
      : host_(host), call_(call), ended_waker_(ended) {}

  void start(Exchange& x) {
    began_ = host_.now();
    task_.emplace(host_, x, began_ + server().max_call_time(), *this);
    if (*task_) return;
    result_ = unavailable("There is no thread to call the tool.");
    end();
  }
  /// The task.
  void operator()(Exchange& x) {
    result_ = server().call(x, *call_.here->tool, call_.input, id_);
    end();
  }
  bool is_running() const { return task_ && !told_; }
  bool has_ended() const { return is_running() && ended_; }

  /// Of a call that has ended.
  Status tell(Exchange& x, Sink& out, Allowance& allowance) {
    told_ = true;
    (void)task_->join(x);
    if (result_) {
      const bool failed = result_->result()["isError"].boolean();
      server().count(failed ? "error" : "ok", host_.now() - began_);
      const std::size_t allowed = allowance.next();
      const bool fits = result_->bytes <= allowed;
      allowance.bytes_left -= fits ? result_->bytes : allowed;
      call_.document = fits ? std::move(result_->message) : cut_result(result_->result(), allowed);
      call_.result = fits ? call_.document->root()["result"] : call_.document->root();
      return out.emit(event::tool_output(call_.id, call_.result, GH_DYNAMIC));
    }
    const Status status = result_.error();
    unanswered_ = !status.failure();
    server().count(unanswered_ ? "timeout" : "error", host_.now() - began_);
    tell_operator(x, unanswered_ ? View("mcp_timeout") : status.failure().code());
    call_.error = unanswered_ ? "The tool did not respond within " +
                                    std::to_string(server().call_timeout() / 1ms) + " ms."
                              : std::string(status.failure().message());
    return out.emit(event::tool_output_error(call_.id, call_.error, GH_DYNAMIC));
  }
  /// Of a call that is running while the request ends.
  void abandon(Exchange& x) {
    told_ = true;
    (void)task_->join(x);
    unanswered_ = true;
    server().count("cancelled", host_.now() - began_);
  }
  /// Nobody waits any more, and its server does not know.
  bool is_unanswered() const { return unanswered_ && id_ != 0; }
  void cancel(Exchange& x) const { server().cancel(x, id_); }

 private:
  Server& server() const { return *call_.here->server; }
  /// Not why it failed: that may repeat what the model asked.
  void tell_operator(const Exchange& x, View code) const {
    Document fields;
    fields.root().edit("server").set(View(server().name()));
    fields.root().edit("tool").set(View(call_.here->tool->own_name));
    fields.root().edit("code").set(code);
    host_.log(GH_WARN, &x, "a tool call failed", fields.root());
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
  bool told_ = false, unanswered_ = false;
  // Of the task, until it has ended.
  Result<Response> result_ = Status();
  std::int64_t id_ = 0;
  std::atomic<bool> ended_{false};
};

/// Servers are told even if the client has left: they would go on working.
void cancel(Host host, Exchange& x, const std::deque<Running>& calls) {
  auto work = [&](Exchange& task) {
    for (const Running& call : calls) {
      if (call.is_unanswered()) call.cancel(task);
    }
  };
  auto wanted = [] { return true; };
  const bool client_has_left = x.cancelled().code() == GH_STOP;
  const Share share(host);
  if (client_has_left) share.outlive(x, wanted);
  Task task(host, x, host.now() + kLastWords, work);
  (void)task.join(x);
  if (client_has_left) share.end(x);
}

}  // namespace

Status run_calls(Host host, Exchange& x, Sink& out, const std::vector<Call*>& calls,
                 Allowance& allowance) {
  const Waker ended(host);
  if (!ended)
    return Fail{503, "overloaded", "The gateway cannot run a tool at the moment; try again.",
                "no descriptor is left"};
  std::deque<Running> running;
  for (Call* const call : calls) running.emplace_back(host, *call, ended);

  Status status;
  std::size_t started = 0;
  for (std::size_t told = 0; status && told < running.size();) {
    while (started < running.size() && started - told < kAtOnce) running[started++].start(x);
    if (auto woken = ended.wait(x, kUntilWoken); !woken) status = woken.error();
    for (Running& call : running) {
      if (!status || !call.has_ended()) continue;
      status = call.tell(x, out, allowance);
      ++told;
    }
  }
  for (Running& call : running) {
    if (call.is_running()) call.abandon(x);
  }
  if (std::any_of(running.begin(), running.end(),
                  [](const Running& call) { return call.is_unanswered(); }))
    cancel(host, x, running);
  return status;
}

void add_tool_result(MutableJson content, const Call& call) {
  MutableJson answer = content.push();
  answer.edit("type").set("tool-result");
  answer.edit("id").set(View(call.id));
  answer.edit("name").set(View(call.name));
  if (call.result) {
    write_result(answer, call.result);
  } else {
    answer.edit("error").set(View(call.error));
  }
}

}  // namespace gatehouse::plugins::mcp
