#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/config/document.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/json/json.h"
#include "core/loader/file_stamp.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

// Of a file that is read as it is: far more than an operator writes.
constexpr std::uintmax_t kMaxBytes = std::uintmax_t{256} << 20;

gh_json* load(const gh_host* h, gh_str path, gh_str schema, void* to,
              void (*problem)(void*, gh_str)) {
  std::string lines;
  try {
    Problems problems;
    const auto text =
        load_document(Instance::of(h).surroundings().folder / view(path), view(schema), problems);
    gh_str error{};
    if (gh_json* const root = text ? json_api().parse(raw(*text), &error) : nullptr) return root;
    std::stringstream all;
    all << problems;
    lines = all.str() + std::string(view(error));
  } catch (const std::exception& e) {  // the schema is not valid
    lines = e.what();
  }
  std::stringstream all(lines);
  for (std::string line; std::getline(all, line);) problem(to, raw(line));
  return nullptr;
}

std::uint64_t stamp(const gh_host* h, gh_str path) {
  struct stat s {};
  if (::stat((Instance::of(h).surroundings().folder / view(path)).c_str(), &s) != 0) return 0;
  // FNV-1a, https://datatracker.ietf.org/doc/html/draft-eastlake-fnv
  std::uint64_t sum = 1469598103934665603u;
  for (const std::int64_t part : stamp_of(s))
    sum = (sum ^ static_cast<std::uint64_t>(part)) * 1099511628211u;
  return sum | 1;
}

gh_status read(const gh_host* h, gh_str path, void* to, void (*bytes)(void*, gh_str),
               void (*problem)(void*, gh_str)) {
  const auto file = Instance::of(h).surroundings().folder / view(path);
  const auto reject = [&](const std::string& why) {
    problem(to, raw(file.string() + ": " + why));
    return GH_FAILED;
  };
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);  // an error for pipes and devices
  if (error) return reject(error.message());
  if (size > kMaxBytes) return reject("longer than 256 MiB");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string content(size, '\0');
  in.read(content.data(), static_cast<std::streamsize>(size));
  if (!in.is_open() || in.bad()) return reject(std::strerror(errno));
  content.resize(static_cast<std::size_t>(in.gcount()));
  bytes(to, raw(content));
  return GH_OK;
}

}  // namespace

const gh_files_api& files_table() {
  static constexpr gh_files_api kTable = {.size = sizeof kTable,
                                          .reserved = 0,
                                          .load = guarded<load, nullptr>,
                                          .stamp = guarded<stamp, 0u>,
                                          .read = guarded<read, GH_FAILED>};
  return kTable;
}

}  // namespace gatehouse::core
