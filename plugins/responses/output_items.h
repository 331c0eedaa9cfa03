#pragma once

#include <optional>
#include <string>

#include "gatehouse/plugin.hpp"
#include "output_item.h"

namespace gatehouse::plugins::responses {

/// Sees the items of a response as they grow, one after another.
class ItemObserver {
 public:
  virtual ~ItemObserver() = default;
  virtual void begin(const OutputItem& item) = 0;
  /// `piece`: more of its text, not empty.
  virtual void add(const OutputItem& item, View piece) = 0;
  virtual void end(const OutputItem& item, View status) = 0;
};

/// Makes items of the events of a model: of each block of text a message, of reasoning with a
/// summary to show, or with metadata that the model needs back, a reasoning item, of each call a
/// function call. Calls come one after another, by the client's ids.
class OutputItems final : public Sink {
 public:
  struct Options {
    bool shows_summary;  ///< The client has requested one.
    bool keeps_parts;
  };
  /// `response`: the random part of the ids. `observer` may be null.
  OutputItems(std::string response, Options options, ItemObserver* observer)
      : response_(std::move(response)), options_(options), observer_(observer) {}

  Status emit(Event e) override;

  /// The items that are complete, as JSON text of the elements of an array.
  View items() const { return items_; }
  /// The same as parts of the chat document; empty unless `keeps_parts`.
  View parts() const { return parts_; }

 private:
  void read(Event e);

  struct Open {
    OutputItem item;
    std::string block;        // id of the events
    bool has_begun = false;   // reasoning that is not shown begins at its end
    std::string reasoning{};  // the text, shown or not
    std::optional<Document> metadata{};
  };

  void read_text(Event e);
  void read_reasoning(Event e);
  void begin_call(Event e);
  void end_call(Event e);

  Open& open(OutputItem::Kind kind, View block);
  void begin();
  void add(View piece);
  void close(View status = "completed");
  void keep_part();

  const std::string response_;
  const Options options_;
  ItemObserver* const observer_;
  std::optional<Open> open_;
  std::size_t count_ = 0;  // of items that have begun
  std::string items_, parts_;
};

}  // namespace gatehouse::plugins::responses
