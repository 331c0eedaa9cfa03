#pragma once

#include <algorithm>

#include "gatehouse/plugin.hpp"

/// Scanning of text that may be malformed JSON: pieces are found by brackets and quotes alone,
/// and a parser decides whether they are valid.
namespace gatehouse::plugins::mcp {

/// The position after the string whose opening quote is at `at`.
inline std::size_t end_of_string(View text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

// The functions below remove a piece from the front of `rest`, with the white space before it.

inline void skip_space(View& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
}

/// False: there is another character.
inline bool take(View& rest, char mark) {
  skip_space(rest);
  if (rest.empty() || rest.front() != mark) return false;
  rest.remove_prefix(1);
  return true;
}

inline View take_front(View& rest, std::size_t bytes) {
  const View front = rest.substr(0, bytes);
  rest.remove_prefix(front.size());
  return front;
}

/// A string with its quotes; empty: there is none.
inline View take_string(View& rest) {
  skip_space(rest);
  return rest.substr(0, 1) == "\"" ? take_front(rest, end_of_string(rest, 0)) : View();
}

/// A value up to its closing bracket; empty: there is none.
inline View take_value(View& rest) {
  skip_space(rest);
  if (rest.find_first_of("\"{[") != 0) return take_front(rest, rest.find_first_of(",:]} \t\r\n"));
  std::size_t depth = 0, at = 0;
  do {
    const char c = rest[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    at = c == '"' ? end_of_string(rest, at) : at + 1;
  } while (depth > 0 && at < rest.size());
  return take_front(rest, at);
}

/// The value of a member, whose name is given with its quotes; empty: there is none.
inline View member_of(View object, View name) {
  View found;
  if (!take(object, '{')) return found;
  do {
    const bool is_it = take_string(object) == name;
    if (!take(object, ':')) break;
    const View value = take_value(object);
    if (is_it) found = value;
  } while (take(object, ','));
  return found;
}

}  // namespace gatehouse::plugins::mcp
