/// gatehouse.files/1: files of the operator.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatehouse/abi/ext/files.h"
#include "gatehouse/document.hpp"
#include "gatehouse/host.hpp"

namespace gatehouse {
inline namespace v1 {

/// Files of the operator, at paths relative to the folder of the configuration. Any thread.
class Files {
 public:
  explicit Files(Host host)
      : host_(host.raw_host()), api_(detail::required<gh_files_api>(host, GH_FILES_1)) {}

  /// A YAML or JSON file, valid by the schema, whose defaults are filled in. Nothing: `problems`
  /// has a line with file and place for each mistake.
  std::optional<Document> load(View path, View schema, std::vector<std::string>& problems) const {
    const auto add = [](void* to, gh_str line) {
      static_cast<std::vector<std::string>*>(to)->emplace_back(view(line));
    };
    gh_json* const root = api_->load(host_, raw(path), raw(schema), &problems, add);
    if (!root) return std::nullopt;
    return Document(root);
  }
  /// A file of another format, at most 256 MiB. Nothing: `problems` has a line with the file and
  /// the reason.
  std::optional<std::string> read(View path, std::vector<std::string>& problems) const {
    struct To {
      std::string content;
      std::vector<std::string>& problems;
    } to{{}, problems};
    const auto keep = [](void* self, gh_str bytes) {
      static_cast<To*>(self)->content = view(bytes);
    };
    const auto add = [](void* self, gh_str line) {
      static_cast<To*>(self)->problems.emplace_back(view(line));
    };
    if (!GH_HAS(gh_files_api, api_, read)) {
      problems.push_back(std::string(path) + ": needs a later gateway");
      return std::nullopt;
    }
    if (api_->read(host_, raw(path), &to, keep, add) != GH_OK) return std::nullopt;
    return std::move(to.content);
  }
  /// Changes whenever that file does; 0: there is none.
  std::uint64_t stamp(View path) const { return api_->stamp(host_, raw(path)); }

 private:
  const gh_host* host_;
  const gh_files_api* api_;
};

}  // namespace v1
}  // namespace gatehouse
