#pragma once

#include <string>
#include <vector>

#include "mirrored.h"

namespace gatehouse::plugins::mcp {

/// One tool of a server.
struct Tool {
  std::string name;      // under which it is offered: SERVER_TOOL
  std::string own_name;  // at its server
  Document definition;   // as in the chat document: name, description and input_schema
  Digest digest;         // of the whole definition that the server sends
  bool has_output_schema;
  Mirrored mirrored;  // empty for transports without headers
};

/// Patterns of the names that tools have at their server, in the syntax of fnmatch(3).
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

  /// Why a tool is not offered; empty: it is offered.
  View objection(const std::string& own_name) const;

 private:
  const Patterns allow_, deny_;
};

/// The tools of a server as it listed them last. Immutable once it is shared.
class Tools {
 public:
  struct LeftOut {
    std::string own_name;
    View why;
  };

  Tools(View server, const ToolFilter& filter, Crypto crypto)
      : prefix_(std::string(server) + "_"), filter_(filter), crypto_(crypto) {}

  /// One element of a server's tools/list. `mirrors`: calls carry the headers that its schema
  /// requires.
  void add(Json tool, bool mirrors = false);
  /// After the last add() and before find().
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
