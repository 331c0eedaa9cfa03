#include "core/testing/trial.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/testing/apart.h"
#include "core/testing/state.h"
#include "gatehouse/testing.hpp"

// The child process creates an instance in the strict harness (core/testing) and sends scripted
// requests through it: the harness throws at the first rule that one of them breaks. It reports
// each finding as a line of JSON. The parent adds what the child cannot report: crashes, hangs, and
// how long each phase took.

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;
using testing::Answer;
using testing::Harness;
using testing::Request;

// Each is a matter of milliseconds: the harness has no network, and its clock does not wait.
constexpr milliseconds kLimit{5000};
constexpr milliseconds kSlow{1000};

struct Rule {
  std::string_view text;  // a part of what the harness reports
  const char* code;
  const char* remedy;
};
constexpr Rule kRules[] = {
    {"success without a response", "no_response", "emit an event, call next, or return a failure"},
    {"without a finished step", "incomplete_response",
     "emit step-finish before success is returned, or return a failure"},
    {"is not an event of a model", "bytes_below_chat",
     "emit text events, or leave out GH_PLUGIN_CHAT"},
    {"above the ingress plugin", "events_above_chat",
     "emit bytes, or declare GH_PLUGIN_CHAT to be called below the ingress plugin only"},
    {"without a failure", "failure_without_reason",
     "return a Fail, or call fail() of the exchange before GH_FAILED is returned"},
    {"another thread", "wrong_thread",
     "use an exchange on the thread of its handle() only; a Task has an exchange of its own"},
    {"next after the end", "next_after_end",
     "call next only as long as the response has not ended"},
    {"after emit returned GH_STOP", "ignores_stop",
     "return the status of emit() at once when it is not GH_OK"},
    {"notes", "notes_replaced", "edit members of the notes: x.notes().edit(\"name\").set(value)"},
};
constexpr Rule kGrammar = {"", "event_grammar", "keep the order of events in abi/event.h"};

const Rule& rule_of(const std::string& text) {
  const auto* const found = std::find_if(std::begin(kRules), std::end(kRules), [&](const Rule& r) {
    return text.find(r.text) != text.npos;
  });
  return found == std::end(kRules) ? kGrammar : *found;
}

constexpr char kChat[] = R"({"model": "check", "messages": [
    {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]})";
// Of the AI SDK and of the OpenAI API alike: an ingress takes one of them.
constexpr char kBody[] = R"({"model": "check", "messages": [{"id": "1", "role": "user",
    "content": "Hello", "parts": [{"type": "text", "text": "Hello"}]}]})";

testing::Events model_response() {
  return {R"(response:{"id":"1","model":"check"})",
          "step-start",
          "reasoning:Hm.",
          "text:Hello",
          "text: world",
          "tool-input-start:c:check",
          "tool-input-delta:c:{}",
          "tool-call:c:check:{}",
          R"(usage:{"input_tokens":1,"output_tokens":2,"total_tokens":3})",
          "step-finish:tool-calls"};
}

constexpr char kOtherChat[] = R"({"model": "check", "messages": [
    {"role": "user", "content": [{"type": "text", "text": "Good morning"}]}]})";
constexpr std::string_view kMeanwhile = " while another one waits";

/// Responds as a model where there is a chat, as another plugin above it.
Status respond(Exchange& x, Sink& out) {
  return testing::emit(out,
                       x.chat() ? model_response() : testing::Events{"bytes+last:Hello world"});
}

/// Views of events are overwritten with bytes that are not UTF-8 when emit() has returned, and
/// those of the configuration when create() has. JSON text has U+FFFD in their place.
bool has_rubbish(const std::string& text) {
  return text.find("\xDB\xDB") != text.npos || text.find("\uFFFD\uFFFD") != text.npos;
}

class Session {
 public:
  Session(PluginFile& file, std::string config, Report& report)
      : file_(file), config_(std::move(config)), report_(report) {}

  void create() {
    report_.begin("load");
    try {
      code_ = file_.load();
      flags_ = code_->flags;
    } catch (const std::runtime_error& e) {
      return add("error", "load", "load", e.what(), "");
    }
    report_.add(Json{{"flags", flags_}}.dump());
    report_.begin("create");
    harness_.be_strict();
    try {
      plugin_ = harness_.load(file_.path(), config_);
    } catch (const std::invalid_argument& e) {
      add("warning", "not_tried", "create", e.what(),
          "name a valid configuration with --config to try the plugin");
    } catch (...) {
      add("error", "constructor_threw", "create", "an exception left create()",
          "catch it, and report it with host->problem()");
    }
    if (plugin_) report_creation();
  }

  void serve() {
    if (!is_created_) return;
    if ((flags_ & GH_PLUGIN_CHAT) != 0) {
      serve_chats();
    } else {
      serve_requests();
    }
    for (const std::string& route : std::vector<std::string>(harness_.routes)) serve_route(route);
    report_.begin("destroy");
    plugin_.reset();
  }

 private:
  void add(const char* severity, const char* code, const std::string& where,
           const std::string& text, const std::string& remedy) {
    report_.add(Json{
        {"severity", severity},
        {"code", code},
        {"where", where},
        {"text", text},
        {"remedy",
         remedy}}.dump(-1, ' ', true, Json::error_handler_t::replace));
  }

  void add_problem(const std::string& problem) {
    const auto has = [&](const char* text) { return problem.find(text) != problem.npos; };
    const std::string text = "the plugin reports the problem " + problem;
    if (has("the constructor threw")) {
      add("error", "constructor_threw", "create", text,
          "catch the exception, and report it with host.problem() and its place");
    } else if (has("reported no problem")) {
      add("error", "silent_failure", "create", text,
          "call problem() of the host with the place and the remedy before create() fails");
    } else {
      add("warning", "not_tried", "create", text,
          "name a configuration that it accepts with --config");
    }
  }
  void report_creation() {
    for (const std::string& problem : harness_.problems) add_problem(problem);
    is_created_ = harness_.problems.empty();
    const auto& state = testing::State::of(harness_.host().raw_host());
    report_.add(Json{{"created", is_created_},
                     {"routes", harness_.routes},
                     {"admin_routes", harness_.admin_routes},
                     {"extensions", state.extensions}}
                    .dump());
  }

  void serve_chats() {
    Request chat("POST", "/api/chat");
    chat.chat = kChat;
    send("a chat", chat, respond);
    Request other = chat;
    other.chat = kOtherChat;  // a plugin may let those who send the same wait for each other
    send_beside("a chat", chat, other);
    send_to_leaving_client("a chat", chat);
    send_failing("a chat", chat);
  }
  void serve_requests() {
    const Request request("GET", "/gatehouse-check");
    send("a request", request, respond);
    send_beside("a request", request, request);
    send_to_leaving_client("a request", request);
    send_failing("a request", request);
  }
  void serve_route(const std::string& route) {
    std::string path = route.substr(route.find(' ') + 1);
    if (const auto star = path.find('*'); star != path.npos) path.replace(star, 1, "check");
    Request request(route.substr(0, route.find(' ')), path);
    request.headers = {{"Content-Type", "application/json"}};
    if (request.method != "GET") request.body = kBody;
    send(route, request, respond);
    send_beside(route, request, request);
  }

  /// `other` runs whenever the host may wait for `request`.
  void send_beside(const std::string& what, const Request& request, const Request& other) {
    if ((flags_ & GH_PLUGIN_BLOCKS) != 0) return;  // each has a thread of its own
    auto& meanwhile = testing::State::of(harness_.host().raw_host()).meanwhile;
    meanwhile = [&] {
      try {
        (void)harness_.run(*plugin_, other);
      } catch (const std::logic_error&) {  // found without another request as well
      }
    };
    send(std::string(what).append(kMeanwhile), request, respond);
    meanwhile = nullptr;
  }

  Answer send(const std::string& where, const Request& request, testing::NextFunction next) {
    report_.begin(where);
    harness_.next = std::move(next);
    harness_.logs.clear();
    Answer answer;
    try {
      answer = harness_.run(*plugin_, request);
      check(where, answer);
    } catch (const std::logic_error& e) {
      const std::string text = e.what();
      const Rule& rule = rule_of(text);
      add("error", rule.code, where, text, rule.remedy);
    }
    return answer;
  }
  void check(const std::string& where, const Answer& a) {
    std::string seen = a.notes + a.body + a.text + a.failure.message + a.failure.detail;
    for (const auto& [name, value] : a.headers) seen += value;
    for (const std::string& line : harness_.logs) seen += line;
    if (has_rubbish(seen)) {
      add("error", "kept_view", where,
          "a view of an event or of the configuration was read after its life",
          "copy what is kept: views of an event live until emit() returns, those of the "
          "configuration until create() does");
    }
    if (a.failure.code == "plugin_error") {
      add("error", "plugin_error", where, "the plugin failed: " + a.failure.detail,
          "catch the exception, and return a Fail with a code of its own");
    }
  }

  /// The client leaves after the first event: what emits must learn of it.
  void send_to_leaving_client(const std::string& what, Request request) {
    const std::string where = what + " whose client leaves";
    request.leaves_after = 1;
    bool goes_on = false;
    send(where, request, [&goes_on](Exchange& x, Sink& out) -> Status {
      constexpr int kMany = 1000;  // a plugin may hold some events back
      if (x.chat()) {
        if (Status s = out.emit(event::step_start()); !s) return s;
      }
      for (int i = 0; i < kMany; ++i) {
        const gh_event e = x.chat() ? event::text("Hello world ") : event::bytes("Hello world ");
        if (Status s = out.emit(e); !s) return s;
      }
      goes_on = true;
      return Status(GH_STOP);
    });
    if (!goes_on) return;
    add("error", "ignores_stop", where,
        "the sink that the plugin passed to next() accepted 1000 events after the client had left",
        "return the status of emit() from your own sink");
  }

  void send_failing(const std::string& what, const Request& request) {
    const std::string where = what + " that the rest of the pipeline fails";
    const int calls = harness_.next_calls;
    const Answer a =
        send(where, request, testing::fails({503, "overloaded", "Try again.", {}, {}, 0}));
    if (harness_.next_calls == calls || a.code != GH_OK || !a.events.empty()) return;
    add("error", "swallows_failure", where,
        "next() failed, and handle() returned success without a response",
        "return the status of next() as it came");
  }

  PluginFile& file_;
  std::shared_ptr<const gh_plugin> code_;
  const std::string config_;
  Report& report_;
  std::uint32_t flags_ = 0;
  Harness harness_;
  std::unique_ptr<Plugin> plugin_;
  bool is_created_ = false;
};

void add_lines(const Apart& apart, Trial& trial) {
  for (const std::string& line : apart.lines) {
    const Json json = Json::parse(line);
    if (json.contains("flags")) {
      trial.creation.flags = json["flags"];
    } else if (json.contains("created")) {
      trial.creation = {trial.creation.flags, json["created"], json["routes"], json["admin_routes"],
                        json["extensions"]};
    } else {
      trial.findings.push_back(
          {json["severity"], json["code"], json["where"], json["text"], json["remedy"]});
    }
  }
}

/// What the parent alone knows of the last phase.
void add_fault(const Apart& apart, Trial& trial) {
  if (apart.fault.empty()) return;
  const std::string phase = apart.phases.empty() ? "load" : apart.phases.back().name;
  const bool hangs = apart.fault.find("did not return") == 0;
  if (hangs && phase.ends_with(kMeanwhile)) {
    trial.findings.push_back(
        {"error", "lock_across_wait", phase, "the plugin " + apart.fault,
         "hold no lock across next(), emit() and other functions of the host that may wait: "
         "another request on the same thread would wait for it for ever"});
    return;
  }
  const char* const of_load =
      "look at its static objects and its functions with __attribute__((constructor))";
  const char* const of_call = hangs ? "wait in functions of the host only, and bound every loop"
                                    : "run its unit tests with -fsanitize=address,undefined";
  trial.findings.push_back({"error", hangs ? "hangs" : "crash", phase, "the plugin " + apart.fault,
                            phase == "load" ? of_load : of_call});
}

void add_slow_phases(const Apart& apart, Trial& trial) {
  for (const Apart::Phase& phase : apart.phases) {
    const bool is_last = &phase == &apart.phases.back();
    if (phase.took < kSlow || (is_last && !apart.fault.empty())) continue;
    const bool is_life = phase.name == "load" || phase.name == "create" || phase.name == "destroy";
    if (!is_life && (trial.creation.flags & GH_PLUGIN_BLOCKS) != 0) continue;
    trial.findings.push_back(
        {is_life ? "warning" : "error", is_life ? "slow" : "blocks", phase.name,
         "it took " + std::to_string(phase.took.count()) + " ms",
         is_life ? "start and every reload wait for it: move the work to a background task"
                 : "wait in functions of the host only (sleep, Http, Store, Waker), or declare "
                   "GH_PLUGIN_BLOCKS"});
  }
}

Trial run(PluginFile& file, const std::string& config, bool serves) {
  const Apart apart = run_apart(
      [&](Report& report) {
        Session session(file, config, report);
        session.create();
        if (serves) session.serve();
      },
      kLimit);
  Trial trial;
  add_lines(apart, trial);
  add_fault(apart, trial);
  if (serves) add_slow_phases(apart, trial);
  return trial;
}

}  // namespace

void to_json(Json& out, const Finding& f) {
  out = {{"severity", f.severity},
         {"code", f.code},
         {"where", f.where},
         {"text", f.text},
         {"remedy", f.remedy}};
}

Trial try_to_create(PluginFile& file, const std::string& config) {
  return run(file, config, false);
}

Trial try_to_serve(PluginFile& file, const std::string& config) { return run(file, config, true); }

}  // namespace gatehouse::core
