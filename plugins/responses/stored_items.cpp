#include "stored_items.h"

#include <charconv>

namespace gatehouse::plugins::responses {
namespace {

// Far more than a conversation has, and each costs a look-up in the store.
constexpr std::size_t kMostResponses = 1000;
// The random part of an id has 16 characters; the store rejects keys of more than 4 KiB.
constexpr std::size_t kMostRandom = 64;

/// Callers see the items of their own tenant only.
std::string key_of(const Exchange& x, View response) {
  std::string key("items.");
  quote(key, x.caller().tenant);
  return key.append(".").append(response);
}

}  // namespace

std::string id_of_item(View prefix, View response, std::size_t index) {
  return std::string(prefix).append(response).append("_").append(std::to_string(index));
}

Status StoredItems::keep(Exchange& x, View response, View parts) {
  Status status = store_.put(x, key_of(x, response), parts, keep_for_);
  if (status.code() == GH_STOP || status.code() == GH_CANCELLED) return status;
  if (!status && warning_.due(host_.now()))
    host_.log(GH_WARN, &x, "a response was not stored: references to its items will fail");
  return {};
}

Result<std::optional<std::string>> StoredItems::find(Exchange& x, View response) const {
  return store_.get(x, key_of(x, response));
}

Result<Json> ReferredItems::find(View id) {
  const std::size_t begin = id.find('_') + 1, end = id.rfind('_');
  if (begin == 0 || end <= begin || end - begin > kMostRandom) return Json();
  const View index_text = id.substr(end + 1);
  std::size_t index = 0;
  const auto [stop, error] =
      std::from_chars(index_text.data(), index_text.data() + index_text.size(), index);
  if (error != std::errc() || stop != index_text.data() + index_text.size()) return Json();
  auto parts = parts_of(id.substr(begin, end - begin));
  if (!parts) return parts.error();
  return parts->at(index);
}

Result<Json> ReferredItems::parts_of(View response) {
  const auto known = responses_.find(std::string(response));
  if (known != responses_.end()) return Json(known->second.root());
  if (responses_.size() == kMostResponses) return Json();
  auto stored = stored_.find(x_, response);
  if (!stored) return stored.error();
  auto parts = Document::parse(stored->value_or("[]"));
  if (!parts) return Json();
  return Json(responses_.emplace(response, std::move(*parts)).first->second.root());
}

}  // namespace gatehouse::plugins::responses
