#include "tool_names.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::gemini {
namespace {

using namespace testing;

/// The names of a request that offers these tools.
struct Names {
  Harness h;
  Crypto crypto{h.host()};
  Document tools;
  ToolNames names;

  explicit Names(const std::vector<std::string>& offered) : names(crypto, list(offered)) {}
  Json list(const std::vector<std::string>& offered) {
    tools.root().set_array();
    for (const std::string& name : offered) tools.root().push().edit("name").set(View(name));
    return tools.root();
  }
};

bool is_valid(View name) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= 64 &&
         (std::isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
         std::all_of(name.begin(), name.end(), fits);
}

TEST(ToolNames, LeavesNamesThatGeminiTakes) {
  const std::string longest(64, 'x');
  for (const std::string& name : {std::string("open"), std::string("_a.b-c_1"), longest}) {
    Names n({name});
    EXPECT_EQ(n.names.out(name), name);
    EXPECT_EQ(n.names.in(name), name);
  }
}

TEST(ToolNames, RenamesOthersAndKnowsThemAgain) {
  const std::vector<std::string> odd = {"1st",
                                        "files/open",
                                        "two words",
                                        "a:b",
                                        "-x",
                                        "größe",
                                        "\xF0\x9F\x90\x88",
                                        std::string(65, 'x'),
                                        std::string(500, 'y')};
  Names n(odd);
  for (const std::string& name : odd) {
    const View geminis = n.names.out(name);
    EXPECT_TRUE(is_valid(geminis)) << geminis;
    EXPECT_EQ(n.names.in(geminis), name);
    Names alone({name});
    EXPECT_EQ(alone.names.out(name), geminis) << "the next request has other tools";
  }
}

TEST(ToolNames, EndsAChangedNameWithTheDigestOfWhatItWas) {
  Names n({"a b", std::string(65, 'x')});
  EXPECT_EQ(n.names.out("a b"), "a_b_c8687a08");  // printf 'a b' | sha256sum
  EXPECT_EQ(n.names.out(std::string(65, 'x')), std::string(55, 'x') + "_9537c5fd");
}

TEST(ToolNames, TellsNamesApartThatDifferInBadCharactersOnly) {
  Names n({"a b", "a/b", "a_b"});
  EXPECT_NE(n.names.out("a b"), n.names.out("a/b"));
  EXPECT_EQ(n.names.out("a_b"), "a_b");
  EXPECT_EQ(n.names.in(n.names.out("a b")), "a b");
  EXPECT_EQ(n.names.in(n.names.out("a/b")), "a/b");
}

TEST(ToolNames, GivesNoNameTwice) {
  Names first({"a b"});
  const std::string taken(first.names.out("a b"));
  Names n({taken, "a b"});
  EXPECT_EQ(n.names.out(taken), taken);
  EXPECT_NE(n.names.out("a b"), taken);
  EXPECT_EQ(n.names.in(n.names.out("a b")), "a b");
  EXPECT_EQ(n.names.in(taken), taken);
}

TEST(ToolNames, RenamesToolsThatAreNoLongerOffered) {
  Names n({});
  const std::string name(n.names.out("a b"));
  EXPECT_TRUE(is_valid(name));
  EXPECT_EQ(n.names.out("a b"), name);
}

TEST(ToolNames, KnowsToolsByTheNamespacesThatModelsPutBeforeThem) {
  Names n({"read", "a b", "default_api.own"});
  for (const char* called : {"read", "default_api:read", "default_api.read", "functions.read"})
    EXPECT_EQ(n.names.in(called), "read");
  EXPECT_EQ(n.names.in("default_api:" + std::string(n.names.out("a b"))), "a b");
  EXPECT_EQ(n.names.in("default_api.own"), "default_api.own");
  for (const char* unknown : {"write", "default_api:write", "default_api:", ""})
    EXPECT_EQ(n.names.in(unknown), unknown);
}

}  // namespace
}  // namespace gatehouse::plugins::gemini
