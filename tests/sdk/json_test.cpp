// What gh_json_api promises to plugins.
#include "core/json/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "gatehouse/text.hpp"

namespace gatehouse {
namespace {

class JsonTable : public ::testing::Test {
 protected:
  ~JsonTable() override {
    for (gh_json* root : documents_) json.drop(root);
  }

  gh_json* make() { return documents_.emplace_back(json.make()); }
  /// Null: refused.
  gh_json* parse(View text) {
    gh_str error{};
    gh_json* root = json.parse(raw(text), &error);
    EXPECT_EQ(root == nullptr, error.n > 0)
        << "an error has a text, a success has none: " << text.substr(0, 80);
    return root ? documents_.emplace_back(root) : nullptr;
  }
  std::string dump(const gh_json* node) const {
    std::string out;
    json.dump(node, &out, [](void* to, gh_str piece) {
      static_cast<std::string*>(to)->append(piece.p, piece.n);
    });
    return out;
  }
  std::string round_trip(View text) { return dump(parse(text)); }
  const gh_json* get(const gh_json* node, View key) const { return json.get(node, raw(key)); }
  gh_json* edit(gh_json* node, View key) const { return json.edit(node, raw(key)); }
  View str(const gh_json* node) const { return view(json.str(node)); }

  const gh_json_api& json = core::json_api();

 private:
  std::vector<gh_json*> documents_;
};

std::string repeat(View text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// ---- Reading -----------------------------------------------------------------------------------

TEST_F(JsonTable, KnowsEveryType) {
  const gh_json* root = parse(R"([null, true, -7, 0.5, "text", [], {}])");
  const int types[] = {GH_NULL, GH_BOOL, GH_INT, GH_REAL, GH_STRING, GH_ARRAY, GH_OBJECT};
  ASSERT_EQ(json.count(root), std::size(types));
  for (std::size_t i = 0; i < std::size(types); ++i)
    EXPECT_EQ(json.type(json.at(root, i)), types[i]) << i;
  EXPECT_EQ(json.boolean(json.at(root, 1), 0), 1);
  EXPECT_EQ(json.integer(json.at(root, 2), 0), -7);
  EXPECT_EQ(json.real(json.at(root, 3), 0), 0.5);
  EXPECT_EQ(str(json.at(root, 4)), "text");
}

TEST_F(JsonTable, GivesTheEmptyAnswerForWhatIsNotThere) {
  const gh_json* root = parse(R"({"a": {"b": [1]}})");
  const gh_json* nothing = get(get(get(root, "x"), "y"), "z");
  EXPECT_EQ(nothing, nullptr);
  EXPECT_EQ(json.at(get(get(root, "a"), "b"), 1), nullptr);
  EXPECT_EQ(json.at(nullptr, 0), nullptr);
  EXPECT_EQ(json.type(nullptr), GH_NULL);
  EXPECT_EQ(json.count(nullptr), 0u);
  EXPECT_EQ(json.step(nullptr, nullptr, nullptr), nullptr);
  EXPECT_EQ(json.str(nullptr).p, nullptr);
  EXPECT_EQ(json.integer(nullptr, 5), 5);
  EXPECT_EQ(json.real(nullptr, 0.5), 0.5);
  EXPECT_EQ(json.boolean(nullptr, 1), 1);
  EXPECT_EQ(dump(nullptr), "null");
}

TEST_F(JsonTable, WritesNothingIntoWhatIsNotThere) {
  EXPECT_EQ(edit(nullptr, "a"), nullptr);
  EXPECT_EQ(json.push(nullptr), nullptr);
  json.set_empty(nullptr, GH_OBJECT);
  json.set_bool(nullptr, 1);
  json.set_int(nullptr, 1);
  json.set_real(nullptr, 1);
  json.set_str(nullptr, raw("a"));
  json.copy(nullptr, parse("1"));
  EXPECT_NE(json.erase(nullptr, nullptr), GH_OK);
  json.drop(nullptr);
}

TEST_F(JsonTable, GivesTheOtherValueWhenTheTypeIsAnother) {
  const gh_json* root = parse(R"({"text": "1", "real": 1.5, "integer": 2})");
  EXPECT_EQ(json.integer(get(root, "text"), 9), 9);
  EXPECT_EQ(json.integer(get(root, "real"), 9), 9);
  EXPECT_EQ(json.real(get(root, "integer"), 9), 2);
  EXPECT_EQ(json.boolean(get(root, "integer"), 0), 0);
  EXPECT_EQ(json.str(get(root, "integer")).p, nullptr);
  EXPECT_EQ(json.count(get(root, "text")), 0u);
  EXPECT_EQ(json.step(get(root, "text"), nullptr, nullptr), nullptr);
}

TEST_F(JsonTable, TellsAnEmptyStringFromNone) {
  const gh_json* root = parse(R"({"": ""})");
  const gh_str empty = json.str(get(root, ""));
  EXPECT_NE(empty.p, nullptr);
  EXPECT_EQ(empty.n, 0u);
}

TEST_F(JsonTable, StepsThroughMembersInTheirOrder) {
  const gh_json* root = parse(R"({"z": 1, "a": 2, "m": 3})");
  std::string seen;
  gh_str key{};
  for (const gh_json* n = json.step(root, nullptr, &key); n; n = json.step(root, n, &key))
    seen.append(view(key)).append(dump(n));
  EXPECT_EQ(seen, "z1a2m3");
  EXPECT_EQ(dump(root), R"({"z":1,"a":2,"m":3})");
}

TEST_F(JsonTable, IsReadOnManyThreadsAtOnce) {
  const gh_json* root = parse(R"({"a": [1, 2, {"b": "text"}], "c": 0.5})");
  const std::string expected = dump(root);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back([&] { EXPECT_EQ(dump(root), expected); });
  for (std::thread& reader : readers) reader.join();
}

// ---- Parsing and dumping -----------------------------------------------------------------------

TEST_F(JsonTable, KeepsAllThatJsonCanSay) {
  for (View text : {"null", "true", "false", "0", "-1", "9223372036854775807",
                    "-9223372036854775808", "0.7", "-0.25", "\"\"", "[]", "{}",
                    R"(["é","😀","\"\\\n\r\t","\u0000\u001f"])", R"({"a":{"b":[[],{}]},"":null})"}) {
    EXPECT_EQ(round_trip(text), text);
  }
  EXPECT_EQ(round_trip(" \t\r\n[ 1 , 2 ] "), "[1,2]");
  EXPECT_EQ(round_trip(R"("\/\b\f\u00e9\u20ac\ud83d\ude00")"), R"("/\u0008\u000cé€😀")");
}

TEST_F(JsonTable, RefusesWhatIsNotJson) {
  for (View text :
       {"",         " ",          "nul",     "nulll",     "True",      "NaN",         "Infinity",
        "-",        "+1",         "01",      "-01",       "1.",        ".5",          "1e",
        "1e+",      "0x1",        "1e+999.", "[1,]",      "[,1]",      "[1 2]",       "[1",
        "1]",       "{\"a\":1,}", "{\"a\"}", "{\"a\" 1}", "{a:1}",     "{1:1}",       "{\"a\":1",
        "[}",       "'a'",        "\"a",     "\"\\x\"",   "\"\\u12\"", "\"\\u12g4\"", "\"a\tb\"",
        "\"a\nb\"", "1 2",        "/**/1",   "[1]//",     "\"\\"}) {
    EXPECT_EQ(parse(text), nullptr) << text;
  }
}

TEST_F(JsonTable, RefusesWhatIsNotUtf8) {
  for (View text : {"\"\xff\"", "\"\x80\"", "\"\xc0\xaf\"", "\"\xc3\"", "\"\xe0\x80\x80\"",
                    "\"\xed\xa0\x80\"", "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\""}) {
    EXPECT_EQ(parse(text), nullptr);
  }
}

TEST_F(JsonTable, KeepsANameThatIsNotUtf8RepairedAsOneMember) {
  gh_json* const root = make();
  json.set_int(edit(root, "\xff"), 1);
  json.set_int(edit(root, "\xff"), 2);
  EXPECT_EQ(dump(root), "{\"\xef\xbf\xbd\":2}");
}

// Two readers of such a text may see two different requests (RFC 8259 4).
TEST_F(JsonTable, RefusesAnObjectThatNamesAKeyTwice) {
  EXPECT_EQ(parse(R"({"a": 1, "b": 2, "a": 3})"), nullptr);
  EXPECT_EQ(parse(R"([{"a": 1, "\u0061": 2}])"), nullptr);
  std::string many = "{";
  for (int i = 0; i < 50; ++i) many += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(parse(many + "\"7\":0}"), nullptr);
  EXPECT_NE(parse(many + "\"50\":0}"), nullptr);
  EXPECT_NE(parse(R"({"a": {"a": 1}, "b": {"a": 2}})"), nullptr);
}

TEST_F(JsonTable, RefusesNestingBeyond256Levels) {
  EXPECT_NE(parse(repeat("[", 256) + repeat("]", 256)), nullptr);
  EXPECT_EQ(parse(repeat("[", 257) + repeat("]", 257)), nullptr);
  EXPECT_NE(dump(parse(repeat("{\"a\":", 256) + "1" + repeat("}", 256))), "null");
  EXPECT_EQ(parse(repeat("{\"a\":", 257) + "1" + repeat("}", 257)), nullptr);
  EXPECT_EQ(parse(repeat("[", 1'000'000)), nullptr);
}

// Browsers produce them by cutting a string in the middle of an emoji (RFC 8259 8.2).
TEST_F(JsonTable, MendsEscapedLoneSurrogates) {
  EXPECT_EQ(str(parse(R"("a\ud83d")")), "a\xEF\xBF\xBD");
  EXPECT_EQ(str(parse(R"("\ude00b")")),
            "\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(str(parse(R"("\ud83d\ud83d\ude00")")),
            "\xEF\xBF\xBD"
            "😀");
  EXPECT_EQ(str(parse(R"("\ud83d\u0041")")),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(str(parse(R"("\\ud83d")")), R"(\ud83d)");
}

TEST_F(JsonTable, KeepsIntegersAndRealsApart) {
  EXPECT_EQ(json.type(parse("9223372036854775808")), GH_REAL);
  EXPECT_EQ(json.type(parse("1e2")), GH_REAL);
  EXPECT_EQ(json.integer(parse("9223372036854775807"), 0),
            std::numeric_limits<std::int64_t>::max());
}

// The amounts and limits of blockchains have 256 bits; a client in JavaScript reads them as reals.
TEST_F(JsonTable, TakesAnIntegerBeyond64BitsForTheNearestDouble) {
  for (View text :
       {"9223372036854775808", "18446744073709551615", "18446744073709551616",
        "-9223372036854775809",
        "115792089237316195423570985008687907853269984665640564039457584007913129639935"}) {
    EXPECT_EQ(json.type(parse(text)), GH_REAL) << text;
    EXPECT_EQ(json.real(parse(text), 0), std::stod(std::string(text))) << text;
    EXPECT_EQ(json.integer(parse(text), 7), 7) << text;
  }
  EXPECT_EQ(round_trip(R"([0,300000000000000000000,"100000000000000000000 \"\\",)"
                       R"({"5":2.5},-1,-200000000000000000000,3])"),
            R"([0,300000000000000000000,"100000000000000000000 \"\\",)"
            R"({"5":2.5},-1,-200000000000000000000,3])");
  EXPECT_EQ(round_trip("[123456789012345680000,999999999999999900000,-18446744073709552000]"),
            "[123456789012345680000,999999999999999900000,-18446744073709552000]");
  EXPECT_EQ(round_trip("[10699247336865531002,1000000000000000000000]"),
            "[1.0699247336865532e+19,1e+21]")
      << "digits would be another integer, or are not what a client writes";
}

TEST_F(JsonTable, ANumberThatNoDoubleCanHoldIsNull) {
  const std::string digits(400, '9');
  EXPECT_EQ(round_trip("[1e400,-1e400," + digits + "," + digits + ".5,1e-400,1]"),
            "[null,null,null,null,0,1]");
}

TEST_F(JsonTable, RefusesAMalformedNumberBesideALargeOne) {
  for (View text : {"0100000000000000000000", "-", "1-100000000000000000000",
                    "100000000000000000000.", "+100000000000000000000", "1e400.5",
                    "100000000000000000000x", "100000000000000000000 1", "01e400"}) {
    EXPECT_EQ(parse("[100000000000000000000," + std::string(text) + "]"), nullptr) << text;
  }
}

TEST_F(JsonTable, DumpsARealThatReadsBackAsTheSame) {
  gh_json* root = make();
  for (double value :
       {0.1, 1.0 / 3, 0x1p64, 1e300, 5e-324, -123456.789, 1.7976931348623157e308, 0.1 + 0.2, 1.5e-6,
        5e-7, 999999.9999995, 999999999.999999, 1e9, 1234567890.123456, 100000.5, 0.000212,
        9007199254740993.0, 123456789012345680.0}) {
    json.set_real(root, value);
    EXPECT_EQ(json.real(parse(dump(root)), 0), value) << dump(root);
  }
}

TEST_F(JsonTable, DumpsARealWithoutNeedlessDigits) {
  gh_json* const root = make();
  const std::pair<double, const char*> numbers[] = {{0.5, "0.5"},
                                                    {12.3, "12.3"},
                                                    {250, "250"},
                                                    {0.000212, "0.000212"},
                                                    {1000000.5, "1000000.5"},
                                                    {100000, "100000"},
                                                    {123456789012, "123456789012"}};
  for (const auto& [value, text] : numbers) {
    json.set_real(root, value);
    EXPECT_EQ(dump(root), text);
  }
}

TEST_F(JsonTable, DumpsTextsOfAllSizes) {
  gh_json* const root = make();
  for (std::size_t size = 0; size < 2200; size += 7) {
    const std::string plain(size, 'x'), escaped(size / 2, '"');
    json.set_str(edit(root, "plain"), raw(plain));
    json.set_str(edit(root, "escaped"), raw(escaped));
    const gh_json* const read = parse(dump(root));
    ASSERT_EQ(str(get(read, "plain")), plain) << size;
    ASSERT_EQ(str(get(read, "escaped")), escaped) << size;
  }
}

TEST_F(JsonTable, DumpsNullForANumberThatJsonCannotSay) {
  gh_json* root = make();
  for (double value : {std::nan(""), std::numeric_limits<double>::infinity(),
                       -std::numeric_limits<double>::infinity()}) {
    json.set_real(root, value);
    EXPECT_EQ(dump(root), "null");
  }
}

// ---- Writing -----------------------------------------------------------------------------------

TEST_F(JsonTable, BuildsADocument) {
  gh_json* root = make();
  EXPECT_EQ(json.type(root), GH_NULL);
  json.set_str(edit(root, "role"), raw("user"));
  gh_json* list = edit(root, "list");
  json.set_int(json.push(list), 1);
  json.set_bool(json.push(list), 1);
  json.set_real(json.push(list), 0.5);
  json.set_empty(json.push(list), GH_NULL);
  json.set_empty(json.push(list), GH_ARRAY);
  json.set_empty(json.push(list), GH_OBJECT);
  edit(json.push(list), "deep");
  EXPECT_EQ(dump(root), R"({"role":"user","list":[1,true,0.5,null,[],{},{"deep":null}]})");
}

TEST_F(JsonTable, FindsTheMemberThatIsThereAlready) {
  gh_json* root = parse(R"({"a": 1})");
  gh_json* a = edit(root, "a");
  EXPECT_EQ(json.integer(a, 0), 1);
  EXPECT_EQ(edit(root, "a"), a);
  EXPECT_EQ(json.count(root), 1u);
}

TEST_F(JsonTable, TurnsAnythingIntoTheContainerThatIsWrittenTo) {
  gh_json* root = parse(R"([1, "text", [1, 2], {"a": 1}])");
  for (const gh_json* n = json.step(root, nullptr, nullptr); n; n = json.step(root, n, nullptr))
    edit(const_cast<gh_json*>(n), "b");
  EXPECT_EQ(dump(root), R"([{"b":null},{"b":null},{"b":null},{"a":1,"b":null}])");
  json.push(root);
  json.push(edit(root, "x"));
  EXPECT_EQ(dump(root), R"({"x":[null]})");
}

TEST_F(JsonTable, ReplacesAContainerByAScalar) {
  gh_json* root = parse(R"({"a": [1, 2]})");
  json.set_int(root, 5);
  EXPECT_EQ(json.count(root), 0u);
  EXPECT_EQ(dump(root), "5");
  json.push(root);
  EXPECT_EQ(dump(root), "[null]");
}

TEST_F(JsonTable, KeepsNodesAndTextsInTheirPlace) {
  gh_json* root = parse(R"({"a": "before"})");
  gh_json* a = edit(root, "a");
  const View before = str(a);
  json.set_str(a, raw("after"));
  gh_json* list = edit(root, "list");
  for (int i = 0; i < 10'000; ++i) json.set_str(json.push(list), raw("a text of some length"));
  EXPECT_EQ(edit(root, "a"), a);
  EXPECT_EQ(str(a), "after");
  EXPECT_EQ(before, "before");
}

TEST_F(JsonTable, CopiesTheTextThatIsSet) {
  gh_json* root = make();
  std::string text = "mine";
  json.set_str(root, raw(text));
  text = "gone";
  EXPECT_EQ(str(root), "mine");
}

TEST_F(JsonTable, ErasesTheFirstTheLastAndTheOnlyChild) {
  gh_json* root = parse("[1, 2, 3]");
  EXPECT_EQ(json.erase(root, json.at(root, 0)), GH_OK);
  EXPECT_EQ(dump(root), "[2,3]");
  EXPECT_EQ(json.erase(root, json.at(root, 1)), GH_OK);
  EXPECT_EQ(dump(root), "[2]");
  EXPECT_EQ(json.erase(root, json.at(root, 0)), GH_OK);
  EXPECT_EQ(dump(root), "[]");
  json.push(root);
  EXPECT_EQ(dump(root), "[null]");
}

TEST_F(JsonTable, RefusesToEraseWhatIsElsewhere) {
  gh_json* root = parse(R"({"a": [1], "b": [2]})");
  EXPECT_EQ(json.erase(edit(root, "a"), json.at(get(root, "b"), 0)), GH_ABSENT);
  EXPECT_NE(json.erase(edit(root, "a"), nullptr), GH_OK);
  EXPECT_EQ(dump(root), R"({"a":[1],"b":[2]})");
}

TEST_F(JsonTable, LeavesAnErasedNodeReadable) {
  gh_json* root = parse(R"({"a": {"b": "text"}})");
  const gh_json* a = get(root, "a");
  json.erase(root, a);
  EXPECT_EQ(dump(a), R"({"b":"text"})");
}

TEST_F(JsonTable, LetsALoopEraseWhatItStandsOn) {
  gh_json* root = parse("[1, 2, 3, 4]");
  std::string seen;
  for (const gh_json* n = json.step(root, nullptr, nullptr); n && seen.size() < 10;
       n = json.step(root, n, nullptr)) {
    seen += dump(n);
    if (json.integer(n, 0) % 2 == 0) json.erase(root, n);
  }
  EXPECT_EQ(seen, "1234");
  EXPECT_EQ(dump(root), "[1,3]");
}

// ---- Copying -----------------------------------------------------------------------------------

TEST_F(JsonTable, CopiesDeeply) {
  gh_json* root = parse(R"({"from": {"a": [1, "x"]}, "to": 5})");
  json.copy(edit(root, "to"), get(root, "from"));
  json.set_int(edit(edit(root, "from"), "a"), 7);
  EXPECT_EQ(dump(root), R"({"from":{"a":7},"to":{"a":[1,"x"]}})");
}

TEST_F(JsonTable, CopiesBetweenDocumentsForGood) {
  gh_json* to = make();
  gh_str error{};
  gh_json* from = json.parse(raw(R"({"key": ["a text", {"": 1}]})"), &error);
  json.copy(to, from);
  json.drop(from);
  EXPECT_EQ(dump(to), R"({"key":["a text",{"":1}]})");
}

// Documents that were dropped leave their memory to later ones.
TEST_F(JsonTable, ADocumentHasNothingOfEarlierOnes) {
  for (const std::size_t size : {10u, 100u, 1000u, 3000u, 10'000u, 100u}) {
    const std::string text(size, 'x'), list = "[1" + repeat(",1", static_cast<int>(size / 4)) + "]";
    const std::string document = R"({"text":")" + text + R"(","list":)" + list + "}";
    gh_str error{};
    gh_json* const parsed = json.parse(raw(document), &error);
    gh_json* const made = json.make();
    EXPECT_EQ(json.type(made), GH_NULL);
    json.set_str(edit(made, "copy"), json.str(get(parsed, "text")));
    EXPECT_EQ(dump(parsed), document);
    json.drop(parsed);
    EXPECT_EQ(dump(made), R"({"copy":")" + text + "\"}");
    json.drop(made);
  }
}

TEST_F(JsonTable, CopiesAWholeIntoItsPartAndAPartOntoItsWhole) {
  gh_json* root = parse(R"({"a": {"b": 1}})");
  json.copy(edit(edit(root, "a"), "b"), root);
  EXPECT_EQ(dump(root), R"({"a":{"b":{"a":{"b":1}}}})");
  json.copy(root, get(root, "a"));
  EXPECT_EQ(dump(root), R"({"b":{"a":{"b":1}}})");
  json.copy(root, root);
  EXPECT_EQ(dump(root), R"({"b":{"a":{"b":1}}})");
}

TEST_F(JsonTable, CopiesNothingAsNull) {
  gh_json* root = parse("[1]");
  json.copy(root, nullptr);
  EXPECT_EQ(dump(root), "null");
}

}  // namespace
}  // namespace gatehouse
