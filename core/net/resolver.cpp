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

#include "core/http/grammar.h"
#include "core/net/event_fd.h"

namespace gatehouse::core {
namespace {

constexpr auto kKeep = std::chrono::seconds(60);

struct LookUp {
  EventFd done;                        // readable when it has ended
  std::atomic<bool> has_ended{false};  // then the rest is constant
  std::vector<Poco::Net::IPAddress> addresses;
  const char* error = "";
  Clock::time_point end;

  bool is_good() const { return !has_ended || (!addresses.empty() && Clock::now() < end + kKeep); }

  void run(const std::string& host) {
    try {
      error = ask(host);
    } catch (const std::exception&) {
      error = "no memory";
    }
    end = Clock::now();
    has_ended = true;
    done.signal();
  }

 private:
  /// Empty, or why there are none.
  const char* ask(const std::string& host) {
    if (is_localhost(host)) {  // whatever the hosts file lists, and whether or not this machine has
                               // an IPv6 address for the outside
      addresses = {Poco::Net::IPAddress("::1"), Poco::Net::IPAddress("127.0.0.1")};
      return "";
    }
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found))
      return ::gai_strerror(failed);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, ::freeaddrinfo);
    for (const addrinfo* a = found; a; a = a->ai_next) {
      const auto address = Poco::Net::SocketAddress(a->ai_addr, a->ai_addrlen).host();
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
        addresses.push_back(address);
    }
    return "";
  }
};

struct Known {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<LookUp>>
      hosts;  // guarded by mutex; from the configuration only
};
Known& known() {
  static Known known;
  return known;
}

/// Throws std::system_error when there are no more descriptors or threads.
std::shared_ptr<LookUp> look_up(const std::string& host) {
  const std::lock_guard lock(known().mutex);
  auto& entry = known().hosts[host];
  if (!entry || !entry->is_good()) {
    auto started = std::make_shared<LookUp>();
    std::thread([host, started] { started->run(host); }).detach();
    entry = std::move(started);  // only now: one that never began would never end
  }
  return entry;
}

}  // namespace

std::vector<Poco::Net::IPAddress> resolve(const std::string& host, Waiter& waiter,
                                          Clock::time_point until, Wake& wake, std::string& why) {
  wake = Wake::ready;
  if (Poco::Net::IPAddress literal; Poco::Net::IPAddress::tryParse(host, literal)) return {literal};
  std::shared_ptr<LookUp> entry;
  try {
    entry = look_up(host);
  } catch (const std::system_error& e) {
    why = e.what();
    return {};
  }
  wake = waiter.wait(entry->done.fd(), POLLIN, until);
  if (wake != Wake::ready || !entry->has_ended)
    return {};  // waking up alone makes nothing visible that a thread wrote
  why = entry->error;
  return entry->addresses;
}

void forget(const std::string& host) {
  const std::lock_guard lock(known().mutex);
  known().hosts.erase(host);
}

}  // namespace gatehouse::core
