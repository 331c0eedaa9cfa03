#pragma once

#include <string_view>

namespace gatehouse::core {

inline constexpr std::string_view kVersion = GATEHOUSE_VERSION;  // from CMakeLists.txt

}  // namespace gatehouse::core
