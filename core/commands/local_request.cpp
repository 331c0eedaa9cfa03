#include "core/commands/local_request.h"

#include <algorithm>
#include <iostream>

#include "core/http/client.h"
#include "core/net/connect_locally.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kMaxBody = 16 << 20;

/// The address at which the gateway is reached, or null.
const ListenSettings* reachable(const ServerSettings& server) {
  const auto found =
      std::find_if(server.listen.begin(), server.listen.end(), [](const ListenSettings& listen) {
        return listen.systemd.empty() && !listen.proxy_protocol;
      });
  return found == server.listen.end() ? nullptr : &*found;
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
  const ListenSettings* const listen = reachable(server);
  if (!listen) {
    return Error{Error::unreachable,
                 "this command needs an address that is not one of systemd and has no "
                 "proxy_protocol: add one such as unix:/run/gatehouse/local.sock to `listen`"};
  }
  const auto at_address = [&](const Error& e) {
    return Error{e.kind, listen->name() + ": " + e.detail};
  };
  // A Host that every gateway accepts.
  HttpClient::Options options{"http://localhost", patience, patience, patience};
  const Endpoint endpoint{listen->host, listen->port, !listen->certificates.empty()};
  options.dial = [&](Waiter& waiter, Clock::time_point until) {
    return connect_locally(endpoint, listen->path, waiter, until);
  };
  HttpClient client(std::move(options));
  Waiter waiter(-1, -1, Clock::now() + patience, [] { return Clock::time_point::max(); });
  const std::string authorization = "Bearer " + token;
  HttpClient::Request request{method, path, {}, {}};
  if (!token.empty()) request.headers.emplace_back("Authorization", authorization);
  const auto response = client.send(request, waiter);
  if (!response) {
    const bool is_late = response.error().kind == Error::cancelled;
    return at_address(is_late ? Error{Error::timeout, "no response in time"} : response.error());
  }
  auto body = read(**response);
  return body ? body : at_address(body.error());
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
