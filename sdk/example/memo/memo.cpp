#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "schema.h"

namespace memo {

using namespace gatehouse;

/// A text response; the last text is the reason of its end.
using Texts = std::vector<std::string>;

/// Passes each event on at once and keeps a copy of the texts.
class Copier final : public Sink {
 public:
  explicit Copier(Sink& out) : out_(out) {}

  Status emit(Event e) override {
    switch (e.kind()) {
      case GH_EV_STEP_START: ++steps_; break;
      case GH_EV_TEXT: texts.emplace_back(e.text()); break;
      case GH_EV_STEP_FINISH: texts.emplace_back(e.name()); break;
      case GH_EV_USAGE: break;  // a repeated response costs nothing
      default: is_text_ = false;
    }
    return out_.emit(e);
  }
  bool is_text() const { return is_text_ && steps_ == 1; }

  Texts texts;

 private:
  Sink& out_;
  bool is_text_ = true;
  int steps_ = 0;
};

/// Repeats the response to a chat that the same caller has sent before, without calling next().
class Memo final : public Plugin {
 public:
  Memo(Host host, Json config)
      : host_(host),
        ttl_(config["ttl"].duration()),
        max_entries_(static_cast<std::size_t>(config["max_entries"].integer())) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    const Caller caller = x.caller();
    const std::string key =
        std::string(caller.tenant) + '\n' + std::string(caller.user) + '\n' + x.chat().dump();
    if (const Texts known = find(key); !known.empty()) return repeat(known, out);
    Copier copier(out);
    Status status = next(x, copier);
    if (status && copier.is_text()) keep(key, std::move(copier.texts));
    return status;
  }

 private:
  struct Entry {
    std::chrono::nanoseconds until;
    Texts texts;
  };

  Texts find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found != entries_.end() && host_.now() < found->second.until ? found->second.texts
                                                                        : Texts();
  }
  void keep(const std::string& key, Texts texts) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= max_entries_) entries_.erase(entries_.begin());
    entries_[key] = {host_.now() + ttl_, std::move(texts)};
  }
  static Status repeat(const Texts& texts, Sink& out) {
    if (Status s = out.emit(event::step_start()); !s) return s;
    for (std::size_t i = 0; i + 1 < texts.size(); ++i) {
      if (Status s = out.emit(event::text(texts[i])); !s) return s;
    }
    return out.emit(event::step_finish(texts.back()));
  }

  const Host host_;
  const std::chrono::nanoseconds ttl_;
  const std::size_t max_entries_;
  std::mutex mutex_;                      // never held across next() or emit()
  std::map<std::string, Entry> entries_;  // guarded by mutex_
};

}  // namespace memo

GATEHOUSE_PLUGIN(memo::Memo, "memo", "0.1.0", "Repeats responses to chats seen before",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
