#pragma once

#include <functional>

namespace gatehouse::core {

/// Runs `program` and returns its exit status. As process 1, in a container without an init
/// process, it runs in a child; this process forwards signals to it and reaps what it and its own
/// children leave behind. To be called before there are threads.
int with_init(const std::function<int()>& program);

}  // namespace gatehouse::core
