/// A plugin for the tests of the pipeline: does what its configuration says, and leaves its name on
/// the request.
#include <poll.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>

#include "gatehouse/plugin.hpp"
#include "schema.h"

namespace {

using namespace gatehouse;

/// For responses that nobody gets.
struct Nowhere final : Sink {
  Status emit(Event) override { return Status(); }
};

class Probe final : public Plugin {
 public:
  Probe(Host host, Json config)
      : name_(host.instance()),
        task_(config["do"].str()),
        place_(config["in"].str()),
        status_(static_cast<int>(config["status"].integer())) {
    if (config["route"]) route_ = host.route("GET", config["route"].str());
    if (config["admin"]) {
      admin_route<&Probe::administer>(host, this, "GET", config["admin"].str(), "What it did");
    }
    if (const View place = config["around"].str(); !place.empty())
      around<&Probe::surround>(host, place == "chats" ? GH_AROUND_CHATS : GH_AROUND_MODELS, this);
    for (const auto& [path, header] : config["failures"].members())
      render_failures<&Probe::render>(host, path, header.str(), this);
    if (config["openapi"]) OpenApi(host).describe(config["openapi"].str());
    if (place_ == "constructor") harm();
    if (place_ == "background") background<&Probe::work>(host, this);
    if (config["warning"]) host.warning("/warning", config["warning"].str());
    if (config["problem"]) host.problem("/problem", config["problem"].str());
  }

  Status handle(Exchange& x, Sink& out, Next& next) override {
    ++calls_;
    x.notes().edit("names").push().set(name_);
    if (task_ == "answer") return answer(x, out);
    if (task_ == "fail") return Fail{503, "probe_failed", "The probe failed.", name_};
    if (task_ == "stop") return Status(GH_STOP);
    if (is_faulty()) return fault();
    if (place_ == "handle") harm();
    if (task_ == "make-chat") x.make_chat().edit("model").set("m1");
    Nowhere nowhere;
    if (task_ == "call-twice") (void)next(x, nowhere);
    Status status = next(x, out);
    if (task_ == "call-after-the-end") status = next(x, out);
    return status;
  }

  void adopt(Probe& older) { calls_ = older.calls_; }

  Status administer(Exchange& x, Sink& out) {
    if (is_faulty()) return fault();
    return x.reply(out, 200, "text/plain", std::to_string(calls_) + " administered");
  }

  std::string render(Exchange& x, const Failure& failure) const {
    x.set_header("X-Written-By", name_);
    if (task_ == "throw") throw std::runtime_error("thrown by a test");
    return name_ + ": " + std::string(failure.code());
  }

  Status surround(Exchange& x, Sink& out, Next& next) {
    x.notes().edit("names").push().set(View(name_ + "'"));
    if (task_ == "throw-around") throw std::runtime_error("thrown by a test");
    return task_ == "fail-around" ? Status(GH_FAILED) : next(x, out);
  }

 private:
  void work(Exchange&) { harm(); }
  /// What no plugin may do to the process.
  void harm() const {
    if (task_ == "crash") {
      // Of the kernel: some machines have memory at address 0.
      volatile int* const nowhere = reinterpret_cast<int*>(std::intptr_t{-4096});
      *nowhere = 1;
    }
    if (task_ == "abort") std::abort();
    if (task_ == "overflow") (void)overflow(1);
    if (task_ == "block") ::poll(nullptr, 0, 30'000);  // longer than any test
  }
  static int overflow(int depth) {
    volatile char page[4096] = {};
    page[depth % 4096] = 1;
    return overflow(depth + 1) + page[depth % 4096];
  }
  bool is_faulty() const {
    return task_ == "fail-silently" || task_ == "do-nothing" || task_ == "throw";
  }
  /// What no plugin may do.
  Status fault() const {
    if (task_ == "throw") throw std::runtime_error("thrown by a test");
    return task_ == "fail-silently" ? Status(GH_FAILED) : Status();
  }
  /// The names of the plugins that the request met, this one's number of calls, and whether the
  /// request is for it.
  Status answer(Exchange& x, Sink& out) const {
    std::string text;
    for (const Json name : x.notes()["names"]) text.append(name.str()).append(" ");
    return x.reply(
        out, status_, "text/plain",
        text + std::to_string(calls_) + (route_ != -1 && x.route() == route_ ? " mine" : ""));
  }

  const std::string name_, task_, place_;
  const int status_;  // of answers
  int route_ = -1;
  int calls_ = 0;  // tests run one request at a time
};

}  // namespace

GATEHOUSE_PLUGIN(Probe, PROBE_NAME, "1.0.0", "Does what a test says", GATEHOUSE_SCHEMA, PROBE_FLAGS)
