#include "core/http/resolver.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/HostEntry.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace gatehouse::core {
namespace {

constexpr auto kKeep = std::chrono::seconds(60);

struct LookUp {
  const int done = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // readable when it has ended
  std::atomic<bool> has_ended{false};                         // then the rest is constant
  std::vector<Poco::Net::IPAddress> addresses;
  std::string error;
  Clock::time_point end;

  LookUp() {
    if (done < 0) throw std::system_error(errno, std::generic_category());
  }
  LookUp(const LookUp&) = delete;
  LookUp& operator=(const LookUp&) = delete;
  ~LookUp() { ::close(done); }

  bool is_good() const { return !has_ended || (!addresses.empty() && Clock::now() < end + kKeep); }

  void run(const std::string& host) {
    try {
      addresses = Poco::Net::DNS::hostByName(host, Poco::Net::DNS::DNS_HINT_AI_ADDRCONFIG).addresses();
    } catch (const Poco::Exception& e) {
      error = e.displayText();
    }
    end = Clock::now();
    has_ended = true;
    const std::uint64_t one = 1;
    (void)!::write(done, &one, sizeof one);
  }
};

/// Throws std::system_error when there are no more descriptors or threads.
std::shared_ptr<LookUp> look_up(const std::string& host) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<LookUp>> known;  // guarded by mutex; hosts come from the configuration only
  const std::lock_guard lock(mutex);
  auto& entry = known[host];
  if (!entry || !entry->is_good()) {
    auto started = std::make_shared<LookUp>();
    std::thread([host, started] { started->run(host); }).detach();
    entry = std::move(started);  // only now: one that never began would never end
  }
  return entry;
}

}  // namespace

std::vector<Poco::Net::IPAddress> resolve(const std::string& host, Waiter& waiter, Clock::time_point until, Wake& wake, std::string& why) {
  wake = Wake::ready;
  if (Poco::Net::IPAddress literal; Poco::Net::IPAddress::tryParse(host, literal)) return {literal};
  std::shared_ptr<LookUp> entry;
  try {
    entry = look_up(host);
  } catch (const std::system_error& e) {
    why = e.what();
    return {};
  }
  wake = waiter.wait(entry->done, POLLIN, until);
  if (wake != Wake::ready || !entry->has_ended) return {};  // waking up alone makes nothing visible that a thread wrote
  why = entry->error;
  return entry->addresses;
}

}  // namespace gatehouse::core
