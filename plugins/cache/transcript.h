/// Events as JSON text, in which an answer is kept and shared: {"kind":"text","text":"Hello"}
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::cache {

/// Appends the event and a comma. False: it is none to be repeated, such as a tool call, whose id
/// is good for one client only, or of a kind that is not known here.
bool write(std::string& to, Event e);

/// Views of `events` and its document. Nothing: it is no array of what write() writes, or empty.
std::optional<std::vector<gh_event>> read(Json events);

Status replay(const std::vector<gh_event>& events, Sink& out);

/// Whether the events so far are an answer to keep: one that says something, and came to its end
/// because the model had said all.
class Ending {
 public:
  void see(Event e) {
    finished_ = e.kind() == GH_EV_STEP_FINISH;
    if (finished_ && e.name() != "stop") cut_short_ = true;
    const bool has_text =
        e.kind() == GH_EV_TEXT && e.text().find_first_not_of(" \t\r\n") != View::npos;
    says_something_ = says_something_ || has_text || e.kind() == GH_EV_FILE;
  }
  bool is_proper() const { return finished_ && !cut_short_ && says_something_; }

 private:
  bool finished_ = false;
  bool cut_short_ = false;  // by its length, by a filter, by an error
  bool says_something_ = false;
};

}  // namespace gatehouse::plugins::cache
