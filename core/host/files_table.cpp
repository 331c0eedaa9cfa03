#include <sys/stat.h>

#include <sstream>

#include "core/config/document.h"
#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "core/json/json.h"
#include "core/loader/file_stamp.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

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

}  // namespace

const gh_files_api& files_table() {
  static constexpr gh_files_api kTable = {.size = sizeof kTable,
                                          .reserved = 0,
                                          .load = guarded<load, nullptr>,
                                          .stamp = guarded<stamp, 0u>};
  return kTable;
}

}  // namespace gatehouse::core
