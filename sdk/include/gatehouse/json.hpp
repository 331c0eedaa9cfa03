/// JSON documents of the host: views to read and write, and documents of the plugin.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "gatehouse/abi/json.h"
#include "gatehouse/status.hpp"
#include "gatehouse/text.hpp"

namespace gatehouse {
inline namespace v1 {

namespace detail {
// A constant of the process: the first create() sets it, before any handle().
inline const gh_json_api* json = nullptr;
}  // namespace detail

/// A JSON value to read. Look-ups of an absent member give an empty Json, so they chain.
class Json {
 public:
  class Iterator;
  class Members;

  explicit Json(const gh_json* node = nullptr) : node_(node) {}

  /// False when absent. A JSON null is present.
  explicit operator bool() const { return node_ != nullptr; }
  bool is_null() const { return type() == GH_NULL; }  ///< Absent values too.
  bool is_bool() const { return type() == GH_BOOL; }
  bool is_integer() const { return type() == GH_INT; }
  bool is_number() const { return type() == GH_INT || type() == GH_REAL; }
  bool is_string() const { return type() == GH_STRING; }
  bool is_array() const { return type() == GH_ARRAY; }
  bool is_object() const { return type() == GH_OBJECT; }
  // The host takes absent values as well; here they cost no call.
  int type() const { return node_ ? detail::json->type(node_) : GH_NULL; }

  Json operator[](View key) const {
    return Json(node_ ? detail::json->get(node_, gatehouse::raw(key)) : nullptr);
  }
  /// The element. Linear: use a range-for in loops.
  Json at(std::size_t index) const {
    return Json(node_ ? detail::json->at(node_, index) : nullptr);
  }
  std::size_t size() const { return node_ ? detail::json->count(node_) : 0; }

  View str(View otherwise = {}) const {
    const gh_str s = node_ ? detail::json->str(node_) : gh_str{};
    return s.p ? view(s) : otherwise;
  }
  std::int64_t integer(std::int64_t otherwise = 0) const {
    return node_ ? detail::json->integer(node_, otherwise) : otherwise;
  }
  double real(double otherwise = 0) const {
    return node_ ? detail::json->real(node_, otherwise) : otherwise;
  }
  bool boolean(bool otherwise = false) const {
    return node_ ? detail::json->boolean(node_, otherwise) != 0 : otherwise;
  }

  /// A string such as "250ms", "10s", "5m" or "1h" (JSON Schema: "format": "duration"); 0 when
  /// absent.
  std::chrono::milliseconds duration(std::chrono::milliseconds otherwise = {}) const {
    return parse_duration(str()).value_or(otherwise);
  }
  /// A string such as "512B", "64KiB" or "8MiB" (JSON Schema: "format": "size"); 0 when absent.
  std::size_t bytes(std::size_t otherwise = 0) const {
    return parse_size(str()).value_or(otherwise);
  }

  Iterator begin() const;  ///< The elements of an array, or the values of an object.
  Iterator end() const;
  Members members() const;  ///< for (auto [key, value] : json.members())

  /// Appends it as JSON text.
  void dump(std::string& out) const {
    detail::json->dump(node_, &out, [](void* to, gh_str piece) {
      static_cast<std::string*>(to)->append(piece.p, piece.n);
    });
  }
  std::string dump() const {
    std::string out;
    dump(out);
    return out;
  }

  const gh_json* raw() const { return node_; }

 protected:
  const gh_json* node_;
};

class Json::Iterator {
 public:
  Iterator(const gh_json* container, const gh_json* at) : container_(container), at_(at) {}
  Json operator*() const { return Json(at_); }
  Iterator& operator++() {
    at_ = detail::json->step(container_, at_, nullptr);
    return *this;
  }
  bool operator!=(const Iterator& other) const { return at_ != other.at_; }

 private:
  const gh_json* container_;
  const gh_json* at_;
};

class Json::Members {
 public:
  class Iterator {
   public:
    Iterator(const gh_json* container, bool end) : container_(container) {
      if (container && !end) ++*this;
    }
    std::pair<View, Json> operator*() const { return {view(key_), Json(at_)}; }
    Iterator& operator++() {
      at_ = detail::json->step(container_, at_, &key_);
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const gh_json* container_;
    const gh_json* at_ = nullptr;
    gh_str key_{};
  };
  explicit Members(const gh_json* container) : container_(container) {}
  Iterator begin() const { return {container_, false}; }
  Iterator end() const { return {container_, true}; }

 private:
  const gh_json* container_;
};

inline Json::Iterator Json::begin() const {
  return {node_, node_ ? detail::json->step(node_, nullptr, nullptr) : nullptr};
}
inline Json::Iterator Json::end() const { return {node_, nullptr}; }
inline Json::Members Json::members() const { return Members(is_object() ? node_ : nullptr); }

}  // namespace v1
}  // namespace gatehouse
