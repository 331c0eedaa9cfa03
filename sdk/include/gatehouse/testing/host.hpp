/// gh_host and its extensions: the gateway of gatehouse/testing.hpp, which includes this.
#pragma once

#include <poll.h>
#include <pthread.h>

#include <condition_variable>
#include <thread>

#include "gatehouse/testing/exchange.hpp"
#include "gatehouse/testing/http.hpp"
#include "gatehouse/testing/sha256.hpp"

namespace gatehouse::testing {
namespace fake {

/// gatehouse.store/1
struct StoreFake {
  using Nanoseconds = std::chrono::nanoseconds;

  /// Calls f(harness) with the lock held, unless the store is down.
  template <class F>
  static gh_status in(const gh_host* host, F f) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    return h.store_down ? gh_status{GH_UNAVAILABLE} : f(h);
  }
  static bool is_time(std::int64_t ns) {
    return Nanoseconds(ns) >= std::chrono::milliseconds(1) &&
           Nanoseconds(ns) <= std::chrono::hours(366 * 24);
  }

  static bool counts(const Harness& h, const std::string& key) {
    const auto found = h.kept_.find(key);
    return found != h.kept_.end() && found->second.counts;
  }

  static gh_status get(const gh_host* host, gh_exchange*, gh_str key, void* to,
                       void (*append)(void* to, gh_str value)) {
    return in(host, [&](Harness& h) -> gh_status {
      const std::string k(view(key));
      if (h.takes_.count(k) || counts(h, k)) return GH_INVALID;
      const auto found = h.store.find(k);
      if (found == h.store.end()) return GH_ABSENT;
      append(to, raw(found->second));
      return GH_OK;
    });
  }
  static gh_status put(const gh_host* host, gh_exchange*, gh_str key, gh_str value,
                       std::int64_t ttl_ns) {
    return in(host, [&](Harness& h) -> gh_status {
      if (!is_time(ttl_ns)) return GH_INVALID;
      const std::string k(view(key));
      h.takes_.erase(k);
      h.store[k] = view(value);
      h.kept_[k] = {h.now_ + Nanoseconds(ttl_ns), false};
      return GH_OK;
    });
  }
  static gh_status add(const gh_host* host, gh_exchange*, gh_str key, std::int64_t by,
                       std::int64_t ttl_ns, std::int64_t* total) {
    return in(host, [&](Harness& h) -> gh_status {
      const std::string k(view(key));
      if (!is_time(ttl_ns) || h.takes_.count(k)) return GH_INVALID;
      const auto [counter, begins] = h.store.try_emplace(k, "0");
      if (begins) h.kept_[k] = {h.now_ + Nanoseconds(ttl_ns), true};
      if (!counts(h, k)) return GH_INVALID;
      *total = std::stoll(counter->second) + by;
      counter->second = std::to_string(*total);
      return GH_OK;
    });
  }
  static gh_status take(const gh_host* host, gh_exchange*, gh_quota* quotas, std::size_t count) {
    return in(host, [&](Harness& h) { return take_all(h, quotas, count); });
  }
  static gh_status take_here(const gh_host* host, gh_exchange*, gh_quota* quotas,
                             std::size_t count) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    return take_all(h, quotas, count);
  }
  static std::int64_t max_limit(const gh_host* host) { return Harness::of(host).max_limit; }
  /// With the lock held.
  static gh_status take_all(Harness& h, gh_quota* quotas, std::size_t count) {
    bool granted = true;
    for (gh_quota* q = quotas; q != quotas + count; ++q) {
      const std::string key(view(q->key));
      const bool twice =
          std::any_of(quotas, q, [&](const gh_quota& other) { return view(other.key) == key; });
      if (q->limit < 1 || !is_time(q->window_ns) || h.store.count(key) || twice) return GH_INVALID;
      auto& takes = h.takes_[key];
      while (!takes.empty() && takes.front() + Nanoseconds(q->window_ns) <= h.now_)
        takes.pop_front();
      granted = granted && takes.size() < static_cast<std::size_t>(q->limit);
    }
    for (gh_quota* q = quotas; q != quotas + count; ++q) {
      auto& takes = h.takes_[std::string(view(q->key))];
      const auto limit = static_cast<std::size_t>(q->limit);
      const bool refuses = takes.size() >= limit;
      if (granted) takes.push_back(h.now_);
      q->remaining = refuses ? -1 : static_cast<std::int64_t>(limit - takes.size());
      // When refused, those that are over the limit, which may have been higher before, have to go
      // too.
      const auto end = takes.empty()
                           ? h.now_
                           : takes[refuses ? takes.size() - limit : 0] + Nanoseconds(q->window_ns);
      q->reset_ns = (end - h.now_).count();
    }
    return granted ? GH_OK : GH_ABSENT;
  }
  static gh_status erase(const gh_host* host, gh_exchange*, gh_str key) {
    return in(host, [&](Harness& h) -> gh_status {
      erase_if(h, [&](const std::string& k) { return k == view(key); });
      return GH_OK;
    });
  }
  static gh_status clear(const gh_host* host, gh_exchange*, gh_str prefix) {
    return in(host, [&](Harness& h) -> gh_status {
      erase_if(h,
               [&](const std::string& k) { return View(k).substr(0, prefix.n) == view(prefix); });
      return GH_OK;
    });
  }
  template <class F>
  static void erase_if(Harness& h, F is_meant) {
    const auto erase_from = [&](auto& map) {
      for (auto at = map.begin(); at != map.end();)
        at = is_meant(at->first) ? map.erase(at) : std::next(at);
    };
    erase_from(h.store);
    erase_from(h.kept_);
    erase_from(h.takes_);
  }

  static constexpr gh_store_api kTable = {
      sizeof(gh_store_api), 0, get, put, add, take, erase, clear, take_here, max_limit};
};

/// gatehouse.wait/1
struct WaitFake {
  struct Waker {
    explicit Waker(Harness& h) : harness(h) {}
    Harness& harness;
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;  // guarded by mutex
  };
  static constexpr std::size_t kMostFds = 8;
  static Waker& of(gh_waker* w) { return *reinterpret_cast<Waker*>(w); }

  static gh_waker* make(const gh_host* host) {
    return reinterpret_cast<gh_waker*>(new Waker(Harness::of(host)));
  }
  static void wake(gh_waker* raw_waker) {
    Waker& waker = of(raw_waker);
    const std::lock_guard lock(waker.mutex);
    waker.woken = true;
    waker.changed.notify_one();
  }
  static gh_status wait(gh_waker* raw_waker, gh_exchange* x, gh_fd* fds, std::size_t count,
                        std::int64_t ns) {
    Waker& waker = of(raw_waker);
    if (count > kMostFds) return GH_INVALID;
    return wait_for(waker.harness, x, std::chrono::nanoseconds(ns), [&] {
      const bool ready = poll_now(fds, count);
      std::unique_lock lock(waker.mutex);
      const auto glance = ready ? std::chrono::milliseconds(0) : kGlance;
      return (waker.changed.wait_for(lock, glance, [&] { return waker.woken; }) &&
              std::exchange(waker.woken, false)) ||
             ready;
    });
  }
  static bool poll_now(gh_fd* fds, std::size_t count) {
    std::array<pollfd, kMostFds> raw_fds{};
    for (std::size_t i = 0; i < count; ++i) raw_fds[i] = {fds[i].fd, fds[i].events, 0};
    const int ready = ::poll(raw_fds.data(), static_cast<nfds_t>(count), 0);
    for (std::size_t i = 0; i < count; ++i) fds[i].ready = raw_fds[i].revents;
    return ready > 0;
  }
  static void drop(gh_waker* w) { delete &of(w); }

  struct Task {
    Task(Harness& h, std::chrono::nanoseconds deadline, void (*run)(void*, gh_exchange*),
         void* self)
        : exchange(h, request) {
      exchange.deadline = deadline;
      thread = std::thread([this, run, self] {
        run(self, exchange.raw_exchange());
        done = true;
      });
    }
    const Request request = nobody();
    ExchangeFake exchange;
    std::atomic<bool> done{false};
    std::thread thread;
  };
  static gh_task* start(const gh_host* host, gh_exchange* parent, std::int64_t deadline_ns,
                        void (*run)(void*, gh_exchange*), void* self) {
    const auto deadline =
        std::min(ExchangeFake::of(parent).deadline, std::chrono::nanoseconds(deadline_ns));
    return reinterpret_cast<gh_task*>(new Task(Harness::of(host), deadline, run, self));
  }
  static gh_status join(gh_task* raw_task, gh_exchange* parent) {
    const std::unique_ptr<Task> task(reinterpret_cast<Task*>(raw_task));
    gh_status status = ExchangeFake::flush(parent);
    while (status == GH_OK && !task->done) {
      std::this_thread::sleep_for(kGlance);
      status = ExchangeFake::cancelled(parent);
    }
    task->exchange.ends = status != GH_OK;
    task->thread.join();
    return status;
  }

  static constexpr std::chrono::milliseconds kGlance{
      1};  // between two looks at the client and the clock

  /// `ready` waits for kGlance.
  template <class F>
  static gh_status wait_for(Harness& h, gh_exchange* raw_x, std::chrono::nanoseconds time,
                            F ready) {
    static constexpr std::chrono::nanoseconds kLongest =
        std::chrono::seconds(5);  // for real, so that no test hangs
    using Clock = std::chrono::steady_clock;
    ExchangeFake& x = ExchangeFake::of(raw_x);
    if (!x.may_wait()) return GH_CANCELLED;
    const auto end = ExchangeFake::later(h.now(), time);
    for (const auto real_end = Clock::now() + std::min(time, kLongest);;) {
      if (const gh_status s = ExchangeFake::cancelled(raw_x); s != GH_OK) return s;
      if (ready()) return GH_OK;
      if (h.now() < end && Clock::now() < real_end) continue;
      const gh_status s = x.wait_until(end);
      return s == GH_OK ? gh_status{GH_ABSENT} : s;
    }
  }

  static constexpr gh_wait_api kTable = {
      sizeof(gh_wait_api), 0, make, wake, wait, drop, start, join};
};

/// gatehouse.crypto/1
struct CryptoFake {
  static Sha256& of(gh_hash* h) { return *reinterpret_cast<Sha256*>(h); }

  static gh_hash* begin() { return reinterpret_cast<gh_hash*>(new Sha256); }
  static void update(gh_hash* h, gh_str text) { of(h).update(view(text)); }
  static void finish(gh_hash* h, std::uint8_t* digest) {
    write(of(h).finish(), digest);
    delete &of(h);
  }
  static void hmac(gh_str key, gh_str text, std::uint8_t* digest) {
    write(Sha256::hmac(view(key), view(text)), digest);
  }
  static void write(const Digest& from, std::uint8_t* to) {
    std::copy(from.begin(), from.end(), to);
  }

  static constexpr gh_crypto_api kTable = {sizeof(gh_crypto_api), 0, begin, update, finish, hmac};
};

/// gatehouse.status/1
struct StatusFake {
  static void report(const gh_host* host, gh_json* into) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    MutableJson(into).set(parse(h.status).root());
  }
  static void metrics(const gh_host* host, void* to, void (*append)(void* to, gh_str text)) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    for (const auto& [series, value] : h.metrics) {
      std::string line = series + " ";
      dump_real(line, value);
      append(to, raw(line += "\n"));
    }
  }
  static void timing(const gh_host*, const gh_exchange* x, void* to,
                     void (*append)(void* to, gh_str text)) {
    append(to, raw(ExchangeFake::of(x).harness.timing));
  }

  static constexpr gh_status_api kTable = {sizeof(gh_status_api), 0, report, metrics, timing};
};

/// gh_host
struct HostFake {
  static void problem(const gh_host* host, gh_str pointer, gh_str message) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).problems.push_back(
        std::string(view(pointer)).append(": ").append(view(message)));
  }
  static void warning(const gh_host* host, gh_str pointer, gh_str message) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).warnings.push_back(
        std::string(view(pointer)).append(": ").append(view(message)));
  }
  static std::int32_t route(const gh_host* host, gh_str method, gh_str path) {
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).routes.push_back(std::string(view(method)).append(" ").append(view(path)));
    return static_cast<std::int32_t>(Harness::of(host).routes.size() - 1);
  }
  static void log(const gh_host* host, int level, gh_exchange*, gh_str message,
                  const gh_json* fields) {
    static constexpr View kLevels[] = {"debug", "info", "warn", "error"};
    std::string line = std::string(kLevels[level]).append(": ").append(view(message));
    if (fields) line.append(" ").append(Json(fields).dump());
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).logs.push_back(std::move(line));
  }
  static void health(const gh_host* host, int state, gh_str reason) {
    static constexpr View kStates[] = {"up", "degraded", "down"};
    const std::lock_guard lock(Harness::of(host).mutex_);
    Harness::of(host).health =
        std::string(kStates[state]).append(reason.n ? ": " : "").append(view(reason));
  }
  static std::int64_t now_ns(const gh_host* host) { return Harness::of(host).now().count(); }
  static std::int64_t wall_ns(const gh_host* host) {
    constexpr std::chrono::nanoseconds kNewYear2025 = std::chrono::seconds(1735689600);
    return (kNewYear2025 + Harness::of(host).now() - Harness::kStart).count();
  }
  static gh_status sleep(const gh_host* host, gh_exchange* x, std::int64_t ns) {
    Harness& h = Harness::of(host);
    const std::chrono::nanoseconds time(ns);
    {
      const std::lock_guard lock(h.mutex_);
      h.sleeps.push_back(time);
    }
    ExchangeFake& exchange = ExchangeFake::of(x);
    return exchange.may_wait() ? exchange.wait_until(ExchangeFake::later(h.now(), time))
                               : gh_status{GH_CANCELLED};
  }
  static std::int32_t admin_id(std::size_t index) {
    return -2 - static_cast<std::int32_t>(index);
  }  // not that of a route, nor -1
  static std::int32_t admin_route(const gh_host* host, gh_str method, gh_str path, gh_str) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    h.admin_routes.push_back(std::string(view(method)).append(" ").append(view(path)));
    return admin_id(h.admin_routes.size() - 1);
  }
  static void background(const gh_host* host, void (*run)(void*, gh_exchange*), void* self) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    h.tasks_.push_back({run, self});
  }
  static std::int32_t series(const gh_host* host, int kind, gh_str name, gh_str help,
                             const gh_label* labels, std::size_t count) {
    Harness& h = Harness::of(host);
    Harness::Series s{kind, std::string(view(name)), std::to_string(kind).append(view(help)), {}};
    for (const gh_label* label = labels; label != labels + count; ++label) {
      s.family.append(",").append(view(label->name));
      s.labels.append(s.labels.empty() ? "{" : ",").append(view(label->name)).append("=");
      quote(s.labels, view(label->value));
    }
    if (count > 0) s.labels += '}';

    const std::lock_guard lock(h.mutex_);
    for (std::size_t i = 0; i < h.series_.size(); ++i) {
      const Harness::Series& known = h.series_[i];
      if (known.name != s.name) continue;
      if (known.family != s.family) return -1;
      if (known.labels == s.labels) return static_cast<std::int32_t>(i);
    }
    if (is_histogram(kind)) {
      h.metrics[s.name + "_sum" + s.labels] = h.metrics[s.name + "_count" + s.labels] = 0;
    } else {
      h.metrics[s.name + s.labels] = 0;
    }
    h.series_.push_back(std::move(s));
    return static_cast<std::int32_t>(h.series_.size() - 1);
  }
  static bool is_histogram(int kind) { return kind == GH_SECONDS || kind == GH_TOKENS; }
  static void record(const gh_host* host, std::int32_t id, double value) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    if (id < 0) return;
    const Harness::Series& s = h.series_.at(static_cast<std::size_t>(id));
    if (is_histogram(s.kind)) {
      h.metrics[s.name + "_count" + s.labels] += 1;
      h.metrics[s.name + "_sum" + s.labels] += value;
    } else if (s.kind == GH_GAUGE) {
      h.metrics[s.name + s.labels] = value;
    } else {
      h.metrics[s.name + s.labels] += value;
    }
  }
  static gh_json* load(const gh_host* host, gh_str path, gh_str, void* to,
                       void (*problem)(void* to, gh_str line)) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    const auto file = h.files.find(std::string(view(path)));
    gh_str error = raw("no such file");
    gh_json* const root =
        file == h.files.end() ? nullptr : json_api().parse(raw(file->second), &error);
    if (!root) problem(to, raw(std::string(view(path)).append(": ").append(view(error))));
    return root;
  }
  static std::uint64_t stamp(const gh_host* host, gh_str path) {
    Harness& h = Harness::of(host);
    const std::lock_guard lock(h.mutex_);
    const auto file = h.files.find(std::string(view(path)));
    return file == h.files.end() ? 0 : std::hash<std::string>()(file->second) | 1;
  }

  static constexpr gh_admin_api kAdmin = {sizeof(gh_admin_api), 0, admin_route};
  static constexpr gh_background_api kBackground = {sizeof(gh_background_api), 0, background};
  static constexpr gh_metrics_api kMetrics = {sizeof(gh_metrics_api), 0, series, record};
  static constexpr gh_files_api kFiles = {sizeof(gh_files_api), 0, load, stamp};

  static const void* extension(const gh_host*, const char* id) {
    if (View(id) == GH_HTTP_1) return &HttpFake::kTable;
    if (View(id) == GH_STORE_1) return &StoreFake::kTable;
    if (View(id) == GH_WAIT_1) return &WaitFake::kTable;
    if (View(id) == GH_CRYPTO_1) return &CryptoFake::kTable;
    if (View(id) == GH_STATUS_1) return &StatusFake::kTable;
    if (View(id) == GH_ADMIN_1) return &kAdmin;
    if (View(id) == GH_BACKGROUND_1) return &kBackground;
    if (View(id) == GH_METRICS_1) return &kMetrics;
    if (View(id) == GH_FILES_1) return &kFiles;
    if (View(id) == GH_SHARE_1) return &ExchangeFake::kShareTable;
    return nullptr;
  }
};

/// Calls work() as the gateway calls handle(): with a stack of 1 MiB, so that a plugin that needs
/// more fails in its own test. No exception may leave it.
inline void on_request_stack(std::function<void()> work) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr std::size_t kStackBytes = 8 << 20;  // frames are many times as large
#else
  constexpr std::size_t kStackBytes = 1 << 20;
#endif
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread{};
  const auto run = [](void* raw_work) -> void* {
    (*static_cast<std::function<void()>*>(raw_work))();
    return nullptr;
  };
  const int error = pthread_create(&thread, &attributes, run, &work);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category());
  pthread_join(thread, nullptr);
}

}  // namespace fake

// ---- Harness, the rest -------------------------------------------------------------------------

inline Harness::Harness() {
  if (!gatehouse::detail::json) gatehouse::detail::json = &json_api();
  if (!gatehouse::detail::exchange) gatehouse::detail::exchange = &fake::ExchangeFake::kTable;
  static_cast<gh_host&>(host_) = {sizeof(gh_host),
                                  GH_ABI_MAJOR,
                                  GH_ABI_MINOR,
                                  raw("1.0.0"),
                                  raw("test"),
                                  &json_api(),
                                  &fake::ExchangeFake::kTable,
                                  fake::HostFake::problem,
                                  fake::HostFake::warning,
                                  fake::HostFake::route,
                                  fake::HostFake::log,
                                  fake::HostFake::health,
                                  fake::HostFake::now_ns,
                                  fake::HostFake::wall_ns,
                                  fake::HostFake::sleep,
                                  fake::HostFake::extension,
                                  0,
                                  0};
  host_.harness = this;
}

inline Answer Harness::run(Plugin& plugin, const Request& request) {
  fake::ExchangeFake x(*this, request);
  return run(plugin, x);
}

inline Answer Harness::run(Plugin& plugin, fake::ExchangeFake& x) {
  const gh_sink sink{sizeof(gh_sink), 0, &x, fake::ExchangeFake::emit};
  const gh_next rest{sizeof(gh_next), 0, &x, fake::ExchangeFake::call_next};
  gh_status code = GH_OK;
  fake::on_request_stack([&] {
    code = gatehouse::detail::Glue<Plugin>::handle(&plugin, x.raw_exchange(), &sink, &rest);
  });

  Answer a = std::move(x.answer);
  a.code = code;
  if (code != GH_FAILED) a.failure = {0, {}, {}, {}};
  if (code == GH_FAILED && !x.has_begun) {
    a.status = a.failure.http_status ? a.failure.http_status : 500;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(a.failure.retry_after).count();
    if (seconds > 0) a.headers.emplace_back("Retry-After", std::to_string(seconds));
  }
  if (code == GH_CANCELLED && !x.has_begun) a.status = 504;
  static_cast<Recording&>(a) = std::move(x.client);
  a.notes = x.note_document.root().dump();
  return a;
}

inline Answer Harness::admin(Plugin& plugin, std::string method, View path, View body) {
  const Request claimed(method, path);
  const auto route =
      std::find(admin_routes.begin(), admin_routes.end(), claimed.method + " " + claimed.path);
  if (route == admin_routes.end())
    throw std::invalid_argument("no admin route " + claimed.method + " " + claimed.path);

  Request request(std::move(method), std::string("/").append(host().instance()).append(path));
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body;
  fake::ExchangeFake x(*this, request);
  x.admin_route = fake::HostFake::admin_id(static_cast<std::size_t>(route - admin_routes.begin()));
  return run(plugin, x);
}

template <class P>
Answer Harness::refused(P& plugin, const Request& request, Fail why) {
  fake::ExchangeFake x(*this, request);
  (void)x.fail_with(std::move(why));
  gatehouse::detail::Glue<P>::refused(&plugin, x.raw_exchange());
  return std::move(x.answer);
}

inline void Harness::run_background(std::size_t index, std::size_t waits) {
  const Task task = tasks_.at(index);
  const Request nobody = fake::nobody();
  fake::ExchangeFake x(*this, nobody);
  x.waits_left = waits;
  task.run(task.self, x.raw_exchange());
  if (x.answer.failure.code == "plugin_error") throw std::runtime_error(x.answer.failure.detail);
}

}  // namespace gatehouse::testing
