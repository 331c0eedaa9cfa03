#include "core/log/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
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

std::vector<json> records(const std::string& text) {
  std::vector<json> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
  return all;
}

/// A pipe as the standard output of a log, read only by read_until() and read_all().
class Pipe {
 public:
  explicit Pipe(int flags_of_output = 0) {
    std::array<int, 2> ends;
    EXPECT_EQ(::pipe(ends.data()), 0);
    ::fcntl(ends[1], F_SETFL, flags_of_output);
    std::fflush(stdout);
    const int terminal = ::dup(STDOUT_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    log = std::make_unique<Log>(LogSettings{"debug", {}});
    ::dup2(terminal, STDOUT_FILENO);
    ::close(terminal);
    ::close(ends[1]);
    end_ = ends[0];
  }
  ~Pipe() { ::close(end_); }
  Pipe(const Pipe&) = delete;

  /// Reads up to the piece that contains `what`, or up to the end.
  std::string read_until(std::string_view what) const {
    std::string text;
    std::vector<char> piece(1 << 16);
    while (what.empty() || text.find(what) == std::string::npos) {
      const ssize_t size = ::read(end_, piece.data(), piece.size());
      if (size <= 0) break;
      text.append(piece.data(), static_cast<std::size_t>(size));
    }
    return text;
  }
  std::string read_all() const { return read_until({}); }

  std::unique_ptr<Log> log;

 private:
  int end_;
};

/// Writes numbered records until 100 have been dropped. Returns the number after the last.
int overflow(Log& log, int number = 0) {
  for (const auto before = log.dropped(); log.dropped() < before + 100; ++number) {
    log.write(Level::kInfo, "p", "", std::string(1000, 'x'), json{{"number", number}}.dump());
  }
  return number;
}

/// As long as it lives, no file gets larger: writing fails as on a full disk, after what still has
/// room.
class FullDisk {
 public:
  explicit FullDisk(rlim_t room) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{room, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

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
    EXPECT_TRUE(text.size() <= Record::kMaxSize && !text.empty() && text.back() == '\n')
        << text.size();
    for (const unsigned char c : text.substr(0, text.size() - 1))
      EXPECT_TRUE(c >= 0x20 && c != 0x7f) << int{c};
    return text;
  }
  std::string message(std::string_view text) {
    return json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", text); }))["message"];
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("gatehouse_log_test." + std::to_string(getpid()));
  const fs::path file_ = folder_ / "log";
};

TEST_F(LogTest, ARecordIsOneJsonObject) {
  const json record = json::parse(line([](Log& log) {
    log.write(Level::kWarn, "guard", "4f1c", "refused", R"({"status":403,"origins":["a,b","}"]})");
  }));
  EXPECT_EQ(record["level"], "warn");
  EXPECT_EQ(record["plugin"], "guard");
  EXPECT_EQ(record["request"], "4f1c");
  EXPECT_EQ(record["message"], "refused");
  EXPECT_EQ(record["status"], 403);
  EXPECT_EQ(record["origins"], json({"a,b", "}"}));
  EXPECT_EQ(record.size(), 7u);
}

TEST_F(LogTest, FieldsOfTheGatewaysOwnRecordsAreTextOrNumbers) {
  const json record = json::parse(line([](Log& log) {
    log.warn("the store is down", {{"reason", "a \"b\"\n"}, {"running", std::size_t{3}}});
  }));
  EXPECT_EQ(record["level"], "warn");
  EXPECT_EQ(record["message"], "the store is down");
  EXPECT_EQ(record["reason"], "a \"b\"\n");
  EXPECT_EQ(record["running"], 3);
  EXPECT_EQ(record.size(), 5u);
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

TEST_F(LogTest, EmptyPartsAreLeftOut) {
  const json record =
      json::parse(line([](Log& log) { log.write(Level::kInfo, "", "", "x", "{}"); }));
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
      {"\xc3", "\xef\xbf\xbd"},                                  // cut in the middle
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                  // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // a surrogate
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // beyond U+10FFFF
  };
  for (const auto& [written, expected] : kTexts) EXPECT_EQ(message(written), expected);
  EXPECT_EQ(line([](Log& log) { log.write(Level::kInfo, "", "", "\xc2\x9b"); }).find('\x9b'),
            std::string::npos);
}

TEST_F(LogTest, AllBytesInAllPlacesGiveValidLines) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes += static_cast<char>(c);
  const json record =
      json::parse(line([&](Log& log) { log.write(Level::kInfo, bytes, bytes, bytes); }));
  EXPECT_EQ(record["message"].get<std::string>().substr(0, 128), bytes.substr(0, 128));
  EXPECT_EQ(
      record["message"].get<std::string>().substr(0, record["plugin"].get<std::string>().size()),
      record["plugin"]);
  line([&](Log& log) { log.write(Level::kInfo, "", "", "x", "{" + bytes + "}"); });
  line([&](Log& log) { log.write(Level::kInfo, "", "", "x", R"({"a":")" + bytes + R"("})"); });
}

TEST_F(LogTest, ALongMessageIsCutBetweenCharacters) {
  std::string smiles;
  while (smiles.size() < 2 * Record::kMaxSize) smiles += "\xf0\x9f\x98\x80";
  const json record = json::parse(
      line([&](Log& log) { log.write(Level::kInfo, "guard", "", smiles, R"({"status":200})"); }));
  const std::string kept = record["message"];
  EXPECT_EQ(kept, smiles.substr(0, kept.size()));
  EXPECT_GT(kept.size(), Record::kMaxSize / 2 - 200);
  EXPECT_EQ(record["status"], 200);
  EXPECT_EQ(record["truncated"], true);
}

TEST_F(LogTest, FieldsThatDoNotFitAreLeftOutWhole) {
  const std::string fields =
      R"({"first":1,"long":")" + std::string(Record::kMaxSize, 'x') + R"(","last":[2,{"a":3}]})";
  const json record =
      json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
  EXPECT_EQ(record["first"], 1);
  EXPECT_EQ(record["last"], json::parse(R"([2,{"a":3}])"));
  EXPECT_FALSE(record.contains("long"));
  EXPECT_EQ(record["truncated"], true);
}

TEST_F(LogTest, EveryLengthIsCutValidly) {
  for (std::size_t length = Record::kMaxSize - 200; length < Record::kMaxSize + 5; ++length) {
    const std::string fields = R"({"a":")" + std::string(length, 'x') + R"(","b":1})";
    const json record =
        json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
    EXPECT_NE(record.contains("a") && record.contains("b"), record.contains("truncated")) << length;
  }
}

TEST_F(LogTest, WhiteSpaceInFieldsEndsNoLine) {
  const json record = json::parse(line([](Log& log) {
    log.write(Level::kInfo, "", "", "x", "{\n  \"a\": 1,\r\n\t\"b\": \"\\\"\\n\"\n}");
  }));
  EXPECT_EQ(record["a"], 1);
  EXPECT_EQ(record["b"], "\"\n");
}

TEST_F(LogTest, FieldsThatAreNotAnObjectAreNotAppended) {
  for (const char* fields : {"[1]", "{\"a", "{\"a}", "{\"a\":[1}", "x", "{"}) {
    const json record =
        json::parse(line([&](Log& log) { log.write(Level::kInfo, "", "", "x", fields); }));
    EXPECT_EQ(record.size(), 3u) << fields;
  }
}

TEST_F(LogTest, WritesFromItsLevelUpwards) {
  {
    Log log(settings("warn"));
    EXPECT_FALSE(log.enabled(Level::kInfo));
    for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError})
      log.write(level, "", "", "x");
  }
  const std::string text = read(file_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
}

TEST_F(LogTest, OnlyTheGatewaysOwnRecordsAndWarningsAreWrittenAtOnce) {
  const auto took = [](Level level, std::string_view plugin) {
    const Pipe pipe;
    auto fastest = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 5; ++i) {
      const auto began = std::chrono::steady_clock::now();
      pipe.log->write(level, plugin, "", "x");
      pipe.read_until("\n");
      fastest = std::min(fastest, std::chrono::steady_clock::now() - began);
    }
    return fastest;
  };
  EXPECT_LT(took(Level::kInfo, ""), std::chrono::milliseconds(50));
  EXPECT_LT(took(Level::kWarn, "guard"), std::chrono::milliseconds(50));
  EXPECT_GT(took(Level::kInfo, "guard"), std::chrono::milliseconds(50));
}

TEST_F(LogTest, WhatIsFlushedIsInTheFile) {
  Log log(settings());
  log.write(Level::kInfo, "p", "", "here");
  log.flush();
  EXPECT_NE(read(file_).find("here"), std::string::npos);
}

TEST_F(LogTest, AFullPipeDelaysNoCallerAndDroppedRecordsAreReported) {
  Pipe pipe;
  int written = overflow(*pipe.log);
  std::string text = pipe.read_until("log records were dropped");
  written = overflow(*pipe.log, written);  // within the same minute: reported at the end
  const std::uint64_t dropped = pipe.log->dropped();
  auto rest = std::async(std::launch::async, [&] { return pipe.read_all(); });
  pipe.log->flush();
  pipe.log->write(Level::kInfo, "", "", "room again");
  pipe.log.reset();

  const auto all = records(text + rest.get());
  std::vector<std::size_t> notes;
  std::uint64_t reported = 0, came = 0;
  int last = -1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]["message"] == "log records were dropped") {
      EXPECT_EQ(all[i]["level"], "warn");
      notes.push_back(i);
      reported += all[i]["dropped"].get<std::uint64_t>();
    } else if (all[i].contains("number")) {
      ++came;
      EXPECT_GT(all[i]["number"], last);
      last = all[i]["number"];
    }
  }
  EXPECT_EQ(reported, dropped);
  EXPECT_EQ(came + dropped, static_cast<std::uint64_t>(written));
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes.back(), all.size() - 1);
  EXPECT_EQ(all[all.size() - 2]["message"], "room again");
}

TEST_F(LogTest, EndsInTimeWithoutAReader) {
  Pipe pipe;
  overflow(*pipe.log);
  const auto began = std::chrono::steady_clock::now();
  pipe.log->flush();
  pipe.log.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  pipe.read_all();  // lets the thread go that still writes
}

TEST_F(LogTest, AStandardOutputThatDoesNotBlockGetsEverything) {
  Pipe pipe(O_NONBLOCK);
  auto text = std::async(std::launch::async, [&] { return pipe.read_all(); });
  for (int i = 0; i < 1000; ++i) pipe.log->write(Level::kInfo, "p", "", std::string(1000, 'x'));
  pipe.log.reset();
  EXPECT_EQ(records(text.get()).size(), 1000u);
}

TEST_F(LogTest, AFullDiskIsReportedOnceAndDelaysNoCaller) {
  testing::internal::CaptureStderr();
  {
    Log log({"info", "/dev/full"});
    overflow(log);
    log.flush();
    EXPECT_GE(log.dropped(), 100u);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "gatehouse: cannot write to the log: No space left on device\n");
}

TEST_F(LogTest, NothingIsLostWhenADiskHasRoomAgain) {
  testing::internal::CaptureStderr();
  {
    Log log(settings());
    {
      const FullDisk disk(1000);
      for (int i = 0; i < 100; ++i)
        log.write(Level::kInfo, "", "", "x", json{{"number", i}}.dump());
      log.flush();
      EXPECT_EQ(fs::file_size(file_), 1000u);
    }
    log.write(Level::kInfo, "", "", "x", R"({"number":100})");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "gatehouse: cannot write to the log: File too large\n");
  const auto all = records(read(file_));
  ASSERT_EQ(all.size(), 101u);
  for (int i = 0; i <= 100; ++i) EXPECT_EQ(all[i]["number"], i);
}

TEST_F(LogTest, ARecordThatAFullDiskCutIsWholeInTheNewFile) {
  const fs::path old = folder_ / "log.1";
  testing::internal::CaptureStderr();
  {
    Log log(settings());
    const FullDisk disk(1000);
    for (int i = 0; i < 15; ++i) log.write(Level::kInfo, "", "", "x", json{{"number", i}}.dump());
    fs::rename(file_, old);
    log.reopen();
  }
  testing::internal::GetCapturedStderr();
  const std::string before = read(old);
  auto all = records(before.substr(0, before.rfind('\n') + 1));
  EXPECT_LT(before.rfind('\n') + 1, before.size());
  for (const json& record : records(read(file_))) all.push_back(record);
  ASSERT_EQ(all.size(), 15u);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(all[i]["number"], i);
}

TEST_F(LogTest, ContinuesInANewFileAfterARename) {
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

TEST_F(LogTest, StaysInTheOldFileIfTheNewOneCannotBeOpened) {
  const fs::path away = folder_.string() + ".away";
  Log log(settings());
  fs::rename(folder_, away);
  log.reopen();
  log.write(Level::kError, "", "", "still here");
  log.flush();
  const std::string text = read(away / "log");
  fs::remove_all(away);
  EXPECT_NE(text.find("cannot be reopened"), std::string::npos) << text;
  EXPECT_NE(text.find("\"reason\":\"No such file or directory\""), std::string::npos) << text;
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

TEST_F(LogTest, RecordsOfManyThreadsAreInOrderWholeAndOnceWhileFilesChange) {
  constexpr int kThreads = 4, kEach = 2000, kFiles = 20;
  const auto file = [&](int i) { return folder_ / ("log." + std::to_string(i)); };
  {
    Log log(settings());
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&log, t] {
        for (int i = 0; i < kEach; ++i)
          log.write(Level::kInfo, "p", std::to_string(t), std::string(100, 'x'),
                    json{{"number", i}}.dump());
      });
    }
    for (int i = 0; i < kFiles; ++i) {
      fs::rename(file_, file(i));
      log.reopen();
    }
    for (auto& thread : threads) thread.join();
  }
  std::string text;
  for (int i = 0; i < kFiles; ++i) text += read(file(i));
  std::array<int, kThreads> next{};
  for (const json& record : records(text + read(file_))) {
    EXPECT_EQ(record["number"], next[std::stoi(record["request"].get<std::string>())]++);
  }
  for (const int count : next) EXPECT_EQ(count, kEach);
}

TEST(Log, RemembersTheLinesOfARequestFromTheFirstMomentOn) {
  const Pipe pipe;
  pipe.log->write(Level::kInfo, "cache", "r-1", "hit");
  pipe.log->write(Level::kInfo, "cache", "r-12", "miss");
  const auto lines = records(pipe.log->recent("r-1"));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["message"], "hit");
  EXPECT_EQ(records(pipe.log->recent("")).size(), 2u);
}

TEST(Log, RemembersNoMoreThanAMegabyte) {
  const Pipe pipe(O_NONBLOCK);
  const std::string text(4000, 'x');
  std::jthread reader([&pipe] { (void)pipe.read_until("the last one"); });
  for (int i = 0; i < 600; ++i) pipe.log->info(text);
  pipe.log->info("the last one");
  pipe.log->flush();
  const std::string recent = pipe.log->recent("");
  EXPECT_LE(recent.size(), 1u << 20);
  EXPECT_GE(recent.size(), 500u << 10);
  EXPECT_EQ(records(recent).back()["message"], "the last one");
}

TEST(Log, ChangesItsLevel) {
  const Pipe pipe;
  pipe.log->set_level("error");
  EXPECT_EQ(pipe.log->level(), "error");
  EXPECT_FALSE(pipe.log->enabled(Level::kWarn));
  EXPECT_TRUE(pipe.log->enabled(Level::kError));
}

}  // namespace
}  // namespace gatehouse::core
