/// Ids of tool calls that bring the model's signatures back. Gemini rejects or misreads a
/// conversation whose calls have lost theirs (`metadata` of the chat document), and the clients of
/// other APIs return nothing of a call but its id, its name and its arguments.
///
/// ID_md_METADATA has the metadata in it, as base64url of its JSON, so it survives restarts and
/// works behind any load balancer. Longer metadata goes into the store, under the key at the end of
/// ID_mk_KEY. Below the ingress a call has its short id: providers limit the length of ids.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "gatehouse/document.hpp"
#include "gatehouse/store.hpp"
#include "gatehouse/toolkit/base64url.hpp"
#include "gatehouse/toolkit/fresh_id.hpp"

namespace gatehouse {
inline namespace v1 {

class CallIds {
 public:
  explicit CallIds(Host host) : store_(host) {}

  /// The id by which the client gets a call. Metadata that the store cannot take is lost.
  std::string id_for_client(Exchange& x, View id, Json metadata) const {
    std::string out(id);
    if (metadata.size() == 0) return out;
    const std::string text = metadata.dump();
    if (text.size() <= kMostBytes) return out.append(kMetadata).append(to_base64url(text));
    const std::string key = fresh_id();
    if (!store_.put(x, "call." + key, text, kKept)) return out;
    return out.append(kStored).append(key);
  }

  /// The id of a call, or of its result, from the client's.
  static View id_from_client(View given) {
    const std::size_t end = mark_of(given);
    return given.substr(0, end);
  }

  /// Writes the `id` and `metadata` of a tool-call of the chat document.
  void read(Exchange& x, View given, MutableJson call) const {
    call.edit("id").set(id_from_client(given));
    const std::size_t at = mark_of(given);
    if (at == View::npos) return;
    const View mark = given.substr(at, kMetadata.size());
    const View rest = given.substr(at + mark.size());
    const auto text = mark == kMetadata ? from_base64url(rest) : load(x, rest);
    auto metadata = Document::parse(text.value_or(std::string()));
    if (metadata && metadata->root().is_object()) call.edit("metadata").set(metadata->root());
  }

 private:
  static constexpr View kMetadata = "_md_", kStored = "_mk_";
  static constexpr std::size_t kMostBytes = 4096;  // signatures of Gemini 2.5 have 100 to 3000
  static constexpr auto kKept = std::chrono::hours(168);  // of a conversation that pauses
  static constexpr std::size_t kKeySize = 16;             // of fresh_id()

  /// Where the mark begins, or npos. Only with what can follow it: base64url of `{"` and a
  /// letter, or a key.
  static std::size_t mark_of(View id) {
    const std::size_t inside = id.rfind("_md_eyJ");
    if (inside != View::npos) return inside;
    const std::size_t stored = id.rfind(kStored);
    const bool is_mark = stored != View::npos && id.size() - stored == kStored.size() + kKeySize;
    return is_mark ? stored : View::npos;
  }

  std::optional<std::string> load(Exchange& x, View key) const {
    auto found = store_.get(x, std::string("call.").append(key));
    return found ? std::move(*found) : std::nullopt;
  }

  const Store store_;
};

}  // namespace v1
}  // namespace gatehouse
