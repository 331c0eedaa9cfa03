#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse {

/// Before an element of an array or a member of an object whose text is being written.
inline void comma(std::string& out) {
  if (out.back() != '{' && out.back() != '[') out.push_back(',');
}

/// Begins a member; `name` needs no escaping.
inline void key(std::string& out, View name) {
  comma(out);
  out.append("\"").append(name).append("\":");
}

}  // namespace gatehouse
