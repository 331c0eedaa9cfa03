/// Server-sent events, whatever pieces they come in.
#include "core/http/sse.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "require.h"

namespace gatehouse::core {
namespace {

struct Event {
  std::string type, data, id;
  bool operator==(const Event&) const = default;
};

std::vector<Event> read(std::string_view bytes, std::size_t piece) {
  std::vector<Event> events;
  SseReader reader;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (const auto e = reader.next()) {
      require(e->data.find('\r') == std::string_view::npos, "a carriage return ends a line");
      require(e->type.find_first_of("\r\n") == std::string_view::npos, "a type is one line");
      require(e->id.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
              "an id is one line without NUL");
      events.push_back({std::string(e->type), std::string(e->data), std::string(e->id)});
    }
  }
  return events;
}

}  // namespace
}  // namespace gatehouse::core

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse::core;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = read(bytes, std::max<std::size_t>(size, 1));
  require(read(bytes, 1) == whole && read(bytes, 3) == whole,
          "events do not depend on the pieces they come in");
  return 0;
}
