#pragma once

#include <string_view>

namespace gatehouse::core {

/// ASCII letters of any case are equal, as in names of headers (RFC 9110 5.1).
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool is_token(std::string_view text);        // RFC 9110 5.6.2
bool is_field_value(std::string_view text);  // RFC 9110 5.5: no control characters but the tab

}  // namespace gatehouse::core
