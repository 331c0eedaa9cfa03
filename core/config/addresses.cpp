#include "core/config/addresses.h"

#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>
#include <Poco/URI.h>
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/text/visible.h"

namespace gatehouse::core {
namespace {

bool is_name(const std::string& host) { return !host.empty() && is_visible(host); }

}  // namespace

bool is_host(const std::string& text) {
  return text == "*" ||
         text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]") == text.npos;
}

bool collide(const ListenSettings& a, const ListenSettings& b) {
  if (a.name() == b.name()) return a.port != 0 || a.host.empty();
  const auto address = [](const ListenSettings& l) {
    return l.host == "localhost" ? "127.0.0.1" : l.host;
  };
  const auto is_any = [](const ListenSettings& l) { return l.host == "0.0.0.0" || l.host == "::"; };
  const bool same_port = a.port == b.port && a.port != 0;
  return same_port && (address(a) == address(b) || is_any(a) || is_any(b));
}

bool parse_address(const std::string& text, ListenSettings& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return false;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, out.port);
  if (error != std::errc() || stop != end) return false;

  std::string host = text.substr(0, colon);
  in6_addr address;
  if (!host.empty() && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &address) != 1) return false;
  } else if (host.find_first_not_of("0123456789.") == host.npos) {
    if (inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  } else if (host.find_first_not_of(
                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") != host.npos) {
    return false;
  }
  out.host = host;
  return true;
}

bool parse_proxy(const std::string& text, Proxy& out) {
  try {
    const Poco::URI parsed(text.find("://") == text.npos ? "http://" + text : text);
    const std::string& path = parsed.getPathEtc();
    if (parsed.getScheme() != "http" || (!path.empty() && path != "/")) return false;
    out.host = parsed.getHost();
    out.port = parsed.getPort();
    if (!is_name(out.host)) return false;
    if (parsed.getUserInfo().empty()) return true;
    std::string account;
    Poco::URI::decode(parsed.getUserInfo(), account);
    std::ostringstream base64;
    Poco::Base64Encoder encoder(base64);
    encoder.rdbuf()->setLineLength(0);
    encoder << account;
    encoder.close();
    out.authorization = "Basic " + base64.str();
    return true;
  } catch (const Poco::Exception&) {
    return false;
  }
}

bool parse_redis(const std::string& url, StoreSettings::Redis& out) {
  try {
    const Poco::URI parsed(url);
    out.tls = parsed.getScheme() == "rediss";
    if (!out.tls && parsed.getScheme() != "redis") return false;
    if (!parsed.getRawQuery().empty() || !parsed.getFragment().empty()) return false;
    out.host = parsed.getHost();
    if (!is_name(out.host)) return false;
    if (parsed.getPort() != 0) out.port = parsed.getPort();

    const std::string& account = parsed.getUserInfo();
    const std::size_t colon = std::min(account.find(':'), account.size());
    Poco::URI::decode(account.substr(0, colon), out.user);
    if (colon < account.size()) Poco::URI::decode(account.substr(colon + 1), out.password);

    const std::string& path = parsed.getPath();
    if (path.size() < 2) return true;
    const char* const end = path.data() + path.size();
    const auto [stop, error] = std::from_chars(path.data() + 1, end, out.database);
    return error == std::errc() && stop == end && out.database >= 0;
  } catch (const Poco::Exception&) {
    return false;
  }
}

}  // namespace gatehouse::core
