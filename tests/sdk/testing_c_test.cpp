// gatehouse/testing.h: what the examples in C and Rust do not use.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/testing.h"

namespace {

using namespace gatehouse;

/// Passes requests on, or breaks a rule, as its configuration says.
class Wayward final : public Plugin {
 public:
  Wayward(Host host, Json config) : does_(config["does"].str("pass")) {
    if (does_ == "report") host.problem("/does", "is not allowed");
  }
  Status handle(Exchange& x, Sink& out, Next& next) override {
    if (does_ == "nothing") return {};
    if (does_ == "unfinished") return out.emit(event::step_start());
    return next(x, out);
  }

 private:
  const std::string does_;
};

constexpr char kSchema[] = R"({"type": "object", "properties": {"does": {"type": "string"}}})";
const gh_plugin kPlugin =
    detail::Glue<Wayward>::describe("wayward", "1.0.0", "", kSchema, nullptr, 0);

struct Close {
  void operator()(gh_test* t) const { gh_test_close(t); }
};
using Gateway = std::unique_ptr<gh_test, Close>;

Gateway open(const char* config) { return Gateway(gh_test_open(&kPlugin, config)); }

std::string at(const Gateway& t, const char* pointer) {
  const char* const text = gh_test_at(t.get(), pointer);
  return text ? text : "(absent)";
}

TEST(TestingC, ReportsWhyThereIsNoInstance) {
  EXPECT_NE(at(open(R"({"does": 1})"), "/error").find("does"), std::string::npos);
  const Gateway reports = open(R"({"does": "report"})");
  EXPECT_EQ(at(reports, "/error"), "/does: is not allowed");
  EXPECT_EQ(at(reports, "/problems"), R"(["/does: is not allowed"])");
  EXPECT_EQ(gh_test_run(open("{").get(), "{}"), -1);
}

TEST(TestingC, ReportsABrokenRule) {
  const Gateway nothing = open(R"({"does": "nothing"})");
  EXPECT_EQ(gh_test_run(nothing.get(), "{}"), -1);
  EXPECT_EQ(at(nothing, "/error"), "the plugin breaks a rule: success without a response");
  const Gateway unfinished = open(R"({"does": "unfinished"})");
  EXPECT_EQ(gh_test_run(unfinished.get(), R"({"chat": {"model": "m"}})"), -1);
}

TEST(TestingC, ReportsAMalformedRequest) {
  const Gateway t = open("{}");
  EXPECT_EQ(gh_test_run(t.get(), "{"), -1);
  EXPECT_EQ(gh_test_run(t.get(), R"({"next": [["nonsense:1"]]})"), -1);
  EXPECT_NE(at(t, "/error").find("nonsense"), std::string::npos);
}

TEST(TestingC, LooksUpByPointer) {
  const Gateway t = open("{}");
  ASSERT_EQ(gh_test_run(t.get(), R"({"chat": {"a/b": [{"~": "deep"}], "model": "m"},
                                     "next": [["step-start", "text:Hi", "step-finish:stop"]]})"),
            0);
  EXPECT_EQ(at(t, "/chats/0/a~1b/0/~0"), "deep");
  EXPECT_EQ(at(t, "/chats/1"), "(absent)");
  EXPECT_EQ(at(t, "/failure"), "(absent)");
  EXPECT_EQ(at(t, "/text"), "Hi");
  EXPECT_EQ(at(t, "/next_calls"), "1");
}

TEST(TestingC, AClientLeaves) {
  const Gateway t = open("{}");
  ASSERT_EQ(gh_test_run(t.get(), R"({"leaves_after": 1, "next": [["bytes:a", "bytes+last:b"]]})"),
            0);
  EXPECT_EQ(at(t, "/body"), "a");
}

}  // namespace
