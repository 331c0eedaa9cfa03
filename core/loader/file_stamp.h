#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>

namespace gatehouse::core {

/// Changes whenever a file is replaced or written: device, inode, size, and the times of content
/// and inode.
using FileStamp = std::array<std::int64_t, 7>;

inline FileStamp stamp_of(const struct stat& s) {
  return {std::int64_t(s.st_dev), std::int64_t(s.st_ino), std::int64_t(s.st_size), s.st_mtim.tv_sec,
          s.st_mtim.tv_nsec,      s.st_ctim.tv_sec,       s.st_ctim.tv_nsec};
}

}  // namespace gatehouse::core
