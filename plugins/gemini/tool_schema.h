#pragma once

#include <algorithm>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::gemini {

/// Writes the JSON Schemas of one request's tools as `parameters` of function declarations:
/// Gemini's Schema object is a part of OpenAPI 3.0 without references, type lists, allOf and oneOf.
class ToolSchemas {
 public:
  explicit ToolSchemas(std::string& out) : out_(out), json_(out) {}

  /// Adds to the declaration being written: `parameters`; or `parametersJsonSchema`, the schema
  /// untouched, when Gemini's Schema cannot express it; or nothing for a tool without arguments.
  void append(Json schema);

 private:
  struct Keywords;

  bool collect(Json schema, Keywords& found, int depth);
  Json definition(View reference);
  bool merge_null(Keywords& k, int depth);
  bool write(Json schema, int depth);
  bool write_children(const Keywords& k, int depth);
  bool write_enum(Keywords& k);
  bool write_types(Keywords& k);
  void spend(std::size_t values) { limit_ -= std::min(limit_, values); }

  // A few hundred bytes of definitions that use each other can make gigabytes, so the work for all
  // tools of a request is bounded: bytes written and values looked at. 1 MiB takes milliseconds and
  // is more than a model can make use of.
  std::size_t left_ = 1 << 20;
  std::size_t limit_ = 0;  // size of out_ at which the current schema is given up
  Json root_;              // of the current schema, where its definitions are
  std::string& out_;
  JsonText json_;
};

}  // namespace gatehouse::plugins::gemini
