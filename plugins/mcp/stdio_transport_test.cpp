#include "stdio_transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "gatehouse/testing.hpp"
#include "mcp.h"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;
using namespace testing;

// ---- Pieces ------------------------------------------------------------------------------------

TEST(Lines, ComeWholeFromAnyPieces) {
  Lines lines(8);
  std::vector<std::string> seen;
  for (const View piece : {"one", "\ntwo\n\nthr", "ee\nfo"}) {
    lines.feed(piece, [&](const Line& line) { seen.emplace_back(line.begin); });
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "two", "", "three"}));
}

TEST(Lines, KeepTheirEndsWhenTheyAreLong) {
  Lines lines(4);
  std::vector<std::string> seen;
  for (const std::string& piece :
       {std::string("1234"), std::string(1000, 'x'), std::string("9\n5\n")}) {
    lines.feed(piece, [&](const Line& line) {
      seen.push_back(std::string(line.begin) + " " + std::to_string(line.bytes) + " " +
                     std::string(line.end));
    });
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"1234 1005 " + std::string(255, 'x') + "9", "5 1 5"}));
}

TEST(Ration, IsSpentAndComesAgain) {
  Ration ration(2);
  EXPECT_TRUE(ration.take(1h));
  EXPECT_TRUE(ration.take(1h));
  EXPECT_FALSE(ration.take(1h + 59s));
  EXPECT_TRUE(ration.take(1h + 61s));
}

// ---- A child process ---------------------------------------------------------------------------

/// Responds to the requests of a session; a test appends what happens on tools/call, with m and
/// say(result).
const std::string kServer = R"py(
import json, os, sys, time
def write(o): sys.stdout.write(json.dumps(o) + "\n"); sys.stdout.flush()
def say(result): write({"jsonrpc": "2.0", "id": m["id"], "result": result})
for line in sys.stdin:
    m = json.loads(line)
    if m.get("method") == "server/discover":
        write({"jsonrpc": "2.0", "id": m["id"], "error": {"code": -32601}})
    if m.get("method") == "initialize":
        say({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}})
    if m.get("method") == "tools/list": say({"tools": [{"name": "run", "inputSchema": {}}]})
    if m.get("method") == "tools/call":
)py";

struct StdioTransportTest : ::testing::Test {
  StdioTransportTest() { std::signal(SIGPIPE, SIG_IGN); }  // as the gateway does

  /// Connects a server of this body of tools/call.
  void start(const std::string& call, std::vector<std::string> arguments = {}) {
    std::string body;
    for (View rest = call; !rest.empty(); rest.remove_prefix(std::min(
             rest.size(), rest.find('\n') == View::npos ? rest.size() : rest.find('\n') + 1))) {
      body.append("        ").append(rest.substr(0, rest.find('\n'))).append("\n");
    }
    std::vector<std::string> command = {"python3", "-c", kServer + body};
    command.insert(command.end(), arguments.begin(), arguments.end());
    start_command(command);
  }
  void start_command(const std::vector<std::string>& command) {
    std::string config = R"({"servers": [{"name": "local", "command": [)";
    for (const std::string& word : command) {
      if (&word != &command.front()) config += ',';
      quote(config, word);
    }
    mcp.emplace(h.host(), h.config(config + "]}]}"));
    background = std::thread([this] {
      h.run_background(0, waits);
      ended = true;
    });
  }
  /// Ends the gateway: each wait of its background comes to its end at once.
  void stop() {
    while (background.joinable() && !ended) {
      h.advance(1h);
      std::this_thread::sleep_for(100us);
    }
    if (background.joinable()) background.join();
  }
  ~StdioTransportTest() override { stop(); }

  /// What a chat whose model calls the tool once sees of that call.
  std::string call() {
    h.next = in_turn({events({"step-start", "tool-call:c1:local_run:{}", "step-finish:tool-calls"}),
                      answer("Done")});
    const Events seen = h.ask(*mcp, R"({"messages": [], "backend_tools": ["local_run"]})").events;
    return seen.size() > 2 ? seen[2] : "nothing";
  }
  static std::string output(const std::string& text) {
    return R"(tool-output+dynamic:c1:{"content":[],"said":)" + text + "}";
  }

  Harness h;
  std::optional<Mcp> mcp;
  std::size_t waits = 30;  // before the gateway ends
  std::thread background;
  std::atomic<bool> ended{false};
};

TEST_F(StdioTransportTest, GetsItsArgumentsAsTheyAre) {
  start(R"(say({"content": [], "said": sys.argv[1:]}))",
        {"a; rm -rf /", "$(id)", "two\nlines", ""});
  EXPECT_EQ(call(), output(R"x(["a; rm -rf /","$(id)","two\nlines",""])x"));
}

TEST_F(StdioTransportTest, ThatReadsNoMoreIsLost) {
  start("os.close(0)\nsay({\"content\": [], \"said\": 1})\ntime.sleep(60)");
  EXPECT_EQ(call(), output("1"));
  EXPECT_EQ(call().substr(0, 18), "tool-output-error+");
}

TEST_F(StdioTransportTest, IsAnsweredWhenItPingsDuringACall) {
  start(R"(write({"jsonrpc": "2.0", "id": "x", "method": "ping"})
answer = json.loads(sys.stdin.readline())
say({"content": [], "said": answer}))");
  EXPECT_EQ(call(), output(R"({"jsonrpc":"2.0","id":"x","result":{}})"));
}

TEST_F(StdioTransportTest, MayWriteNonsenseAndTooMuch) {
  waits = 400;  // some MiB in pieces of 64 KiB
  start(R"(sys.stdout.write("debug: here\n[1]\n\xff\n")
sys.stdout.write("x" * (5 << 20) + "\n")
write({"jsonrpc": "2.0", "id": 9999, "result": {}})
sys.stderr.write("e" * (5 << 20))
say({"content": [], "said": 1})
say({"content": [], "said": 2}))");
  EXPECT_EQ(call(), output("1"));
  EXPECT_EQ(call(), output("1"));
  stop();
  EXPECT_EQ(std::count_if(h.logs.begin(), h.logs.end(),
                          [](const std::string& line) {
                            return line.find("non-protocol output") != line.npos;
                          }),
            1);
}

TEST_F(StdioTransportTest, FailsACallWhoseAnswerCannotBeReadAtOnce) {
  waits = 400;
  start(R"(n = call = globals().get("call", 0) + 1
put = sys.stdout.buffer.write
if n == 1: put(b'{"id":%d,"result":{"content":[{"type":"text","text":"caf\xe9"}]}}\n' % m["id"])
if n == 2: put(b'{"result":{"x":NaN},"id":%d}\n' % m["id"])
if n == 3: put(b'{"result":{"x":"' + b"x" * (5 << 20) + b'"},"id":%d}\n' % m["id"])
if n == 4: put(b'[{"result":{"content":[]},"id":%d.0}]\n' % m["id"])
sys.stdout.flush())");
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The response of the tool server is not UTF-8.");
  EXPECT_EQ(call(),
            "tool-output-error+dynamic:c1:The response of the tool server is not valid JSON.");
  EXPECT_EQ(call(),
            "tool-output-error+dynamic:c1:The response of the tool server is longer than 4 MiB.");
  EXPECT_EQ(call(), R"(tool-output+dynamic:c1:{"content":[]})");
}

TEST_F(StdioTransportTest, ThatEndsFailsItsCallAndIsStartedAgain) {
  start("os._exit(3)");
  EXPECT_EQ(call(), "tool-output-error+dynamic:c1:The tool server ended before it responded.");
  stop();
  EXPECT_NE(std::find(h.sleeps.begin(), h.sleeps.end(), 1s), h.sleeps.end());
}

TEST_F(StdioTransportTest, ThatCannotBeRunIsDown) {
  start_command({"no-such-program"});
  EXPECT_EQ(call(), "tool-output-error:c1:the call was not run");  // it was not offered
  EXPECT_NE(
      h.admin(*mcp, "GET", "/servers").body.find("no-such-program: No such file or directory"),
      std::string::npos);
}

TEST_F(StdioTransportTest, LeavesNobodyBehind) {
  start(R"(say({"content": [], "said": os.getpid()}))");
  const std::string said = call();
  stop();
  EXPECT_EQ(::kill(std::stoi(said.substr(said.find("said\":") + 6)), 0), -1);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // no child, not even a dead one
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
