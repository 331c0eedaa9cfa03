#include <string>

#include "gatehouse/plugin.hpp"
#include "masker.h"
#include "schema.h"

namespace acme::mask {
namespace {

using namespace gatehouse;

/// Masks each block of text. Reasoning stays as it is: with metadata it is signed.
class MaskingSink final : public Sink {
 public:
  MaskingSink(Sink& out, const std::string& with) : out_(out), masker_(with) {}

  Status emit(Event e) override {
    const bool goes_on = e.kind() == GH_EV_TEXT && has_block_ && e.id() == id_;
    if (!goes_on && !is_beside_blocks(e)) {
      if (Status s = end_block(); !s) return s;
    }
    if (e.kind() != GH_EV_TEXT) return out_.emit(e);
    has_block_ = true;
    id_ = e.id();
    const std::string text = masker_.feed(e.text());
    if (text.empty() && !e.metadata()) return {};
    return out_.emit(e.with_text(text));
  }

  /// Emits what the masker holds back.
  Status end_block() {
    const std::string rest = masker_.finish();
    has_block_ = false;
    if (rest.empty()) return {};
    return out_.emit(Event(event::text(rest)).with_id(id_));
  }

 private:
  /// Whether a block goes on after such an event (abi/event.h).
  static bool is_beside_blocks(const Event& e) {
    return e.kind() == GH_EV_USAGE || e.kind() == GH_EV_RESPONSE || e.kind() == GH_EV_WARNING ||
           e.kind() == GH_EV_DATA;
  }

  Sink& out_;
  Masker masker_;
  bool has_block_ = false;
  std::string id_;
};

/// Masks the e-mail addresses in the text of responses.
class Mask final : public Plugin {
 public:
  Mask(Host, Json config) : with_(config["with"].str()) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    MaskingSink sink(out, with_);
    Status status = next(x, sink);
    if (Status ended = sink.end_block(); status && !ended) return ended;
    return status;
  }

 private:
  const std::string with_;
};

}  // namespace
}  // namespace acme::mask

GATEHOUSE_PLUGIN(acme::mask::Mask, "mask", "1.0.0", "Masks e-mail addresses in responses",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
