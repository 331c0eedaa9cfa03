#pragma once

#include <list>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "approvals.h"
#include "content.h"

namespace gatehouse::plugins::mcp {

/// An event kept beyond its emit().
class KeptEvent {
 public:
  explicit KeptEvent(Event e) : raw_(e.raw()), id_(e.id()), name_(e.name()), text_(e.text()) {
    if (e.json()) json_.emplace().root().set(e.json());
    if (e.metadata()) metadata_.emplace().root().set(e.metadata());
  }
  View name() const { return name_; }
  /// A view.
  gh_event event() const {
    gh_event e = raw_;
    e.id = raw(id_);
    e.name = raw(name_);
    e.text = raw(text_);
    if (json_) e.json = json_->root().raw();
    if (metadata_) e.metadata = metadata_->root().raw();
    return e;
  }

 private:
  gh_event raw_;
  std::string id_, name_, text_;
  std::optional<Document> json_, metadata_;
};

/// Passes on one step of the model, except its end, as it arrives, and collects it as a message of
/// the conversation. A call of a tool that was not offered becomes a failed one.
class Step final : public Sink {
 public:
  Step(Json chat, const Offer& offer, Sink& out);

  Status emit(Event e) override;

  /// Rejects calls of unknown tools, asks the user about calls that need an approval, runs the
  /// other calls that run here, and ends the step. Runs none beside calls of a client that cannot
  /// return the results (`hidden_tools`): the model repeats them, and they would run twice.
  Status finish(Host host, Exchange& x, const Approvals& approvals, Allowance& allowance);
  /// There were calls, none of them cut, and all have results, so that the model can continue.
  bool calls_for_another() const;
  /// Appends the assistant's message and the results of its calls to the messages of a chat
  /// document.
  void append_to(MutableJson messages);

 private:
  Status begin();
  void collect(Event e);
  Status add_call(Event e);
  Status add_broken_call(Event e);
  Status fail(const Call& call, Event failed);
  bool is_for_client(const Call& call) const { return !call.here && !call.has_result(); }
  bool has_calls_for_client() const;
  Status decide(Exchange& x, Call& call, const Approvals& approvals, const Allowance& allowance);
  Status emit_end();
  const Offer::Entry* tool_here(View name) const {
    return offered_.count(name) > 0 ? offer_.find(name) : nullptr;
  }
  bool ended_well() const {
    return finish_ && (finish_->name() == "tool-calls" || finish_->name() == "stop");
  }

  const std::unordered_set<View> offered_;  // names of tools
  const bool hides_tools_;  // the client sees nothing of what this plugin runs or rejects
  const Offer& offer_;
  Sink& out_;
  Content content_;
  std::list<Call> calls_;  // without those that run below this plugin or at the provider
  std::size_t calls_here_ = 0;
  std::vector<Call*> run_;
  std::optional<KeptEvent> finish_;
};

}  // namespace gatehouse::plugins::mcp
