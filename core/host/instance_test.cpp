#include "core/host/instance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/host/tables.h"
#include "gatehouse/text.hpp"
#include "tests/core/request.h"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A plugin whose object is its host, so that tests can use what the core gives to plugins.
const gh_host* host = nullptr;  // of the instance that was created last
std::vector<std::string> told;  // what became of instances

std::atomic<int> sleeps = 0;
void count_until_the_end(void* self, gh_exchange* x) {
  const auto* const h = static_cast<const gh_host*>(self);
  while (h->sleep(h, x, 1'000'000) == GH_OK) ++sleeps;
  told.push_back("background ended");
}

gh_status create(const gh_host* h, const gh_json* config, void** self) {
  host = h;
  const auto wants = [&](const char* key) {
    return h->json->boolean(h->json->get(config, raw(key)), 0) != 0;
  };
  if (wants("route")) h->route(h, raw("GET"), raw("/a"));
  if (wants("admin")) {
    const auto* admin = static_cast<const gh_admin_api*>(h->extension(h, GH_ADMIN_1));
    admin->route(h, raw("GET"), raw("/a"), raw("About a."));
  }
  if (wants("background")) {
    const auto* work = static_cast<const gh_background_api*>(h->extension(h, GH_BACKGROUND_1));
    work->run(h, count_until_the_end, const_cast<gh_host*>(h));
  }
  if (wants("say")) h->log(h, GH_INFO, nullptr, raw("created"), nullptr);
  if (wants("problem")) h->problem(h, raw("/problem"), raw("is wrong"));
  *self = const_cast<gh_host*>(h);
  return wants("fail") ? GH_FAILED : GH_OK;
}
gh_status handle(void*, gh_exchange*, const gh_sink*, const gh_next*) { return GH_OK; }
gh_status adopt(void* self, void* older) {
  told.push_back(std::string(view(static_cast<gh_host*>(self)->instance)) + " adopted " +
                 std::string(view(static_cast<gh_host*>(older)->instance)));
  return GH_FAILED;
}
void destroy(void* self) {
  told.push_back(std::string(view(static_cast<gh_host*>(self)->instance)) + " destroyed");
}

gh_plugin plugin() {
  gh_plugin p{};
  p.magic = GH_MAGIC;
  p.size = sizeof p;
  p.abi_major = GH_ABI_MAJOR;
  p.name = "self";
  p.create = create;
  p.handle = handle;
  p.adopt = adopt;
  p.destroy = destroy;
  return p;
}
const gh_plugin kPlugin = plugin();

template <class Api>
const Api& extension(const gh_host* h, const char* id) {
  return *static_cast<const Api*>(h->extension(h, id));
}

class InstanceTest : public testing::Test {
 protected:
  void SetUp() override { told.clear(); }
  void TearDown() override { fs::remove(log_file_); }

  std::unique_ptr<Instance> make(std::string_view config = "{}", const std::string& name = "one",
                                 const gh_plugin& plugin = kPlugin) {
    const auto problem = [this](std::string_view pointer, std::string_view text) {
      problems_.push_back(std::string(pointer) + ": " + std::string(text));
    };
    const Instance::Surroundings surroundings{*gateway_, fs::temp_directory_path(), nullptr};
    return std::make_unique<Instance>(
        plugin, name, config, surroundings,
        Instance::Creation{routes_, admin_routes_, around_, failure_forms_, models_, problem,
                           [](auto, auto) {}});
  }
  /// What has been logged; the last thing a test can ask.
  std::vector<nlohmann::json> log_lines() {
    gateway_.reset();
    log_.reset();
    std::vector<nlohmann::json> lines;
    std::ifstream in(log_file_);
    for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  const fs::path log_file_ =
      fs::temp_directory_path() / ("gatehouse_instance_test." + std::to_string(getpid()));
  std::unique_ptr<Log> log_ = std::make_unique<Log>(LogSettings{"info", log_file_.string()});
  std::unique_ptr<Gateway> gateway_ = std::make_unique<Gateway>(*log_, StoreSettings{{}, 64 << 20});
  std::vector<Route> routes_, admin_routes_;
  OfferedModels models_;
  std::vector<Around> around_;
  std::vector<FailureForm> failure_forms_;
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
  EXPECT_EQ(problems_[0], ": GET /a is already claimed by another plugin of this pipeline");
}

TEST_F(InstanceTest, APluginThatFailsToStartHasToSayWhy) {
  make(R"({"fail": true})");
  EXPECT_EQ(problems_, std::vector<std::string>{
                           ": the plugin failed to create an instance and reported no problem"});
  make(R"({"fail": true, "problem": true})");
  EXPECT_EQ(problems_.size(), 2u);
  EXPECT_TRUE(told.empty()) << "what was not created is not destroyed";
}

TEST_F(InstanceTest, AnOlderInstanceOfTheSameCodeIsAdopted) {
  static const gh_plugin stranger_plugin = [] {
    gh_plugin p = kPlugin;
    p.name = "stranger";
    return p;
  }();
  {
    const auto older = make("{}", "older"), newer = make("{}", "newer"),
               stranger = make("{}", "stranger", stranger_plugin);
    newer->take_over(*older);
    newer->take_over(*stranger);
  }
  EXPECT_EQ(told, (std::vector<std::string>{"newer adopted older", "stranger destroyed",
                                            "newer destroyed", "older destroyed"}));
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u) << "an adoption that failed is logged";
  EXPECT_EQ(lines[0]["plugin"], "newer");
}

TEST_F(InstanceTest, OtherCodeRestoresWhatTheOlderHasSaved) {
  static gh_plugin saves = kPlugin, restores = kPlugin;
  saves.version = "1";
  saves.save = [](void*, void (*keep)(void*, gh_str), void* to) -> gh_status {
    keep(to, raw("1 apples"));
    return GH_OK;
  };
  restores.version = "2";
  restores.restore = [](void*, gh_str bytes) -> gh_status {
    told.push_back("restored " + std::string(view(bytes)));
    return GH_OK;
  };
  {
    const auto older = make("{}", "a", saves), newer = make("{}", "a", restores);
    newer->take_over(*older);
  }
  EXPECT_EQ(told[0], "restored 1 apples");
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["from"], "1");
  EXPECT_EQ(lines[0]["to"], "2");
}

TEST_F(InstanceTest, TheLogHasWhyTheStateOfOtherCodeIsLost) {
  static gh_plugin mute = kPlugin, saves = kPlugin, deaf = kPlugin, knows_not = kPlugin,
                   throws = kPlugin, stateless = kPlugin;
  saves.save = [](void*, void (*keep)(void*, gh_str), void* to) -> gh_status {
    keep(to, raw("1"));
    return GH_OK;
  };
  knows_not.restore = [](void*, gh_str) -> gh_status { return GH_UNSUPPORTED; };
  throws.restore = [](void*, gh_str) -> gh_status { throw 1; };
  stateless.adopt = nullptr;
  mute.size = offsetof(gh_plugin, save);  // of an older header
  mute.save = saves.save;
  const auto take_over = [this](const gh_plugin& older, const gh_plugin& newer) {
    make("{}", "a", newer)->take_over(*make("{}", "a", older));
  };
  take_over(mute, knows_not);
  take_over(saves, deaf);
  take_over(saves, knows_not);
  take_over(saves, throws);
  take_over(stateless, deaf);
  std::vector<std::string> why;
  for (const auto& line : log_lines()) {
    const std::string text = line["message"];
    why.push_back(text.substr(text.find(": ") + 2));
  }
  EXPECT_EQ(why, (std::vector<std::string>{
                     "the old version has no save()", "the new version has no restore()",
                     "the new version does not know the format that the old one has saved",
                     "an exception was thrown"}));
}

TEST_F(InstanceTest, AnAdoptionThatThrowsIsLogged) {
  static gh_plugin throws = kPlugin;
  throws.adopt = [](void*, void*) -> gh_status { throw 1; };
  {
    const auto older = make("{}", "older", throws), newer = make("{}", "newer", throws);
    newer->take_over(*older);
  }
  EXPECT_EQ(log_lines().size(), 1u);
}

TEST_F(InstanceTest, WhatIsSaidDuringCreationIsLoggedWhenTheInstanceIsUsed) {
  const auto unused = make(R"({"say": true})"), used = make(R"({"say": true})", "used");
  used->prepare();
  used->start();
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["plugin"], "used");
  EXPECT_EQ(lines[0]["message"], "created");
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
  host->log_text(host, GH_INFO, &r.x, raw("ended"), raw(R"({"status":200})"));
  host->log_text(host, GH_DEBUG, nullptr, raw("too much"), {});

  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["level"], "warn");
  EXPECT_EQ(lines[0]["plugin"], "one");
  EXPECT_EQ(lines[0]["request"], "r1");
  EXPECT_EQ(lines[0]["message"], "refused");
  EXPECT_EQ(lines[0]["status"], 403);
  EXPECT_FALSE(lines[1].contains("request"));
  EXPECT_EQ(lines[2]["request"], "r1");
  EXPECT_EQ(lines[2]["message"], "ended");
  EXPECT_EQ(lines[2]["status"], 200);
}

TEST_F(InstanceTest, APluginLearnsWhichLevelsAreLogged) {
  const auto instance = make();
  EXPECT_FALSE(host->logs(host, GH_DEBUG));
  EXPECT_TRUE(host->logs(host, GH_INFO));
  log_->set_level("error");
  EXPECT_FALSE(host->logs(host, GH_WARN));
  EXPECT_TRUE(host->logs(host, GH_ERROR));
}

TEST_F(InstanceTest, HealthIsLoggedWhenItChanges) {
  const auto instance = make();
  for (const int state : {GH_UP, GH_DOWN, GH_DOWN, GH_DEGRADED, GH_UP, GH_UP})
    host->health(host, state, raw("a reason"));
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

TEST_F(InstanceTest, AdminRoutesHaveIdsAndPathsOfTheirOwn) {
  const auto instance = make(R"({"route": true, "admin": true})");
  ASSERT_EQ(admin_routes_.size(), 1u);
  EXPECT_EQ(admin_routes_[0].path, "/one/a");
  EXPECT_EQ(admin_routes_[0].summary, "About a.");
  EXPECT_EQ(&Instance::of(admin_routes_[0].owner), instance.get());
  EXPECT_TRUE(problems_.empty());
}

TEST_F(InstanceTest, WorkInTheBackgroundLastsFromTheStartToTheEnd) {
  auto instance = make(R"({"background": true})");
  EXPECT_EQ(sleeps, 0) << "an instance that is only checked does nothing";
  instance->prepare();
  instance->start();
  while (sleeps < 2) std::this_thread::yield();
  instance.reset();
  EXPECT_EQ(told, (std::vector<std::string>{"background ended", "one destroyed"}));
}

TEST_F(InstanceTest, WorkThatWasPreparedAndNeverStartedIsNotDone) {
  auto instance = make(R"({"background": true})");
  instance->prepare();
  instance.reset();
  EXPECT_EQ(told, (std::vector<std::string>{"one destroyed"}));
}

TEST_F(InstanceTest, WorkInTheBackgroundMayLingerForAMoment) {
  static gh_plugin lingers = kPlugin;
  lingers.create = [](const gh_host* h, const gh_json*, void** self) -> gh_status {
    const auto work = [](void* plugin, gh_exchange* x) {
      const auto* const one = static_cast<const gh_host*>(plugin);
      const auto& api = extension<gh_background_api>(one, GH_BACKGROUND_1);
      if (one->sleep(one, x, INT64_MAX) != GH_CANCELLED) return;
      api.linger(x, INT64_MAX);
      if (one->sleep(one, x, 1) == GH_OK) told.push_back("lingered");
      api.linger(x, 1);
      if (one->sleep(one, x, INT64_MAX) == GH_CANCELLED) told.push_back("ended");
    };
    extension<gh_background_api>(h, GH_BACKGROUND_1).run(h, work, const_cast<gh_host*>(h));
    return *self = const_cast<gh_host*>(h), GH_OK;
  };
  auto instance = make("{}", "one", lingers);
  instance->prepare();
  instance->start();
  instance.reset();
  EXPECT_EQ(told, (std::vector<std::string>{"lingered", "ended", "one destroyed"}));
}

TEST_F(InstanceTest, AnExceptionInTheBackgroundIsLogged) {
  static gh_plugin throws = kPlugin;
  throws.create = [](const gh_host* h, const gh_json*, void** self) -> gh_status {
    extension<gh_background_api>(h, GH_BACKGROUND_1)
        .run(
            h, [](void*, gh_exchange*) { throw 1; }, nullptr);
    return *self = const_cast<gh_host*>(h), GH_OK;
  };
  auto instance = make("{}", "one", throws);
  instance->prepare();
  instance->start();
  instance.reset();
  const auto lines = log_lines();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["message"], "background task failed: it threw an exception");
}

TEST_F(InstanceTest, MetricsOfAPluginAreThoseOfTheGateway) {
  const auto instance = make();
  const gh_label label{raw("a"), raw("b")};
  const auto& api = extension<gh_metrics_api>(host, GH_METRICS_1);
  api.record(host, api.series(host, GH_COUNTER, raw("x_total"), raw("X."), &label, 1), 2);
  EXPECT_EQ(api.series(host, 77, raw("y_total"), raw("Y."), nullptr, 0), -1);
  std::string text;
  gateway_->metrics.write(text);
  EXPECT_EQ(text, "# HELP x_total X.\n# TYPE x_total counter\nx_total{a=\"b\"} 2\n");
}

TEST_F(InstanceTest, AFileIsLoadedAndCheckedWithItsPlaces) {
  const auto instance = make();
  const std::string name = "gatehouse_instance_test.yaml." + std::to_string(getpid());
  const auto& api = extension<gh_files_api>(host, GH_FILES_1);
  const auto load = [&](const char* text, std::vector<std::string>& lines) {
    std::ofstream(fs::temp_directory_path() / name) << text;
    gh_json* const root = api.load(
        host, raw(name), raw(R"({"type": "object", "properties": {"a": {"type": "integer"}}})"),
        &lines, [](void* to, gh_str line) {
          static_cast<std::vector<std::string>*>(to)->emplace_back(view(line));
        });
    fs::remove(fs::temp_directory_path() / name);
    return root;
  };
  std::vector<std::string> lines;
  gh_json* const root = load("a: 5\nb: ${HOME}\n", lines);
  ASSERT_TRUE(root);
  EXPECT_EQ(host->json->integer(host->json->get(root, raw("a")), 0), 5);
  EXPECT_EQ(view(host->json->str(host->json->get(root, raw("b")))), "${HOME}");
  host->json->drop(root);
  EXPECT_FALSE(load("b: 1\na: x\n", lines));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(name + ":2:4: "), std::string::npos) << lines[0];
  EXPECT_FALSE(api.load(host, raw("no-such-file"), raw("{}"), &lines, [](void* to, gh_str line) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(view(line));
  }));
  EXPECT_EQ(lines.size(), 2u);
}

TEST_F(InstanceTest, AFileOfAnotherFormatIsReadAsItIs) {
  const auto instance = make();
  const std::string name = "gatehouse_instance_test.bytes." + std::to_string(getpid());
  const auto& api = extension<gh_files_api>(host, GH_FILES_1);
  std::vector<std::string> seen;
  const auto add = [](void* to, gh_str text) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(view(text));
  };
  const std::string bytes("\xff\0{", 3);
  std::ofstream(fs::temp_directory_path() / name) << bytes;
  EXPECT_EQ(api.read(host, raw(name), &seen, add, add), GH_OK);
  EXPECT_EQ(seen, std::vector<std::string>{bytes});
  fs::remove(fs::temp_directory_path() / name);
  for (const auto& [path, why] : {std::pair{name, "No such file or directory"},
                                  {"/dev", "Is a directory"},
                                  {"/dev/zero", "not supported"}}) {
    seen.clear();
    EXPECT_EQ(api.read(host, raw(path), &seen, add, add), GH_FAILED);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_NE(seen[0].find(std::string(path) + ": "), std::string::npos) << seen[0];
    EXPECT_NE(seen[0].find(why), std::string::npos) << seen[0];
  }
}

TEST_F(InstanceTest, AWaitEndsWhenItIsWokenOrADescriptorIsReady) {
  const auto instance = make();
  const auto& api = *static_cast<const gh_wait_api*>(host->extension(host, GH_WAIT_1));
  gh_waker* const waker = api.make(host);
  Request r, leaves;
  api.wake(waker);
  EXPECT_EQ(api.wait(waker, &r.x, nullptr, 0, INT64_MAX), GH_OK)
      << "a wake that came before the wait counts";
  EXPECT_EQ(api.wait(waker, &r.x, nullptr, 0, 1), GH_ABSENT) << "once";
  std::thread other([&] { api.wake(waker); });
  EXPECT_EQ(api.wait(waker, &r.x, nullptr, 0, INT64_MAX), GH_OK);
  other.join();
  leaves.end.leaves_at_wait(1);
  EXPECT_EQ(api.wait(waker, &leaves.x, nullptr, 0, INT64_MAX), GH_STOP);

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  gh_fd fds[] = {{-1, POLLIN, 0}, {ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}};
  EXPECT_EQ(api.wait(waker, &r.x, fds, 2, 1), GH_ABSENT);
  EXPECT_EQ(api.wait(waker, &r.x, fds, 3, INT64_MAX), GH_OK)
      << "the last of them takes what is written";
  EXPECT_EQ(fds[1].ready, 0);
  EXPECT_EQ(fds[2].ready, POLLOUT);
  ::close(ends[1]);
  EXPECT_EQ(api.wait(waker, &r.x, fds, 2, INT64_MAX), GH_OK);
  EXPECT_EQ(fds[1].ready, POLLHUP);
  ::close(ends[0]);
  std::array<gh_fd, 9> many{};
  EXPECT_EQ(api.wait(waker, &r.x, many.data(), many.size(), 1), GH_INVALID);
  api.drop(waker);
}

TEST_F(InstanceTest, ATaskBelongsToTheTraceOfItsRequest) {
  const auto instance = make();
  const auto& api = *static_cast<const gh_wait_api*>(host->extension(host, GH_WAIT_1));
  Request r;
  std::string trace;
  const auto run = [](void* self, gh_exchange* x) {
    *static_cast<std::string*>(self) = view(exchange_table().field(x, GH_TRACE));
  };
  gh_task* const task = api.start(host, &r.x, INT64_MAX, run, &trace);
  EXPECT_EQ(api.join(task, &r.x), GH_OK);
  EXPECT_EQ(trace, r.x.trace().parent);
}

TEST_F(InstanceTest, HashesAreThoseOfTheStandards) {
  const auto instance = make();
  const auto& api = *static_cast<const gh_crypto_api*>(host->extension(host, GH_CRYPTO_1));
  Digest digest;
  gh_hash* const hash = api.begin();
  api.update(hash, raw("a"));
  api.update(hash, raw("bc"));
  api.finish(hash, digest.data());
  EXPECT_EQ(
      hex(digest),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4, example
  api.hmac(raw("Jefe"), raw("what do ya want for nothing?"), digest.data());
  EXPECT_EQ(hex(digest),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");  // RFC 4231 4.3
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
