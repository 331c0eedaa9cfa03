/// JSON values to write, and documents that the plugin owns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gatehouse/json.hpp"

namespace gatehouse {
inline namespace v1 {

/// A JSON value to read and write. Nodes stay where they are when the document grows.
class MutableJson : public Json {
 public:
  explicit MutableJson(gh_json* node = nullptr) : Json(node) {}

  /// The member to write to, created when absent. A value that is no object becomes one.
  MutableJson edit(View key) { return MutableJson(detail::json->edit(raw(), gatehouse::raw(key))); }
  /// A new last element. A value that is no array becomes one.
  MutableJson push() { return MutableJson(detail::json->push(raw())); }
  void erase(Json child) { (void)detail::json->erase(raw(), child.raw()); }

  void set_null() { detail::json->set_empty(raw(), GH_NULL); }
  void set_array() { detail::json->set_empty(raw(), GH_ARRAY); }
  void set_object() { detail::json->set_empty(raw(), GH_OBJECT); }
  void set(bool value) { detail::json->set_bool(raw(), value); }
  void set(int value) { detail::json->set_int(raw(), value); }
  void set(std::int64_t value) { detail::json->set_int(raw(), value); }
  void set(double value) { detail::json->set_real(raw(), value); }
  void set(View value) { detail::json->set_str(raw(), gatehouse::raw(value)); }
  void set(const char* value) { set(View(value)); }
  /// A deep copy; within one document strings are shared, not copied.
  void set(Json value) { detail::json->copy(raw(), value.raw()); }

  gh_json* raw() const { return const_cast<gh_json*>(node_); }
};

/// A JSON document that the plugin owns. It takes memory from the first root() on.
class Document {
 public:
  Document() = default;
  explicit Document(gh_json* root) : root_(root) {}  ///< Takes it over.
  static Result<Document> parse(View text) {
    gh_str error{};
    gh_json* root = detail::json->parse(gatehouse::raw(text), &error);
    if (!root) return Fail{400, "invalid_json", std::string(view(error)), {}};
    return Document(root);
  }
  MutableJson root() const {
    if (!root_) root_.reset(detail::json->make());
    return MutableJson(root_.get());
  }

 private:
  struct Drop {
    void operator()(gh_json* root) const { detail::json->drop(root); }
  };
  mutable std::unique_ptr<gh_json, Drop> root_;
};

}  // namespace v1
}  // namespace gatehouse
