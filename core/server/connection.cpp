#include "core/server/connection.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/exchange/detached.h"
#include "core/http/grammar.h"
#include "core/json/guarded.h"
#include "core/net/io.h"
#include "core/net/resolver.h"

// The mechanism: before the first request, an Opening may have something to do, such as a TLS
// handshake. Then receive() collects bytes until scan_head() has found the end of a head, or that
// it can never be valid, and parses it; no thread waits for that. Then serve() checks that the
// request is meant for this gateway and runs it, while Response reads its body and writes the
// response. What the client has sent beyond it (pipelining) stays in `input_` as the beginning of
// the next request. Errors that the server itself detects never reach a plugin's handle(): they are
// sent on the spot, and the connection ends.

namespace gatehouse::core {
namespace {

constexpr std::chrono::nanoseconds kRetryBusy = std::chrono::seconds(1);
constexpr std::uint64_t kLargeBody = 1u << 20;  // some 10 ms of computing
constexpr auto kLinger = std::chrono::seconds(5);
constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};
const Failure kUnknownHost{
    421, "misdirected_request",
    "This gateway does not serve the host that the request names: its operator can add it to "
    "server.hosts, or to admin.hosts for the admin address."};
const Failure kNotTls{400, "tls_required",
                      "This address serves HTTPS only: begin the URL with https://."};
const Failure kUnknownMethod{501, "method_not_implemented",
                             "The method of the request is not supported."};

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

/// Protects against DNS rebinding: a page whose own name resolves to this machine could otherwise
/// act as a local client. It cannot make its browser send an IP address, as probes and load
/// balancers do, or a name that always means this machine.
bool serves_host(const ServerSettings& settings, std::string_view host) {
  const std::string_view name = without_port(host);
  const auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
  if (host.empty() || is_address(name) || is_localhost(name)) return true;
  const auto listens_at = [&](const ListenSettings& l) { return is(l.host); };
  if (std::any_of(settings.listen.begin(), settings.listen.end(), listens_at)) return true;
  return std::any_of(settings.hosts.begin(), settings.hosts.end(), [&](const std::string& known) {
    return known == "*" || is(known) || equals_ignoring_case(host, known);
  });
}

bool is_supported(std::string_view method) {
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

/// The sink of the first plugin.
struct Target {
  Response& response;
  const Exchange& x;

  static gh_status emit(void* self, const gh_event* e) {
    const auto& target = *static_cast<Target*>(self);
    if (e->kind != GH_EV_BYTES) return GH_INVALID;  // a chat event above the ingress
    const std::string_view bytes(e->text.p ? e->text.p : "", e->text.n);
    return target.response.send(target.x, bytes, e->flags & GH_LAST);
  }
};

}  // namespace

Connection::Next Connection::receive() {
  if (opening_) {
    if (const Next next = open(); next != Next::run) return next;
  }
  if (input_.empty()) head_began_ = Clock::now();
  if (!take_input()) return Next::close;
  if (lingers_since_) {
    input_.clear();
    return Next::linger;
  }
  return input_.empty() ? Next::wait_for_request : take_head();
}

/// Makes the next request of a head in input_. Next::wait_for_head: it is not complete.
Connection::Next Connection::take_head() {
  scan_ = scan_head(input_, scan_);
  if (!scan_.failure && !scan_.end) return Next::wait_for_head;
  const HeadScan scan = std::exchange(scan_, {});
  next_ = std::make_unique<Arrived>();
  next_->head = input_.substr(scan.begin, scan.failure ? input_.npos : scan.end - scan.begin);
  next_->failure = scan.failure ? scan.failure : next_->parser.parse_head(next_->head);
  if (next_->failure) next_->rough = rough_head(next_->head);
  input_.erase(0, scan.end);
  return Next::run;
}

/// Advances what precedes the first request. Next::run: that is done.
Connection::Next Connection::open() {
  switch (opening_->advance(socket_, peer_)) {
    case Opening::Step::wait_for_input: return Next::wait_for_head;
    case Opening::Step::wait_for_output: return Next::wait_to_write;
    case Opening::Step::failed:
      server_.rejected(opening_->failure(), peer_, opening_->detail());
      return Next::close;
    default:
      lacks_tls_ = opening_->is_plain();
      opening_.reset();
      return Next::run;
  }
}

/// Appends what has arrived to input_. Returns false at its end.
bool Connection::take_input() {
  do {
    const auto read = read_ready(socket_);
    if (!read) return read.error().kind == Error::timeout;
    if (read->empty()) return false;
    input_.append(*read);
  } while (socket_.secure() && socket_.available() > 0);  // what is decrypted causes no event
  return true;
}

const RequestHead& Connection::head() const {
  return next_->failure ? next_->rough : next_->parser.head();
}

bool Connection::has_large_body() const {
  if (const auto length = head().content_length) return *length > kLargeBody;
  return std::any_of(head().fields.begin(), head().fields.end(), [](const Field& field) {
    return equals_ignoring_case(field.name, "Transfer-Encoding");  // of unknown length
  });
}

Connection::Next Connection::serve(const Setup& setup) {
  has_served_ = true;
  if (const auto why = why_rejected(setup)) return reject(*why, setup);
  if (const Next next = run_handler(setup); next != Next::run) return next;
  // A parked connection holds no memory of requests.
  next_.reset();
  if (input_.empty()) {
    input_.shrink_to_fit();
    return Next::wait_for_request;
  }
  head_began_ = Clock::now();
  return take_head();
}

std::optional<Failure> Connection::why_rejected(const Setup& setup) const {
  if (lacks_tls_) return kNotTls;
  if (next_->failure) return next_->failure;
  if (!serves_host(setup.settings, head().host)) return kUnknownHost;
  if (!is_supported(head().method)) return kUnknownMethod;
  return std::nullopt;
}

/// Next::run: the connection can be used again.
Connection::Next Connection::run_handler(const Setup& setup) {
  RequestParser& parser = next_->parser;
  const RequestHead& head = parser.head();
  Response response(socket_, input_, parser, setup.settings, server_);
  Exchange x(head, peer_, response, response.waiter());
  x.set_client_address(client_address(peer_, head.fields, setup.settings.trusted_proxies));
  Target target{response, x};
  const gh_sink sink{sizeof(gh_sink), 0, &target, guarded<Target::emit, GH_UNAVAILABLE>};
  const gh_status status = setup.handler->run(x, sink);
  if (response.finish(x, status, *setup.handler)) return Next::run;
  // Closing with input unread would reset the connection, and the client could lose the response
  // (RFC 9112 9.6).
  return parser.complete() && input_.empty() ? Next::close : linger();
}

Connection::Next Connection::linger() {
  input_.clear();
  lingers_since_ = Clock::now();
  return end_output(socket_) ? Next::linger : Next::close;
}

Clock::time_point Connection::deadline(Next next, const ServerSettings& settings) const {
  switch (next) {
    case Next::linger: return *lingers_since_ + kLinger;
    case Next::wait_for_head:
    case Next::wait_to_write: return head_began_ + settings.head_timeout;
    default: return Clock::now() + (has_served_ ? settings.idle_timeout : settings.head_timeout);
  }
}

/// Tells the handler, and does not wait.
Connection::Next Connection::reject(const Failure& why, const Setup& setup) {
  NoClient client;
  Waiter waiter(-1, -1, Clock::now(), [] { return Clock::time_point::max(); });
  Exchange x(head(), peer_, client, waiter);
  x.set_client_address(client_address(peer_, head().fields, setup.settings.trusted_proxies));
  const auto retry_after = why.http_status == 503 ? kRetryBusy : kRetryBusy.zero();
  (void)x.fail({why.http_status, why.code, why.message, {}, retry_after});
  setup.handler->refused(x);
  const std::string text = error_response(x, *setup.handler);
  std::string_view left = text;
  // Small, and the first on an empty buffer: if it does not fit, this client does not read.
  return write_ready(socket_, left) && left.empty() ? linger() : Next::close;
}

}  // namespace gatehouse::core
