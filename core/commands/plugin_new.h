#pragma once

#include <string>

namespace gatehouse::core {

struct NewPlugin {
  std::string name, language = "cpp", kind = "policy";
  std::string folder;  // empty: the name
};

/// `gatehouse plugin new`: writes the project of a plugin that builds and passes its tests. Returns
/// the exit status.
int new_plugin(const NewPlugin& wanted);

}  // namespace gatehouse::core
