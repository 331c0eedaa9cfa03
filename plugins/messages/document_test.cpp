#include "document.h"

#include <gtest/gtest.h>

#include "gatehouse/toolkit/base64url.hpp"
#include "messages_testing.h"
#include "signature.h"

namespace gatehouse::plugins::messages {
namespace {

using namespace messages_testing;

std::string compact(const std::string& json) {
  Harness h;
  return h.json(json).dump();
}

/// A member of the chat document of a body, without the white space of the test; "": it has none.
std::string member(View name, const std::string& body, Headers headers = {}) {
  Gateway gateway;
  const std::string chat = gateway.chat(body, std::move(headers));
  const Document document = testing::parse(chat);
  return document.root()[name] ? document.root()[name].dump() : std::string();
}
std::string messages(const std::string& given) { return member("messages", talk(given)); }
/// Of the member `content` of the only message.
std::string parts(const std::string& blocks) {
  Harness h;
  return h.json(messages(user(blocks))).at(0)["content"].dump();
}

/// What clients get and return of a call with this metadata.
std::string signed_id(const std::string& id, const std::string& metadata) {
  return id + "_md_" + to_base64url(compact(metadata));
}

const std::string kSigned = R"({"google": {"thoughtSignature": "c2ln"}})";

TEST(MessagesDocument, HasNothingThatTheClientHasNotSent) {
  Gateway gateway;
  EXPECT_EQ(gateway.chat(with("")), compact(R"({"model": "m", "messages": [
      {"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
      "tools": [], "hidden_tools": true, "max_output_tokens": 2000})"));
}

TEST(MessagesDocument, HasASystemMessageForEachText) {
  EXPECT_EQ(member("messages", with(R"("system": "Be kind.")")), compact(R"([
      {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
      {"role": "user", "content": [{"type": "text", "text": "Hi"}]}])"));
  EXPECT_EQ(member("messages", R"({"model": "m", "max_tokens": 1, "system": [
      {"type": "text", "text": "One.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
      {"type": "text", "text": ""}],
      "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Two."}]})"),
            compact(R"([
      {"role": "system", "content": [{"type": "text", "text": "One.", "metadata":
          {"anthropic": {"cacheControl": {"type": "ephemeral", "ttl": "1h"}}}}]},
      {"role": "system", "content": [{"type": "text", "text": "Two."}]},
      {"role": "user", "content": [{"type": "text", "text": "Hi"}]}])"));
}

TEST(MessagesDocument, JoinsNeighboursOfOneRole) {
  EXPECT_EQ(messages(R"({"role": "user", "content": "a"}, {"role": "system", "content": "s"},)" +
                     user(text("b") + ", " + text("")) + ", " + assistant("") + ", " +
                     R"({"role": "assistant", "content": "c"}, {"role": "user", "content": "d"})"),
            compact(R"([{"role": "system", "content": [{"type": "text", "text": "s"}]},
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": [{"type": "text", "text": "c"}]},
      {"role": "user", "content": [{"type": "text", "text": "d"}]}])"));
}

TEST(MessagesDocument, EndsWithTheBeginningOfTheResponse) {
  EXPECT_EQ(messages(user(text("Q")) + R"(, {"role": "assistant", "content": "The answer is ("})"),
            compact(R"([{"role": "user", "content": [{"type": "text", "text": "Q"}]},
      {"role": "assistant", "content": [{"type": "text", "text": "The answer is ("}]}])"));
}

TEST(MessagesDocument, RejectsAConversationWithoutAnyText) {
  Gateway gateway;
  EXPECT_EQ(gateway.chat(R"({"model": "m", "max_tokens": 1, "system": "S",
      "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]})"),
            "messages: at least one must not be empty");
}

TEST(MessagesDocument, HasFilesOfTheUser) {
  EXPECT_EQ(parts(R"(
      {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
      {"type": "image", "source": {"type": "url", "url": "https://a.example/b.webp?c"}},
      {"type": "image", "source": {"type": "url", "url": "https://a.example/b"}},
      {"type": "document", "title": "T", "context": "C",
       "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
      {"type": "document", "source": {"type": "url", "url": "https://a.example/b"},
       "cache_control": {"type": "ephemeral"}})"),
            compact(R"([
      {"type": "file", "data": "AAAA", "media_type": "image/png"},
      {"type": "file", "url": "https://a.example/b.webp?c", "media_type": "image/webp"},
      {"type": "file", "url": "https://a.example/b", "media_type": "image/jpeg"},
      {"type": "text", "text": "C"},
      {"type": "file", "data": "JVBERi0=", "media_type": "application/pdf", "name": "T"},
      {"type": "file", "url": "https://a.example/b", "media_type": "application/pdf",
       "metadata": {"anthropic": {"cacheControl": {"type": "ephemeral"}}}}])"));
}

TEST(MessagesDocument, HasDocumentsAndSearchResultsAsTexts) {
  EXPECT_EQ(parts(R"(
      {"type": "document",
       "source": {"type": "text", "media_type": "text/plain", "data": "Plain."}},
      {"type": "document", "title": "T", "context": "C", "source": {"type": "text", "data": "P."}},
      {"type": "document", "source": {"type": "content", "content": "Whole."}},
      {"type": "document", "title": "T", "source": {"type": "content", "content": [
        {"type": "text", "text": "Part."},
        {"type": "image",
         "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}},
      {"type": "search_result", "source": "https://s.example", "title": "S", "content": [
        {"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]})"),
            compact(R"([
      {"type": "text", "text": "Plain."}, {"type": "text", "text": "T\nC\n\nP."},
      {"type": "text", "text": "Whole."}, {"type": "text", "text": "T\n\n"},
      {"type": "text", "text": "Part."},
      {"type": "file", "data": "AAAA", "media_type": "image/png"},
      {"type": "text", "text": "S\nhttps://s.example\n\nOne.\nTwo.\n"}])"));
}

TEST(MessagesDocument, PutsResultsBeforeAllElseOfTheTurn) {
  const std::string image = R"({"type": "image", "source": )"
                            R"({"type": "base64", "media_type": "image/png", "data": "AAAA"}})";
  EXPECT_EQ(messages(user(text("Q")) + ", " +
                     assistant(text("Hm.") + ", " + call("a", "one") + ", " + call("b", "two")) +
                     ", " + user(text("first")) + ", " +
                     user(result("b", "[" + text("see ") + ", " + image + "]") + ", " +
                          text("and?") + R"(, {"type": "tool_result", "tool_use_id": "a",
          "is_error": true, "content": "disk full", "cache_control": {"type": "ephemeral"}})")),
            compact(R"([{"role": "user", "content": [{"type": "text", "text": "Q"}]},
      {"role": "assistant", "content": [{"type": "text", "text": "Hm."},
        {"type": "tool-call", "id": "a", "name": "one", "input": {}},
        {"type": "tool-call", "id": "b", "name": "two", "input": {}}]},
      {"role": "tool", "content": [
        {"type": "tool-result", "id": "b", "name": "two", "output": "see "},
        {"type": "tool-result", "id": "a", "name": "one", "error": true, "output": "disk full",
         "metadata": {"anthropic": {"cacheControl": {"type": "ephemeral"}}}}]},
      {"role": "user", "content": [{"type": "text", "text": "first"},
        {"type": "file", "data": "AAAA", "media_type": "image/png"},
        {"type": "text", "text": "and?"}]}])"));
}

TEST(MessagesDocument, HasResultsWithoutContent) {
  const auto output = [](const std::string& members) {
    Harness h;
    return h
        .json(messages(user(text("Q")) + ", " + assistant(call("a")) + ", " +
                       user(R"({"type": "tool_result", "tool_use_id": "a")" + members + "}")))
        .at(2)["content"]
        .at(0)["output"]
        .dump();
  };
  EXPECT_EQ(output(""), "\"\"");
  EXPECT_EQ(output(R"(, "content": null)"), "\"\"");
  EXPECT_EQ(output(R"(, "content": [])"), "\"\"");
  EXPECT_EQ(output(R"(, "content": [{"type": "search_result", "source": "s", "title": "S",
      "content": [{"type": "text", "text": "One."}]}])"),
            R"("S\ns\n\nOne.\n")");
  EXPECT_EQ(output(R"(, "content": [{"type": "tool_reference", "tool_name": "get_weather"}])"),
            R"("get_weather\n")");
}

TEST(MessagesDocument, TakesTheMetadataOfCallsOutOfTheirIds) {
  const std::string id = signed_id("toolu_1", kSigned);
  EXPECT_EQ(
      messages(user(text("Q")) + ", " + assistant(call(id)) + ", " + user(result(id, "\"1\""))),
      compact(R"([{"role": "user", "content": [{"type": "text", "text": "Q"}]},
      {"role": "assistant", "content": [{"type": "tool-call", "id": "toolu_1", "metadata": )" +
              kSigned + R"(, "name": "t", "input": {}}]},
      {"role": "tool", "content": [
        {"type": "tool-result", "id": "toolu_1", "name": "t", "output": "1"}]}])"));
}

TEST(MessagesDocument, ReturnsThoughtsWithTheirSignatures) {
  const auto thoughts = [](const std::string& blocks) {
    Harness h;
    return h.json(messages(user(text("Q")) + ", " + assistant(blocks))).at(1)["content"].dump();
  };
  const auto thought = [](const std::string& words, const std::string& signature) {
    return R"({"type": "thinking", "thinking": ")" + words + R"(", "signature": ")" + signature +
           "\"}";
  };
  const Document google = testing::parse(kSigned), none = testing::parse("{}");
  EXPECT_EQ(thoughts(thought("Hm.", signature_of(google.root()))),
            compact(R"([{"type": "reasoning", "text": "Hm.", "metadata": )" + kSigned + "}]"));
  EXPECT_EQ(thoughts(thought("Hm.", signature_of(none.root()))),
            compact(R"([{"type": "reasoning", "text": "Hm."}])"));
  EXPECT_EQ(thoughts(thought("", "EqQBCg/+==") + R"(, {"type": "redacted_thinking", "data": "x"})"),
            compact(R"([
      {"type": "reasoning", "text": "", "metadata": {"anthropic": {"signature": "EqQBCg/+=="}}},
      {"type": "reasoning", "text": "", "metadata": {"anthropic": {"redactedData": "x"}}}])"));
  EXPECT_EQ(thoughts(thought("", "") + ", " + thought("Bad.", "gatehouse.!") + ", " + text("A.")),
            compact(R"([{"type": "reasoning", "text": "Bad."}, {"type": "text", "text": "A."}])"));
}

TEST(MessagesDocument, OffersTheToolsOfTheClient) {
  EXPECT_EQ(member("tools", with(R"("tools": [
      {"name": "a", "description": "A", "input_schema": {"type": "object"}, "strict": true,
       "cache_control": {"type": "ephemeral"}},
      {"type": "custom", "name": "b", "description": null, "input_schema": {}}])")),
            compact(R"([{"name": "a", "description": "A", "input_schema": {"type": "object"},
       "metadata": {"anthropic": {"cacheControl": {"type": "ephemeral"}}}},
      {"name": "b", "input_schema": {}}])"));
}

TEST(MessagesDocument, AnnouncesToolsOfTheGatewayThatTheHeaderNames) {
  EXPECT_EQ(member("backend_tools", with(R"("tools": [{"name": "kit_add", "input_schema": {}}])"),
                   {{"X-Gatehouse-Tools", "kit_echo, kit_add"}}),
            R"(["kit_echo"])");
}

TEST(MessagesDocument, HasTheChoiceOfTools) {
  const std::string tools = R"("tools": [{"name": "a", "input_schema": {}}], "tool_choice": )";
  EXPECT_EQ(member("tool_choice", with(tools + R"({"type": "auto"})")), "");
  EXPECT_EQ(member("must", with(tools + R"({"type": "auto"})")), "");
  EXPECT_EQ(member("tool_choice", with(tools + R"({"type": "any"})")), R"({"mode":"required"})");
  EXPECT_EQ(member("must", with(tools + R"({"type": "any"})")), R"(["tool_choice"])");
  EXPECT_EQ(member("tool_choice", with(tools + R"({"type": "none"})")), R"({"mode":"none"})");
  EXPECT_EQ(member("tool_choice", with(tools + R"({"type": "tool", "name": "a"})")),
            R"({"mode":"required","names":["a"]})");
  EXPECT_EQ(member("parallel_tool_calls",
                   with(tools + R"({"type": "auto", "disable_parallel_tool_use": true})")),
            "false");
}

TEST(MessagesDocument, HasTheWayToThink) {
  const auto reasoning = [](const std::string& members) {
    return member("reasoning", with(members));
  };
  EXPECT_EQ(reasoning(R"("thinking": {"type": "enabled", "budget_tokens": 1024})"),
            R"({"budget_tokens":1024,"visible":true})");
  EXPECT_EQ(reasoning(R"("thinking": {"type": "enabled", "budget_tokens": 1024,)"
                      R"( "display": "omitted"})"),
            R"({"budget_tokens":1024})");
  EXPECT_EQ(reasoning(R"("thinking": {"type": "adaptive"})"), R"({"visible":true})");
  EXPECT_EQ(member("options", with(R"("thinking": {"type": "adaptive"})")),
            R"({"anthropic":{"effort":"high"}})");
  EXPECT_EQ(reasoning(R"("thinking": {"type": "adaptive"}, "output_config": {"effort": "max"})"),
            R"({"effort":"max","visible":true})");
  EXPECT_EQ(reasoning(R"("thinking": {"type": "disabled"}, "output_config": {"effort": "max"})"),
            R"({"effort":"none"})");
  EXPECT_EQ(reasoning(R"("output_config": {"effort": "low"})"), R"({"effort":"low"})");
}

TEST(MessagesDocument, HasTheOtherParameters) {
  Gateway gateway;
  const Document chat = testing::parse(gateway.chat(with(R"("temperature": 0, "top_p": 0.9,
      "top_k": 40, "stop_sequences": ["END"], "output_config": {"format":
      {"type": "json_schema", "schema": {"type": "object"}}})")));
  EXPECT_EQ(chat.root()["temperature"].dump(), "0");
  EXPECT_EQ(chat.root()["top_p"].dump(), "0.9");
  EXPECT_EQ(chat.root()["top_k"].dump(), "40");
  EXPECT_EQ(chat.root()["stop"].dump(), R"(["END"])");
  EXPECT_EQ(chat.root()["response_format"].dump(), R"({"type":"json","schema":{"type":"object"}})");
  EXPECT_EQ(chat.root()["must"].dump(), R"(["response_format"])");
  EXPECT_EQ(member("stop", with(R"("stop_sequences": [])")), "");
  EXPECT_EQ(
      member("response_format", with(R"("output_format": {"type": "json_schema", "schema": {}})")),
      R"({"type":"json","schema":{}})");
}

}  // namespace
}  // namespace gatehouse::plugins::messages
