#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <thread>

#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/net/loop.h"
#include "tests/core/request.h"

namespace gatehouse::core {
namespace {

constexpr std::int64_t kMinute = 60'000'000'000;
constexpr std::int64_t kNoDeadline = Clock::time_point::max().time_since_epoch().count();

const gh_host* created = nullptr;  // the host of the instance that was created last

const gh_plugin& plugin() {
  static gh_plugin p{};
  p.create = [](const gh_host* h, const gh_json*, void**) -> gh_status {
    created = h;
    return GH_OK;
  };
  p.destroy = [](void*) {};
  return p;
}

/// Tasks of a request, on a fiber or on a thread.
class WaitTableTest : public testing::TestWithParam<bool> {
 protected:
  using Work = std::function<void(gh_exchange*)>;

  void run(const std::function<void()>& request) {
    if (!GetParam()) return request();
    Loop loop;
    loop.start(request);
    loop.stop();
    loop.run();
  }
  gh_task* start(Exchange& x, Work& work, std::int64_t deadline = kNoDeadline) {
    const auto call = [](void* self, gh_exchange* own) { (*static_cast<Work*>(self))(own); };
    return api_.start(host_, &x, deadline, call, &work);
  }
  gh_status wait(gh_waker* waker, gh_exchange* x) const {
    return api_.wait(waker, x, nullptr, 0, kMinute);
  }

  const gh_wait_api& api_ = wait_table();

 private:
  static void problem(std::string_view, std::string_view text) { ADD_FAILURE() << text; }

  Log log_{LogSettings{"error", ""}};
  Gateway gateway_{log_, StoreSettings{{}, 1 << 20}};
  std::vector<Route> routes_;
  OfferedModels models_;
  std::vector<Around> around_;
  std::vector<FailureForm> failure_forms_;
  const Instance instance_{plugin(),
                           "owner",
                           "{}",
                           {gateway_, {}, nullptr},
                           {routes_, routes_, around_, failure_forms_, models_, problem, problem}};
  const gh_host* const host_ = created;
};

INSTANTIATE_TEST_SUITE_P(OnAFiberAndOnAThread, WaitTableTest, testing::Bool());

TEST_P(WaitTableTest, TasksWaitForEachOtherWhateverTheyAreJoinedIn) {
  run([&] {
    Request r;
    gh_waker* const waker = api_.make(nullptr);
    gh_status woken = GH_ABSENT;
    Work waits = [&](gh_exchange* own) { woken = wait(waker, own); };
    Work wakes = [&](gh_exchange*) { api_.wake(waker); };
    gh_task* const first = start(r.x, waits);
    gh_task* const second = start(r.x, wakes);
    EXPECT_EQ(api_.join(first, &r.x), GH_OK);
    EXPECT_EQ(api_.join(second, &r.x), GH_OK);
    EXPECT_EQ(woken, GH_OK);
    api_.drop(waker);
  });
}

TEST_P(WaitTableTest, TheTasksOfAFiberStayOnItsThread) {
  run([&] {
    Request r;
    std::thread::id its;
    Work work = [&](gh_exchange*) { its = std::this_thread::get_id(); };
    EXPECT_EQ(api_.join(start(r.x, work), &r.x), GH_OK);
    EXPECT_EQ(its == std::this_thread::get_id(), GetParam());
  });
}

TEST_P(WaitTableTest, AClientThatLeavesEndsTheTask) {
  run([&] {
    Request r;
    gh_waker* const waker = api_.make(nullptr);
    gh_status ended = GH_OK;
    Work waits = [&](gh_exchange* own) { ended = wait(waker, own); };
    gh_task* const task = start(r.x, waits);
    r.end.leave();
    EXPECT_EQ(api_.join(task, &r.x), GH_STOP);
    EXPECT_EQ(ended, GH_CANCELLED);
    api_.drop(waker);
  });
}

TEST_P(WaitTableTest, ATaskEndsAtItsOwnDeadline) {
  run([&] {
    Request r;
    gh_waker* const waker = api_.make(nullptr);
    gh_status ended = GH_OK;
    Work waits = [&](gh_exchange* own) { ended = wait(waker, own); };
    gh_task* const task = start(r.x, waits, Clock::now().time_since_epoch().count());
    EXPECT_EQ(api_.join(task, &r.x), GH_OK);
    EXPECT_EQ(ended, GH_CANCELLED);
    api_.drop(waker);
  });
}

TEST_P(WaitTableTest, ATaskThatThrowsFailsTheRequest) {
  run([&] {
    Request r;
    Work fails = [](gh_exchange*) { throw std::runtime_error("no luck today"); };
    EXPECT_EQ(api_.join(start(r.x, fails), &r.x), GH_FAILED);
    EXPECT_EQ(r.x.failure()->code, "plugin_error");
  });
}

TEST_P(WaitTableTest, TasksHaveTasks) {
  run([&] {
    constexpr int kDeep = 50;
    Request r;
    int depth = 0, ended = 0;
    Work deeper = [&](gh_exchange* own) {
      if (++depth < kDeep) {
        EXPECT_EQ(api_.join(start(Exchange::of(own), deeper), own), GH_OK);
      }
      ++ended;
    };
    EXPECT_EQ(api_.join(start(r.x, deeper), &r.x), GH_OK);
    EXPECT_EQ(ended, kDeep);
  });
}

}  // namespace
}  // namespace gatehouse::core
