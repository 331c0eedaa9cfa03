#include "keys.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::keys {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;
using testing::Headers;
using testing::Request;

const std::string kKey = "sk-gh-" + std::string(64, 'a');

struct KeysTest : ::testing::Test {
  Harness h;

  KeysTest() {
    h.host().route("POST", "/v1/chat/completions");
    h.next = testing::answer("hi");
  }
  std::string entry(const std::string& name, const std::string& key, const std::string& more = "") {
    return R"({"name": ")" + name + R"(", "sha256": ")" + hex(Crypto(h.host()).sha256({key})) +
           '"' + more + "}";
  }
  Json config(const std::string& entries) { return h.config(R"({"keys": [)" + entries + "]}"); }
  Answer ask(Keys& keys, Headers headers) {
    return h.post(keys, "/v1/chat/completions", "{}", headers);
  }
  Answer bearer(Keys& keys, const std::string& key) {
    return ask(keys, {{"Authorization", "Bearer " + key}});
  }
  static std::string caller(const Answer& a) {
    return a.caller.tenant + '|' + a.caller.user + '|' + a.caller.key;
  }
  double rejected(const std::string& reason) {
    return h.metrics["gatehouse_keys_rejected_total{plugin=\"" + std::string(h.host().instance()) +
                     "\",reason=\"" + reason + "\"}"];
  }
};

TEST_F(KeysTest, SetsOwnerAndNameAsTheCaller) {
  Keys keys(h.host(), config(entry("team-a", kKey) + ", " +
                             entry("laptop", "other", R"(, "owner": "ada@example.com")")));
  EXPECT_EQ(caller(bearer(keys, kKey)), "team-a||team-a");
  EXPECT_EQ(caller(bearer(keys, "other")), "ada@example.com||laptop");
  EXPECT_EQ(bearer(keys, kKey).body, "hi");
}

TEST_F(KeysTest, TakesAKeyFromEitherHeaderAndTheBearerFirst) {
  Keys keys(h.host(), config(entry("a", kKey)));
  for (const Headers& headers :
       {Headers{{"authorization", "bearer " + kKey}}, Headers{{"Authorization", "BEARER " + kKey}},
        Headers{{"x-api-key", kKey}}, Headers{{"X-Api-Key", kKey}, {"Authorization", "Bearer "}},
        Headers{{"x-api-key", kKey}, {"Authorization", "Basic YTpi"}},
        Headers{{"x-api-key", "wrong"}, {"Authorization", "Bearer " + kKey}}})
    EXPECT_EQ(ask(keys, headers).status, 200);
  EXPECT_EQ(ask(keys, {{"x-api-key", kKey}, {"Authorization", "Bearer wrong"}}).status, 401);
}

TEST_F(KeysTest, RejectsMissingUnknownAndExpiredKeys) {
  Keys keys(h.host(), config(entry("old", "old", R"(, "expires": "2024-12-31T23:59:59Z")") + ", " +
                             entry("a", kKey)));
  struct Case {
    Headers headers;
    const char* reason;
  };
  for (const auto& [headers, reason] :
       {Case{{}, "missing"}, Case{{{"Authorization", "Bearer "}}, "missing"},
        Case{{{"Authorization", "Basic " + kKey}}, "missing"},
        Case{{{"Authorization", kKey}}, "missing"}, Case{{{"x-api-key", ""}}, "missing"},
        Case{{{"x-api-key", kKey + "a"}}, "unknown"},
        Case{{{"x-api-key", kKey.substr(1)}}, "unknown"},
        Case{{{"x-api-key", std::string(65536, 'a')}}, "unknown"},
        Case{{{"x-api-key", "\xff\xfe"}}, "unknown"},
        Case{{{"x-api-key", kKey}, {"x-api-key", kKey}}, "unknown"},
        Case{{{"Authorization", "Bearer " + kKey}, {"Authorization", "Bearer " + kKey}}, "unknown"},
        Case{{{"Authorization", "Bearer old"}}, "expired"}}) {
    const double before = rejected(reason);
    const Answer answer = ask(keys, headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.failure.code, "invalid_api_key");
    EXPECT_EQ(answer.failure.detail, reason);
    EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(caller(answer), "||");
    EXPECT_EQ(rejected(reason), before + 1) << reason;
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(KeysTest, EndsAKeyWithItsDay) {
  Keys keys(h.host(), config(entry("a", kKey, R"(, "expires": "2025-01-01")")));
  EXPECT_EQ(bearer(keys, kKey).status, 200);
  h.advance(24h - 1s);  // the clock of the test begins with 2025
  EXPECT_EQ(bearer(keys, kKey).status, 200);
  h.advance(1s);
  EXPECT_EQ(bearer(keys, kKey).failure.detail, "expired");
}

TEST_F(KeysTest, GuardsItsPathsOnly) {
  Keys keys(h.host(), config(entry("a", kKey)));
  const Answer answer = h.post(keys, "/api/chat", "{}", {{"x-api-key", kKey}});
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(caller(answer), "||");
  Keys own(h.host(), h.config(R"({"paths": ["/own/"], "keys": [)" + entry("a", kKey) + "]}"));
  EXPECT_EQ(h.post(own, "/v1/chat/completions", "{}").body, "hi");
  h.host().route("POST", "/own/chat");
  EXPECT_EQ(h.post(own, "/own/chat", "{}").status, 401);
}

TEST_F(KeysTest, PassesUnclaimedPathsButNoResponseToAnUnknownCaller) {
  Keys keys(h.host(), config(entry("a", kKey)));
  EXPECT_EQ(h.get(keys, "/v1/files").status, 401);
  EXPECT_EQ(h.get(keys, "/v1/files", {{"x-api-key", kKey}}).body, "hi");
  h.next = testing::end_of_pipeline();
  const Answer answer = h.get(keys, "/v1/files");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "");
  EXPECT_EQ(rejected("missing"), 1);
}

TEST_F(KeysTest, AppliesToAChatWhatTheKeyAllows) {
  Keys keys(h.host(), config(entry("a", kKey, R"(, "models": ["gpt-*"], "tools": [],
                                                  "limits": [{"per": "day", "tokens": 5}])") +
                             ", " + entry("b", "all")));
  const auto chat = [&](const std::string& key, const std::string& document) {
    Request request("POST", "/v1/chat/completions");
    request.headers = {{"Authorization", "Bearer " + key}};
    request.chat = document;
    h.chats.clear();
    const Answer answer = h.run_around(GH_AROUND_CHATS, request);
    return h.chats.empty() ? std::string(answer.failure.code) : h.chats[0];
  };
  EXPECT_EQ(chat(kKey, R"({"model": "gpt-5", "backend_tools": ["shell"]})"),
            R"({"model":"gpt-5","backend_tools":[],"limits":[{"per":"day","tokens":5}]})");
  EXPECT_EQ(chat(kKey, R"({"model": "claude"})"), "model_not_found");
  EXPECT_EQ(chat("all", R"({"model": "claude"})"), R"({"model":"claude"})");
  EXPECT_EQ(chat("wrong", R"({"model": "claude"})"), "invalid_api_key") << "revoked meanwhile";
}

TEST_F(KeysTest, LeavesChatsOfOtherPathsAlone) {
  Keys keys(h.host(), config(entry("a", kKey)));
  Request request("POST", "/api/chat");
  request.chat = R"({"model": "m"})";
  EXPECT_EQ(h.run_around(GH_AROUND_CHATS, request).status, 200);
  EXPECT_EQ(h.chats.at(0), R"({"model":"m"})");
}

TEST_F(KeysTest, NamesTheModelThatAKeyMayNotUse) {
  Keys keys(h.host(), config(entry("a", kKey, R"(, "models": [])")));
  Request request("POST", "/v1/chat/completions");
  request.headers = {{"x-api-key", kKey}};
  request.chat = R"({"model": "gpt-5"})";
  const Answer answer = h.run_around(GH_AROUND_CHATS, request);
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.failure.message, "The model gpt-5 does not exist or the key may not use it.");
}

TEST_F(KeysTest, UsesAChangedFileWithinASecond) {
  h.files["keys.jsonl"] = entry("a", "first") + "\n";
  Keys keys(h.host(), h.config(R"({"file": "keys.jsonl", "keys": [)" + entry("b", kKey) + "]}"));
  EXPECT_EQ(bearer(keys, "first").status, 200);
  h.files["keys.jsonl"] += entry("a", "second") + "\n";  // while the key is being replaced
  h.run_background(0, 1);
  EXPECT_LE(h.sleeps.at(0), 1s);
  EXPECT_EQ(bearer(keys, "first").status, 200);
  EXPECT_EQ(bearer(keys, "second").status, 200);
  h.files["keys.jsonl"] = entry("a", "second") + "\n";
  h.run_background(0, 1);
  EXPECT_EQ(bearer(keys, "first").status, 401);
  EXPECT_EQ(bearer(keys, "second").status, 200);
  EXPECT_EQ(bearer(keys, kKey).status, 200) << "of the configuration";
  EXPECT_EQ(h.logs, (std::vector<std::string>{"info: keys reloaded: 3", "info: keys reloaded: 2"}));
}

TEST_F(KeysTest, KeepsTheKeysWhileTheFileIsInvalid) {
  h.files["keys.jsonl"] = entry("a", kKey) + "\n";
  Keys keys(h.host(), h.config(R"({"file": "keys.jsonl"})"));
  h.files["keys.jsonl"] = entry("b", "other") + "\n" + R"({"name": "c"})";
  h.run_background(0, 3);
  EXPECT_EQ(bearer(keys, kKey).status, 200);
  EXPECT_EQ(bearer(keys, "other").status, 401);
  const std::string why = "keys.jsonl:2: `sha256` must be 64 hexadecimal digits in lower case";
  EXPECT_EQ(h.logs, std::vector<std::string>{
                        "error: keys not reloaded, the previous ones stay in use: " + why});
  EXPECT_EQ(h.health, "degraded: " + why);
  h.files.clear();
  h.run_background(0, 1);
  EXPECT_EQ(bearer(keys, kKey).status, 200) << "a file that is gone revokes nothing by accident";
  h.files["keys.jsonl"] = entry("b", "other");
  h.run_background(0, 1);
  EXPECT_EQ(bearer(keys, kKey).status, 401);
  EXPECT_EQ(h.health, "up");
}

TEST_F(KeysTest, ReportsWhatIsWrongWithTheConfiguration) {
  const auto problems = [this](const std::string& text) {
    h.problems.clear();
    const Keys keys(h.host(), h.config(text));
    return h.problems;
  };
  EXPECT_EQ(problems("{}").at(0).substr(0, 13), ": has no keys");
  EXPECT_EQ(problems(R"({"keys": [)" + entry("a", kKey, R"(, "expires": "soon")") + "]}").at(0),
            "/keys/0/expires: `expires` must be a day (UTC), 2027-01-31, or 2027-01-31T12:00:00Z");
  EXPECT_EQ(problems(R"({"keys": [)" + entry("a", kKey) + ", " + entry("b", kKey) + "]}").at(0),
            "/keys/1/sha256: `sha256` is that of another entry: each key stands once");
  EXPECT_EQ(problems(R"({"file": "none.jsonl"})").at(0), "/file: none.jsonl: no such file");
  h.files["keys.jsonl"] = "no\n";
  EXPECT_EQ(problems(R"({"file": "keys.jsonl"})").at(0).substr(0, 21), "/file: keys.jsonl:1: ");
  h.files["keys.jsonl"] = "";
  EXPECT_TRUE(problems(R"({"file": "keys.jsonl"})").empty()) << "all keys are revoked";
}

TEST_F(KeysTest, RevealsNoKeyAndNoHash) {
  Keys keys(h.host(), config(entry("a", kKey, R"(, "models": [])") + ", " +
                             entry("old", "sk-gh-old", R"(, "expires": "2024-01-01")")));
  std::string revealed;
  const auto note = [&](const Answer& a) {
    revealed.append(a.failure.code).append(a.failure.message).append(a.failure.detail);
    revealed.append(a.notes).append(caller(a));
    for (const auto& [name, value] : a.headers) revealed.append(name).append(value);
  };
  for (const std::string& key : {kKey, kKey + "x", std::string("sk-gh-old")}) {
    note(bearer(keys, key));
    note(ask(keys, {{"x-api-key", key}}));
    Request request("POST", "/v1/chat/completions");
    request.headers = {{"x-api-key", key}};
    request.chat = R"({"model": "m"})";
    note(h.run_around(GH_AROUND_CHATS, request));
  }
  for (const std::string& line : h.logs) revealed += line;
  for (const auto& [name, value] : h.metrics) revealed += name;
  EXPECT_NE(revealed.find("may not use it"), std::string::npos);
  EXPECT_EQ(revealed.find("sk-gh-"), std::string::npos);
  EXPECT_EQ(revealed.find(hex(Crypto(h.host()).sha256({kKey}))), std::string::npos);
}

TEST_F(KeysTest, DescribesWhatItsPathsRequire) {
  const Keys keys(h.host(), config(entry("a", kKey)));
  const Document description = testing::parse(h.descriptions.at(0));
  EXPECT_EQ(description.root()["security"].dump(), R"([{"bearerKey":[]},{"apiKey":[]}])");
  EXPECT_EQ(description.root()["x-guarded-paths"].dump(), R"(["/v1/"])");
}

}  // namespace
}  // namespace gatehouse::plugins::keys
