//! Threads that wait for each other, and for descriptors.

use std::ffi::c_void;
use std::os::unix::io::RawFd;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::entry::catch;
use crate::error::{check, Error, Fail, Result};
use crate::exchange::Exchange;
use crate::host::Host;
use crate::text::nanoseconds;

struct Inner {
    api: &'static sys::gh_wait_api,
    waker: *mut sys::gh_waker,
}

// SAFETY: wake() may be called on any thread; wait() is called through the one Waiter.
unsafe impl Send for Inner {}
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        unsafe { (self.api.drop)(self.waker) }
    }
}

/// Ends the waits of its [`Waiter`]. Any thread.
#[derive(Clone)]
pub struct Waker(Arc<Inner>);

impl Waker {
    /// Ends the current wait, or else the next one.
    pub fn wake(&self) {
        unsafe { (self.0.api.wake)(self.0.waker) }
    }
}

/// Waits for another thread, or for descriptors, as the gateway waits: it also returns early when
/// the client has gone or time is up.
pub struct Waiter(Arc<Inner>);

/// A waiter and what wakes it. The failure: no descriptor is left.
pub fn waker(host: Host<'_>) -> Result<(Waiter, Waker)> {
    let api = table(host)?;
    let waker = unsafe { (api.make)(host.raw()) };
    if waker.is_null() {
        return Err(Fail::internal("no file descriptor is left for a waker").into());
    }
    let inner = Arc::new(Inner { api, waker });
    Ok((Waiter(inner.clone()), Waker(inner)))
}

fn table(host: Host<'_>) -> Result<&'static sys::gh_wait_api> {
    let api = unsafe { host.extension(sys::GH_WAIT_1) };
    api.ok_or_else(|| Fail::internal("this gateway does not have gatehouse.wait/1").into())
}

impl Waiter {
    /// False: not woken in time.
    pub fn wait(&mut self, x: &mut Exchange<'_>, time: Duration) -> Result<bool> {
        self.wait_for(x, &mut [], time)
    }

    /// Waits for descriptors of the plugin as well, such as the pipes of a child process: at most
    /// 8, else [`Error::Rejected`].
    pub fn wait_for(
        &mut self,
        x: &mut Exchange<'_>,
        fds: &mut [PollFd],
        time: Duration,
    ) -> Result<bool> {
        let (api, waker) = (self.0.api, self.0.waker);
        let (first, count) = (fds.as_mut_ptr().cast(), fds.len());
        match unsafe { (api.wait)(waker, x.raw(), first, count, nanoseconds(time)) } {
            sys::GH_OK => Ok(true),
            sys::GH_ABSENT => Ok(false),
            other => Err(Error::of(other)),
        }
    }
}

/// A descriptor to wait for, as `pollfd` of poll(2); -1 is left out.
#[repr(transparent)]
pub struct PollFd(sys::gh_fd);

impl PollFd {
    /// `events`: POLLIN, POLLOUT, ...
    pub fn new(fd: RawFd, events: i16) -> PollFd {
        PollFd(sys::gh_fd { fd, events, ready: 0 })
    }

    /// What has happened.
    pub fn ready(&self) -> i16 {
        self.0.ready
    }
}

struct Job<'j, F, T> {
    host: Host<'j>,
    work: Option<F>,
    result: Option<Result<T, String>>, // or the text of its panic
}

unsafe extern "C" fn run<F, T>(data: *mut c_void, x: *mut sys::gh_exchange)
where
    F: FnOnce(&mut Exchange<'_>) -> T + Send,
    T: Send,
{
    let job = &mut *data.cast::<Job<'_, F, T>>();
    let mut x = Exchange::from_raw(x, job.host);
    if let Some(work) = job.work.take() {
        job.result = Some(catch(|| work(&mut x)));
    }
}

/// Calls each closure on a thread of its own, with an exchange that ends with `x` or after `limit`,
/// and returns when all have returned: what they returned, in their order. None: no thread could be
/// started for it. An error: `x` was cancelled meanwhile, or a closure panicked.
pub fn in_parallel<F, T>(
    x: &mut Exchange<'_>,
    limit: Duration,
    work: impl IntoIterator<Item = F>,
) -> Result<Vec<Option<T>>>
where
    F: FnOnce(&mut Exchange<'_>) -> T + Send,
    T: Send,
{
    let host = x.host();
    let api = table(host)?;
    let deadline = nanoseconds(host.now().saturating_add(limit));
    let job = |work| Job { host, work: Some(work), result: None };
    let mut jobs: Vec<Job<'_, F, T>> = work.into_iter().map(job).collect();
    let first = jobs.as_mut_ptr();
    let mut tasks = Vec::with_capacity(jobs.len());
    for index in 0..jobs.len() {
        let data = unsafe { first.add(index).cast() };
        tasks.push(unsafe { (api.start)(host.raw(), x.raw(), deadline, run::<F, T>, data) });
    }
    let mut joined = Ok(());
    for task in tasks.into_iter().filter(|task| !task.is_null()) {
        joined = joined.and(check(unsafe { (api.join)(task, x.raw()) }));
    }
    joined?;
    let result =
        |job: Job<'_, F, T>| job.result.transpose().map_err(|text| Fail::internal(text).into());
    jobs.into_iter().map(result).collect()
}
