#include "result.h"

#include <algorithm>

namespace gatehouse {
namespace {

void add_text(MutableJson content, View text) {
  MutableJson item = content.push();
  item.edit("type").set("text");
  item.edit("text").set(text);
}

}  // namespace

Document cut_result(Json result, std::size_t max_bytes) {
  Document cut;
  MutableJson content = cut.root().edit("content");
  content.set_array();
  std::size_t left = max_bytes;
  for (const Json item : result["content"]) {
    const std::size_t bytes = item.dump().size();
    if (bytes <= left) {
      content.push().set(item);
      left -= bytes;
    } else if (const View text = item["text"].str(); !text.empty()) {
      std::size_t end = std::min(left, text.size());
      while (end > 0 && end < text.size() && (text[end] & 0xC0) == 0x80) --end;  // not inside a character of UTF-8
      add_text(content, text.substr(0, end));
      left = 0;
    }
  }
  const Json structured = result["structuredContent"];
  if (structured && structured.dump().size() <= left) cut.root().edit("structuredContent").set(structured);
  if (result["isError"].boolean()) cut.root().edit("isError").set(true);
  add_text(content, "[The result was longer than " + std::to_string(max_bytes) + " bytes; the rest is left out. Ask for less at a time.]");
  return cut;
}

}  // namespace gatehouse
