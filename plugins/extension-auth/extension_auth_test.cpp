#include "extension_auth.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using testing::Answer;
using testing::Harness;

const std::string kId = "abcdefghijklmnopabcdefghijklmnop";

struct ExtensionAuthTest : ::testing::Test {
  Harness h;
  ExtensionAuth auth{h.host(), Json()};

  ExtensionAuthTest() {
    h.host().route("POST", "/api/chat");
    h.next = testing::answer("hi");
  }
};

TEST_F(ExtensionAuthTest, LetsAnExtensionPassAndNotesWhoItIs) {
  const Answer answer = h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", kId}, {"X-Extension-Version", "1.4.2"}});
  EXPECT_EQ(answer.body, "hi");
  EXPECT_EQ(answer.notes, R"({"extension_id":")" + kId + R"(","extension_version":"1.4.2"})");
}

TEST_F(ExtensionAuthTest, RefusesARequestWithoutId) {
  for (const testing::Headers& headers : {testing::Headers{}, testing::Headers{{"X-Extension-ID", ""}}}) {
    const Answer answer = h.post(auth, "/api/chat", "{}", headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.failure.message, "Extension ID is required");
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, RefusesWhatIsNoId) {
  for (const std::string& id :
       {kId.substr(1), kId + "a", std::string(32, 'A'), std::string(32, '0'), kId.substr(0, 31) + "\xe9", "chrome-extension://" + kId}) {
    const Answer answer = h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", id}});
    EXPECT_EQ(answer.status, 401) << id;
    EXPECT_EQ(answer.failure.message, "Invalid extension ID format");
  }
  EXPECT_EQ(h.next_calls, 0);
}

TEST_F(ExtensionAuthTest, RefusesTwoIds) {
  EXPECT_EQ(h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", kId}, {"X-Extension-ID", std::string(32, 'p')}}).status, 401);
}

TEST_F(ExtensionAuthTest, LeavesUnknownPathsAndMethodsToTheEndOfThePipeline) {
  h.next = testing::end_of_pipeline();
  EXPECT_EQ(h.post(auth, "/api/nothing", "{}").status, 404);
  EXPECT_EQ(h.get(auth, "/api/chat").status, 404);
}

TEST_F(ExtensionAuthTest, KeepsOfAVersionWhatIsFitForALog) {
  const auto noted = [this](const std::string& version) {
    const std::string notes = h.post(auth, "/api/chat", "{}", {{"X-Extension-ID", kId}, {"X-Extension-Version", version}}).notes;
    const std::string key = R"("extension_version":")";
    const auto start = notes.find(key) + key.size();
    return notes.substr(start, notes.find('"', start) - start);
  };
  EXPECT_EQ(noted(std::string(100, '1')), std::string(64, '1'));
  EXPECT_EQ(noted("1.0\x1b[31m"), "1.0");
  EXPECT_EQ(noted("\xff"), "unknown");
  EXPECT_EQ(noted(""), "unknown");
}

}  // namespace
}  // namespace gatehouse
