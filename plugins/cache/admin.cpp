/// The cache's routes of the admin address: entries and statistics.
#include "cache.h"

namespace gatehouse::plugins::cache {
namespace {

/// The key in ?key=, by which an admin route is called.
Result<View> key_in_query(const Exchange& x) {
  View key = x.query();
  if (key.substr(0, 4) == "key=") key.remove_prefix(4);
  if (key.size() == 64 && key.find_first_not_of("0123456789abcdef") == View::npos) return key;
  return Fail{400,
              "key_invalid",
              "Missing or invalid key: use ?key=<64 hex digits>, logged as cache_key.",
              {}};
}

Fail store_unavailable() {
  return {503, "store_unavailable", "The store is unavailable; try again later.", {}};
}

Status no_content(Exchange& x, Sink& out) {
  x.set_status(204);
  return out.emit(event::bytes({}, true));
}

}  // namespace

void Cache::add_admin_routes() {
  admin_route<&Cache::show_entry>(host_, this, "GET", "/entries", "Show an entry: ?key=");
  admin_route<&Cache::put_entry>(host_, this, "PUT", "/entries", "Store an entry: ?key=");
  admin_route<&Cache::erase>(host_, this, "DELETE", "/entries",
                             "Erase the entry of ?key=, or all entries");
  admin_route<&Cache::show_statistics>(host_, this, "GET", "/statistics",
                                       "Show requests by cache result");
}

Status Cache::show_entry(Exchange& x, Sink& out) {
  auto key = key_in_query(x);
  if (!key) return key.error();
  auto value = store_.get(x, *key);
  if (!value) return store_unavailable();
  if (!*value) return Fail{404, "not_found", "The cache has no entry with this key.", {}};
  return x.reply(out, 200, "application/json", **value);
}

Status Cache::put_entry(Exchange& x, Sink& out) {
  auto key = key_in_query(x);
  if (!key) return key.error();
  auto body = x.json();
  if (!body) return body.error();
  const auto events = read((*body)["events"]);
  Completeness completeness;
  std::string text;
  for (const gh_event& e : events.value_or(std::vector<gh_event>())) {
    completeness.see(e);
    (void)write(text, e);  // cannot fail for what read() returns
  }
  if (!completeness.is_complete()) {
    return Fail{400,
                "entry_invalid",
                "The body must be an entry as GET shows it: events with visible content that end "
                "with a step-finish named stop.",
                {}};
  }
  if (text.size() > max_entry_)
    return Fail{413, "entry_too_large", "The entry is larger than the cache's max_entry.", {}};
  return keep(x, *key, text) ? no_content(x, out) : store_unavailable();
}

Status Cache::erase(Exchange& x, Sink& out) {
  if (x.query().empty()) return store_.clear(x) ? no_content(x, out) : store_unavailable();
  auto key = key_in_query(x);
  if (!key) return key.error();
  return store_.erase(x, *key) ? no_content(x, out) : store_unavailable();
}

Status Cache::show_statistics(Exchange& x, Sink& out) {
  const Document document;
  MutableJson root = document.root();
  for (std::size_t i = 0; i < requests_.size(); ++i)
    root.edit(kLookups[i]).set(requests_[i].total.load());
  root.edit("stored").set(stored_.load());
  root.edit("bytes_served").set(bytes_served_.load());
  return x.reply(out, 200, "application/json", document.root().dump());
}

}  // namespace gatehouse::plugins::cache
