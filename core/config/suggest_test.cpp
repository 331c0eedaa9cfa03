#include "core/config/suggest.h"

#include <gtest/gtest.h>

namespace gatehouse::core {
namespace {

TEST(Suggest, FindsTheNameThatWasMeant) {
  const std::vector<std::string> known = {"limit", "window", "api_key", "as", "max_body", "gemini"};
  const struct {
    const char *written, *meant;
  } kCases[] = {
      {"limt", "limit"},
      {"limits", "limit"},
      {"lmiit", "limit"},
      {"windwo", "window"},
      {"apikey", "api_key"},
      {"api-key", "api_key"},
      {"maxbody", "max_body"},
      {"gemni", "gemini"},
      {"sa", "as"},
      {"ttl", ""},
      {"burst", ""},
      {"", ""},
      {"completely_else", ""},
  };
  for (const auto& [written, meant] : kCases) EXPECT_EQ(suggest(written, known), meant) << written;
}

TEST(Suggest, PrefersTheNearest) {
  EXPECT_EQ(suggest("windows", {"widow", "window", "winter"}), "window");
}

TEST(Suggest, DoesNotSpendTimeOnATextTooLongForAName) {
  EXPECT_EQ(suggest(std::string(1'000'000, 'x'), {std::string(1'000'000, 'x')}), "");
}

TEST(Suggest, AllowsNoMoreTypingErrorsThanGiven) {
  EXPECT_EQ(suggest("GEMINI_APIKEY", {"GEMINI_API_KEY"}, 2), "GEMINI_API_KEY");
  EXPECT_EQ(suggest("OPENAI_API_KEY", {"GEMINI_API_KEY"}, 2), "");
  EXPECT_EQ(suggest("A", {"WD"}, 0), "");
}

}  // namespace
}  // namespace gatehouse::core
