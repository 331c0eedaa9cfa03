#include "core/pipeline/instance.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gatehouse/plugin.hpp"
#include "tests/core/request.h"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A plugin whose object is its host, so that tests can use what the core gives to plugins.
const gh_host* host = nullptr;  // of the instance that was created last
std::vector<std::string> told;  // what became of instances

gh_status create(const gh_host* h, const gh_json* config, void** self) {
  host = h;
  const auto wants = [&](const char* key) { return h->json->boolean(h->json->get(config, raw(key)), 0) != 0; };
  if (wants("route")) h->route(h, raw("GET"), raw("/a"));
  if (wants("problem")) h->problem(h, raw("/problem"), raw("is wrong"));
  if (wants("fail")) return GH_FAILED;
  *self = const_cast<gh_host*>(h);
  return GH_OK;
}
gh_status handle(void*, gh_exchange*, const gh_sink*, const gh_next*) { return GH_OK; }
gh_status adopt(void* self, void* older) {
  told.push_back(std::string(view(static_cast<gh_host*>(self)->instance)) + " adopted " + std::string(view(static_cast<gh_host*>(older)->instance)));
  return GH_FAILED;
}
void destroy(void* self) { told.push_back(std::string(view(static_cast<gh_host*>(self)->instance)) + " destroyed"); }

const gh_plugin kPlugin{GH_MAGIC, sizeof kPlugin, GH_ABI_MAJOR, GH_ABI_MINOR, 0, 0, "self", "1.0.0", "", "{}", create, handle, adopt, destroy};

class InstanceTest : public testing::Test {
 protected:
  void SetUp() override { told.clear(); }
  void TearDown() override { fs::remove(log_file_); }

  std::unique_ptr<Instance> make(std::string_view config = "{}", const std::string& name = "one", const gh_plugin& plugin = kPlugin) {
    const auto problem = [this](std::string_view pointer, std::string_view text) { problems_.push_back(std::string(pointer) + ": " + std::string(text)); };
    return std::make_unique<Instance>(plugin, name, config, *log_, Instance::Creation{routes_, problem});
  }
  /// What has been logged; the last thing a test can ask.
  std::vector<nlohmann::json> log_lines() {
    log_.reset();
    std::vector<nlohmann::json> lines;
    std::ifstream in(log_file_);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  const fs::path log_file_ = fs::temp_directory_path() / ("gatehouse_instance_test." + std::to_string(getpid()));
  std::unique_ptr<Log> log_ = std::make_unique<Log>(LogSettings{"info", log_file_.string()});
  std::vector<Route> routes_;
  std::vector<std::string> problems_;
};

TEST_F(InstanceTest, RoutesAndProblemsAreTakenOnlyDuringCreation) {
  const auto instance = make(R"({"route": true, "problem": true})");
  ASSERT_EQ(routes_.size(), 1u);
  EXPECT_EQ(routes_[0].method + routes_[0].path, "GET/a");
  EXPECT_EQ(problems_, std::vector<std::string>{"/problem: is wrong"});
  EXPECT_EQ(host->route(host, raw("GET"), raw("/b")), -1);
  host->problem(host, raw("/late"), raw("is wrong"));
  EXPECT_EQ(routes_.size(), 1u);
  EXPECT_EQ(problems_.size(), 1u);
}

TEST_F(InstanceTest, ARouteThatIsTakenIsAProblem) {
  const auto first = make(R"({"route": true})"), second = make(R"({"route": true})", "two");
  ASSERT_EQ(problems_.size(), 1u);
  EXPECT_EQ(problems_[0], ": GET /a is already answered by another plugin of this pipeline");
}

TEST_F(InstanceTest, APluginThatFailsToStartHasToSayWhy) {
  make(R"({"fail": true})");
  EXPECT_EQ(problems_, std::vector<std::string>{": the plugin could not be created, and did not say why"});
  make(R"({"fail": true, "problem": true})");
  EXPECT_EQ(problems_.size(), 2u);
  EXPECT_TRUE(told.empty()) << "what was not created is not destroyed";
}

TEST_F(InstanceTest, AnOlderInstanceOfTheSamePluginIsAdopted) {
  static const gh_plugin other = kPlugin;
  {
    const auto older = make("{}", "older"), newer = make("{}", "newer"), stranger = make("{}", "stranger", other);
    newer->adopt(*older);
    newer->adopt(*stranger);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"newer adopted older", "stranger destroyed", "newer destroyed", "older destroyed"}));
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u) << "an adoption that failed is logged";
  EXPECT_EQ(lines[0]["plugin"], "newer");
}

TEST_F(InstanceTest, ALogLineNamesTheInstanceAndTheRequest) {
  const auto instance = make();
  Request r("GET /", "X-Request-Id: r1\r\n");
  gh_json* const fields = host->json->make();
  host->json->set_int(host->json->edit(fields, raw("status")), 403);
  host->log(host, GH_WARN, &r.x, raw("refused"), fields);
  host->log(host, GH_INFO, nullptr, raw("started"), nullptr);
  host->log(host, GH_DEBUG, nullptr, raw("too much"), nullptr);
  host->json->drop(fields);

  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["level"], "warn");
  EXPECT_EQ(lines[0]["plugin"], "one");
  EXPECT_EQ(lines[0]["request"], "r1");
  EXPECT_EQ(lines[0]["message"], "refused");
  EXPECT_EQ(lines[0]["status"], 403);
  EXPECT_FALSE(lines[1].contains("request"));
}

TEST_F(InstanceTest, HealthIsLoggedWhenItChanges) {
  const auto instance = make();
  for (const int state : {GH_UP, GH_DOWN, GH_DOWN, GH_DEGRADED, GH_UP, GH_UP}) host->health(host, state, raw("a reason"));
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["message"], "down");
  EXPECT_EQ(lines[0]["level"], "warn");
  EXPECT_EQ(lines[0]["reason"], "a reason");
  EXPECT_EQ(lines[1]["message"], "degraded");
  EXPECT_EQ(lines[2]["message"], "healthy again");
  EXPECT_EQ(lines[2]["level"], "info");
}

TEST_F(InstanceTest, SleepEndsWithItsTimeOrTheRequest) {
  const auto instance = make();
  Request stays, leaves, late("GET /", {}, Clock::now());
  leaves.end.leaves_at_wait(1);
  EXPECT_EQ(host->sleep(host, &stays.x, 1), GH_OK);
  EXPECT_EQ(host->sleep(host, &stays.x, -1), GH_OK);
  EXPECT_EQ(host->sleep(host, &leaves.x, INT64_MAX), GH_STOP);
  EXPECT_EQ(host->sleep(host, &late.x, INT64_MAX), GH_CANCELLED);
}

TEST_F(InstanceTest, TheHostTellsWhatItIs) {
  const auto instance = make("{}", "name");
  EXPECT_EQ(view(host->instance), "name");
  EXPECT_EQ(host->abi_major, GH_ABI_MAJOR);
  EXPECT_TRUE(host->extension(host, GH_HTTP_1));
  EXPECT_FALSE(host->extension(host, "gatehouse.http/2"));
  const auto before = host->now_ns(host);
  EXPECT_LE(before, host->now_ns(host));
}

}  // namespace
}  // namespace gatehouse::core
