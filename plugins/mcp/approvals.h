#pragma once

#include <map>

#include "calls.h"

namespace gatehouse::plugins::mcp {

/// The questions to a user whether calls may run. Nothing is stored about a question: its id, which
/// comes back with the user's decision, is signed and proves which call was asked about, of which
/// caller, and how long the decision counts. Each question and decision is logged. Any thread.
class Approvals {
 public:
  Approvals(Host host, Json config);
  /// [control] Keeps the key that was made at the start, so that open questions survive a reload.
  void adopt(const Approvals& older);
  /// [control] The same with other code.
  void save(MutableJson into) const;
  void restore(Json saved);

  /// The id of the question whether this call may run.
  std::string ask(Exchange& x, const Call& call) const;
  /// Why the approval of question `id` does not allow this call, for the model to read; empty: it
  /// may run, now and never again.
  View objection(Exchange& x, View id, const Call& call) const;
  /// The user has denied the call, which needs no proof.
  void deny(Exchange& x, const Call& call) const { record(x, "denied", {}, call); }

 private:
  struct Objection {
    View code, text;
  };
  const Objection* find_objection(Exchange& x, View id, const Call& call) const;
  bool is_signed(const Exchange& x, View head, View signature, const Call& call) const;
  std::string signature(const Exchange& x, View key, View head, const Call& call) const;
  std::chrono::seconds time_left(View head) const;
  void record(const Exchange& x, View outcome, View reason, const Call& call) const;

  const Host host_;
  const Crypto crypto_;
  const Store store_;
  const std::chrono::seconds ttl_;
  const bool key_is_configured_;
  std::string key_, previous_key_;
  std::map<std::string, Series, std::less<>> outcomes_;
};

}  // namespace gatehouse::plugins::mcp
