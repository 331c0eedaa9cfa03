#include "message.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::mcp {
namespace {

std::int64_t id_in(View text) { return id_of_unreadable(text, text).value_or(-1); }

TEST(Message, HasAnIdThatServersWriteInSeveralWays) {
  testing::Harness h;
  for (const View text : {R"({"id": 7})", R"({"id": 7.0})", R"({"id": "7"})"})
    EXPECT_EQ(id_of(h.json(text)), 7) << text;
  for (const View text :
       {R"({"id": 7.5})", R"({"id": "7x"})", R"({"id": null})", R"({"id": ""})", "{}", "[]"}) {
    EXPECT_EQ(id_of(h.json(text)), std::nullopt) << text;
  }
}

TEST(Message, HasAnIdEvenIfItCannotBeRead) {
  EXPECT_EQ(id_in(R"({"jsonrpc":"2.0","id": 7 ,"result":{"id":8,"x":NaN}})"), 7);
  EXPECT_EQ(id_in(R"({"result":{"id":8,"text":"\"},\"id\":9,{","x":NaN},"id":7})"), 7);
  EXPECT_EQ(id_in("{\"id\":7,\"result\":\"caf\xe9"), 7);
  EXPECT_EQ(id_in(R"({"id":7,"result)"), 7);
}

TEST(Message, HasAnIdBehindWhatIsCut) {
  const View begin = R"({"jsonrpc":"2.0","result":{"content":[{"id":8,"text":"xxxx)";
  EXPECT_EQ(id_of_unreadable(begin, R"(xxxx"}]},"id":7})"), 7);
  EXPECT_EQ(id_of_unreadable(begin, R"(xxxx"}],"isError":false},"id":7,"jsonrpc":"2.0"})"), 7);
  EXPECT_EQ(id_of_unreadable(begin, R"(xxxx","id":9}]}})"), std::nullopt);  // it is in the result
  EXPECT_EQ(id_of_unreadable(begin, R"(xx,\"id\":9}]}})"), std::nullopt);
}

TEST(Message, ThatAsksIsNoAnswer) {
  EXPECT_EQ(id_in(R"({"id":7,"method":"ping","params":NaN})"), -1);
  EXPECT_EQ(id_of_unreadable(R"({"params":"xx)", R"(xx","id":7,"method":"ping"})"), std::nullopt);
  for (const View text : {"", "[7]", "id: 7", "{\"id\"", R"({"id":)", R"({"id":"x"})",
                          R"({"id":99999999999999999999})", "\"id\":7"}) {
    EXPECT_EQ(id_in(text), -1) << text;
  }
}

TEST(Message, OfProgressNamesWhatMakesIt) {
  testing::Harness h;
  EXPECT_EQ(id_of_progress(
                h.json(R"({"method": "notifications/progress", "params": {"progressToken": 7}})")),
            7);
  EXPECT_EQ(id_of_progress(
                h.json(R"({"method": "notifications/message", "params": {"progressToken": 7}})")),
            std::nullopt);
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
