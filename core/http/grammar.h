#pragma once

#include <string_view>

#include "gatehouse/text.hpp"

namespace gatehouse::core {

bool is_token(std::string_view text);        // RFC 9110 5.6.2
bool is_field_value(std::string_view text);  // RFC 9110 5.5: no control characters but the tab

}  // namespace gatehouse::core
