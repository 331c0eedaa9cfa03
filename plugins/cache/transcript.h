/// Events as JSON text, in which responses are stored and shared: {"kind":"text","text":"Hello"}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::cache {

/// Appends the event, after a comma unless `to` is empty. False: it cannot be replayed. It is of a
/// kind that is not cacheable or not known here, or has flags (GH_MUST) or reserved words set.
bool write(std::string& to, Event e);

/// Views of `events` and its document. Nothing: it is not a list of what write() writes, or empty.
std::optional<std::vector<gh_event>> read(Json events);

Status replay(const std::vector<gh_event>& events, Sink& out);

/// Whether the events so far are a response to store: it has visible content, and each of its steps
/// ended because the model had finished.
class Completeness {
 public:
  void see(Event e) {
    if (e.kind() == GH_EV_STEP_FINISH) {
      finished_ = true;
      cut_short_ = cut_short_ || e.name() != "stop";  // by length, by a filter, by an error
    } else if (e.kind() != GH_EV_USAGE) {             // which may follow the end of its step
      finished_ = false;
    }
    const bool is_visible =
        e.kind() == GH_EV_FILE || (e.kind() == GH_EV_TEXT && !trim(e.text()).empty());
    has_content_ = has_content_ || is_visible;
  }
  bool is_complete() const { return finished_ && !cut_short_ && has_content_; }

 private:
  bool finished_ = false, cut_short_ = false, has_content_ = false;
};

}  // namespace gatehouse::plugins::cache
