#include "process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

Process run(const std::vector<std::string>& words,
            const std::map<std::string, std::string>& variables = {}, std::string folder = {}) {
  auto process = Process::start({words, variables, std::move(folder)});
  if (!process) throw std::runtime_error(std::string(process.error().failure().detail()));
  return std::move(*process);
}

/// The next line, or what there is before the end.
std::string line(const Process& process) {
  std::string out;
  char c = 0;
  for (pollfd ready{process.output.get(), POLLIN, 0}; c != '\n' && ::poll(&ready, 1, 5000) > 0;) {
    if (::read(process.output.get(), &c, 1) <= 0) break;
    out += c;
  }
  return out;
}

std::string all_lines(const Process& process) {
  std::string all;
  for (std::string next; !(next = line(process)).empty();) all += next;
  return all;
}

/// Of another than a child, which is gone once it has ended and before it is reaped.
bool lives(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return stat >> number >> name >> state && state != "Z";
}
bool dies(pid_t pid) {
  for (int i = 0; i < 500 && lives(pid); ++i) ::poll(nullptr, 0, 10);
  return !lives(pid);
}

TEST(Process, GetsItsArgumentsAsTheyAre) {
  Process process = run({"printf", "%s|", "a; rm -rf /", "$(id)", "two\nlines", ""});
  EXPECT_EQ(all_lines(process), "a; rm -rf /|$(id)|two\nlines||");
}

TEST(Process, GetsLittleOfTheEnvironment) {
  ::setenv("GEMINI_API_KEY", "secret", 1);
  ::setenv("TERM", "dumb", 1);
  Process process = run({"env"}, {{"TOKEN", "t"}, {"PATH", "/bin"}});
  const std::string all = all_lines(process);
  EXPECT_EQ(all.find("GEMINI"), std::string::npos);
  EXPECT_NE(all.find("TOKEN=t\n"), std::string::npos);
  EXPECT_NE(all.find("TERM=dumb\n"), std::string::npos);
  EXPECT_NE(all.find("PATH=/bin\n"), std::string::npos);
  EXPECT_EQ(all.find("PATH=", all.find("PATH=") + 1), std::string::npos);
}

TEST(Process, GetsNoDescriptorButItsPipes) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // not close-on-exec, as of some library
  Process process = run({"sh", "-c", "exec ls /proc/self/fd"});
  EXPECT_EQ(all_lines(process), "0\n1\n2\n3\n");  // 3: ls reads the folder
  ::close(leaked);
}

TEST(Process, MayBeAskedToEndAsTheGatewayWouldNot) {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  Process process = run({"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"});
  EXPECT_EQ(all_lines(process), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
}

TEST(Process, ThatCannotBeRunSaysWhy) {
  EXPECT_EQ(Process::start({{"no-such-program"}, {}, {}}).error().failure().detail(),
            "no-such-program: No such file or directory");
  EXPECT_EQ(Process::start({{"/etc/passwd"}, {}, {}}).error().failure().detail(),
            "/etc/passwd: Permission denied");
}

TEST(Process, IsLookedForInThePathThatItGets) {
  const fs::path folder = fs::temp_directory_path() / ("path-" + std::to_string(::getpid()));
  fs::create_directory(folder);
  fs::create_symlink("/bin/echo", folder / "only-here");
  Process process = run({"only-here", "found"}, {{"PATH", folder.string()}});
  EXPECT_EQ(all_lines(process), "found\n");
  fs::remove_all(folder);
}

TEST(Process, RunsInItsFolder) {
  Process process = run({"pwd"}, {}, "/usr");
  EXPECT_EQ(all_lines(process), "/usr\n");
  EXPECT_EQ(Process::start({{"pwd"}, {}, "/no/such/folder"}).error().failure().detail(),
            "/no/such/folder: No such file or directory");
}

TEST(Process, GetsAnOrdinaryLimitOfDescriptors) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit raised{before.rlim_max, before.rlim_max};  // as the gateway has it
  ::setrlimit(RLIMIT_NOFILE, &raised);
  Process process = run({"sh", "-c", "ulimit -Sn; ulimit -Hn"});
  EXPECT_EQ(all_lines(process), "1024\n" + std::to_string(before.rlim_max) + "\n");
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(Process, EndsWhenItsInputDoes) {
  Process process = run({"cat"});
  const auto began = std::chrono::steady_clock::now();
  process.end();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Process, IsKilledWithAllItStartedWhenItDoesNotEnd) {
  Process process = run({"sh", "-c", "trap '' TERM; sleep 1000 & echo $! $$; wait; sleep 1000"});
  pid_t child = 0, itself = 0;
  ASSERT_EQ(std::sscanf(line(process).c_str(), "%d %d", &child, &itself), 2);
  const auto began = std::chrono::steady_clock::now();
  process.end();
  EXPECT_NEAR(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), 5.0,
              0.5);
  EXPECT_EQ(::kill(itself, 0), -1);
  EXPECT_TRUE(dies(child));
}

TEST(Process, LeavesNobodyBehindWhenItEndsByItself) {
  Process process = run({"sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"});
  const pid_t child = std::stoi(line(process));
  process.end();
  EXPECT_TRUE(dies(child));
}

TEST(Process, LeavesNothingBehindInAThousandRestarts) {
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const auto before = descriptors();
  for (int i = 0; i < 1000; ++i) {
    Process process = run({"true"});
    if (i % 2) process.end();  // the others are killed, as their owner is gone
  }
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
}

TEST(Process, DiesWithTheGatewayAndSoDoesWhatItStarted) {
  int report[2];
  ASSERT_EQ(::pipe(report), 0);
  const pid_t gateway = ::fork();
  if (gateway == 0) {
    const Process process = run({"sh", "-c", "sleep 1000 >/dev/null & echo $$ $!; wait"});
    std::array<pid_t, 2> both{};  // the program, and one that it has started
    std::sscanf(line(process).c_str(), "%d %d", &both[0], &both[1]);
    ::_exit(::write(report[1], both.data(), sizeof both) == sizeof both
                ? 0
                : 1);  // without a word, as after kill -9
  }
  std::array<pid_t, 2> both{};
  ASSERT_EQ(::read(report[0], both.data(), sizeof both), static_cast<ssize_t>(sizeof both));
  ::waitpid(gateway, nullptr, 0);
  for (const pid_t pid : both) EXPECT_TRUE(dies(pid));
  ::close(report[0]);
  ::close(report[1]);
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
