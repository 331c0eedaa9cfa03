#include "masker.h"

namespace acme::mask {
namespace {

using gatehouse::View;

// RFC 5321 4.5.3.1: 64 bytes, @ and 255 bytes.
constexpr std::size_t kLongestAddress = 320;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_local(char c) {
  return is_alphanumeric(c) || View(".!#$%&'*+-/=?^_`{|}~").find(c) != View::npos;
}
bool is_domain(char c) { return is_alphanumeric(c) || c == '.' || c == '-'; }

template <class Is>
std::size_t end_of(View text, std::size_t at, Is is) {
  while (at < text.size() && is(text[at])) ++at;
  return at;
}

/// Where a word begins at `at`: its end, whether it is an address, and whether more text may
/// change that.
struct Word {
  Word(View text, std::size_t at) : end(end_of(text, at, is_local)), is_open(end == text.size()) {
    if (is_open || end == at || text[end] != '@') return;
    const std::size_t domain = end + 1, domain_end = end_of(text, domain, is_domain);
    is_open = domain_end == text.size();
    View name = text.substr(domain, domain_end - domain);
    while (!name.empty() && !is_alphanumeric(name.back())) name.remove_suffix(1);
    end = domain;
    is_address = name.find('.') != View::npos;
    if (is_address) end += name.size();
  }

  std::size_t end;
  bool is_open;
  bool is_address = false;
};

}  // namespace

std::string Masker::feed(View piece) {
  held_ += piece;
  return take(false);
}

std::string Masker::finish() { return take(true); }

std::string Masker::take(bool is_end) {
  std::string out;
  std::size_t at = 0;
  while (at < held_.size()) {
    const Word word(held_, at);
    const bool may_change = word.is_open && held_.size() - at <= kLongestAddress;
    if (may_change && !is_end) break;
    if (word.is_address) {
      out += with_;
      at = word.end;
    } else {
      const std::size_t end = word.end > at ? word.end : at + 1;
      out.append(held_, at, end - at);
      at = end;
    }
  }
  held_.erase(0, at);
  return out;
}

}  // namespace acme::mask
