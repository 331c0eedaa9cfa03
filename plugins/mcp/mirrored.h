#pragma once

#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::mcp {

/// Arguments of a tool that are also sent as headers, so that proxies can route requests without
/// reading their bodies (MCP 2026-07-28, Custom Headers from Tool Parameters): the properties of
/// its schema that are annotated with x-mcp-header.
class Mirrored {
 public:
  /// Why the annotations are invalid, and the tool therefore must not be called; empty: they are
  /// valid.
  View read(Json schema);

  /// For a call with these arguments.
  std::vector<std::pair<std::string, std::string>> headers(Json arguments) const;

 private:
  struct Argument {
    std::vector<std::string> path;  // of properties
    std::string header;
  };
  View read(Json schema, std::vector<std::string>& path);
  View read_properties(Json properties, std::vector<std::string>& path);
  View add(View type, View header, const std::vector<std::string>& path);

  std::vector<Argument> arguments_;
};

/// As the value of a header; text that is no legal value is encoded in Base64.
std::string header_value(View text);

}  // namespace gatehouse::plugins::mcp
