#include "core/server/connection.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/exchange/nobody.h"
#include "core/http/grammar.h"
#include "core/net/io.h"
#include "core/net/resolver.h"

namespace gatehouse::core {
namespace {

constexpr std::size_t kReadSize =
    4 * 1024;  // most requests; a stack page that is touched stays with its thread
constexpr std::chrono::nanoseconds kRetryBusy = std::chrono::seconds(1);
constexpr const char* kUnknownHost =
    "This gateway does not serve the host that the request names: its operator can add it to "
    "server.hosts, or to admin.hosts for the admin address.";
constexpr auto kLinger =
    std::chrono::seconds(5);  // for the rest of a request that is answered already
constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  return colon != host.npos && host.find(']', colon) == host.npos ? host.substr(0, colon) : host;
}

/// As in a Host header: IPv6 in brackets.
bool is_address(std::string_view name) {
  const bool v6 = name.size() > 2 && name.front() == '[' && name.back() == ']';
  if (v6) name = name.substr(1, name.size() - 2);
  in6_addr address;
  return ::inet_pton(v6 ? AF_INET6 : AF_INET, std::string(name).c_str(), &address) == 1;
}

}  // namespace

Connection::Next Connection::receive() {
  char bytes[kReadSize];
  const auto read = read_ready(socket_, bytes, sizeof bytes);
  const bool is_over = read ? *read == 0 : read.error().kind != Error::timeout;
  if (is_over) return Next::close;
  if (lingers_since_) return Next::linger;
  if (input_.empty()) head_began_ = Clock::now();
  if (read) input_.append(bytes, *read);
  if (input_.empty()) return Next::wait_for_request;
  scan_ = scan_head(input_, scan_);
  return scan_.failure || scan_.end ? Next::run : Next::wait_for_head;
}

RequestHead Connection::head() const {
  return rough_head(std::string_view(input_).substr(scan_.begin));
}

Connection::Next Connection::serve(const Setup& setup) {
  if (scan_.failure) return refuse(*scan_.failure, setup);
  if (const Next next = run_one(setup); next != Next::run) return next;

  scan_ = scan_head(input_, scan_);
  if (scan_.failure || scan_.end) return Next::run;
  head_began_ = Clock::now();
  if (!input_.empty()) return Next::wait_for_head;
  input_.shrink_to_fit();  // a parked connection holds no buffer
  return Next::wait_for_request;
}

/// Next::run: the connection goes on.
Connection::Next Connection::run_one(const Setup& setup) {
  const HeadScan scan = std::exchange(scan_, {});
  const std::string head_text = input_.substr(scan.begin, scan.end - scan.begin);
  input_.erase(0, scan.end);
  RequestParser parser;
  if (const auto refused = parser.parse_head(head_text))
    return send_refusal(*refused, head_text, setup);
  const RequestHead& head = parser.head();
  if (!knows(setup.settings, head.host)) {
    return send_refusal({421, "misdirected_request", kUnknownHost}, head_text, setup);
  }
  if (std::find(kMethods.begin(), kMethods.end(), head.method) == kMethods.end()) {
    return send_refusal({501, "method_not_implemented", "The method of the request is not known."},
                        head_text, setup);
  }

  Answer answer(socket_, input_, parser, setup.settings, surroundings_);
  Exchange x(head, peer_, answer, answer.waiter());
  x.set_client_address(client_address(peer_, head.fields, setup.settings.trusted_proxies));
  struct Target {
    Answer& answer;
    Exchange& x;
  } target{answer, x};
  const gh_sink sink{
      sizeof(gh_sink), &target, [](void* self, const gh_event* e) -> gh_status {
        auto& t = *static_cast<Target*>(self);
        if (e->kind != GH_EV_BYTES) return GH_INVALID;  // a chat event above the ingress
        return t.answer.send(t.x, {e->text.p ? e->text.p : "", e->text.n}, e->flags & GH_LAST);
      }};
  const gh_status status = setup.handler->run(x, sink);
  if (answer.finish(x, status)) return Next::run;
  // Closing with input unread would reset the connection and could take the answer with it (RFC
  // 9112 9.6).
  return parser.complete() && input_.empty() ? Next::close : linger();
}

Connection::Next Connection::linger() {
  input_.clear();
  lingers_since_ = Clock::now();
  return ::shutdown(fd(), SHUT_WR) == 0
             ? Next::linger
             : Next::close;  // it fails if the client has reset the connection
}

Clock::time_point Connection::deadline(Next next, const ServerSettings& settings) const {
  switch (next) {
    case Next::linger: return *lingers_since_ + kLinger;
    case Next::wait_for_head: return head_began_ + settings.head_timeout;
    default: return Clock::now() + settings.idle_timeout;
  }
}

Connection::Next Connection::refuse(const Failure& why, const Setup& setup) {
  return send_refusal(why, std::string_view(input_).substr(scan_.begin), setup);
}

Connection::Next Connection::send_refusal(const Failure& why, std::string_view head_text,
                                          const Setup& setup) {
  const RequestHead head = rough_head(head_text);
  Nobody nobody;
  Waiter waiter(-1, -1, Clock::now(), [] { return Clock::time_point::max(); });
  Exchange x(head, peer_, nobody, waiter);
  x.set_client_address(client_address(peer_, head.fields, setup.settings.trusted_proxies));
  (void)x.fail({why.http_status,
                why.code,
                why.message,
                {},
                why.http_status == 503 ? kRetryBusy : kRetryBusy.zero()});
  setup.handler->refused(x);
  const std::string text = refusal(x);
  try {
    // Small and the first on an empty buffer: if it does not fit, this client does not read.
    if (socket_.sendBytes(text.data(), static_cast<int>(text.size()), MSG_NOSIGNAL) !=
        static_cast<int>(text.size()))
      return Next::close;
  } catch (const Poco::Exception&) {
    return Next::close;
  }
  return linger();
}

/// A page whose own name resolves to this machine could otherwise act as an extension (DNS
/// rebinding). Such a page cannot make its browser send an address, which is what probes and load
/// balancers send, or a name that is always this machine's.
bool Connection::knows(const ServerSettings& settings, std::string_view host) {
  const std::string_view name = without_port(host);
  const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
  if (host.empty() || is_address(name) || is_localhost(name) || is(settings.address)) return true;
  return std::any_of(settings.hosts.begin(), settings.hosts.end(), [&](const std::string& known) {
    return known == "*" || is(known) || equals_ignoring_case(host, known);
  });
}

}  // namespace gatehouse::core
