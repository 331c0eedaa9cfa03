#include "core/loader/loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The mappings of this process of code that was loaded from a file of this name.
std::size_t mappings(const std::string& name) {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);)
    count += line.find("/memfd:" + name) != line.npos;
  return count;
}

/// A folder with a copy of a probe (tests/core/probe), whose name is that of the test.
class LoaderTest : public testing::Test {
 protected:
  LoaderTest() : name_(testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::create_directories(folder_);
  }
  ~LoaderTest() override { fs::remove_all(folder_); }

  /// Installs the probe with the summary "Does what a test NUMB", as a package does.
  void install(const std::string& probe, const std::string& numb) {
    constexpr std::string_view kSummary = "Does what a test ";
    std::string bytes = content(fs::path(PROBES) / (probe + ".so"));
    for (auto at = bytes.find(kSummary); at != bytes.npos; at = bytes.find(kSummary, at + 1))
      bytes.replace(at + kSummary.size(), 4, numb);
    write(bytes);
  }
  void write(const std::string& bytes) {
    const fs::path fresh = folder_ / "fresh";
    std::ofstream(fresh, std::ios::binary) << bytes;
    fs::rename(fresh, file_);
  }

  const std::string name_;
  const fs::path folder_ =
      fs::temp_directory_path() / ("gatehouse_loader_test." + std::to_string(getpid()));
  const fs::path file_ = folder_ / (name_ + ".so");
};

TEST_F(LoaderTest, LoadsAChangedFileBesideTheOldCode) {
  install("probe-chat", "one ");
  PluginFile first(file_);
  const auto old = first.load();
  install("probe-chat", "two ");
  PluginFile second(file_);
  EXPECT_EQ(second.warning(), "");
  EXPECT_EQ(second.note().summary, "Does what a test two ");
  const auto fresh = second.load();
  EXPECT_TRUE(second.is_fresh());
  EXPECT_NE(second.sha256(), first.sha256());
  EXPECT_STREQ(fresh->summary, "Does what a test two ");
  EXPECT_STREQ(old->summary, "Does what a test one ");
}

TEST_F(LoaderTest, LoadsTheSameBytesOnce) {
  install("probe-chat", "one ");
  const auto code = PluginFile(file_).load();
  install("probe-chat", "one ");
  PluginFile again(file_);
  EXPECT_EQ(again.load(), code);
  EXPECT_FALSE(again.is_fresh());
}

TEST_F(LoaderTest, UnloadsCodeThatAllowsIt) {
  install("probe-chat", "one ");
  auto code = PluginFile(file_).load();
  EXPECT_GT(mappings(name_), 0u);
  code.reset();
  EXPECT_EQ(mappings(name_), 0u);
  EXPECT_STREQ(PluginFile(file_).load()->name, "probe-chat");
}

TEST_F(LoaderTest, KeepsOtherCodeAndUsesItAgain) {
  install("probe", "one ");
  const gh_plugin* const first = PluginFile(file_).load().get();
  const std::size_t before = mappings(name_);
  EXPECT_GT(before, 0u);
  install("probe", "two ");
  (void)PluginFile(file_).load();
  install("probe", "one ");
  PluginFile again(file_);
  EXPECT_EQ(again.load().get(), first);
  EXPECT_FALSE(again.is_fresh());
  EXPECT_EQ(mappings(name_), 2 * before);
}

TEST_F(LoaderTest, KeepsCodeInUseWhoseFileIsDamaged) {
  install("probe-chat", "one ");
  auto code = PluginFile(file_).load();
  write("not a plugin");
  EXPECT_EQ(PluginFile(file_).warning(),
            "is truncated: version 1.0.0, which was loaded from it before, stays in use");
  EXPECT_EQ(PluginFile(file_).load(), code);
  code.reset();
  EXPECT_THROW(PluginFile{file_}, std::runtime_error) << "nothing uses the code any more";
}

}  // namespace
}  // namespace gatehouse::core
