#pragma once

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::gemini {

/// Whether arguments by this schema are no object. Those of Gemini are one, so they are its member
/// `value`.
bool is_wrapped(Json schema);

/// Writes JSON Schemas as Gemini accepts them.
class SchemaWriter {
 public:
  explicit SchemaWriter(std::string& out) : out_(out) {}

  /// Appends a schema without what Gemini rejects or ignores; the rest stays as it is.
  void append(Json schema);
  /// The same for the arguments of a function, which are an object.
  void append_arguments(Json schema);
  /// Appends no more of a schema of arguments than its types, names, enums of strings and
  /// descriptions: Gemini has rejected it whole.
  void append_bare(Json schema);

 private:
  class Whole;
  class Bare;

  // A few hundred bytes of definitions that use each other can make gigabytes, so what references
  // add to all schemas of a request is bounded: bytes written and members looked at. With more,
  // references stay.
  std::size_t left_ = 1 << 20;
  std::string& out_;
};

}  // namespace gatehouse::plugins::gemini
