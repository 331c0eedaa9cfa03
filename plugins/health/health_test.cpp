#include "health.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::health {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;

const std::int64_t kPage = sysconf(_SC_PAGESIZE);

// The name of the check and its instances.
constexpr const char* kChecks =
    R"({"checks": {"geminiApi": ["gemini", "eu", "us"], "mcpClients": ["mcp", "a", "b"]}})";

/// A file system of its own, which has only what a test writes: /proc and /sys of a process with
/// 1000 pages in use.
struct HealthTest : ::testing::Test {
  HealthTest() {
    write("proc/self/statm", "5000 1000 800 10 0 900 0\n");
    write("proc/meminfo", "MemTotal:       40000 kB\nMemFree:  1000 kB\n");
    set_memory_in_use(50);
  }
  ~HealthTest() override { fs::remove_all(root); }

  void write(const std::string& file, const std::string& text) {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  /// Percent of the limit.
  void set_memory_in_use(int percent) {
    write("proc/self/cgroup", "0::/gatehouse\n");
    write("sys/fs/cgroup/gatehouse/memory.max",
          std::to_string(1000 * kPage * 100 / percent) + "\n");
  }
  /// The check of this name in the response to GET /health.
  std::string check(const std::string& name) {
    const std::string body = h.get(health, "/health").body, begin = "\"" + name + "\":{";
    const auto at = body.find(begin) + begin.size();
    return body.substr(at, body.find('}', at) - at);
  }
  std::string overall() {
    const std::string body = h.get(health, "/health").body, begin = R"({"status":")";
    return body.substr(begin.size(), body.find('"', begin.size()) - begin.size());
  }

  const fs::path root =
      fs::temp_directory_path() / ("gatehouse_health_test." + std::to_string(getpid()));
  Harness h;
  Health health{h.host(), h.config(kChecks), root};
};

std::string plugin(const std::string& name, const std::string& kind, const std::string& state,
                   const std::string& reason = "") {
  return R"({"name":")" + name + R"(","plugin":")" + kind + R"(","version":"1.0.0","state":")" +
         state + R"(","reason":")" + reason + R"(","since_ms":1735689600000,"calls":7})";
}

constexpr auto kSummary = 10ms;  // after which it is made anew

TEST_F(HealthTest, ReportsTheHealthAndTheUptimeOfTheGateway) {
  h.status = R"({"uptime_ms": 61005, "store": {"kind": "memory", "state": "up"}, "plugins": [)" +
             plugin("gemini", "gemini", "up") + "," + plugin("mcp", "mcp", "up") + "," +
             plugin("cache", "cache", "up") + "]}";
  h.advance(61s + 5ms);
  const Answer answer = h.get(health, "/health");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.body,
            R"({"status":"healthy","timestamp":"2025-01-01T00:01:01.005Z","uptime":61005,)"
            R"("checks":{"geminiApi":{"status":"healthy"},"mcpClients":{"status":"healthy"},)"
            R"("plugins":{"status":"healthy"},"store":{"status":"healthy"},)"
            R"("memory":{"status":"healthy"}}})");
  EXPECT_TRUE(answer.complete);
}

TEST_F(HealthTest, ReportsTheStateOfTheWorstCheck) {
  h.status = R"({"plugins": [)" + plugin("eu", "gemini", "degraded", "no response") + "," +
             plugin("us", "gemini", "up") + "]}";
  EXPECT_EQ(check("geminiApi"), R"("status":"degraded","message":"eu: no response")");
  EXPECT_EQ(overall(), "degraded");

  h.advance(kSummary);
  h.status = R"({"plugins": [)" + plugin("a", "mcp", "down", "it left") + "," +
             plugin("b", "mcp", "degraded") + "]}";
  EXPECT_EQ(check("mcpClients"), R"("status":"unhealthy","message":"a: it left; b")");
  EXPECT_EQ(overall(), "unhealthy");
  EXPECT_EQ(h.get(health, "/health").status, 200);
}

TEST_F(HealthTest, IsHealthyWithoutTheInstancesOfACheck) {
  h.status = R"({"plugins": [)" + plugin("simulator", "simulator", "up") + "]}";
  EXPECT_EQ(check("geminiApi"), R"("status":"healthy","message":"not configured")");
  EXPECT_EQ(check("mcpClients"), R"("status":"healthy","message":"not configured")");
  EXPECT_EQ(overall(), "healthy");
}

TEST_F(HealthTest, ReportsAllOtherInstancesInOneCheck) {
  h.status = R"({"plugins": [)" + plugin("gemini", "gemini", "degraded", "no response") + "," +
             plugin("simulator", "simulator", "down", "out of words") + "]}";
  EXPECT_EQ(check("plugins"), R"("status":"unhealthy","message":"simulator: out of words")");
}

TEST_F(HealthTest, HasNoChecksOfInstancesUnlessConfigured) {
  Harness other;
  Health without(other.host(), other.config("{}"), root);
  other.status = R"({"plugins": [)" + plugin("gemini", "gemini", "degraded", "no response") + "]}";
  const std::string body = other.get(without, "/health").body;
  EXPECT_EQ(body.substr(body.find(R"("checks")")),
            R"("checks":{"plugins":{"status":"degraded","message":"gemini: no response"},)"
            R"("store":{"status":"healthy"},"memory":{"status":"healthy"}}})");
}

TEST_F(HealthTest, ReportsChecksWithTheNameOfABuiltInOne) {
  Harness other;
  Health wrong(other.host(), other.config(R"({"checks": {"model": ["gemini"], "store": ["a"]}})"),
               root);
  EXPECT_EQ(
      other.problems,
      (std::vector<std::string>{"/checks/store: is the name of a built-in check: choose another"}));
}

TEST_F(HealthTest, IsDegradedWithoutTheStore) {
  h.status =
      R"({"store": {"kind": "redis", "state": "down", "reason": "10.0.0.1: Connection refused"}})";
  EXPECT_EQ(check("store"), R"("status":"degraded","message":"unavailable")")
      << "its address is not for everyone";
  h.advance(kSummary);
  h.status = R"({"store": {"kind": "redis", "state": "degraded", "reason": "READONLY"}})";
  EXPECT_EQ(check("store"), R"("status":"degraded","message":"rejects commands: READONLY")");
}

TEST_F(HealthTest, ChecksTheMemoryOfItsControlGroup) {
  EXPECT_EQ(check("memory"), R"("status":"healthy")");
  h.advance(1s);
  set_memory_in_use(80);
  EXPECT_EQ(check("memory"), R"("status":"degraded","message":"80.0 % of the limit is in use")");
  h.advance(1s);
  set_memory_in_use(95);
  EXPECT_EQ(check("memory").substr(0, 20), R"("status":"unhealthy")");
}

TEST_F(HealthTest, TakesTheThresholdsOfMemoryFromItsConfiguration) {
  Harness strict, lenient, reversed;
  Health below(strict.host(), strict.config(R"({"memory_warning": 10, "memory_critical": 20})"),
               root);
  EXPECT_EQ(strict.get(below, "/readyz").status, 503);
  set_memory_in_use(95);
  Health above(lenient.host(), lenient.config(R"({"memory_warning": 96, "memory_critical": 97})"),
               root);
  EXPECT_EQ(lenient.get(above, "/readyz").status, 200);
  Health neither(reversed.host(), reversed.config(R"({"memory_critical": 60})"), root);
  EXPECT_EQ(reversed.problems,
            (std::vector<std::string>{
                "/memory_critical: must not be below memory_warning, which is 75"}));
}

TEST_F(HealthTest, CollectsTheStateOfPluginsAHundredTimesASecond) {
  h.status = R"({"plugins": []})";
  EXPECT_EQ(overall(), "healthy");
  h.status = R"({"plugins": [)" + plugin("mcp", "mcp", "down") + "]}";
  h.advance(kSummary - 1ms);
  EXPECT_EQ(overall(), "healthy");
  h.advance(1ms);
  EXPECT_EQ(overall(), "unhealthy");
}

TEST_F(HealthTest, ReadsTheMemoryOnceASecond) {
  h.get(health, "/health");
  set_memory_in_use(95);
  h.advance(999ms);
  EXPECT_EQ(check("memory"), R"("status":"healthy")");
  h.advance(kSummary);
  EXPECT_NE(check("memory"), R"("status":"healthy")");
}

TEST_F(HealthTest, FindsTheLowestLimitOfItsControlGroups) {
  const auto limit = [this] { return read_memory(root).limit; };
  write("proc/self/cgroup", "0::/a/b\n");
  EXPECT_EQ(limit(), 40000 * 1024) << "no limit: the memory of the machine";
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/memory.max", "3000000\n");
  EXPECT_EQ(limit(), 3000000);
  write("sys/fs/cgroup/memory.max", "2000000\n");  // in a container, whose group it is
  EXPECT_EQ(limit(), 2000000);
}

TEST_F(HealthTest, ReadsControlGroupsOfVersionOne) {
  write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/a\n0::/\n");
  write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000000\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read_memory(root).limit, 1000000);
}

TEST_F(HealthTest, ReadsTheMemoryOfThisMachine) {
  const Memory memory = read_memory("");
  EXPECT_GT(memory.rss, 0);
  EXPECT_GT(memory.limit, memory.rss);
}

TEST_F(HealthTest, ReportsDetailsButNothingThatIsOnlyForTheOperator) {
  h.status = R"({"version": "1.2.3", "platform": "Linux x86_64", "uptime_ms": 5,
                 "draining": false, "running": 2, "connections": 9,
                 "store": {"kind": "memory", "state": "up", "reason": "10.0.0.1: refused"},
                 "reload": {"at_ms": 1735689600000, "ok": false,
                            "problems": [{"file": "/etc/secret.yaml", "line": 1, "text": "x"}]},
                 "plugins": [)" +
             plugin("gemini", "gemini", "degraded", "no response") + "]}";
  const Answer answer = h.get(health, "/health/detailed");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.find(R"({"status":"degraded")"), 0u);
  EXPECT_EQ(answer.body.substr(answer.body.find(R"("details")")),
            R"("details":{"version":"1.2.3","platform":"Linux x86_64","draining":false,)"
            R"("running":2,"connections":9,"store":{"kind":"memory","state":"up"},)"
            R"("environment":"production","memory":{"rss":)" +
                std::to_string(1000 * kPage) + R"(,"limit":)" + std::to_string(2000 * kPage) +
                R"(,"percent":50},"reload":{"ok":false,"at":"2025-01-01T00:00:00.000Z"},)"
                R"("plugins":[{"name":"gemini","plugin":"gemini","version":"1.0.0",)"
                R"("state":"degraded","reason":"no response",)"
                R"("since":"2025-01-01T00:00:00.000Z"}]}})");
}

TEST_F(HealthTest, ReportsTheConfiguredEnvironment) {
  Harness other;
  Health staging(other.host(), other.config(R"({"environment": "staging"})"), root);
  EXPECT_NE(other.get(staging, "/health/detailed").body.find(R"("environment":"staging")"),
            std::string::npos);
}

TEST_F(HealthTest, IsAliveWhateverElseIsWrong) {
  h.status = R"({"draining": true, "plugins": [)" + plugin("gemini", "gemini", "down") + "]}";
  const Answer answer = h.get(health, "/livez");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok");
}

TEST_F(HealthTest, IsReadyWhateverTheStateOfPlugins) {
  h.status = R"({"plugins": [)" + plugin("gemini", "gemini", "degraded", "no response") + "," +
             plugin("retry", "retry", "down", "circuit open") + "]}";
  EXPECT_EQ(h.get(health, "/readyz").body, "ok");
  const Answer verbose = h.get(health, "/readyz?verbose");
  EXPECT_EQ(verbose.status, 200);
  EXPECT_EQ(verbose.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(verbose.body,
            "[+]geminiApi degraded: gemini: no response\n"
            "[+]mcpClients ok: not configured\n"
            "[+]plugins unhealthy: retry: circuit open\n"
            "[+]store ok\n[+]memory ok\n[+]shutdown ok\nreadyz check passed\n");
}

TEST_F(HealthTest, IsNotReadyAndReportsWhyWithoutMemory) {
  set_memory_in_use(95);
  const Answer answer = h.get(health, "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("[-]memory failed: 95.0 % of the limit is in use\n"),
            std::string::npos);
  EXPECT_NE(answer.body.find("readyz check failed\n"), std::string::npos);
}

TEST_F(HealthTest, IsNotReadyWhileTheGatewayShutsDown) {
  h.status = R"({"draining": true})";
  const Answer answer = h.get(health, "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find("[-]shutdown failed: the gateway is shutting down\n"),
            std::string::npos);
}

TEST_F(HealthTest, PassesOtherRequests) {
  h.next = testing::answer("hi");
  EXPECT_EQ(h.get(health, "/healthy").body, "hi");
  EXPECT_EQ(h.post(health, "/health", "").body, "hi");
}

}  // namespace
}  // namespace gatehouse::plugins::health
