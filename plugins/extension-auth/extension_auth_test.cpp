#include "extension_auth.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::extension_auth {
namespace {

using testing::Answer;
using testing::Harness;
using testing::Headers;

const std::string kId = "abcdefghijklmnopabcdefghijklmnop";
const std::string kToken = "ghk_" + std::string(64, 'a');
const std::string kTokens = R"("tokens": [
    {"name": "phone",
     "sha256": "0000000000000000000000000000000000000000000000000000000000000000"},
    {"name": "laptop",
     "sha256": "4930cfd46da26726981af9315d01d9b210d3173f9cad80b9a67179ceaa5581b4"},
    {"name": "desk",
     "sha256": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}])";
const std::string kSecret = "0123456789abcdef0123456789abcdef";
const std::string kHmac = R"("hmac": {"secrets": [{"name": "phone", "secret": ")" + kSecret +
                          R"("}], "on_store_failure": "open"})";

struct ExtensionAuthTest : ::testing::Test {
  Harness h;
  ExtensionAuth auth{h.host(), h.config("{}")};

  ExtensionAuthTest() {
    h.host().route("POST", "/api/chat");
    h.next = testing::answer("hi");
  }
  Answer ask(ExtensionAuth& plugin, Headers more, const std::string& id = kId) {
    more.emplace_back("X-Extension-ID", id);
    return h.post(plugin, "/api/chat", "{}", more);
  }
  static std::string caller(const Answer& a) {
    return a.caller.tenant + "|" + a.caller.user + "|" + a.caller.key;
  }
  Headers sign(const std::string& nonce) {
    const Crypto crypto(h.host());
    const std::string text =
        "POST\n/api/chat\n\n" + hex(crypto.sha256({"{}"})) + "\n1735689600\n" + nonce;
    const std::string signature = hex(crypto.hmac_sha256(kSecret, text));
    return {{"X-Gatehouse-Timestamp", "1735689600"},
            {"X-Gatehouse-Nonce", nonce},
            {"X-Gatehouse-Signature", signature}};
  }
};

TEST_F(ExtensionAuthTest, SetsTheIdAsTenantAndNotesTheVersion) {
  const Answer answer = ask(auth, {{"X-Extension-Version", "1.4.2"}});
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(caller(answer), kId + "||") << "user and key are not proven";
  EXPECT_EQ(answer.notes, R"({"extension_version":"1.4.2"})");
}

TEST_F(ExtensionAuthTest, DescribesWhatItRequires) {
  const auto security = [](const std::string& config) {
    Harness own;
    const ExtensionAuth plugin(own.host(), own.config("{" + config + "}"));
    return testing::parse(own.descriptions.at(0)).root()["security"].dump();
  };
  EXPECT_EQ(security(""), R"([{"extensionId":[]}])");
  EXPECT_EQ(security(kTokens), R"([{"extensionId":[],"installToken":[]}])");
  EXPECT_EQ(security(kTokens + "," + kHmac),
            R"([{"extensionId":[],"installToken":[]},{"extensionId":[],"signature":[]}])");
  EXPECT_EQ(testing::parse(h.descriptions.at(0)).root()["x-guarded-paths"].dump(), R"(["/api/"])");
}

TEST_F(ExtensionAuthTest, RejectsARequestWithoutId) {
  for (const Headers& headers : {Headers{}, Headers{{"X-Extension-ID", ""}}}) {
    const Answer answer = h.post(auth, "/api/chat", "{}", headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.failure.message, "Extension ID is required");
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, RejectsAMalformedId) {
  for (const std::string& id :
       {kId.substr(1), kId + "a", std::string(32, 'A'), std::string(32, '0'),
        kId.substr(0, 31) + "\xe9", "chrome-extension://" + kId}) {
    const Answer answer = h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", id}});
    EXPECT_EQ(answer.status, 401) << id;
    EXPECT_EQ(answer.failure.message, "Invalid extension ID format");
    EXPECT_EQ(answer.failure.code, "extension_id_invalid");
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, RejectsTwoIds) {
  EXPECT_EQ(h.post(auth, "/api/chat", "{}",
                   {{"X-Extension-ID", kId}, {"X-Extension-ID", std::string(32, 'p')}})
                .status,
            401);
}

TEST_F(ExtensionAuthTest, PassesUnclaimedPathsAndMethods) {
  h.next = testing::end_of_pipeline();
  EXPECT_EQ(h.post(auth, "/api/nothing", "{}").status, 404);
  EXPECT_EQ(h.get(auth, "/api/chat").status, 404);
}

TEST_F(ExtensionAuthTest, SendsNoResponseOfAnUnclaimedPathToAnUnknownCaller) {
  ExtensionAuth tokens(h.host(), h.config("{" + kTokens + "}"));
  h.next = [](Exchange& x, Sink& out) {
    return x.reply(out, 200, "text/plain", "for known callers");
  };
  const Answer answer = h.get(tokens, "/api/files/a", {{"X-Extension-ID", kId}});
  EXPECT_EQ(answer.failure.code, "token_invalid");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(h.get(tokens, "/api/files/a",
                  {{"X-Extension-ID", kId}, {"Authorization", "Bearer " + kToken}})
                .body,
            "for known callers");
}

TEST_F(ExtensionAuthTest, GuardsAllPathsOfAPattern) {
  h.host().route("GET", "/api/files/*");
  EXPECT_EQ(h.get(auth, "/api/files/a").failure.code, "extension_id_required");
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, PassesOtherPathsAsTheyAre) {
  ExtensionAuth own(h.host(), h.config(R"({"paths": ["/own/", "/chat"]})"));
  for (const char* path : {"/v1/chat/completions", "/apis", "/"}) {
    const Answer answer = h.post(auth, path, "{}", {{"X-Extension-ID", "malformed"}});
    EXPECT_EQ(answer.body, "hi") << path;
    EXPECT_EQ(caller(answer) + answer.notes, "||{}") << path;
  }
  h.host().route("POST", "/own/chat");
  h.host().route("POST", "/chat");
  EXPECT_EQ(h.post(own, "/api/chat", "{}").body, "hi");
  EXPECT_EQ(h.post(own, "/own/chat", "{}").failure.code, "extension_id_required");
  EXPECT_EQ(h.post(own, "/chat", "{}").failure.code, "extension_id_required");
}

TEST_F(ExtensionAuthTest, NeedsProofIfOtherMachinesCanReachTheGateway) {
  const auto problems = [this](const std::string& config) {
    h.problems.clear();
    ExtensionAuth plugin(h.host(), h.config(config));
    return h.problems.size();
  };
  EXPECT_EQ(problems(R"({"anyone": false})"), 1u);
  h.expose();
  EXPECT_EQ(problems("{}"), 1u);
  EXPECT_EQ(problems(R"({"ids": ["abcdefghijklmnopabcdefghijklmnop"]})"), 1u);
  EXPECT_EQ(problems(R"({"anyone": true})"), 0u);
  EXPECT_EQ(problems("{" + kTokens + "}"), 0u);
  EXPECT_EQ(problems("{" + kHmac + "}"), 0u);
  EXPECT_EQ(problems(R"({"anyone": true, )" + kTokens + "}"), 1u) << "each request needs a token";
}

TEST_F(ExtensionAuthTest, NotesOfAVersionWhatMayBeLogged) {
  const auto noted = [this](const std::string& version) {
    const std::string notes =
        h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", kId}, {"X-Extension-Version", version}})
            .notes;
    const std::string key = R"("extension_version":")";
    const auto start = notes.find(key) + key.size();
    return notes.substr(start, notes.find('"', start) - start);
  };
  EXPECT_EQ(noted(std::string(100, '1')), std::string(64, '1'));
  EXPECT_EQ(noted("1.0\x1b[31m"), "1.0");
  EXPECT_EQ(noted("\xff"), "unknown");
  EXPECT_EQ(noted(""), "unknown");
}

TEST_F(ExtensionAuthTest, WarnsThatAnyExtensionIsAccepted) {
  EXPECT_EQ(h.logs, std::vector<std::string>{
                        "warn: requests from any extension are accepted: `ids` is not set"});
}

TEST_F(ExtensionAuthTest, AcceptsTheConfiguredExtensionsOnly) {
  h.logs.clear();
  ExtensionAuth listed(h.host(), h.config(R"({"ids": ["pppppppppppppppppppppppppppppppp",
                                                      "abcdefghijklmnopabcdefghijklmnop"]})"));
  EXPECT_TRUE(h.logs.empty());
  EXPECT_EQ(ask(listed, {}).status, 200);
  EXPECT_EQ(ask(listed, {}, std::string(32, 'p')).status, 200);
  const Answer answer = ask(listed, {}, std::string(32, 'a'));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.failure.code, "extension_not_allowed");
  EXPECT_EQ(h.post(listed, "/api/chat", "{}").failure.message, "Extension ID is required");
  EXPECT_EQ(ask(listed, {}, "ABC").failure.message, "Invalid extension ID format");
}

TEST_F(ExtensionAuthTest, RejectsAnIdOtherThanThatOfTheOrigin) {
  EXPECT_EQ(ask(auth, {{"Origin", "chrome-extension://" + kId}}).status, 200);
  const std::string scheme = "chrome-extension://";
  for (const std::string& origin : {scheme + std::string(32, 'p'), scheme + kId + "x", scheme}) {
    const Answer answer = ask(auth, {{"Origin", origin}});
    EXPECT_EQ(answer.status, 403) << origin;
    EXPECT_EQ(answer.failure.code, "origin_mismatch");
  }
  EXPECT_EQ(ask(auth, {{"Origin", "https://app.example"}}).status, 200)
      << "other schemes are not its business";
}

TEST_F(ExtensionAuthTest, SetsTheNameOfTheTokenAsUserAndKey) {
  ExtensionAuth tokens(h.host(), h.config("{" + kTokens + "}"));
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER "}) {
    const Answer answer = ask(tokens, {{"Authorization", scheme + kToken}});
    EXPECT_EQ(answer.body, "hi");
    EXPECT_EQ(caller(answer), kId + "|laptop|laptop");
  }
}

TEST_F(ExtensionAuthTest, RejectsMissingAndUnknownTokensWithOneMessage) {
  ExtensionAuth tokens(h.host(), h.config("{" + kTokens + "}"));
  for (const Headers& headers :
       {Headers{}, Headers{{"Authorization", ""}}, Headers{{"Authorization", "Bearer"}},
        Headers{{"Authorization", "Bearer "}}, Headers{{"Authorization", kToken}},
        Headers{{"Authorization", "Basic " + kToken}},
        Headers{{"Authorization", "Bearer " + kToken + "a"}},
        Headers{{"Authorization", "Bearer  " + kToken}},
        Headers{{"Authorization", "Bearer " + kToken}, {"Authorization", "Bearer x"}}}) {
    const Answer answer = ask(tokens, headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.failure.code, "token_invalid");
    EXPECT_EQ(answer.failure.message, "Install token is required or not valid");
    EXPECT_EQ(answer.failure.detail, "");
    EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(caller(answer), "||");
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, AcceptsASignatureInPlaceOfAToken) {
  ExtensionAuth only_signed(h.host(), h.config("{" + kHmac + "}"));
  ExtensionAuth either(h.host(), h.config("{" + kTokens + ", " + kHmac + "}"));
  EXPECT_EQ(caller(ask(only_signed, sign("the-first-nonce-"))), kId + "|phone|phone");
  EXPECT_EQ(ask(only_signed, {{"Authorization", "Bearer " + kToken}}).failure.code,
            "signature_invalid");
  EXPECT_EQ(caller(ask(either, sign("the-second-nonce"))), kId + "|phone|phone");
  EXPECT_EQ(caller(ask(either, {{"Authorization", "Bearer " + kToken}})), kId + "|laptop|laptop");
  EXPECT_EQ(ask(either, {}).failure.code, "token_invalid");
}

TEST_F(ExtensionAuthTest, RevealsNoTokenAndNoSecret) {
  std::string revealed;
  const auto note = [&](const Answer& a) {
    revealed.append(a.failure.code).append(a.failure.message).append(a.failure.detail);
    revealed.append(a.notes).append(caller(a));
    for (const auto& [name, value] : a.headers) revealed.append(name).append(value);
  };
  ExtensionAuth plugin(h.host(), h.config("{" + kTokens + ", " + kHmac + "}"));
  const Headers signature = sign("abcdefghijklmnop");
  for (const bool down : {false, true}) {
    h.store_down = down;
    note(ask(plugin, signature));
    note(ask(plugin, signature));
    note(ask(plugin, {{"X-Gatehouse-Signature", kSecret}}));
    note(ask(plugin, {{"Authorization", "Bearer " + kToken}}));
    note(ask(plugin, {{"Authorization", "Basic " + kToken}}));
    note(ask(plugin, {{"Authorization", "Bearer " + kToken}}, kToken));
  }
  for (const std::string& line : h.logs) revealed += line;
  for (const auto& [name, value] : h.metrics) revealed += name;
  for (const auto& [key, value] : h.store) revealed.append(key).append(value);
  EXPECT_NE(revealed.find("the nonce has been used before"), std::string::npos);
  EXPECT_NE(revealed.find("the store is down: cannot check"), std::string::npos);
  EXPECT_EQ(revealed.find(kToken), std::string::npos);
  EXPECT_EQ(revealed.find(kSecret), std::string::npos);
}

}  // namespace
}  // namespace gatehouse::plugins::extension_auth
