#pragma once

#include <string>
#include <vector>

#include "mirrored.h"

namespace gatehouse::plugins::mcp {

/// One tool of a server.
struct Tool {
  std::string name;      // as it is offered: SERVER_TOOL
  std::string own_name;  // as the server knows it
  Document definition;   // its name, description and input_schema, as the chat document has them
  Digest digest;         // of all that the server says about it
  bool promises_structure;
  Mirrored mirrored;  // none, unless requests have headers
};

/// Patterns of a server's own names of its tools, as fnmatch(3) has them.
class Patterns {
 public:
  explicit Patterns(Json list);

  bool match(const std::string& own_name) const;
  bool empty() const { return patterns_.empty(); }

 private:
  std::vector<std::string> patterns_;
};

/// Which tools of a server are offered.
class ToolFilter {
 public:
  explicit ToolFilter(Json config) : allow_(config["allow"]), deny_(config["deny"]) {}

  /// Why a tool is not offered; empty: it is.
  View objection(const std::string& own_name) const;

 private:
  const Patterns allow_, deny_;
};

/// The tools of a server as it listed them last. Does not change any more once it is shared.
class Tools {
 public:
  struct LeftOut {
    std::string own_name;
    View why;
  };

  Tools(View server, const ToolFilter& filter, Crypto crypto)
      : prefix_(std::string(server) + "_"), filter_(filter), crypto_(crypto) {}

  /// One element of a server's tools/list. `mirrors`: its calls have the headers that its schema
  /// asks for.
  void add(Json tool, bool mirrors = false);
  /// When all have been added; find() needs it.
  void sort();

  const Tool* find(View name) const;
  const std::vector<Tool>& offered() const { return offered_; }
  const std::vector<LeftOut>& left_out() const { return left_out_; }

 private:
  View objection(Json tool, const std::string& own_name) const;
  bool has(const std::string& own_name) const;

  const std::string prefix_;
  const ToolFilter& filter_;
  const Crypto crypto_;
  std::vector<Tool> offered_;
  std::vector<LeftOut> left_out_;
};

}  // namespace gatehouse::plugins::mcp
