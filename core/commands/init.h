#pragma once

#include <functional>

namespace gatehouse::core {

/// As process 1, as in a container that has no init: runs `program` in a child, passes signals on
/// to it, and reaps what it and the commands that it runs leave behind. Otherwise runs it in this
/// process. The exit status. To be called before there are threads.
int with_init(const std::function<int()>& program);

}  // namespace gatehouse::core
