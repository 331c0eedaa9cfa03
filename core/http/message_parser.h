#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace gatehouse::core {

/// Boost.Beast's parser of one HTTP/1.1 message, fed from a buffer of ours. What a message of one
/// kind has beyond the other is left to the derived classes; so are the limits, since ours give
/// better answers.
template <bool kRequest>
class MessageParser : public boost::beast::http::basic_parser<kRequest> {
 public:
  using Text = boost::beast::string_view;
  using Error = boost::beast::error_code;

  /// Takes what it can from the front of `bytes`. An error: they are no such message.
  Error feed(std::string& bytes) {
    std::size_t used = 0;
    Error ec;
    while (used < bytes.size() && !this->is_done()) {
      // Between chunks Beast 1.74 asserts that a last chunk, once begun, is there whole.
      constexpr std::size_t kLastChunk = 5;  // "0\r\n\r\n"
      if (between_chunks_ && bytes.size() - used < kLastChunk) break;
      used += this->put({bytes.data() + used, bytes.size() - used}, ec);
      if (ec) break;
    }
    bytes.erase(0, used);
    return ec == boost::beast::http::error::need_more ? Error() : ec;
  }

 protected:
  explicit MessageParser(std::uint32_t max_head) {
    this->header_limit(max_head);
    this->body_limit(std::numeric_limits<std::uint64_t>::max());  // boost::none would refuse every
                                                                  // Content-Length in Beast 1.74
    this->eager(true);
  }

  virtual void take(Text bytes, Error& ec) = 0;
  virtual void check_chunk(std::uint64_t /*size*/, Text /*extensions*/, Error&) {}

  void on_header_impl(Error&) override { between_chunks_ = this->chunked(); }

 private:
  void on_request_impl(boost::beast::http::verb, Text, Text, int, Error&) override {}
  void on_response_impl(int, Text, int, Error&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  void on_finish_impl(Error&) override {}
  std::size_t on_body_impl(Text bytes, Error& ec) override {
    take(bytes, ec);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, Text extensions, Error& ec) override {
    between_chunks_ = size == 0;
    check_chunk(size, extensions, ec);
  }
  std::size_t on_chunk_body_impl(std::uint64_t left, Text bytes, Error& ec) override {
    between_chunks_ = bytes.size() == left;
    take(bytes, ec);
    return bytes.size();
  }

  bool between_chunks_ = false;
};

}  // namespace gatehouse::core
