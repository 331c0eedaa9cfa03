/// Headers that are read on their own, each in a line: the peer, the trusted proxies,
/// X-Forwarded-For, traceparent; then retry-after-ms and Retry-After of a provider's response, and
/// in the rest the error in it.
#include <algorithm>
#include <cstdint>
#include <regex>

#include "core/exchange/trace.h"
#include "core/http/client_address.h"
#include "core/http/request_parser.h"
#include "gatehouse/testing.hpp"
#include "gatehouse/toolkit/retry_after.hpp"
#include "plugins/access-log/access_log.h"
#include "plugins/gemini/retry_info.h"
#include "require.h"

namespace gatehouse {
namespace {

using namespace std::chrono_literals;

std::string cut(std::string& text, char end) {
  std::string front = text.substr(0, text.find(end));
  text.erase(0, front.size() + 1);
  return front;
}

/// The client, as plugins see it; the lines of the access log are put into `logs`.
std::string client(const core::Networks& proxies, const std::string& peer,
                   const std::string& forwarded_for, const std::string& traceparent,
                   std::vector<std::string>& logs) {
  testing::Harness h;
  plugins::access_log::AccessLog log(h.host(), Json());
  testing::Request request("GET", "/");
  request.peer = peer;
  request.headers = {{"X-Forwarded-For", forwarded_for}, {"traceparent", traceparent}};
  request.client = core::client_address(peer, {{"X-Forwarded-For", forwarded_for}}, proxies);
  request.trace = core::begin_span(traceparent, {}).parent;
  (void)h.run(log, request);
  logs = h.logs;
  return request.client;
}

void check_client(const std::string& peer, std::string networks, const std::string& forwarded_for,
                  const std::string& traceparent) {
  core::Networks proxies;
  while (!networks.empty()) {
    const std::string network = cut(networks, ',');
    const std::string address = network.substr(0, network.find('/'));
    require(!proxies.add(network) || core::Networks().add(address),
            "a network begins with an address");
  }

  std::vector<std::string> logs;
  const std::string found = client(proxies, peer, forwarded_for, traceparent, logs);
  require(!proxies.empty() || found == peer, "without trusted proxies a client is its connection");
  require(found == peer || core::plain_address(found) == found, "an address is written in one way");
  require(core::Networks().add(found) == core::Networks().add(peer) || found == peer,
          "a client has an address if its connection has one");
  // As a client may begin the list that proxies append to.
  std::vector<std::string> ignored;
  const auto claimed = client(proxies, peer, "192.0.2.99, " + forwarded_for, traceparent, ignored);
  require(claimed == found || claimed == "192.0.2.99",
          "a claim hides a client only if it is believed itself");

  static const std::regex kTrace("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}");
  const bool is_trace = std::regex_match(traceparent, kTrace);
  require(logs.size() == 2, "there are two lines for a request");
  for (const std::string& line : logs) {
    require((line.find("\"parent_id\":\"") != line.npos) == is_trace,
            "a trace is gone on with if it is one");
    require(!is_trace || (line.find("\"trace_id\":\"" + traceparent.substr(3, 32)) != line.npos &&
                          line.find("\"parent_id\":\"" + traceparent.substr(36, 16)) != line.npos),
            "the trace that is logged is that of the request");
  }
}

bool is_short_number(View text) {
  return !text.empty() && text.size() < 9 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_retry_after(const std::string& milliseconds, const std::string& seconds_or_date,
                       const std::string& error) {
  auto document = Document::parse(error);
  const auto in_body = plugins::gemini::retry_info(document ? Json(document->root()) : Json());
  require(in_body >= 0ns && in_body <= 24h, "no delay is longer than a day");
  const auto wait = retry_after(milliseconds, seconds_or_date, 1'700'000'000s);
  require(wait >= 0ns && wait <= 24h, "no delay is longer than a day");
  const auto is = [wait](std::chrono::nanoseconds time) {
    return wait == std::clamp<std::chrono::nanoseconds>(time, 1ns, 24h);
  };
  if (is_short_number(milliseconds)) {
    require(is(std::chrono::milliseconds(std::stol(milliseconds))),
            "retry-after-ms is a number of milliseconds");
  } else if (milliseconds.empty() && is_short_number(seconds_or_date)) {
    require(is(std::chrono::seconds(std::stol(seconds_or_date))),
            "Retry-After is a number of seconds");
  }
}

}  // namespace
}  // namespace gatehouse

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gatehouse;
  const testing::Harness binds_json;
  std::string rest(reinterpret_cast<const char*>(data), size);
  std::string lines[6];
  for (std::string& line : lines) line = cut(rest, '\n');
  check_client(lines[0], lines[1], lines[2], lines[3]);
  check_retry_after(lines[4], lines[5], rest);
  return 0;
}
