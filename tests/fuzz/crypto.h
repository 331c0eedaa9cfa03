#pragma once

#include "core/host/tables.h"
#include "gatehouse/plugin.hpp"

/// What a plugin gets of a host that has nothing else.
inline gatehouse::Crypto crypto() {
  static const gh_host host = [] {
    gh_host h{};
    h.size = sizeof h;
    h.extension = [](const gh_host*, const char*) -> const void* {
      return &gatehouse::core::crypto_table();
    };
    return h;
  }();
  return gatehouse::Crypto(gatehouse::Host(&host));
}
