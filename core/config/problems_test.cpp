#include "core/config/problems.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace gatehouse::core {
namespace {

using Json = nlohmann::ordered_json;

TEST(Problems, AreWrittenAsJsonApartFromWarnings) {
  Problems problems;
  problems.add({"gatehouse.yaml", 7, 3}, "unknown key `lisen`");
  problems.add({"gatehouse.yaml"}, "cannot be read");
  problems.warn({"gatehouse.yaml", 9, 1}, "is never asked");
  EXPECT_EQ(Json(problems), Json::parse(R"({
    "problems": [
      {"file": "gatehouse.yaml", "text": "cannot be read"},
      {"file": "gatehouse.yaml", "line": 7, "column": 3, "text": "unknown key `lisen`"}
    ],
    "warnings": [{"file": "gatehouse.yaml", "line": 9, "column": 1, "text": "is never asked"}]
  })"));
}

TEST(Problems, HaveNoPlaceInJsonIfThatIsUnknown) {
  Problems problems;
  problems.add({}, "no descriptors are left");
  EXPECT_EQ(Json(problems).dump(),
            R"({"problems":[{"text":"no descriptors are left"}],"warnings":[]})");
}

}  // namespace
}  // namespace gatehouse::core
