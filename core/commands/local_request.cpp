#include "core/commands/local_request.h"

#include <iostream>

#include "core/http/client.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxBody = 16 << 20;

/// Where this machine reaches an address at which the gateway listens. Empty: none of them takes
/// plain HTTP over TCP.
std::string url_of(const ServerSettings& server) {
  for (const ListenSettings& listen : server.listen) {
    if (listen.host.empty() || !listen.certificates.empty() || listen.proxy_protocol) continue;
    std::string host = listen.host;
    if (host == "0.0.0.0") host = "127.0.0.1";
    if (host == "::") host = "::1";
    if (host.find(':') != host.npos) host = '[' + host + ']';
    return "http://" + host + ':' + std::to_string(listen.port);
  }
  return {};
}

Result<LocalResponse> read(HttpResponse& response) {
  LocalResponse out{response.status(), {}};
  for (;;) {
    const auto piece = response.read();
    if (!piece) return piece.error();
    if (piece->empty()) return out;
    out.body.append(*piece);
    if (out.body.size() > kMaxBody) return Error{Error::too_large, "the response is too large"};
  }
}

}  // namespace

Result<LocalResponse> send_locally(const ServerSettings& server, std::string_view method,
                                   std::string_view path, const std::string& token,
                                   Clock::duration patience) {
  const std::string url = url_of(server);
  if (url.empty()) {
    return Error{Error::unreachable,
                 "this command needs an address without TLS and proxy_protocol: add one such as "
                 "127.0.0.1:3002 to `listen`"};
  }
  const auto at_url = [&](const Error& e) { return Error{e.kind, url + ": " + e.detail}; };
  HttpClient client({url, patience, patience, patience});
  Waiter waiter(-1, -1, Clock::now() + patience, [] { return Clock::time_point::max(); });
  const std::string authorization = "Bearer " + token;
  HttpClient::Request request{method, path, {}, {}};
  if (!token.empty()) request.headers.emplace_back("Authorization", authorization);
  const auto response = client.send(request, waiter);
  if (!response) {
    const bool is_late = response.error().kind == Error::cancelled;
    return at_url(is_late ? Error{Error::timeout, "no response in time"} : response.error());
  }
  auto body = read(**response);
  return body ? body : at_url(body.error());
}

std::optional<LocalResponse> send_to_admin(const std::string& file, std::string_view method,
                                           std::string_view path, Clock::duration patience) {
  Problems problems;
  const auto config = Config::load(file, problems);
  // Other problems do not matter here: the gateway's variables may not be set in this shell.
  if (!config || config->admin.token.empty()) {
    std::cerr << problems;
    if (config && problems.empty())
      std::cerr << file << ": this command needs the admin address: set `admin.token`\n";
    return std::nullopt;
  }
  auto response = send_locally(config->admin.server, method, path, config->admin.token, patience);
  if (response && response->status != 401) return *std::move(response);
  std::cerr << "gatehouse: "
            << (response ? "the gateway has another admin token than " + file
                         : response.error().detail + ": is the gateway running?")
            << '\n';
  return std::nullopt;
}

}  // namespace gatehouse::core
