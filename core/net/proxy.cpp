#include "core/net/proxy.h"

#include <Poco/Net/IPAddress.h>

#include <algorithm>
#include <string_view>

#include "core/net/connect.h"
#include "core/net/io.h"
#include "core/net/resolver.h"
#include "core/text/number.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

using Poco::Net::IPAddress;
using Poco::Net::StreamSocket;

constexpr std::size_t kMaxHead = 16 << 10;

/// As in a Host header: IPv6 in brackets.
std::string authority_of(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != host.npos;
  return (is_v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

/// Reads the head of the response, and not a byte of what follows: the server behind the proxy
/// sends nothing before the client does.
Result<std::string> read_head(StreamSocket& socket, Waiter& waiter, Clock::time_point until) {
  std::string head;
  while (head.find("\r\n\r\n") == head.npos) {
    const auto read = read_some(socket, waiter, until);
    if (!read) return read.error();
    head.append(*read);
    if (read->empty() || head.size() > kMaxHead)
      return Error{Error::broken, "no valid response to CONNECT"};
  }
  return head;
}

/// The status of "HTTP/1.1 200 Connection established"; 0: it is not HTTP.
int status_of(std::string_view head) {
  if (!head.starts_with("HTTP/1.") || head.size() < 12) return 0;
  return parse_number<int>(head.substr(9, 3)).value_or(0);
}

/// What is wrong with the proxy, and not with the server behind it.
Error of_proxy(const Error& error, const Proxy& proxy) {
  const auto kind = error.kind == Error::timeout ? Error::connect_timeout : Error::unreachable;
  const bool is_of_request = error.kind == Error::gone || error.kind == Error::cancelled;
  return is_of_request ? error : Error{kind, "the proxy " + proxy.name() + ": " + error.detail};
}

/// `network`: 10.0.0.0/8.
bool is_in(const IPAddress& address, const std::string& network) {
  const auto slash = std::min(network.find('/'), network.size() - 1);
  const auto bits = parse_number<unsigned>(std::string_view(network).substr(slash + 1));
  IPAddress base;
  if (!IPAddress::tryParse(network.substr(0, slash), base) || !bits) return false;
  if (base.family() != address.family() || *bits > base.length() * 8u) return false;
  const IPAddress mask(*bits, base.family());
  return (address & mask) == (base & mask);
}

bool matches(const std::string& entry, const Endpoint& server) {
  IPAddress address;
  if (IPAddress::tryParse(server.host, address) && is_in(address, entry)) return true;
  std::string_view name = entry;
  const auto colon = name.rfind(':');
  const bool has_port = colon != name.npos && name.find(':') == colon;  // two: an IPv6 address
  if (has_port && name.substr(colon + 1) != std::to_string(server.port)) return false;
  if (has_port) name = name.substr(0, colon);
  if (name == "*" || equals_ignoring_case(name, server.host)) return true;
  if (name.starts_with("*.")) name.remove_prefix(1);
  const std::string domain = (name.starts_with('.') ? "" : ".") + std::string(name);
  const std::size_t size = server.host.size();
  return !name.empty() && size > domain.size() &&
         equals_ignoring_case(std::string_view(server.host).substr(size - domain.size()), domain);
}

}  // namespace

std::string Proxy::name() const { return authority_of(host, port); }

Error refusal(const Proxy& proxy, const std::string& target, int status) {
  const std::string text = "the proxy " + proxy.name() + " responded with " +
                           std::to_string(status) + " to a request for " + target;
  if (status >= 500) return {Error::unreachable, text};
  return {Error::proxy_refused,
          text + (status == 407 ? ": set its user and password in `upstream.proxy`"
                                : ": allow that in the proxy, or add it to `upstream.no_proxy`")};
}

Result<void> open_tunnel(StreamSocket& socket, const Proxy& proxy, const Endpoint& server,
                         Waiter& waiter, Clock::time_point until) {
  const std::string target = authority_of(server.host, server.port);
  std::string request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!proxy.authorization.empty())
    request += "Proxy-Authorization: " + proxy.authorization + "\r\n";
  if (const auto sent = write_all(socket, request + "\r\n", waiter, until - Clock::now()); !sent)
    return of_proxy(sent.error(), proxy);
  const auto head = read_head(socket, waiter, until);
  if (!head) return of_proxy(head.error(), proxy);
  const int status = status_of(*head);
  if (status / 100 == 2) return {};
  if (status == 0) return of_proxy({Error::broken, "its response is not HTTP"}, proxy);
  return refusal(proxy, target, status);
}

bool is_direct(const Endpoint& server, const std::vector<std::string>& no_proxy) {
  IPAddress address;
  const bool is_loopback = IPAddress::tryParse(server.host, address) && address.isLoopback();
  return is_loopback || is_localhost(server.host) ||
         std::any_of(no_proxy.begin(), no_proxy.end(),
                     [&](const std::string& entry) { return matches(entry, server); });
}

}  // namespace gatehouse::core
