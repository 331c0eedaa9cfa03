/// A value of the store that is read as an entry of the cache.
#include "plugins/cache/transcript.h"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "core/json/json.h"
#include "require.h"

namespace gatehouse::plugins::cache {
namespace {

std::string text_of(const std::vector<gh_event>& events) {
  std::string out;
  for (const gh_event& e : events) require(write(out, e), "what is read can be written");
  return "[" + out + "]";
}

/// Compared by another parser: a real -0 is written as -0, which is read as the integer 0.
bool same(Json a, Json b) {
  return nlohmann::json::parse(a.dump()) == nlohmann::json::parse(b.dump());
}

bool same(const gh_event& a, const gh_event& b) {
  const Event x(a), y(b);
  return x.kind() == y.kind() && a.flags == b.flags && x.id() == y.id() && x.name() == y.name() &&
         x.text() == y.text() && same(x.json(), y.json()) && same(x.metadata(), y.metadata());
}

/// Expects the same events as those that were read.
class Client final : public Sink {
 public:
  explicit Client(const std::vector<gh_event>& expected) : expected_(expected) {}

  Status emit(Event e) override {
    require(seen_ < expected_.size() && same(e.raw(), expected_[seen_]),
            "an event that is read again is the same");
    ++seen_;
    return {};
  }
  bool is_done() const { return seen_ == expected_.size(); }

 private:
  const std::vector<gh_event>& expected_;
  std::size_t seen_ = 0;
};

}  // namespace
}  // namespace gatehouse::plugins::cache

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  using namespace gatehouse::plugins::cache;
  detail::json = &core::json_api();

  auto value = Document::parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto events = read(Json(value->root())["events"]);
  if (!events) return 0;
  const std::string text = text_of(*events);
  auto written = Document::parse(text);
  require(bool(written), "what is written is JSON");
  const auto again = read(Json(written->root()));
  require(again.has_value(), "what is written can be read");
  Client client(*events);
  require(bool(replay(*again, client)) && client.is_done(), "all events are replayed");
  return 0;
}
