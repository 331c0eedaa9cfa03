// What gatehouse/plugin.hpp adds to the C tables: errors, ownership, sinks, and text to values.
#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Events;
using testing::Harness;

/// A plugin that does what the test says.
class Does final : public Plugin {
 public:
  using Handle = std::function<Status(Exchange&, Sink&, Next&)>;
  explicit Does(Handle handle) : handle_(std::move(handle)) {}
  Status handle(Exchange& x, Sink& out, Next& next) override { return handle_(x, out, next); }

 private:
  Handle handle_;
};

/// A sink that does what the test says.
class Through final : public Sink {
 public:
  explicit Through(std::function<Status(Event)> emit) : emit_(std::move(emit)) {}
  Status emit(Event event) override { return emit_(event); }

 private:
  std::function<Status(Event)> emit_;
};

Answer run(Harness& h, Does::Handle handle) {
  Does plugin(std::move(handle));
  return h.ask(plugin, "{}");
}

// ---- Errors ------------------------------------------------------------------------------------

TEST(Facade, PutsAReturnedFailOnTheExchange) {
  Harness h;
  const Answer answer = run(h, [](Exchange&, Sink&, Next&) -> Status {
    return Fail{429, "too_fast", "Slow down.", "bucket 7"};
  });
  EXPECT_EQ(answer.code, GH_FAILED);
  EXPECT_EQ(answer.failure.http_status, 429);
  EXPECT_EQ(answer.failure.code, "too_fast");
  EXPECT_EQ(answer.failure.message, "Slow down.");
  EXPECT_EQ(answer.failure.detail, "bucket 7");
}

TEST(Facade, SaysWithAFailWhenToAskAgain) {
  Harness h;
  h.next = testing::fails({429, "too_fast", "Slow down.", {}, 1500ms});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) {
    Status status = next(x, out);
    EXPECT_EQ(x.failure().retry_after(), 1500ms);
    return status;
  });
  EXPECT_EQ(answer.failure.retry_after, 1500ms);
}

TEST(Facade, SaysWithAFailWhoseFaultItIs) {
  Harness h;
  h.next = testing::fails(
      {503, "overloaded", "Try again.", {}, 0ms, GH_FAIL_TRANSIENT | GH_FAIL_SUSPECT});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) {
    Status status = next(x, out);
    EXPECT_EQ(x.failure().copy().flags, 5u);
    return status;
  });
  EXPECT_EQ(answer.failure.flags, 5u);
}

TEST(Facade, PassesAFailureFromBelowUpUnchanged) {
  Harness h;
  h.next = testing::fails({504, "upstream_timeout", "The model did not answer in time.", {}});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) { return next(x, out); });
  EXPECT_EQ(answer.failure.http_status, 504);
  EXPECT_EQ(answer.failure.code, "upstream_timeout");
}

TEST(Facade, ShowsAPluginTheFailureFromBelowAndClearsItOnTheNextTry) {
  Harness h;
  h.next = testing::in_turn(
      {testing::fails({503, "overloaded", "Try again.", {}}), testing::answer("hi")});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) {
    EXPECT_FALSE(next(x, out));
    EXPECT_EQ(x.failure().code(), "overloaded");
    Status second = next(x, out);
    EXPECT_FALSE(x.failure());
    return second;
  });
  EXPECT_EQ(answer.code, GH_OK);
  EXPECT_EQ(answer.text, "hi");
}

TEST(Facade, TurnsAnExceptionIntoA500ThatSaysWhyToTheLogOnly) {
  Harness h;
  const Answer answer = run(
      h, [](Exchange&, Sink&, Next&) -> Status { throw std::runtime_error("vector is empty"); });
  EXPECT_EQ(answer.failure.http_status, 500);
  EXPECT_EQ(answer.failure.code, "plugin_error");
  EXPECT_EQ(answer.failure.message.find("vector"), std::string::npos);
  EXPECT_EQ(answer.failure.detail, "vector is empty");
}

TEST(Facade, CatchesWhatIsNoStandardExceptionToo) {
  Harness h;
  EXPECT_EQ(run(h, [](Exchange&, Sink&, Next&) -> Status { throw 7; }).failure.code,
            "plugin_error");
}

TEST(Facade, LetsNoExceptionOfASinkCrossTheBoundary) {
  Harness h;
  Status seen_below;
  h.next = [&](Exchange&, Sink& out) {
    seen_below = out.emit(event::text("a"));
    return Status(seen_below.code());
  };
  const Answer answer = run(h, [](Exchange& x, Sink&, Next& next) {
    Through sink([](Event) -> Status { throw std::runtime_error("sink"); });
    return next(x, sink);
  });
  EXPECT_EQ(seen_below.code(), GH_FAILED);
  EXPECT_EQ(answer.failure.detail, "sink");
}

TEST(Facade, PutsAFailThatASinkReturnsOnTheExchange) {
  Harness h;
  h.next = testing::answer("secret");
  const Answer answer = run(h, [](Exchange& x, Sink&, Next& next) {
    Through sink([](Event) -> Status {
      return Fail{451, "blocked", "This answer is not available here.", {}};
    });
    return next(x, sink);
  });
  EXPECT_EQ(answer.failure.http_status, 451);
}

// ---- Sinks -------------------------------------------------------------------------------------

TEST(Facade, KeepsTheOrderOfEventsThroughASink) {
  Harness h;
  h.next = testing::events({"step-start", "text:a", "reasoning:b", "text:c", "step-finish:stop"});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) {
    Through sink([&](Event e) -> Status {
      if (Status status = out.emit(e); !status) return status;
      return e.kind() == GH_EV_TEXT ? out.emit(event::text("!")) : Status();
    });
    return next(x, sink);
  });
  EXPECT_EQ(answer.events, (Events{"step-start", "text:a", "text:!", "reasoning:b", "text:c",
                                   "text:!", "step-finish:stop"}));
}

TEST(Facade, ForwardsEventsOfKindsItDoesNotKnow) {
  gh_event newer = event::make(99);
  newer.text = raw("new");
  newer.reserved[0] = 7;

  Harness h;
  const gh_event* arrived = nullptr;
  h.next = [&](Exchange&, Sink& out) { return out.emit(newer); };
  const Answer answer = run(h, [&](Exchange& x, Sink& out, Next& next) {
    Through sink([&](Event e) {
      arrived = &e.raw();
      return out.emit(e);
    });
    return next(x, sink);
  });
  EXPECT_EQ(arrived, &newer);
  EXPECT_EQ(answer.events, (Events{"unknown:::new:null"}));
}

TEST(Facade, ACopyOfAnEventKeepsWhatIsNotKnownOfIt) {
  gh_event e = event::text("secret");
  e.flags = GH_MUST;
  e.reserved[3] = 7;
  const gh_event masked = Event(e).with_text("***");
  EXPECT_EQ(view(masked.text), "***");
  EXPECT_EQ(masked.reserved[3], 7u);
  EXPECT_TRUE(Event(masked).has(GH_MUST));
  EXPECT_EQ(view(e.text), "secret");
}

TEST(Facade, AStatusHasTheFailureWhereverItWasMade) {
  Harness h;
  h.next = testing::fails({503, "overloaded", "Try again.", "a detail", 2s, GH_FAIL_TRANSIENT});
  const Answer answer = run(h, [](Exchange& x, Sink& out, Next& next) {
    const Status below = next(x, out);
    EXPECT_EQ(below.failure().code(), "overloaded");
    EXPECT_TRUE(below.failure().has(GH_FAIL_TRANSIENT));
    EXPECT_FALSE(below.failure().has(GH_FAIL_UPSTREAM));
    const Status own = below.failure().copy();
    EXPECT_EQ(own.failure().detail(), "a detail");
    EXPECT_EQ(own.failure().retry_after(), 2s);
    EXPECT_FALSE(Status().failure());
    EXPECT_FALSE(Status(GH_STOP).failure());
    return Status();
  });
}

TEST(Facade, ACallerIsWhomTheAuthenticatingPluginSays) {
  Harness h;
  testing::Request r("GET", "/");
  r.caller = {"acme", "ada", "laptop"};
  h.next = testing::answer("hi");
  Does plugin([](Exchange& x, Sink& out, Next& next) {
    EXPECT_EQ(x.caller().tenant, "acme");
    EXPECT_EQ(x.caller().key, "laptop");
    std::string tenant = "other";
    x.set_caller({tenant, {}, {}});
    tenant = "gone!";
    EXPECT_EQ(x.caller().tenant, "other") << "the texts are copied";
    EXPECT_EQ(x.caller().user, "");
    return next(x, out);
  });
  EXPECT_EQ(h.run(plugin, r).caller.tenant, "other");
}

TEST(Facade, TellsTheProducerThatTheReaderIsGone) {
  Harness h;
  h.next = testing::events({"text:a", "text:b", "text:c"});
  int seen = 0;
  const Answer answer = run(h, [&](Exchange& x, Sink&, Next& next) {
    Through sink([&](Event) { return ++seen < 2 ? Status() : Status(GH_STOP); });
    return next(x, sink);
  });
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(answer.code, GH_STOP);
}

TEST(Facade, HandsASinkOfTheHostOnWithoutALayer) {
  Harness h;
  const gh_sink* given = nullptr;
  const gh_sink* arrived = nullptr;
  h.next = [&](Exchange&, Sink& out) {
    arrived = out.host_sink();
    return Status();
  };
  run(h, [&](Exchange& x, Sink& out, Next& next) {
    given = out.host_sink();
    return next(x, out);
  });
  EXPECT_NE(given, nullptr);
  EXPECT_EQ(arrived, given);
}

// ---- Life --------------------------------------------------------------------------------------

struct Heir final : Plugin {
  Heir(Host, Json config) : wealth(config["wealth"].integer()) {
    if (wealth < 0) throw std::runtime_error("in debt");
  }
  Status handle(Exchange&, Sink&, Next&) override { return {}; }
  void adopt(Heir& older) { wealth += older.wealth; }
  std::string save() { return "1 " + std::to_string(wealth); }
  bool restore(View saved) {
    if (saved.substr(0, 2) != "1 ") return false;
    wealth += std::stoll(std::string(saved.substr(2)));
    return true;
  }
  std::int64_t wealth;
};

struct Loner final : Plugin {
  Loner(Host, Json) {}
  Status handle(Exchange&, Sink&, Next&) override { return {}; }
};

TEST(Facade, MakesAProblemOfAnExceptionInTheConstructor) {
  Harness h;
  void* self = nullptr;
  EXPECT_EQ(
      detail::Glue<Heir>::create(h.host().raw_host(), h.config(R"({"wealth": -1})").raw(), &self),
      GH_FAILED);
  EXPECT_EQ(h.problems, (std::vector<std::string>{": the constructor threw: in debt"}));
}

TEST(Facade, HandsTheOlderInstanceToTheYounger) {
  Harness h;
  Heir older(h.host(), h.config(R"({"wealth": 3})")),
      younger(h.host(), h.config(R"({"wealth": 4})"));
  EXPECT_EQ(detail::Glue<Heir>::adopt(&younger, &older), GH_OK);
  EXPECT_EQ(younger.wealth, 7);
}

TEST(Facade, HandsTheSavedStateToOtherCode) {
  Harness h;
  Heir older(h.host(), h.config(R"({"wealth": 3})")),
      younger(h.host(), h.config(R"({"wealth": 4})"));
  using HeirGlue = detail::Glue<Heir>;
  std::string saved;
  const auto keep = [](void* to, gh_str bytes) {
    static_cast<std::string*>(to)->assign(view(bytes));
  };
  EXPECT_EQ(HeirGlue::save(&older, keep, &saved), GH_OK);
  EXPECT_EQ(HeirGlue::restore(&younger, raw(saved)), GH_OK);
  EXPECT_EQ(younger.wealth, 7);
  EXPECT_EQ(HeirGlue::restore(&younger, raw("2 3")), GH_UNSUPPORTED);
  EXPECT_EQ(HeirGlue::restore(&younger, raw("1 x")), GH_FAILED) << "it throws";
  EXPECT_EQ(younger.wealth, 7);
}

TEST(Facade, OffersOnlyWhatAPluginHas) {
  const auto describe = [](auto glue) { return glue.describe("p", "1", "", "{}", "", 0); };
  const gh_plugin heir = describe(detail::Glue<Heir>()), loner = describe(detail::Glue<Loner>());
  EXPECT_TRUE(heir.adopt && heir.save && heir.restore);
  EXPECT_FALSE(loner.adopt || loner.save || loner.restore || loner.refused);
}

TEST(Facade, AsksForRequestsToItsRoutesAloneIfAPluginHandlesNoOthers) {
  struct Routed final : Plugin {
    Routed(Host, Json) {}
  };
  const auto describe = [](auto glue) {
    return glue.describe("p", "1", "", "{}", "", GH_PLUGIN_HEAD);
  };
  EXPECT_EQ(describe(detail::Glue<Routed>()).flags, GH_PLUGIN_HEAD | GH_PLUGIN_ROUTES);
  EXPECT_EQ(describe(detail::Glue<Loner>()).flags, GH_PLUGIN_HEAD);
}

TEST(Facade, LetsNoExceptionOfATaskCrossTheBoundary) {
  Harness h;
  run(h, [&](Exchange& x, Sink&, Next&) {
    auto fall_over = [](Exchange&) { throw std::runtime_error("fell over"); };
    return Task(h.host(), x, h.host().now() + 1s, fall_over).join(x);
  });
}

// ---- What a gateway may not have ---------------------------------------------------------------

TEST(Facade, LogsToAGatewayThatKnowsNeitherLevelsNorText) {
  Harness h;
  static std::vector<std::string> logs;
  gh_host older = *h.host().raw_host();
  older.size = offsetof(gh_host, logs);
  older.log = [](const gh_host*, int, gh_exchange*, gh_str message, const gh_json* fields) {
    logs.push_back(std::string(view(message)).append(" ").append(Json(fields).dump()));
  };
  const Host host(&older);
  EXPECT_TRUE(host.logs(GH_DEBUG));
  host.log_text(GH_DEBUG, nullptr, "with", R"({"a":1})");
  host.log_text(GH_DEBUG, nullptr, "without", {});
  EXPECT_EQ(logs, (std::vector<std::string>{R"(with {"a":1})", "without null"}));
}

TEST(Facade, TellsTheOperatorWhatThisGatewayDoesNotHave) {
  Harness h;
  static std::vector<std::string> problems;
  gh_host bare = *h.host().raw_host();
  bare.extension = [](const gh_host*, const char*) -> const void* { return nullptr; };
  bare.problem = [](const gh_host*, gh_str, gh_str message) {
    problems.emplace_back(view(message));
  };
  const Host host(&bare);
  (void)Store(host);
  (void)Crypto(host);
  (void)GatewayStatus(host);
  EXPECT_EQ(problems, (std::vector<std::string>{
                          "needs gatehouse.store/1, which this gateway does not have",
                          "needs gatehouse.crypto/1, which this gateway does not have",
                          "needs gatehouse.status/1, which this gateway does not have"}));
  run(h, [&](Exchange& x, Sink&, Next&) {
    auto work = [](Exchange&) {};
    Task task(host, x, 0s, work);
    EXPECT_FALSE(task);
    EXPECT_TRUE(task.join(x));
    EXPECT_FALSE(Waker(host));
    return Status();
  });
}

TEST(Facade, RecordsNothingInASeriesThatIsNone) { Series().record(1); }

// ---- Values ------------------------------------------------------------------------------------

TEST(Facade, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("10s"), 10s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("0s"), 0s);
  for (View text : {"", "s", "10", "10 s", "-1s", "1.5s", "10S", "1d", "1s1", "9999999999999s"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Facade, ReadsSizesWithTheirUnit) {
  EXPECT_EQ(parse_size("512B"), 512u);
  EXPECT_EQ(parse_size("64KiB"), 65'536u);
  EXPECT_EQ(parse_size("8MiB"), 8'388'608u);
  EXPECT_EQ(parse_size("2GiB"), 2'147'483'648u);
  for (View text : {"", "B", "10", "10 B", "-1B", "1.5MiB", "1KB", "1mib", "9999999999B"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Facade, FallsBackWhereTheConfigurationIsSilent) {
  Harness h;
  const Json config = h.config(R"({"idle": "2s", "max": "1KiB"})");
  EXPECT_EQ(config["idle"].duration(1s), 2s);
  EXPECT_EQ(config["other"].duration(1s), 1s);
  EXPECT_EQ(config["max"].bytes(7), 1024u);
  EXPECT_EQ(config["other"].bytes(7), 7u);
  EXPECT_EQ(config["other"].str("none"), "none");
}

TEST(Text, QuotesEachByteAtEachPlace) {
  const auto escape = [](unsigned char c) -> std::string {
    constexpr char kHex[] = "0123456789abcdef";
    const std::size_t named = View("\"\\\n\r\t").find(static_cast<char>(c));
    if (named != View::npos) return std::string("\\") + "\"\\nrt"[named];
    if (c >= 0x20) return std::string(1, static_cast<char>(c));
    return std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
  };
  for (const std::size_t size : {1u, 2u, 8u, 15u, 16u, 17u, 40u}) {
    for (int c = 0; c < 256; ++c) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'x'), out;
        text[at] = static_cast<char>(c);
        quote(out, text);
        const std::string wanted = '"' + std::string(at, 'x') +
                                   escape(static_cast<unsigned char>(c)) +
                                   std::string(size - 1 - at, 'x') + '"';
        ASSERT_EQ(out, wanted) << c << " at " << at << " of " << size;
      }
    }
  }
}

TEST(Facade, QuotesWhatJsonWantsQuoted) {
  std::string out;
  quote(out, View("a\"b\\c\n\r\t\x01\x1f\0é", 13));
  EXPECT_EQ(out, R"("a\"b\\c\n\r\t\u0001\u001f\u0000é")");
}

TEST(Facade, QuotesTextsOfEveryLength) {
  std::string escaped, mixed, wanted_escaped, wanted_mixed;
  for (std::size_t size = 0; size < 1200; ++size) {
    std::string out;
    quote(out, escaped);
    quote(out, mixed);
    ASSERT_EQ(out, '"' + wanted_escaped + "\"\"" + wanted_mixed + '"') << size;
    const bool is_special = size % 19 == 0;
    escaped += '\x02';
    wanted_escaped += "\\u0002";
    mixed += is_special ? '\n' : 'x';
    wanted_mixed += is_special ? "\\n" : "x";
  }
}

TEST(Facade, QuotesEveryByteSoThatItReadsBack) {
  Harness h;
  std::string ascii, quoted;
  for (char c = 0; c < 0x7f; ++c) ascii.push_back(c);
  quote(quoted, ascii);
  EXPECT_EQ(h.config(quoted).str(), ascii);
}

TEST(Facade, HashesAValueAsItsText) {
  Harness h;
  const Crypto crypto(h.host());
  const Json value = h.config(R"({"a": [1, "b"]})");
  EXPECT_EQ(crypto.sha256("v1 ", value), crypto.sha256({"v1 ", R"({"a":[1,"b"]})"}));
}

TEST(Facade, ReadsWhenSomethingExpires) {
  EXPECT_EQ(parse_expiry("1970-01-02T00:00:01Z"), 86401s);
  EXPECT_EQ(parse_expiry("2027-01-31T12:00:00Z"), 1801396800s);
  EXPECT_EQ(parse_expiry("2027-01-31"), parse_expiry("2027-02-01T00:00:00Z")) << "the whole day";
  EXPECT_TRUE(parse_expiry("2028-02-29"));
  for (const char* text :
       {"", "2027-02-29", "2027-13-01", "2027-00-01", "2027-01-00", "2027-01-31T24:00:00Z",
        "2027-01-31T12:60:00Z", "2027-01-31T12:00:60Z", "2027-01-31T12:00:00+01:00",
        "2027-01-31 12:00:00Z", "2027-1-31", "31.01.2027", "2027-01-31Z", "tomorrow"})
    EXPECT_FALSE(parse_expiry(text)) << text;
}

TEST(Facade, ReadsAFileOfTheOperatorAsItIs) {
  Harness h;
  h.files["list.csv"] = "a,b\n";
  const Files files(h.host());
  std::vector<std::string> problems;
  EXPECT_EQ(files.read("list.csv", problems), "a,b\n");
  EXPECT_TRUE(problems.empty());
  EXPECT_FALSE(files.read("none.csv", problems));
  EXPECT_EQ(problems, std::vector<std::string>{"none.csv: no such file"});
}

TEST(Facade, WritesADigestInHexadecimalDigits) {
  Digest digest{};
  digest[0] = 0xab;
  digest[31] = 0x0c;
  EXPECT_EQ(hex(digest), "ab" + std::string(60, '0') + "0c");
}

TEST(Facade, ComparesSecrets) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time("secret", "Secret"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_in_constant_time("secret", "secrets"));
}

TEST(Facade, LoopsOverElementsAndMembers) {
  Harness h;
  const Json config = h.config(R"({"list": [1, 2, 3], "names": {"b": "x", "a": "y"}})");
  std::int64_t sum = 0;
  for (const Json n : config["list"]) sum += n.integer();
  EXPECT_EQ(sum, 6);
  std::string text;
  for (const auto [key, value] : config["names"].members()) text.append(key).append(value.str());
  EXPECT_EQ(text, "bxay");
  for (const Json n : config["none"]) ADD_FAILURE() << n.dump();
  for (const auto [key, value] : config["list"].members()) ADD_FAILURE() << key << value.dump();
}

TEST(Facade, SaysWhyATextIsNoDocument) {
  Harness h;
  auto document = Document::parse("{\"a\":");
  ASSERT_FALSE(document);
  const Status error = document.error();
  EXPECT_EQ(error.failure().http_status(), 400);
  EXPECT_EQ(error.failure().code(), "invalid_json");
  EXPECT_FALSE(error.failure().message().empty());
}

TEST(Facade, KeepsADocumentThatIsMoved) {
  Harness h;
  Document first = testing::parse(R"({"a": 1})");
  MutableJson a = first.root().edit("a");
  const Document second = std::move(first);
  a.set("text");
  EXPECT_EQ(second.root().dump(), R"({"a":"text"})");
}

}  // namespace
}  // namespace gatehouse
