/// Whether a JSON list has a text.
#pragma once

#include "gatehouse/json.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Whether `text` is one of the strings in `list`. Of what is no list: no.
inline bool contains(Json list, View text) {
  for (const Json element : list) {
    if (element.str() == text) return true;
  }
  return false;
}

}  // namespace v1
}  // namespace gatehouse
