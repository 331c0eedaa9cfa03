#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::chat {

/// The pieces of a data URL (RFC 2397), as views of it.
struct DataUrl {
  View media_type;  ///< Without parameters; empty if the URL names none.
  bool base64;
  View data;  ///< Base64, or percent-encoded bytes.
};

/// Empty if `url` is not of the form data:[type][;parameter]...[;base64],data
std::optional<DataUrl> parse_data_url(View url);

/// Whether `text` is complete base64 (RFC 4648 section 4), with or without padding, and not empty.
bool is_base64(View text);

/// Base64 of percent-encoded bytes.
std::string base64_of(View percent_encoded);

}  // namespace gatehouse::plugins::chat
