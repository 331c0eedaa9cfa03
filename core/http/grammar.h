#pragma once

#include <string_view>

namespace gatehouse::core {

/// ASCII letters of any case are equal, as in names of headers (RFC 9110 5.1).
bool equals_ignoring_case(std::string_view a, std::string_view b);
/// Names that are always this machine's, whatever a name service says (RFC 6761 6.3).
bool is_localhost(std::string_view name);
/// Without the spaces and tabs around it (RFC 9110 5.6.3).
std::string_view trim(std::string_view text);
bool is_token(std::string_view text);        // RFC 9110 5.6.2
bool is_field_value(std::string_view text);  // RFC 9110 5.5: no control characters but the tab

}  // namespace gatehouse::core
