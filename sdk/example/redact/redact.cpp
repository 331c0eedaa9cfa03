#include <algorithm>
#include <string>
#include <vector>

#include "gatehouse/plugin.hpp"
#include "schema.h"

namespace redact {

using namespace gatehouse;

/// Replaces words in the text of a response. A word may be split over events, so the end of the
/// text is held back as long as it may be the beginning of one.
class Redaction final : public Sink {
 public:
  Redaction(const std::vector<std::string>& words, const std::string& with, Sink& out)
      : words_(words), with_(with), out_(out) {}

  Status emit(Event e) override {
    if (e.kind() != GH_EV_TEXT || e.id() != id_) {
      if (Status s = flush(); !s) return s;
    }
    if (e.kind() != GH_EV_TEXT) return out_.emit(e);
    id_ = e.id();
    held_.append(e.text());
    const std::string ready = take(safe_size());
    return ready.empty() && !e.metadata() ? Status() : out_.emit(e.with_text(ready));
  }
  /// Emits what is held back: no more text of this block follows.
  Status flush() {
    if (held_.empty()) return {};
    return out_.emit(Event(event::text(take(held_.size()))).with_id(id_));
  }

 private:
  /// How much of held_ is no beginning of a word.
  std::size_t safe_size() {
    for (const std::string& word : words_) replace_all(word);
    std::size_t size = held_.size();
    for (const std::string& word : words_) {
      for (std::size_t n = std::min(word.size() - 1, held_.size()); n > 0; --n) {
        if (held_.compare(held_.size() - n, n, word, 0, n) == 0) {
          size = std::min(size, held_.size() - n);
          break;
        }
      }
    }
    return size;
  }
  void replace_all(const std::string& word) {
    for (auto at = held_.find(word); at != held_.npos; at = held_.find(word, at + with_.size()))
      held_.replace(at, word.size(), with_);
  }
  std::string take(std::size_t size) {
    std::string front = held_.substr(0, size);
    held_.erase(0, size);
    return front;
  }

  const std::vector<std::string>& words_;
  const std::string& with_;
  Sink& out_;
  std::string held_, id_;
};

/// Keeps words out of the responses of models.
class Redact final : public Plugin {
 public:
  Redact(Host, Json config) : with_(config["with"].str()) {
    for (const Json word : config["words"]) words_.emplace_back(word.str());
  }

  Status handle(Exchange& x, Sink& out, Next& next) override {
    Redaction sink(words_, with_, out);
    Status status = next(x, sink);
    return status ? sink.flush() : std::move(status);
  }

 private:
  std::vector<std::string> words_;
  const std::string with_;
};

}  // namespace redact

GATEHOUSE_PLUGIN(redact::Redact, "redact", "0.1.0", "Keeps words out of responses",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT)
