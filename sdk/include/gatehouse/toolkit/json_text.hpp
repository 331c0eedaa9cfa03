/// JSON text written straight into a string, where a document would cost a copy.
#pragma once

#include <cstdint>
#include <string>

#include "gatehouse/json.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

/// Appends JSON text; the caller opens and closes in the right order. Names need no escaping.
class JsonText {
 public:
  explicit JsonText(std::string& out) : out_(out) {}

  JsonText& open(char bracket) {  ///< '{' or '[', as a value.
    comma();
    out_.push_back(bracket);
    return *this;
  }
  JsonText& close(char bracket) {
    out_.push_back(bracket);
    return *this;
  }
  /// Before the value of a member.
  JsonText& key(View name) {
    comma();
    out_.push_back('"');
    out_.append(name).append("\":");
    return *this;
  }
  /// The same for a name that may need escaping.
  JsonText& any_key(View name) {
    comma();
    quote(out_, name);
    out_.push_back(':');
    return *this;
  }
  JsonText& value(View text) {
    comma();
    quote(out_, text);
    return *this;
  }
  JsonText& value(const char* text) { return value(View(text)); }
  JsonText& value(std::int64_t number) { return raw(std::to_string(number)); }
  JsonText& value(bool truth) { return raw(truth ? "true" : "false"); }
  /// An absent value is null.
  JsonText& value(Json json) {
    comma();
    if (json)
      json.dump(out_);
    else
      out_.append("null");
    return *this;
  }
  /// JSON text as it is.
  JsonText& raw(View json) {
    comma();
    out_.append(json);
    return *this;
  }
  template <class T>
  JsonText& member(View name, const T& content) {
    return key(name).value(content);
  }

 private:
  void comma() {
    if (out_.empty()) return;
    switch (out_.back()) {
      case '{':
      case '[':
      case ':':
      case ' ':
      case '\n': return;  // a value that follows one of these is the first
      default: out_.push_back(',');
    }
  }
  std::string& out_;
};

}  // namespace v1
}  // namespace gatehouse
