// gatehouse/testing.h: the harness for tests that are not in C++. A request is read from JSON, and
// what came of it is written to one JSON document, in which gh_test_at() looks things up: so the
// interface has four functions, whatever the harness offers.
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/testing/state.h"
#include "gatehouse/testing.h"

using namespace gatehouse;
using namespace gatehouse::testing;

struct gh_test {
  Harness harness;
  std::unique_ptr<Plugin> plugin;
  std::optional<Document> seen;
  std::deque<std::string> texts;  // that gh_test_at() has returned
};

namespace {

using std::chrono::milliseconds;

std::int64_t in_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<milliseconds>(time).count();
}

// ---- The request

Headers headers_of(Json object) {
  Headers headers;
  for (const auto& [name, value] : object.members()) headers.emplace_back(name, value.str());
  return headers;
}

Fail failure_of(Json json) {
  Fail fail{int(json["status"].integer(500)), std::string(json["code"].str("failed")),
            std::string(json["message"].str("Failed.")), std::string(json["detail"].str())};
  if (json["transient"].boolean()) fail.flags = GH_FAIL_TRANSIENT;
  return fail;
}

NextFunction next_of(Json calls) {
  std::vector<NextFunction> functions;
  for (const Json call : calls) {
    Events lines;
    for (const Json line : call) lines.emplace_back(line.str());
    functions.push_back(call.is_array() ? events(lines) : fails(failure_of(call)));
  }
  return functions.empty() ? end_of_pipeline() : in_turn(std::move(functions));
}

Reply reply_of(Json json) {
  std::vector<std::string> data;
  for (const Json event : json["sse"]) data.emplace_back(event.str());
  const int status = int(json["status"].integer(200));
  Reply r = json["sse"] ? sse(data) : reply(status, std::string(json["body"].str()));
  for (auto& header : headers_of(json["headers"])) r.headers.push_back(std::move(header));
  return json["broken"].boolean() ? broken(std::move(r)) : r;
}

Request request_of(Json json) {
  const bool sends = json["body"] || json["chat"];
  Request r(std::string(json["method"].str(sends ? "POST" : "GET")), json["target"].str("/"));
  r.headers = headers_of(json["headers"]);
  r.body = json["body"].str();
  if (json["body"] && !has(r.headers, "Content-Type"))
    r.headers.emplace_back("Content-Type", "application/json");
  if (json["chat"]) r.chat = json["chat"].dump();
  const Json caller = json["caller"];
  r.caller = {std::string(caller["tenant"].str()), std::string(caller["user"].str()),
              std::string(caller["key"].str())};
  if (json["leaves_after"]) r.leaves_after = std::size_t(json["leaves_after"].integer());
  return r;
}

void prepare(Harness& h, Json json) {
  h.advance(milliseconds(json["advance_ms"].integer()));
  for (const auto& [key, value] : json["store"].members()) {
    h.store[std::string(key)] = value.str();
  }
  h.store_down = json["store_down"].boolean(h.store_down);
  h.next = next_of(json["next"]);
  for (const Json r : json["upstream"]) h.upstream.push(reply_of(r));
}

Answer run(gh_test& t, Json json) {
  const Request r = request_of(json);
  if (json["admin"].boolean())
    return t.harness.admin(*t.plugin, r.method, json["target"].str("/"), r.body);
  if (!json["background"]) return t.harness.run(*t.plugin, r);
  t.harness.run_background(std::size_t(json["background"].integer()),
                           std::size_t(json["waits"].integer()));
  return {};
}

// ---- What came of it

template <class List>
void write_list(MutableJson into, const List& list) {
  into.set_array();
  for (const auto& element : list) into.push().set(element);
}

template <class Map>
void write_map(MutableJson into, const Map& map) {
  into.set_object();
  for (const auto& [key, value] : map) into.edit(key).set(value);
}

void write_answer(MutableJson into, const Answer& a) {
  into.edit("status").set(a.status);
  into.edit("headers").set_object();
  for (const auto& header : a.headers)
    into.edit("headers").edit(header.first).set(a.header(header.first));
  into.edit("body").set(a.body);
  into.edit("text").set(a.text);
  write_list(into.edit("events"), a.events);
  into.edit("notes").set(parse(a.notes.empty() ? "{}" : a.notes).root());
  write_map(into.edit("caller"),
            Headers{{"tenant", a.caller.tenant}, {"user", a.caller.user}, {"key", a.caller.key}});
  if (a.failure.http_status == 0) return;
  MutableJson failure = into.edit("failure");
  failure.edit("status").set(a.failure.http_status);
  failure.edit("code").set(a.failure.code);
  failure.edit("message").set(a.failure.message);
  failure.edit("detail").set(a.failure.detail);
  failure.edit("retry_after_ms").set(in_ms(a.failure.retry_after));
}

void write_upstream(MutableJson into, const Upstream& upstream) {
  into.set_array();
  for (const auto& sent : upstream.requests) {
    MutableJson one = into.push();
    one.edit("method").set(sent.method);
    one.edit("path").set(sent.path);
    write_map(one.edit("headers"), sent.headers);
    one.edit("body").set(sent.body);
  }
}

void write_harness(MutableJson into, const Harness& h) {
  write_list(into.edit("problems"), h.problems);
  write_list(into.edit("warnings"), h.warnings);
  write_list(into.edit("routes"), h.routes);
  write_list(into.edit("logs"), h.logs);
  into.edit("health").set(h.health);
  std::vector<std::int64_t> sleeps;
  for (const auto sleep : h.sleeps) sleeps.push_back(in_ms(sleep));
  write_list(into.edit("sleeps_ms"), sleeps);
  into.edit("next_calls").set(h.next_calls);
  MutableJson chats = into.edit("chats");
  chats.set_array();
  for (const auto& chat : h.chats) chats.push().set(parse(chat).root());
  write_upstream(into.edit("upstream"), h.upstream);
  write_map(into.edit("metrics"), h.metrics);
  write_map(into.edit("store"), h.store);
}

/// Calls work(seen), which writes to a new document, and adds what the harness has recorded.
template <class F>
int record(gh_test& t, F work) {
  t.texts.clear();
  MutableJson seen = t.seen.emplace().root();
  int result = 0;
  try {
    work(seen);
  } catch (const std::exception& e) {
    seen.edit("error").set(View(e.what()));
    result = -1;
  }
  write_harness(seen, t.harness);
  return result;
}

/// RFC 6901 4.
std::string unescaped(View token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool is_escape = token[i] == '~' && i + 1 < token.size();
    if (!is_escape) {
      out += token[i];
    } else {
      out += token[++i] == '1' ? '/' : '~';
    }
  }
  return out;
}

Json find(Json at, View pointer) {
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const View token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    const bool is_index =
        at.is_array() && !token.empty() && token.find_first_not_of("0123456789") == View::npos;
    at = is_index ? at.at(std::stoul(std::string(token))) : at[unescaped(token)];
  }
  return at;
}

}  // namespace

extern "C" {

gh_test* gh_test_open(const gh_plugin* plugin, const char* config) {
  static std::mutex mutex;  // the first harness of a process sets what all share
  const std::lock_guard lock(mutex);
  auto* const t = new gh_test;
  t->harness.be_strict();
  (void)record(*t, [&](MutableJson) {
    t->plugin = State::create(t->harness, *plugin, config);
    if (!t->harness.problems.empty()) throw std::invalid_argument(t->harness.problems.front());
  });
  return t;
}

int gh_test_run(gh_test* t, const char* request) {
  return record(*t, [&](MutableJson seen) {
    if (!t->plugin) throw std::logic_error("there is no instance: look at /error after open");
    const Document json = parse(request);
    prepare(t->harness, json.root());
    write_answer(seen, run(*t, json.root()));
  });
}

const char* gh_test_at(gh_test* t, const char* pointer) {
  const Json found = find(t->seen->root(), pointer);
  if (!found) return nullptr;
  return t->texts.emplace_back(found.is_string() ? std::string(found.str()) : found.dump()).c_str();
}

void gh_test_close(gh_test* t) { delete t; }

}  // extern "C"
