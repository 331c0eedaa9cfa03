#pragma once

#include <string>
#include <utility>

#include "gatehouse/text.hpp"

namespace acme::mask {

/// Replaces the e-mail addresses of a text that arrives in pieces, cut anywhere.
class Masker {
 public:
  explicit Masker(std::string with) : with_(std::move(with)) {}

  /// The next part of the masked text. An end that may still become an address is held back.
  std::string feed(gatehouse::View piece);
  /// What is held back, at the end of the text.
  std::string finish();

 private:
  std::string take(bool is_end);

  const std::string with_;
  std::string held_;
};

}  // namespace acme::mask
