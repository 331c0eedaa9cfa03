#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// Before an element of an array or a member of an object whose text is being written.
inline void comma(std::string& out) {
  if (out.back() != '{' && out.back() != '[') out.push_back(',');
}

/// Begins a member; `name` needs no escaping.
inline void key(std::string& out, View name) {
  comma(out);
  out.append("\"").append(name).append("\":");
}

inline void string_member(std::string& out, View name, View value) {
  key(out, name);
  quote(out, value);
}

inline void json_member(std::string& out, View name, Json value) {
  key(out, name);
  value ? value.dump(out) : void(out.append("null"));
}

/// The API writes its words as ours in capitals.
inline std::string upper(View word) {
  std::string out(word);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

}  // namespace gatehouse::plugins::gemini
