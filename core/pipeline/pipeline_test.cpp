#include "core/pipeline/pipeline.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "core/version.h"
#include "tests/core/request.h"

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;

/// What a pipeline of probes (tests/core/probe) makes of a request: the text of the answer, or
/// status and code of the failure.
/// The text of the response, or the failure. `run`: a member of Pipeline.
std::string outcome(const Pipeline& pipeline, Request& r, decltype(&Pipeline::run) run) {
  std::string text;
  struct To {
    Request& request;
    std::string& text;
  } to{r, text};
  const gh_sink sink{sizeof(gh_sink), 0, &to, [](void* self, const gh_event* e) -> gh_status {
                       static_cast<To*>(self)->text.append(e->text.p, e->text.n);
                       static_cast<To*>(self)->request.client.head_left = true;
                       static_cast<To*>(self)->request.client.body_ended = e->flags & GH_LAST;
                       return GH_OK;
                     }};
  const gh_status status = (pipeline.*run)(r.x, sink);
  if (status == GH_FAILED && r.x.failure())
    return std::to_string(r.x.failure()->http_status) + " " + r.x.failure()->code;
  return status == GH_OK ? text : "status " + std::to_string(status);
}
std::string outcome(const Pipeline& pipeline, Request& r) {
  return outcome(pipeline, r, &Pipeline::run);
}
std::string admin_outcome(const Pipeline& pipeline, Request& r) {
  return outcome(pipeline, r, &Pipeline::run_admin);
}
std::string outcome(const Pipeline& pipeline, const std::string& line = "GET /") {
  Request r(line);
  return outcome(pipeline, r);
}

class PipelineTest : public testing::Test {
 protected:
  /// `entries`: the items of `pipeline:`, one a line.
  std::unique_ptr<Pipeline> build(const std::string& entries, const std::string& folder = PROBES) {
    problems_ = {};
    auto config = Config::parse("plugins_dir: " + folder + "\npipeline:\n" + entries,
                                "/gatehouse.yaml", problems_);
    return config ? Pipeline::build(*config, gateway_, problems_) : nullptr;
  }
  std::string problems() const {
    std::ostringstream out;
    out << problems_;
    return out.str();
  }

  Log log_{LogSettings{"error", {}}};
  Gateway gateway_{log_, StoreSettings{{}, 64 << 20}};
  Problems problems_;
};

TEST_F(PipelineTest, ARequestMeetsThePluginsInTheirOrder) {
  const auto pipeline = build(
      "- {probe: {}, as: a}\n- {probe: {}, as: b}\n- {probe: {do: answer}, as: c}\n- {probe: {}, "
      "as: d}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline), "a b c 1");
  EXPECT_EQ(pipeline->picture(), "a → b → c → d");
}

TEST_F(PipelineTest, APluginSeesOnlyTheRequestsItIsFor) {
  const auto pipeline = build(
      "- {probe: {}, as: exact, when: {path: /a}}\n"
      "- {probe: {}, as: prefix, when: {path: /a*}}\n"
      "- {probe: {}, as: method, when: {methods: [POST, PUT]}}\n"
      "- {probe: {}, as: both, when: {path: /a/*, methods: [PUT]}}\n"
      "- {probe: {do: answer}, as: end}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline, "GET /a"), "exact prefix end 1");
  EXPECT_EQ(outcome(*pipeline, "GET /"), "end 2");
  EXPECT_EQ(outcome(*pipeline, "GET /ab?x"), "prefix end 3");
  EXPECT_EQ(outcome(*pipeline, "POST /b"), "method end 4");
  EXPECT_EQ(outcome(*pipeline, "PUT /a/b"), "prefix method both end 5");
}

TEST_F(PipelineTest, APluginForChatsSeesOnlyRequestsThatAreOne) {
  const std::string chat = "- {probe-chat: {}, as: chat}\n- {probe: {do: answer}, as: end}\n";
  const auto without = build(chat),
             with = build("- {probe: {do: make-chat}, as: ingress}\n" + chat);
  ASSERT_TRUE(without && with) << problems();
  EXPECT_EQ(outcome(*without), "end 1");
  EXPECT_EQ(outcome(*with), "ingress chat end 1");
}

TEST_F(PipelineTest, APluginForChatsSeesRequestsToItsRoutesToo) {
  const auto pipeline = build(
      "- {probe-chat: {route: /a, do: answer}, as: chat}\n- {probe: {do: answer}, as: end}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline, "GET /a"), "chat 1 mine");
  EXPECT_EQ(outcome(*pipeline, "GET /b"), "end 1");
}

TEST_F(PipelineTest, APluginForItsRoutesSeesOnlyRequestsToThem) {
  const auto pipeline = build(
      "- {probe: {do: make-chat}, as: ingress}\n"
      "- {probe-routes: {route: /a, do: answer}, as: routes}\n"
      "- {probe: {do: answer}, as: end}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline, "GET /a"), "ingress routes 1 mine");
  EXPECT_EQ(outcome(*pipeline, "GET /b"), "ingress end 1");
}

TEST_F(PipelineTest, AnInstanceIsCalledAroundChatsAndModelsToo) {
  const std::string below =
      "- {probe-ingress: {do: make-chat}, as: ingress}\n"
      "- {probe: {do: call-twice}, as: retry}\n"
      "- {probe-provider: {do: answer}, as: model}\n";
  const auto pipeline = build(
      "- {probe: {around: chats}, as: c}\n"
      "- {probe: {around: models}, as: m}\n"
      "- {probe: {around: models}, as: n, when: {path: /n}}\n" +
      below);
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline), "c m ingress c' retry m' model m' model 2");
  EXPECT_EQ(outcome(*pipeline, "GET /n"), "c m n ingress c' retry m' n' model m' n' model 4");
  const auto without = build("- {probe: {around: models}, as: m}\n- {probe: {do: answer}}\n");
  EXPECT_EQ(outcome(*without), "m probe 1") << "no chat, no provider";

  for (const char* fault : {"fail-around", "throw-around"}) {
    const auto faulty = build("- {probe: {around: models, do: " + std::string(fault) +
                              "}, as: m, when: {path: /m}}\n" + below);
    Request r("GET /m");
    EXPECT_EQ(outcome(*faulty, r), "500 plugin_error");
    EXPECT_EQ(r.x.failure()->detail.substr(0, 14), "the plugin m: ");
  }
}

TEST_F(PipelineTest, AChatThatNoProviderServesIsNamedByItsModel) {
  const auto pipeline = build(
      "- {probe-ingress: {do: make-chat, route: /a}}\n- {probe-provider: {}, as: passes-on}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r("GET /a");
  EXPECT_EQ(outcome(*pipeline, r), "404 model_not_found");
  EXPECT_EQ(r.x.failure()->message, "No provider serves the model m1.");
}

TEST_F(PipelineTest, FailuresAreWrittenByThePluginThatHasClaimedTheirPath) {
  const auto pipeline = build(
      "- {probe: {failures: {/v1/*: ''}}, as: wide}\n"
      "- {probe: {failures: {/v1/a/*: '', /v1/*: X-Old}}, as: near}\n"
      "- {probe: {failures: {/v1/a/*: '', /bad: ''}, do: throw}, as: late, when: {path: /b*}}\n");
  ASSERT_TRUE(pipeline) << problems();
  const auto body = [&](const std::string& line, const std::string& fields = {}) {
    Request r(line, fields);
    (void)r.x.fail({503, "busy", "Busy.", {}});
    return pipeline->failure_body(r.x).value_or("the core's");
  };
  EXPECT_EQ(body("GET /v1/b"), "wide: busy");
  EXPECT_EQ(body("GET /v1/b", "x-old: 1\r\n"), "near: busy") << "a claim with a header goes first";
  EXPECT_EQ(body("GET /v1/a/b"), "near: busy") << "the longer path, and the first that has it";
  EXPECT_EQ(body("GET /v2"), "the core's");
  EXPECT_EQ(body("GET /v1/"), "the core's") << "`*` is one or more characters";
  EXPECT_EQ(body("GET /bad"), "the core's") << "an exception leaves it to the core";
}

TEST_F(PipelineTest, DescribesEachRouteInOneDocument) {
  const auto pipeline = build(
      "- {probe: {route: /open}, as: plain}\n"
      "- {probe: {openapi: '{\"security\": [{\"key\": []}]}'}, as: guard, when: {path: /a*}}\n"
      "- {probe: {openapi: '{\"security\": [], \"x-guarded-paths\": [\"/b/\"]}'}, as: other}\n"
      "- {probe: {route: /a/*/end, openapi: '{\"paths\": {\"/a/{id}/end\": {\"get\": {\"summary\":"
      " \"Ends\"}, \"put\": {}}}, \"components\": {\"schemas\": {\"A\": {}}}}'}, as: a}\n"
      "- {probe: {route: /b/*}, as: b}\n"
      "- {probe: {route: /c}, as: c}\n");
  ASSERT_TRUE(pipeline) << problems();
  std::string text;
  pipeline->openapi(text);
  const auto document = nlohmann::json::parse(text);
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["version"], kVersion);
  const auto& paths = document["paths"];
  EXPECT_EQ(paths.size(), 4u);
  EXPECT_EQ(paths["/open"]["get"]["summary"], "GET /open");
  EXPECT_FALSE(paths["/open"]["get"].contains("security"));
  EXPECT_EQ(paths["/a/{id}/end"].size(), 1u) << "only what is claimed";
  const auto& described = paths["/a/{id}/end"]["get"];
  EXPECT_EQ(described["summary"], "Ends");
  EXPECT_EQ(described["tags"], nlohmann::json({"a"}));
  EXPECT_EQ(described["security"], nlohmann::json::parse(R"([{"key": []}])"));
  EXPECT_TRUE(described["responses"].contains("default"));
  EXPECT_EQ(paths["/b/{name}"]["get"]["security"], nlohmann::json::array())
      << "of the other guard, not of the first one's `when`";
  EXPECT_FALSE(paths["/c"]["get"].contains("security")) << "not of the other guard's paths";
  EXPECT_EQ(paths["/b/{name}"]["get"]["parameters"][0]["name"], "name");
  EXPECT_TRUE(document["components"]["schemas"].contains("A"));
  EXPECT_FALSE(build("- {probe: {openapi: 'no'}}\n"));
  EXPECT_NE(problems().find("its OpenAPI description is not a JSON object"), std::string::npos);
}

TEST_F(PipelineTest, ARequestIsFoundByItsRoute) {
  const auto pipeline = build(
      "- {probe: {route: /a}, as: a}\n- {probe: {route: /b, do: answer}, as: b, when: {path: "
      "/b}}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline, "GET /b"), "a b 1 mine");
  EXPECT_EQ(outcome(*pipeline, "HEAD /b?x"), "a b 2 mine");
  EXPECT_EQ(outcome(*pipeline, "GET /c"), "404 not_found");
  EXPECT_EQ(outcome(*pipeline, "GET /a"), "404 not_found") << "claimed, but nobody answered";

  Request post("POST /a");
  EXPECT_EQ(outcome(*pipeline, post), "405 method_not_allowed");
  EXPECT_EQ(post.x.answer_headers().back(),
            (std::pair<std::string_view, std::string_view>("Allow", "GET")));
}

TEST_F(PipelineTest, ARouteMayBeAPattern) {
  const auto pipeline = build(
      "- {probe: {route: /a/*/end}, as: a}\n- {probe: {route: /a/b/end, do: answer}, as: b}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline, "GET /a/b/end"), "a b 1 mine") << "an exact path goes first";
  EXPECT_EQ(outcome(*pipeline, "GET /a/b/c/end"), "a b 2");
  EXPECT_EQ(outcome(*pipeline, "GET /a//end"), "a b 3");

  const auto silent = build("- {probe: {route: /a/*/end}}\n");
  EXPECT_EQ(outcome(*silent, "PUT /a/b/end"), "405 method_not_allowed");
  EXPECT_EQ(outcome(*silent, "PUT /a/end"), "404 not_found");
}

TEST_F(PipelineTest, AWarningIsShownAndThePipelineBuilt) {
  const auto pipeline = build("- probe: {warning: ends soon}\n");
  EXPECT_TRUE(pipeline);
  EXPECT_EQ(problems(), "/gatehouse.yaml:3:20: warning: `probe`: ends soon\n");
}

TEST_F(PipelineTest, TheRestMayBeCalledAgain) {
  const auto pipeline = build(
      "- {probe: {do: call-twice}, as: a}\n- {probe: {}, as: b}\n- {probe: {do: answer}, as: c}\n");
  ASSERT_TRUE(pipeline) << problems();
  EXPECT_EQ(outcome(*pipeline), "a b c b c 2");
}

TEST_F(PipelineTest, AFailureGoesUpUnchangedAndTheNextCallClearsIt) {
  const auto failing = build("- {probe: {}, as: a}\n- {probe: {do: fail}, as: b}\n");
  ASSERT_TRUE(failing) << problems();
  Request r;
  EXPECT_EQ(outcome(*failing, r), "503 probe_failed");
  EXPECT_EQ(r.x.failure()->detail, "b");

  const auto answering = build("- {probe: {do: answer}}\n");
  EXPECT_EQ(outcome(*answering, r), "a b probe 1");
  EXPECT_FALSE(r.x.failure());
}

TEST_F(PipelineTest, AFailureWithoutReasonNamesThePlugin) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: fail-silently}, as: mute}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r;
  EXPECT_EQ(outcome(*pipeline, r), "500 plugin_error");
  EXPECT_EQ(r.x.failure()->detail, "the plugin mute: returned GH_FAILED without a failure");
}

TEST_F(PipelineTest, SuccessWithoutAResponseIsAFailureThatNamesThePlugin) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: do-nothing}, as: idle}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r;
  EXPECT_EQ(outcome(*pipeline, r), "500 plugin_error");
  EXPECT_EQ(r.x.failure()->detail,
            "the plugin idle: returned success without a response: emit an event or call next");
}

TEST_F(PipelineTest, AnExceptionIsAFailureThatNamesThePlugin) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: throw}, as: thrower}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r;
  EXPECT_EQ(outcome(*pipeline, r), "500 plugin_error");
  EXPECT_EQ(r.x.failure()->detail, "the plugin thrower: thrown by a test");
}

TEST_F(PipelineTest, NothingIsCalledAfterTheResponseHasEnded) {
  const auto pipeline =
      build("- {probe: {do: call-after-the-end}, as: twice}\n- {probe: {do: answer}, as: model}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r;
  EXPECT_EQ(outcome(*pipeline, r), "500 plugin_error");
  EXPECT_EQ(r.x.failure()->detail, "the plugin twice: returned GH_INVALID without a failure");
  EXPECT_EQ(nlohmann::json::parse(pipeline->report())["plugins"][1]["calls"], 1);
}

TEST_F(PipelineTest, AnEndThatIsNoFailureGoesUpUnchanged) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: stop}, as: b}\n");
  ASSERT_TRUE(pipeline) << problems();
  Request r;
  EXPECT_EQ(outcome(*pipeline, r), "status 1");
  EXPECT_FALSE(r.x.failure());
}

TEST_F(PipelineTest, AReloadHandsStateToInstancesOfTheSameNameAndPlugin) {
  const auto older = build("- {probe: {do: answer}, as: a}\n");
  ASSERT_TRUE(older) << problems();
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(outcome(*older), "a " + std::to_string(i));

  const auto same = build("- {probe: {do: answer}, as: a}\n"),
             other_name = build("- {probe: {do: answer}, as: b}\n");
  const auto other_plugin =
      build("- {probe: {do: make-chat}, as: i}\n- {probe-chat: {do: answer}, as: a}\n");
  for (const auto* newer : {&same, &other_name, &other_plugin}) (*newer)->start(older.get());
  EXPECT_EQ(outcome(*same), "a 4");
  EXPECT_EQ(outcome(*other_name), "b 1");
  EXPECT_EQ(outcome(*other_plugin), "i a 1");
}

TEST_F(PipelineTest, EverythingThatIsWrongIsToldAtOnce) {
  EXPECT_FALSE(
      build("- {prob: {}}\n- {probe: {typo: 1}, as: b}\n- {probe: {}, as: c, path: nowhere.so}\n"));
  EXPECT_EQ(
      problems(),
      "/gatehouse.yaml:3:4: unknown plugin `prob`: did you mean `probe`?\n"
      "/gatehouse.yaml:4:12: unknown key `typo`: known keys are admin, around, do, failures, in, "
      "openapi, problem, route, status and warning\n"
      "/gatehouse.yaml:5:4: /nowhere.so cannot be read: No such file or directory\n");
  EXPECT_FALSE(build("- {probe: {problem: x}, as: a}\n- {probe: {problem: y}, as: b}\n"));
  EXPECT_EQ(problems(), "/gatehouse.yaml:3:21: `a`: x\n/gatehouse.yaml:4:21: `b`: y\n");
  EXPECT_FALSE(build("- {probe: {route: /a}, as: a}\n- {probe: {route: /a}, as: b}\n"));
  EXPECT_EQ(
      problems(),
      "/gatehouse.yaml:4:11: `b`: GET /a is already claimed by another plugin of this pipeline\n");
}

TEST_F(PipelineTest, AFileThatCannotBeLookedAtIsAProblemLikeAnother) {
  const fs::path folder =
      fs::temp_directory_path() / ("gatehouse_pipeline_test." + std::to_string(getpid()));
  fs::create_directories(folder);
  fs::create_symlink("probe.so", folder / "probe.so");
  EXPECT_FALSE(build("- probe\n", folder));
  fs::remove_all(folder);
  EXPECT_EQ(problems(), "/gatehouse.yaml:3:3: " + (folder / "probe.so").string() +
                            " cannot be read: Too many levels of symbolic links\n");
}

TEST_F(PipelineTest, ReportsHowEachPluginIsAndWhatItDid) {
  const auto pipeline = build(
      "- {probe: {do: call-twice}, as: a}\n- {probe: {do: answer}, as: b}\n- {probe: {do: fail}, "
      "as: c}\n");
  ASSERT_TRUE(pipeline) << problems();
  outcome(*pipeline);
  const auto report = nlohmann::json::parse(pipeline->report());
  EXPECT_EQ(report["version"], kVersion);
  EXPECT_EQ(report["store"]["kind"], "memory");
  EXPECT_EQ(report["draining"], false);
  EXPECT_FALSE(report.contains("reload"));
  ASSERT_EQ(report["plugins"].size(), 3u);
  const auto& a = report["plugins"][0];
  EXPECT_EQ(a["name"], "a");
  EXPECT_EQ(a["plugin"], "probe");
  EXPECT_EQ(a["state"], "up");
  EXPECT_EQ(a["calls"], 1);
  EXPECT_EQ(a["short_circuits"], 0);
  const auto& b = report["plugins"][1];
  EXPECT_EQ(b["calls"], 2);
  EXPECT_EQ(b["short_circuits"], 2);
  EXPECT_EQ(b["failures"], 0);
  EXPECT_GE(a["seconds"], b["seconds"]) << "with the time of those below";
}

TEST_F(PipelineTest, FailuresAreCountedWhereTheyPass) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: fail}, as: b}\n");
  ASSERT_TRUE(pipeline) << problems();
  outcome(*pipeline);
  std::string text;
  pipeline->metrics(text);
  for (const char* line : {"gatehouse_plugin_calls_total{plugin=\"a\"} 1\n",
                           "gatehouse_plugin_failures_total{plugin=\"a\"} 1\n",
                           "gatehouse_plugin_failures_total{plugin=\"b\"} 1\n",
                           "gatehouse_plugin_short_circuits_total{plugin=\"a\"} 0\n",
                           "gatehouse_plugin_answers_total{plugin=\"b\"} 0\n",
                           "gatehouse_build_info{version=", "gatehouse_store_up 1\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST_F(PipelineTest, EachLayerCountsTheAnswersThatPassIt) {
  const auto pipeline = build("- {probe: {}, as: a}\n- {probe: {do: answer}, as: b}\n");
  ASSERT_TRUE(pipeline) << problems();
  outcome(*pipeline);
  std::string text;
  pipeline->metrics(text);
  EXPECT_NE(text.find("gatehouse_plugin_answers_total{plugin=\"a\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("gatehouse_plugin_answers_total{plugin=\"b\"} 1\n"), std::string::npos);
}

TEST(CallCounts, AddsUpWhatThreadsHaveCounted) {
  CallCounts counts;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {  // more than there are shards
    threads.emplace_back([&counts] {
      for (int call = 0; call < 1000; ++call) counts.here().add(CallCounts::kCalls);
      counts.here().add(CallCounts::kTotalNs, 7);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counts[CallCounts::kCalls], 20'000u);
  EXPECT_EQ(counts[CallCounts::kTotalNs], 140u);
  EXPECT_EQ(counts[CallCounts::kFailures], 0u);
}

TEST_F(PipelineTest, AnAdminRequestMeetsOnlyThePluginThatClaimedIt) {
  const auto pipeline = build(
      "- {probe: {}, as: a}\n- {probe: {do: answer, admin: /x}, as: b}\n- {probe: {do: pass, "
      "admin: /x}, as: c}\n");
  ASSERT_TRUE(pipeline) << problems();
  const auto ask = [&](const std::string& line) {
    Request r(line);
    return admin_outcome(*pipeline, r);
  };
  EXPECT_EQ(ask("GET /b/x"), "0 administered");
  EXPECT_EQ(ask("GET /x"), "404 not_found");
  EXPECT_EQ(ask("POST /b/x"), "404 not_found");
  EXPECT_EQ(outcome(*pipeline, "GET /b/x"), "a b 1") << "clients have no admin routes";
}

TEST_F(PipelineTest, AnAdminRequestHasAResponseOrAFailureThatNamesThePlugin) {
  const std::pair<const char*, const char*> cases[] = {
      {"do-nothing", "returned success without a response: emit an event or call next"},
      {"fail-silently", "returned GH_FAILED without a failure"},
      {"throw", "thrown by a test"}};
  for (const auto& [what, detail] : cases) {
    const auto pipeline = build(std::string("- {probe: {do: ") + what + ", admin: /x}, as: p}\n");
    ASSERT_TRUE(pipeline) << problems();
    Request r("GET /p/x");
    EXPECT_EQ(admin_outcome(*pipeline, r), "500 plugin_error") << what;
    EXPECT_EQ(r.x.failure()->detail, std::string("the plugin p: ") + detail);
  }
}

}  // namespace
}  // namespace gatehouse::core
