/// gatehouse.wait/1: requests that wait for each other, and for descriptors.
#ifndef GATEHOUSE_ABI_EXT_WAIT_H
#define GATEHOUSE_ABI_EXT_WAIT_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_WAIT_1 "gatehouse.wait/1"

typedef struct gh_waker gh_waker;
typedef struct gh_task gh_task;

/// A descriptor of the plugin, such as the pipe of a child process, as pollfd in poll(2); -1 is
/// left out.
typedef struct gh_fd {
  int32_t fd;
  int16_t events;
  int16_t ready;  ///< Out.
} gh_fd;

typedef struct gh_wait_api {
  uint32_t size;
  uint32_t reserved;                  ///< 0.
  gh_waker* (*make)(const gh_host*);  ///< Yours: drop() it. NULL: no descriptor is left.
  void (*wake)(gh_waker*);            ///< Any thread. Ends the current wait, or else the next one.
  /// Waits until woken, or until one of up to 8 descriptors is ready; one thread at a time. GH_OK;
  /// GH_ABSENT: not within `ns`; GH_STOP, GH_CANCELLED; GH_INVALID: too many.
  gh_status (*wait)(gh_waker*, gh_exchange*, gh_fd* fds, size_t count, int64_t ns);
  void (*drop)(gh_waker*);
  /// Calls run() beside the caller, on a thread or while it waits, with an exchange of its own,
  /// without client and `out`: cancelled by join(), at `deadline_ns` on the clock of now_ns() or at
  /// the parent's deadline. Must be joined. NULL: out of threads or memory.
  gh_task* (*start)(const gh_host*, gh_exchange* parent, int64_t deadline_ns,
                    void (*run)(void* self, gh_exchange*), void* self);
  /// Returns when run() has returned, and frees the task. On the parent's thread. When the parent
  /// is cancelled meanwhile, so is the task, and this returns the reason: GH_STOP, GH_CANCELLED.
  /// GH_FAILED: an exception left run().
  gh_status (*join)(gh_task*, gh_exchange* parent);
} gh_wait_api;

#ifdef __cplusplus
}
#endif
#endif
