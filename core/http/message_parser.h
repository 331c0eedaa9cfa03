#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <limits>
#include <string_view>

namespace gatehouse::core {

/// Boost.Beast's parser of one HTTP/1.1 message, fed from a buffer of ours. Derived classes add
/// what requests and responses do not share, and the limits, which they report better than Beast.
template <bool kRequest>
class MessageParser : public boost::beast::http::basic_parser<kRequest> {
 public:
  using Text = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  /// Consumes what it can from the front of `bytes`. An error: they are not such a message.
  ErrorCode feed(std::string_view& bytes) {
    ErrorCode ec;
    while (!bytes.empty() && !this->is_done()) {
      // Between chunks Beast 1.74 asserts that a last chunk, once begun, is there whole.
      constexpr std::size_t kLastChunk = 5;  // "0\r\n\r\n"
      if (between_chunks_ && bytes.size() < kLastChunk) break;
      bytes.remove_prefix(this->put({bytes.data(), bytes.size()}, ec));
      if (ec) break;
    }
    return ec == boost::beast::http::error::need_more ? ErrorCode() : ec;
  }

 protected:
  explicit MessageParser(std::uint32_t max_head) {
    this->header_limit(max_head);
    // With boost::none Beast 1.74 would reject every Content-Length.
    this->body_limit(std::numeric_limits<std::uint64_t>::max());
    this->eager(true);
  }

  virtual void take(Text bytes, ErrorCode& ec) = 0;
  virtual void check_chunk(std::uint64_t /*size*/, Text /*extensions*/, ErrorCode&) {}

  void on_header_impl(ErrorCode&) override { between_chunks_ = this->chunked(); }

 private:
  void on_request_impl(boost::beast::http::verb, Text, Text, int, ErrorCode&) override {}
  void on_response_impl(int, Text, int, ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}
  std::size_t on_body_impl(Text bytes, ErrorCode& ec) override {
    take(bytes, ec);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t size, Text extensions, ErrorCode& ec) override {
    between_chunks_ = size == 0;
    check_chunk(size, extensions, ec);
  }
  std::size_t on_chunk_body_impl(std::uint64_t left, Text bytes, ErrorCode& ec) override {
    between_chunks_ = bytes.size() == left;
    take(bytes, ec);
    return bytes.size();
  }

  bool between_chunks_ = false;
};

}  // namespace gatehouse::core
