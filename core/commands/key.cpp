#include "core/commands/key.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/secret.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

/// What is wrong; empty: nothing. A file of keys with a wrong entry would not be read any more.
std::string problem_of(const NewKey& wanted) {
  if (wanted.name.empty() || !is_name(wanted.name))
    return "the name of a key has 1 to 64 characters: letters, digits, dots, _ and -";
  if (!is_name(wanted.owner, "@+"))
    return "the owner of a key has at most 64 characters: letters, digits and any of ._-@+";
  if (!wanted.expires.empty() && !parse_expiry(wanted.expires))
    return "--expires needs a day (UTC) such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z";
  return "";
}

/// JSON in one line, which is YAML too.
std::string entry_of(const NewKey& wanted, const std::string& key) {
  nlohmann::ordered_json entry = {{"name", wanted.name}, {"sha256", hash_of(key)}};
  if (!wanted.owner.empty()) entry["owner"] = wanted.owner;
  if (!wanted.expires.empty()) entry["expires"] = wanted.expires;
  if (!wanted.models.empty()) entry["models"] = wanted.models;
  if (!wanted.tools.empty()) entry["tools"] = wanted.tools;
  return entry.dump();
}

/// A file of keys, locked against other commands that append to it.
class KeyFile {
 public:
  explicit KeyFile(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR)) {}
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile() {
    if (file_ >= 0) ::close(file_);
  }

  /// False: errno says why, and the file is as it was.
  bool append(const std::string& line) const {
    struct stat status {};
    if (file_ < 0 || ::flock(file_, LOCK_EX) != 0 || ::fstat(file_, &status) != 0) return false;
    char last = '\n';
    if (status.st_size > 0 && ::pread(file_, &last, 1, status.st_size - 1) != 1) return false;
    // In one piece, so that a gateway which reads the file meanwhile sees all of it or nothing.
    const std::string text = (last == '\n' ? "" : "\n") + line + '\n';
    errno = ENOSPC;  // of a piece that is too short
    const auto size = static_cast<ssize_t>(text.size());
    if (::write(file_, text.data(), text.size()) == size && ::fsync(file_) == 0) return true;
    const int why = errno;
    if (::ftruncate(file_, status.st_size) != 0)
      std::cerr << "gatehouse: the file may be damaged\n";
    errno = why;
    return false;
  }

 private:
  const int file_;
};

}  // namespace

int new_key(const NewKey& wanted) {
  if (const std::string problem = problem_of(wanted); !problem.empty()) {
    std::cerr << "gatehouse: " << problem << '\n';
    return 1;
  }
  const std::string key = new_secret("sk-gh-");
  const std::string entry = entry_of(wanted, key);
  if (!wanted.file.empty() && !KeyFile(wanted.file).append(entry)) {
    std::cerr << "gatehouse: " << wanted.file << ": " << std::strerror(errno) << '\n';
    return 1;
  }
  std::cout << key << "\n\n"
            << "This key is not shown again. Clients send it as their API key: as `Authorization: "
               "Bearer KEY`\nor `x-api-key: KEY`. The gateway has only its hash.\n";
  if (wanted.file.empty()) {
    std::cout
        << "\nIts entry is a line of the file of keys, or an element of the list of keys in the\n"
           "configuration, after `- `:\n\n"
        << entry << '\n';
  }
  return 0;
}

}  // namespace gatehouse::core
