#include "openapi.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::openapi {
namespace {

TEST(OpenApiPlugin, ServesTheDocumentOfThePipeline) {
  testing::Harness h;
  h.openapi = R"({"openapi":"3.1.0"})";
  const auto plugin = h.create();
  const testing::Answer answer = h.get(*plugin, "/openapi.json");
  EXPECT_EQ(answer.body, R"({"openapi":"3.1.0"})");
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
}

TEST(OpenApiPlugin, DescribesItsOwnRoute) {
  testing::Harness h;
  const auto plugin = h.create();
  EXPECT_EQ(h.routes, std::vector<std::string>{"GET /openapi.json"});
  ASSERT_EQ(h.descriptions.size(), 1u);
  EXPECT_TRUE(testing::parse(h.descriptions[0]).root()["paths"]["/openapi.json"]["get"]);
}

}  // namespace
}  // namespace gatehouse::plugins::openapi
