#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/guard.hpp"
#include "key_set.h"
#include "replaceable.h"

namespace gatehouse::plugins::keys {

/// Rejects requests to its paths without a key that the configuration or a file knows, and sets the
/// caller of the others. Directly below the ingress it applies what the key allows to the chat.
class Keys final : public Plugin {
 public:
  Keys(Host host, Json config);

  Status handle(Exchange& x, Sink& out, Next& next) override;

 private:
  template <class F>
  Status with_key(const Exchange& x, F use) const;
  Status apply_to_chat(Exchange& x, Sink& out, Next& next);
  std::unique_ptr<const KeySet> load(std::vector<std::string>& problems) const;
  void watch(Exchange& x);

  const Host host_;
  const Crypto crypto_;
  const GuardedPaths paths_;
  const std::string file_;   // empty: none
  KeySet listed_;            // in the configuration
  std::uint64_t stamp_ = 0;  // of the file before it was last read; used by the thread that watches
  Replaceable<KeySet> keys_;  // listed_ and those of the file
  std::array<Series, 3> rejected_;
};

}  // namespace gatehouse::plugins::keys
