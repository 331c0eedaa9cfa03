#pragma once

#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::plugins::throttler {

/// A header of the response to which each throttler of a pipeline appends. During the request its
/// text is in the notes, where the throttlers below find it.
class SharedHeader {
 public:
  SharedHeader(Exchange& x, View name) : x_(x), name_(name), above_(x.notes()[name].str()) {}
  SharedHeader(const SharedHeader&) = delete;
  SharedHeader& operator=(const SharedHeader&) = delete;
  ~SharedHeader() {
    MutableJson notes = x_.notes();
    if (above_.empty())
      notes.erase(notes[name_]);
    else
      notes.edit(name_).set(View(above_));
  }
  void add(View text) {
    const std::string all = above_ + (above_.empty() ? "" : ", ") + std::string(text);
    x_.notes().edit(name_).set(View(all));
    x_.set_header(name_, all);
  }

 private:
  Exchange& x_;
  const View name_;
  const std::string above_;
};

}  // namespace gatehouse::plugins::throttler
