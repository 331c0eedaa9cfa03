#include "extension_auth.h"

#include <algorithm>

#include "schema.h"

namespace gatehouse {
namespace {

bool is_extension_id(View text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// What of a client's version may stand in a log: at most 64 visible ASCII characters.
View version_of(View header) {
  header = header.substr(0, 64);
  const auto end = std::find_if(header.begin(), header.end(), [](char c) { return c <= ' ' || c > '~'; });
  return end == header.begin() ? View("unknown") : header.substr(0, static_cast<std::size_t>(end - header.begin()));
}

}  // namespace

Status ExtensionAuth::handle(Exchange& x, Sink& out, Next& next) {
  if (x.route() == -1) return next(x, out);  // nobody answers this path: 404 or 405, with or without an id

  // Both messages are known to clients. Two different ids arrive joined by a comma and have no valid form.
  const View id = x.header("X-Extension-ID");
  if (id.empty()) return Fail{401, "extension_id_required", "Extension ID is required", {}};
  if (!is_extension_id(id)) return Fail{401, "extension_id_invalid", "Invalid extension ID format", {}};

  MutableJson notes = x.notes();
  notes.edit("extension_id").set(id);
  notes.edit("extension_version").set(version_of(x.header("X-Extension-Version")));
  return next(x, out);
}

}  // namespace gatehouse

GATEHOUSE_PLUGIN(gatehouse::ExtensionAuth, "extension-auth", "1.0.0", "Who may ask: the id of a Chrome extension", GATEHOUSE_SCHEMA, 0)
