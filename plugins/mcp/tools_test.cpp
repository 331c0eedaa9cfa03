#include "tools.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

using testing::Harness;

struct ToolsTest : ::testing::Test {
  /// What is offered of these tools, and of the others why not.
  std::vector<std::string> sorted(View listed, View filter = "{}") {
    const ToolFilter chosen(h.json(filter));
    Tools tools("files", chosen, Crypto(h.host()));
    for (const Json tool : h.json(listed)) tools.add(tool);
    tools.sort();
    std::vector<std::string> out;
    for (const Tool& tool : tools.offered()) out.push_back(tool.name);
    for (const Tools::LeftOut& tool : tools.left_out())
      out.push_back(tool.own_name + ": " + std::string(tool.why));
    return out;
  }
  using Texts = std::vector<std::string>;
  Harness h;
};

TEST_F(ToolsTest, AreOfferedUnderTheNameOfTheirServer) {
  EXPECT_EQ(
      sorted(R"([{"name": "write", "inputSchema": {}}, {"name": "read", "inputSchema": {}}])"),
      (Texts{"files_read", "files_write"}));
}

TEST_F(ToolsTest, KeepTheDescriptionAndCloseTheSchemaOfTheServer) {
  const ToolFilter all((Json()));
  Tools tools("files", all, Crypto(h.host()));
  tools.add(h.json(
      R"({"name": "read", "title": "Read", "description": "Reads.",
          "inputSchema": {"type": "object"}, "outputSchema": {}})"));
  tools.sort();
  const Tool* const tool = tools.find("files_read");
  ASSERT_TRUE(tool);
  EXPECT_EQ(tool->own_name, "read");
  EXPECT_TRUE(tool->has_output_schema);
  EXPECT_EQ(tool->definition.root().dump(),
            R"({"name":"files_read","description":"Reads.","input_schema":{"type":"object",)"
            R"("properties":{},"additionalProperties":false}})");
  EXPECT_FALSE(tools.find("read"));
  EXPECT_FALSE(tools.find("files_readme"));
}

TEST_F(ToolsTest, AreLeftOutByThePatternsOfTheOperator) {
  const View listed =
      R"([{"name": "read_file", "inputSchema": {}}, {"name": "read_secret", "inputSchema": {}},
          {"name": "write", "inputSchema": {}}])";
  EXPECT_EQ(sorted(listed, R"({"allow": ["read_*"], "deny": ["*secret"]})"),
            (Texts{"files_read_file", "read_secret: excluded by tools.deny",
                   "write: not in tools.allow"}));
}

TEST_F(ToolsTest, AreLeftOutWhenTheyCannotBeCalled) {
  EXPECT_EQ(sorted(
                R"([{"name": "slow", "inputSchema": {}, "execution": {"taskSupport": "required"}},
              {"name": "bare"}])"),
            (Texts{"slow: it can only run as a task", "bare: it has no inputSchema"}));
  EXPECT_EQ(sorted(R"(["text", {}])").size(), 2u);
  EXPECT_EQ(sorted(R"([{"name": "odd", "unreadable": true}])"),
            Texts{"odd: its definition is not valid JSON"});
  EXPECT_EQ(
      sorted(R"([{"name": "both", "inputSchema": {}, "execution": {"taskSupport": "optional"}}])"),
      Texts{"files_both"});
}

TEST_F(ToolsTest, MayHaveNamesThatProvidersHaveToChange) {
  const std::string long_name(122, 'n');  // with files_ as long as may be
  for (const std::string& name :
       {long_name, std::string("a b"), std::string("a/b"), std::string("\xc3\xa4")}) {
    EXPECT_EQ(sorted("[{\"name\": \"" + name + "\", \"inputSchema\": {}}]"),
              Texts{"files_" + name});
  }
}

TEST_F(ToolsTest, AreLeftOutWhenTheirNameIsNone) {
  for (const std::string& name : {std::string(123, 'n'), std::string(), std::string("a\\u0007")}) {
    const Texts out = sorted("[{\"name\": \"" + name + "\", \"inputSchema\": {}}]");
    EXPECT_NE(out.at(0).find("its name must be"), std::string::npos) << out.at(0);
  }
}

TEST_F(ToolsTest, AreNoMoreThanAThousand) {
  std::string listed = "[";
  for (int i = 0; i < 3000; ++i)
    listed +=
        (i ? ",{\"name\":\"t" : "{\"name\":\"t") + std::to_string(i) + "\",\"inputSchema\":{}}";
  const Texts out = sorted(listed + "]");
  EXPECT_EQ(out.size(), 2000u);
  EXPECT_EQ(out.at(1000), "t1000: the server has more than 1000 tools");
}

TEST_F(ToolsTest, AreLeftOutWhenTheHeadersOfTheirCallsAreNotLegal) {
  const ToolFilter all((Json()));
  Tools tools("files", all, Crypto(h.host()));
  const View odd =
      R"({"name": "odd", "inputSchema": {"properties": {
          "a": {"type": "number", "x-mcp-header": "A"}}}})";
  tools.add(h.json(odd), true);
  EXPECT_EQ(tools.left_out().at(0).why,
            "its schema has x-mcp-header on a property that is not a string, integer or boolean");
  tools.add(h.json(odd));  // where there are no headers, none is wrong
  EXPECT_EQ(tools.offered().size(), 1u);
}

TEST_F(ToolsTest, AreLeftOutWhenTheirNameIsTaken) {
  EXPECT_EQ(sorted(
                R"([{"name": "read", "inputSchema": {}},
              {"name": "read", "description": "another", "inputSchema": {}}])"),
            (Texts{"files_read", "read: another tool has the same name"}));
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
