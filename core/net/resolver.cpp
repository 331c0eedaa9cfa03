#include "core/net/resolver.h"

#include <Poco/Net/SocketAddress.h>
#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/net/event_fd.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

constexpr auto kKeep = std::chrono::seconds(60);

/// Throws std::bad_alloc.
Result<Addresses> query(const std::string& host) {
  // Whatever the hosts file lists, and even if this machine has no public IPv6 address.
  if (is_localhost(host))
    return Addresses{Poco::Net::IPAddress("::1"), Poco::Net::IPAddress("127.0.0.1")};
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found))
    return Error{Error::unreachable, host + ": " + ::gai_strerror(failed)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
  Addresses addresses;
  for (const addrinfo* a = found; a; a = a->ai_next) {
    const auto address = Poco::Net::SocketAddress(a->ai_addr, a->ai_addrlen).host();
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  if (addresses.empty()) return Error{Error::unreachable, host + ": the name has no address"};
  return addresses;
}

struct LookUp {
  EventFd done;                        // readable when the look-up has ended
  std::atomic<bool> has_ended{false};  // from then on the rest is constant
  Result<Addresses> result = Error{Error::unreachable, {}};
  Clock::time_point end;

  bool is_good() const { return !has_ended || (result && Clock::now() < end + kKeep); }

  void run(const std::string& host) {
    try {
      result = query(host);
    } catch (const std::exception&) {
      result = Error{Error::unreachable, "out of memory"};
    }
    end = Clock::now();
    has_ended = true;
    done.signal();
  }
};

struct Known {
  std::mutex mutex;
  // Guarded by mutex. The names come from the configuration, so their number is bounded.
  std::map<std::string, std::shared_ptr<LookUp>> hosts;
};
Known& known() {
  static Known known;
  return known;
}

/// Throws std::system_error when no descriptor or thread is left.
std::shared_ptr<LookUp> look_up(const std::string& host) {
  const std::lock_guard lock(known().mutex);
  auto& entry = known().hosts[host];
  if (!entry || !entry->is_good()) {
    auto started = std::make_shared<LookUp>();
    std::thread([host, started] { started->run(host); }).detach();
    entry = std::move(started);  // only now: a look-up that was never started would never end
  }
  return entry;
}

}  // namespace

Result<Addresses> resolve(const std::string& host, Waiter& waiter, Clock::time_point until) {
  if (Poco::Net::IPAddress literal; Poco::Net::IPAddress::tryParse(host, literal))
    return Addresses{literal};
  std::shared_ptr<LookUp> entry;
  try {
    entry = look_up(host);
  } catch (const std::system_error& e) {
    return Error{Error::unreachable, host + ": " + e.what()};
  }
  const Wake wake = waiter.wait(entry->done.fd(), POLLIN, until);
  // The descriptor alone does not make visible what the other thread wrote; the flag does.
  if (wake == Wake::ready && entry->has_ended) return entry->result;
  return as_error(wake, Error::connect_timeout,
                  host + ": the name service did not respond in time");
}

void forget(const std::string& host) {
  const std::lock_guard lock(known().mutex);
  known().hosts.erase(host);
}

bool is_localhost(std::string_view name) {
  constexpr std::string_view kName = "localhost", kEnd = ".localhost";
  return equals_ignoring_case(name, kName) ||
         (name.size() > kEnd.size() &&
          equals_ignoring_case(name.substr(name.size() - kEnd.size()), kEnd));
}

}  // namespace gatehouse::core
