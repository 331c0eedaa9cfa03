// What gh_json_api promises is tested in tests/sdk/json_test.cpp; here are the bounds of this
// implementation.
#include "core/json/json.h"

#include <gtest/gtest.h>

#include <string>

namespace gatehouse::core {
namespace {

/// `piece`, `count` times with commas between, in an array.
std::string array_of(std::string_view piece, std::size_t count) {
  std::string out = "[";
  for (std::size_t i = 0; i < count; ++i) out.append(piece).append(",");
  out.back() = ']';
  return out;
}

std::string error_of(const std::string& text) {
  JsonArena arena;
  std::string_view error;
  arena.parse(text, error);
  return std::string(error);
}

TEST(Json, AMillionValuesAreTakenAndNotOneMore) {
  const std::string too_many = "it has more than a million values";
  EXPECT_EQ(error_of(array_of("0", kMaxJsonValues - 1)), "");
  EXPECT_EQ(error_of(array_of("0", kMaxJsonValues)), too_many);
  EXPECT_EQ(error_of(array_of("[ ]", kMaxJsonValues - 1)), "");
  EXPECT_EQ(error_of(array_of("[ ]", kMaxJsonValues)), too_many);
  EXPECT_EQ(error_of(array_of(R"({"a":0})", kMaxJsonValues / 2 - 1)), "");
  EXPECT_EQ(error_of(array_of(R"({"a":0})", kMaxJsonValues / 2)), too_many);
  EXPECT_EQ(error_of(array_of("[ 0]", kMaxJsonValues / 2 - 1)), "");
  EXPECT_EQ(error_of(array_of("[ 0]", kMaxJsonValues / 2)), too_many);
}

TEST(Json, WhatStandsInStringsIsNoValue) {
  for (const char* text : {R"(",[{")", R"("\",")", R"("\\\",[")", R"("\\")"})
    EXPECT_EQ(error_of(array_of(text, kMaxJsonValues - 1)), "") << text;
  EXPECT_EQ(error_of("[\"" + std::string(2 * kMaxJsonValues, ',') + "\"]"), "");
  EXPECT_EQ(error_of("[\"" + std::string(2 * kMaxJsonValues, ',')), "a string is not closed");
}

}  // namespace
}  // namespace gatehouse::core
