#pragma once

#include <cstdio>
#include <cstdlib>

/// What must hold for every input. Also in builds without assert().
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}
