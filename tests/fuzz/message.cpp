/// Output of an MCP server that cannot be parsed: the id of the response, and the reason.
#include "plugins/mcp/message.h"

#include <algorithm>
#include <cstdint>

#include "core/json/json.h"
#include "plugins/mcp/lines.h"
#include "plugins/mcp/mirrored.h"
#include "plugins/mcp/parse_message.h"
#include "require.h"

namespace {

using namespace gatehouse;
using namespace gatehouse::plugins::mcp;

/// RFC 9110 5.5.
bool is_field_value(View text) {
  const auto visible = [](char c) { return c > ' ' && c <= '~'; };
  return text.empty() || (visible(text.front()) && visible(text.back()) &&
                          std::all_of(text.begin(), text.end(),
                                      [&](char c) { return visible(c) || c == ' ' || c == '\t'; }));
}

void check_message(View text) {
  const auto id = id_of_unreadable(text, text);
  auto document = Document::parse(text);
  if (auto lenient = parse_message(text)) {
    const std::string read = lenient->root().dump();
    require(!document || document->root().dump() == read,
            "what the host parses is parsed in the same way");
    require(bool(Document::parse(read)), "what is parsed is JSON");
  } else {
    require(!document, "what the host parses is parsed");
  }
  if (!document || !document->root().is_object()) return;
  const Json message = document->root();
  if (message["method"]) require(!id, "a request is not a response");
  if (!message["method"] && message["id"].is_integer() && text.find('\\') == View::npos) {
    require(id == message["id"].integer(), "the id of a message that can be parsed is the same");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  detail::json = &core::json_api();
  const View text(reinterpret_cast<const char*>(data), size);
  constexpr std::size_t kMaxLine = 64;
  Lines lines(kMaxLine);
  const auto take = [&](const Line& line) {
    require(line.begin.size() <= kMaxLine && line.bytes <= size, "a line is bounded");
    (void)id_of_unreadable(line.begin, line.end);
    require(!why_unreadable(line.begin, line.bytes).empty(), "there is a reason");
    if (!line.is_cut()) check_message(line.begin);
  };
  for (View rest = text; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 7)))
    lines.feed(rest.substr(0, 7), take);
  lines.feed("\n", take);
  check_message(text);
  require(is_field_value(header_value(text)), "an argument becomes the value of a header");
  return 0;
}
