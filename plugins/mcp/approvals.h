#pragma once

#include <map>

#include "calls.h"

namespace gatehouse::plugins::mcp {

/// The questions to a user whether calls may run. Nothing is kept of a question: its id, which
/// comes back with the answer, proves what was asked, of whom, and until when it may be answered.
/// The log has a line for each question and answer. Any thread.
class Approvals {
 public:
  Approvals(Host host, Json config);
  /// [control] Goes on with the key that was made at the start, so that open questions can be
  /// answered after a reload.
  void adopt(const Approvals& older);

  /// The id of the question whether this call may run.
  std::string ask(Exchange& x, const Call& call) const;
  /// Why the answer yes to question `id` does not allow this call, for the model to read; empty: it
  /// may run, now and never again.
  View objection(Exchange& x, View id, const Call& call) const;
  /// The user has said no, which needs no proof.
  void deny(Exchange& x, const Call& call) const { record(x, "denied", {}, call); }

 private:
  struct Objection {
    View code, text;
  };
  const Objection* find_objection(Exchange& x, View id, const Call& call) const;
  std::string proof(const Exchange& x, View key, View head, const Call& call) const;
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
