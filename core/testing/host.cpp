#include <functional>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>

#include "core/config/schema.h"
#include "core/host/tables.h"
#include "core/json/json.h"
#include "core/testing/exchange.h"

namespace gatehouse::testing {

std::int32_t admin_id(std::size_t index) {
  return -2 - static_cast<std::int32_t>(index);  // neither that of a route nor -1
}

namespace {

void report(const gh_host* host, gh_json* into) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  MutableJson(into).set(parse(s.harness.status).root());
}
void metrics(const gh_host* host, void* to, void (*append)(void* to, gh_str text)) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  for (const auto& [series, value] : s.harness.metrics) {
    const Document number;
    number.root().set(value);
    append(to, raw(series + " " + number.root().dump() + "\n"));
  }
}
void timing(const gh_host* host, const gh_exchange*, void* to,
            void (*append)(void* to, gh_str text)) {
  append(to, raw(State::of(host).harness.timing));
}

void problem(const gh_host* host, gh_str pointer, gh_str message) {
  const std::lock_guard lock(State::of(host).mutex);
  State::of(host).harness.problems.push_back(
      std::string(view(pointer)).append(": ").append(view(message)));
}
void warning(const gh_host* host, gh_str pointer, gh_str message) {
  const std::lock_guard lock(State::of(host).mutex);
  State::of(host).harness.warnings.push_back(
      std::string(view(pointer)).append(": ").append(view(message)));
}
std::int32_t route(const gh_host* host, gh_str method, gh_str path) {
  const std::lock_guard lock(State::of(host).mutex);
  State::of(host).harness.routes.push_back(
      std::string(view(method)).append(" ").append(view(path)));
  return static_cast<std::int32_t>(State::of(host).harness.routes.size() - 1);
}
int logs(const gh_host* host, int level) { return level >= State::of(host).harness.log_level; }
void log_text(const gh_host* host, int level, gh_exchange*, gh_str message, gh_str fields) {
  if (!logs(host, level)) return;
  static constexpr View kLevels[] = {"debug", "info", "warn", "error"};
  std::string line = std::string(kLevels[level]).append(": ").append(view(message));
  if (fields.n > 0) line.append(" ").append(view(fields));
  const std::lock_guard lock(State::of(host).mutex);
  State::of(host).harness.logs.push_back(std::move(line));
}
void log(const gh_host* host, int level, gh_exchange* x, gh_str message, const gh_json* fields) {
  log_text(host, level, x, message, raw(fields ? Json(fields).dump() : std::string()));
}
void health(const gh_host* host, int state, gh_str reason) {
  static constexpr View kStates[] = {"up", "degraded", "down"};
  const std::lock_guard lock(State::of(host).mutex);
  State::of(host).harness.health =
      std::string(kStates[state]).append(reason.n ? ": " : "").append(view(reason));
}
std::int64_t now_ns(const gh_host* host) { return State::of(host).now().count(); }
std::int64_t wall_ns(const gh_host* host) {
  constexpr std::chrono::nanoseconds kNewYear2025 = std::chrono::seconds(1735689600);
  return (kNewYear2025 + State::of(host).now() - State::kStart).count();
}
gh_status sleep(const gh_host* host, gh_exchange* x, std::int64_t ns) {
  State& s = State::of(host);
  const std::chrono::nanoseconds time(ns);
  {
    const std::lock_guard lock(s.mutex);
    s.harness.sleeps.push_back(time);
  }
  FakeExchange& exchange = FakeExchange::of(x);
  return exchange.may_wait() ? exchange.wait_until(FakeExchange::later(s.now(), time))
                             : gh_status{GH_CANCELLED};
}
std::int32_t admin_route(const gh_host* host, gh_str method, gh_str path, gh_str) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  s.harness.admin_routes.push_back(std::string(view(method)).append(" ").append(view(path)));
  return admin_id(s.harness.admin_routes.size() - 1);
}
void background(const gh_host* host, void (*run)(void*, gh_exchange*), void* self) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  s.tasks.push_back({run, self});
}
void linger(gh_exchange* raw_x, std::int64_t) {
  FakeExchange& x = FakeExchange::of(raw_x);
  x.waits_left.reset();
  x.ends = false;
}
gh_status set_trace(gh_exchange* x, gh_str traceparent) {
  if (traceparent.n != FakeExchange::of(x).trace.size()) return GH_INVALID;
  FakeExchange::of(x).trace = view(traceparent);
  return GH_OK;
}
void around(const gh_host* host, int place,
            gh_status (*handle)(void*, gh_exchange*, const gh_sink*, const gh_next*), void* self) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  s.around[place] = {handle, self};
}
void describe(const gh_host* host, gh_str document) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  s.harness.descriptions.push_back(parse(view(document)).root().dump());
}
void openapi(const gh_host* host, void* to, void (*append)(void* to, gh_str json)) {
  append(to, raw(State::of(host).harness.openapi));
}
void render_failures(const gh_host* host, gh_str path, gh_str header,
                     decltype(State::FailureForm::render) render, void* self) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  s.failure_forms.push_back({std::string(view(path)), std::string(view(header)), render, self});
}
bool is_histogram(int kind) { return kind == GH_SECONDS || kind == GH_TOKENS; }

State::Series named(int kind, gh_str name, gh_str help, const gh_label* labels, std::size_t count) {
  State::Series made{kind, std::string(view(name)), std::to_string(kind).append(view(help)), {}};
  for (const gh_label* label = labels; label != labels + count; ++label) {
    made.family.append(",").append(view(label->name));
    made.labels.append(made.labels.empty() ? "{" : ",").append(view(label->name)).append("=");
    quote(made.labels, view(label->value));
  }
  if (count > 0) made.labels += '}';
  return made;
}

std::int32_t series(const gh_host* host, int kind, gh_str name, gh_str help, const gh_label* labels,
                    std::size_t count) {
  State& s = State::of(host);
  State::Series made = named(kind, name, help, labels, count);
  const std::lock_guard lock(s.mutex);
  for (std::size_t i = 0; i < s.series.size(); ++i) {
    const State::Series& known = s.series[i];
    if (known.name != made.name) continue;
    if (known.family != made.family) return -1;
    if (known.labels == made.labels) return static_cast<std::int32_t>(i);
  }
  auto& metrics = s.harness.metrics;
  if (is_histogram(kind)) {
    metrics[made.name + "_sum" + made.labels] = metrics[made.name + "_count" + made.labels] = 0;
  } else {
    metrics[made.name + made.labels] = 0;
  }
  s.series.push_back(std::move(made));
  return static_cast<std::int32_t>(s.series.size() - 1);
}

void record(const gh_host* host, std::int32_t id, double value) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  if (id < 0) return;
  auto& metrics = s.harness.metrics;
  const State::Series& to = s.series.at(static_cast<std::size_t>(id));
  if (is_histogram(to.kind)) {
    metrics[to.name + "_count" + to.labels] += 1;
    metrics[to.name + "_sum" + to.labels] += value;
  } else if (to.kind == GH_GAUGE) {
    metrics[to.name + to.labels] = value;
  } else {
    metrics[to.name + to.labels] += value;
  }
}

gh_json* load(const gh_host* host, gh_str path, gh_str schema, void* to,
              void (*problem)(void* to, gh_str line)) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  const auto fail = [&](const std::string& why) {
    problem(to, raw(std::string(view(path)).append(": ").append(why)));
    return nullptr;
  };
  const auto file = s.harness.files.find(std::string(view(path)));
  if (file == s.harness.files.end()) return fail("no such file");
  gh_str error{};
  gh_json* const written = core::json_api().parse(raw(file->second), &error);
  if (!written) return fail(std::string(view(error)));
  core::json_api().drop(written);
  core::Problems problems;
  const auto text = core::configured(file->second, view(schema), problems);
  if (!text) {
    std::ostringstream all;
    all << problems;
    return fail(all.str());
  }
  return core::json_api().parse(raw(*text), nullptr);
}

std::uint64_t stamp(const gh_host* host, gh_str path) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  const auto file = s.harness.files.find(std::string(view(path)));
  return file == s.harness.files.end() ? 0 : std::hash<std::string>()(file->second) | 1;
}

gh_status read(const gh_host* host, gh_str path, void* to, void (*bytes)(void*, gh_str),
               void (*problem)(void*, gh_str)) {
  State& s = State::of(host);
  const std::lock_guard lock(s.mutex);
  const auto file = s.harness.files.find(std::string(view(path)));
  if (file == s.harness.files.end()) {
    problem(to, raw(std::string(view(path)).append(": no such file")));
    return GH_FAILED;
  }
  bytes(to, raw(file->second));
  return GH_OK;
}

const void* extension(const gh_host* host, const char* id) {
  {
    const std::lock_guard lock(State::of(host).mutex);
    State::of(host).extensions.insert(id);
  }
  static constexpr gh_status_api kStatus = {.size = sizeof kStatus,
                                            .reserved = 0,
                                            .report = report,
                                            .metrics = metrics,
                                            .timing = timing};
  static constexpr gh_admin_api kAdmin = {
      .size = sizeof kAdmin, .reserved = 0, .route = admin_route};
  static constexpr gh_background_api kBackground = {
      .size = sizeof kBackground, .reserved = 0, .run = background, .linger = linger};
  static constexpr gh_failures_api kFailures = {
      .size = sizeof kFailures, .reserved = 0, .render = render_failures};
  static constexpr gh_openapi_api kOpenApi = {
      .size = sizeof kOpenApi, .reserved = 0, .describe = describe, .document = openapi};
  static constexpr gh_trace_api kTrace = {
      .size = sizeof kTrace, .reserved = 0, .set = set_trace, .around = around};
  static constexpr gh_metrics_api kMetrics = {
      .size = sizeof kMetrics, .reserved = 0, .series = series, .record = record};
  static constexpr gh_files_api kFiles = {
      .size = sizeof kFiles, .reserved = 0, .load = load, .stamp = stamp, .read = read};
  const struct {
    View id;
    const void* table;
  } kTables[] = {{GH_ADMIN_1, &kAdmin},
                 {GH_BACKGROUND_1, &kBackground},
                 {GH_CLIENT_1, &client_table()},
                 {GH_COUNTERS_1, &counters_table()},
                 {GH_CRYPTO_1, &core::crypto_table()},
                 {GH_FAILURES_1, &kFailures},
                 {GH_FILES_1, &kFiles},
                 {GH_HTTP_1, &http_table()},
                 {GH_METRICS_1, &kMetrics},
                 {GH_OPENAPI_1, &kOpenApi},
                 {GH_SHARE_1, &share_table()},
                 {GH_STATUS_1, &kStatus},
                 {GH_STORE_1, &store_table()},
                 {GH_TRACE_1, &kTrace},
                 {GH_WAIT_1, &wait_table()}};
  for (const auto& known : kTables) {
    if (known.id == id) return known.table;
  }
  return nullptr;
}

}  // namespace

void fill_host(gh_host& host) {
  host = {.size = sizeof(gh_host),
          .abi_major = GH_ABI_MAJOR,
          .abi_minor = GH_ABI_MINOR,
          .version = raw("1.0.0"),
          .instance = raw("test"),
          .json = &core::json_api(),
          .exchange = &exchange_table(),
          .problem = problem,
          .warning = warning,
          .route = route,
          .log = log,
          .health = health,
          .now_ns = now_ns,
          .wall_ns = wall_ns,
          .sleep = sleep,
          .extension = extension,
          .exposed = 0,
          .reserved = 0,
          .logs = logs,
          .log_text = log_text};
}

}  // namespace gatehouse::testing
