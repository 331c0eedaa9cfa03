#include "core/log/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class LogTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  LogSettings settings(const std::string& level = "debug") const { return {level, file_.string()}; }

  /// The one line that `write` leaves, as text.
  template <class Write>
  std::string line(Write write) {
    fs::remove(file_);
    {
      Log log(settings());
      write(log);
    }
    const std::string text = read(file_);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_TRUE(text.size() <= Log::kMaxLine && !text.empty() && text.back() == '\n') << text.size();
    for (const unsigned char c : text.substr(0, text.size() - 1)) EXPECT_TRUE(c >= 0x20 && c != 0x7f) << int{c};
    return text;
  }
  std::string message(std::string_view text) {
    return json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", text); }))["message"];
  }

  const fs::path folder_ = fs::temp_directory_path() / ("gatehouse_log_test." + std::to_string(getpid()));
  const fs::path file_ = folder_ / "log";
};

TEST_F(LogTest, ARecordIsOneJsonObject) {
  const json record =
      json::parse(line([](Log& log) { log.write(Level::kWarn, "cors", "4f1c", "refused", R"({"status":403,"origins":["a,b","}"]})"); }));
  EXPECT_EQ(record["level"], "warn");
  EXPECT_EQ(record["plugin"], "cors");
  EXPECT_EQ(record["request"], "4f1c");
  EXPECT_EQ(record["message"], "refused");
  EXPECT_EQ(record["status"], 403);
  EXPECT_EQ(record["origins"], json({"a,b", "}"}));
  EXPECT_EQ(record.size(), 7u);
}

TEST_F(LogTest, TheTimeIsUtcWithMilliseconds) {
  const json record = json::parse(line([](Log& log) { log.write(Level::kInfo, "", "", "x"); }));
  std::tm utc{};
  const std::string time = record["time"];
  ASSERT_EQ(time.size(), 24u);
  ASSERT_STREQ(strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &utc), time.c_str() + 19);
  EXPECT_LE(std::abs(timegm(&utc) - std::time(nullptr)), 60);
  EXPECT_EQ(time[19], '.');
  EXPECT_EQ(time[23], 'Z');
}

TEST_F(LogTest, WhatIsEmptyIsLeftOut) {
  const json record = json::parse(line([](Log& log) { log.write(Level::kInfo, "", "", "x", "{}"); }));
  EXPECT_EQ(record.size(), 3u) << record;
}

TEST_F(LogTest, NoTextLeavesItsLineOrItsString) {
  const struct {
    std::string_view written, read;
  } kTexts[] = {
      {"a\"b\\c", "a\"b\\c"},
      {"two\nlines\r\n", "two\nlines\r\n"},
      {{"nul\0tab\t", 8}, {"nul\0tab\t", 8}},
      {"\x1b[31mred\x7f", "\x1b[31mred\x7f"},
      {"\xc2\x9b"
       "31m",
       "\xc2\x9b"
       "31m"},  // U+009B, which is ESC [ to a terminal
      {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"},
      {"\xff", "\xef\xbf\xbd"},
      {"\xc3", "\xef\xbf\xbd"},                                                  // cut in the middle
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                                  // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                  // a surrogate
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // beyond U+10FFFF
  };
  for (const auto& [written, expected] : kTexts) EXPECT_EQ(message(written), expected);
  EXPECT_EQ(line([](Log& log) { log.write(Level::kInfo, "", "", "\xc2\x9b"); }).find('\x9b'), std::string::npos);
}

TEST_F(LogTest, AllBytesInAllPlacesGiveValidLines) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  const json record = json::parse(line([&](Log& log) { log.write(Level::kInfo, bytes, bytes, bytes); }));
  EXPECT_EQ(record["message"].get<std::string>().substr(0, 128), bytes.substr(0, 128));
  EXPECT_EQ(record["message"].get<std::string>().substr(0, record["plugin"].get<std::string>().size()), record["plugin"]);
  line([&](Log& log) { log.write(Level::kInfo, "", "", "x", "{" + bytes + "}"); });
  line([&](Log& log) { log.write(Level::kInfo, "", "", "x", R"({"a":")" + bytes + R"("})"); });
}

TEST_F(LogTest, ALongMessageIsCutBetweenCharacters) {
  std::string smiles;
  while (smiles.size() < 2 * Log::kMaxLine) smiles += "\xf0\x9f\x98\x80";
  const json record = json::parse(line([&](Log& log) { log.write(Level::kInfo, "cors", "", smiles, R"({"status":200})"); }));
  const std::string kept = record["message"];
  EXPECT_EQ(kept, smiles.substr(0, kept.size()));
  EXPECT_GT(kept.size(), Log::kMaxLine / 2 - 200);
  EXPECT_EQ(record["status"], 200);
  EXPECT_EQ(record["truncated"], true);
}

TEST_F(LogTest, FieldsThatDoNotFitAreLeftOutWhole) {
  const std::string fields = R"({"first":1,"long":")" + std::string(Log::kMaxLine, 'x') + R"(","last":[2,{"a":3}]})";
  const json record = json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
  EXPECT_EQ(record["first"], 1);
  EXPECT_EQ(record["last"], json::parse(R"([2,{"a":3}])"));
  EXPECT_FALSE(record.contains("long"));
  EXPECT_EQ(record["truncated"], true);
}

TEST_F(LogTest, EveryLengthIsCutValidly) {
  for (std::size_t length = Log::kMaxLine - 200; length < Log::kMaxLine + 5; ++length) {
    const std::string fields = R"({"a":")" + std::string(length, 'x') + R"(","b":1})";
    const json record = json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
    EXPECT_NE(record.contains("a") && record.contains("b"), record.contains("truncated")) << length;
  }
}

TEST_F(LogTest, WhiteSpaceInFieldsEndsNoLine) {
  const json record =
      json::parse(line([](Log& log) { log.write(Level::kInfo, "", "", "x", "{\n  \"a\": 1,\r\n\t\"b\": \"\\\"\\n\"\n}"); }));
  EXPECT_EQ(record["a"], 1);
  EXPECT_EQ(record["b"], "\"\n");
}

TEST_F(LogTest, WhatIsNoObjectIsNotAppended) {
  for (const char* fields : {"[1]", "{\"a", "{\"a}", "{\"a\":[1}", "x", "{"}) {
    const json record = json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
    EXPECT_EQ(record.size(), 3u) << fields;
  }
}

TEST_F(LogTest, WritesFromItsLevelUpwards) {
  {
    Log log(settings("warn"));
    EXPECT_FALSE(log.enabled(Level::kInfo));
    for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError}) log.write(level, "", "", "x");
  }
  const std::string text = read(file_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST_F(LogTest, AWarningIsInTheFileAtOnce) {
  Log log(settings());
  log.write(Level::kInfo, "", "", "first");
  log.write(Level::kWarn, "", "", "second");
  EXPECT_NE(read(file_).find("second"), std::string::npos);
  EXPECT_NE(read(file_).find("first"), std::string::npos);
}

TEST_F(LogTest, GoesOnInANewFileAfterARename) {
  const fs::path old = folder_ / "log.1";
  {
    Log log(settings());
    log.write(Level::kInfo, "", "", "first");
    fs::rename(file_, old);
    log.write(Level::kInfo, "", "", "second");
    log.reopen();
    log.write(Level::kInfo, "", "", "third");
  }
  EXPECT_NE(read(old).find("first"), std::string::npos);
  EXPECT_NE(read(old).find("second"), std::string::npos);
  EXPECT_EQ(json::parse(read(file_))["message"], "third");
}

TEST_F(LogTest, StaysInTheOldFileIfThereCanBeNoNewOne) {
  const fs::path away = folder_.string() + ".away";
  Log log(settings());
  fs::rename(folder_, away);
  log.reopen();
  log.write(Level::kError, "", "", "still here");
  const std::string text = read(away / "log");
  fs::remove_all(away);
  EXPECT_NE(text.find("cannot be reopened: No such file or directory"), std::string::npos) << text;
  EXPECT_NE(text.find("still here"), std::string::npos) << text;
}

TEST_F(LogTest, AppendsToWhatIsThere) {
  for (int i = 0; i < 2; ++i) Log(settings()).write(Level::kInfo, "", "", "x");
  const std::string text = read(file_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(LogTest, AFileThatCannotBeOpenedIsAnErrorWithItsName) {
  try {
    Log log({"info", (folder_ / "none" / "log").string()});
    FAIL();
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("none/log"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("No such file"), std::string::npos) << e.what();
  }
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  {
    Log log(settings());
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < 1000; ++i) log.write(Level::kInfo, "p", std::to_string(t), std::string(100, 'x'));
      });
    }
    for (int i = 0; i < 20; ++i) log.reopen();
    for (auto& thread : threads) thread.join();
  }
  std::istringstream lines(read(file_));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) ASSERT_EQ(json::parse(line)["message"], std::string(100, 'x'));
  EXPECT_EQ(count, 4000);
}

}  // namespace
}  // namespace gatehouse::core
