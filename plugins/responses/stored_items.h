#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/every.hpp"

namespace gatehouse::plugins::responses {

/// Names of a response and its items: `resp_RANDOM`, and `msg_RANDOM_3` for the item with index 3.
std::string id_of_item(View prefix, View response, std::size_t index);

/// Keeps the items of responses in the store, for clients that refer to them instead of sending
/// them again. Any thread.
class StoredItems {
 public:
  /// `keep_for`: 0: keeps nothing.
  StoredItems(Host host, std::chrono::nanoseconds keep_for)
      : host_(host), store_(host), keep_for_(keep_for) {}

  bool keeps() const { return keep_for_.count() > 0; }
  /// `parts`: JSON text of an array: for each item the part of the chat document that it is. Not
  /// ok: the client has gone or time is up; the response is whole without the store.
  Status keep(Exchange& x, View response, View parts);
  /// What keep() has kept for a caller of the same tenant.
  Result<std::optional<std::string>> find(Exchange& x, View response) const;

 private:
  const Host host_;
  const Store store_;
  const std::chrono::nanoseconds keep_for_;
  Every warning_;
};

/// The items to which one request refers.
class ReferredItems {
 public:
  ReferredItems(Exchange& x, const StoredItems& stored) : x_(x), stored_(stored) {}

  /// The part of the chat document that the item with this id is. Absent: there is no such item.
  /// It lives as long as this object.
  Result<Json> find(View id);

 private:
  Result<Json> parts_of(View response);

  Exchange& x_;
  const StoredItems& stored_;
  std::unordered_map<std::string, Document> responses_;
};

}  // namespace gatehouse::plugins::responses
