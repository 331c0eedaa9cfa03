//! Values, counters and quotas that outlive requests and reloads.

use std::marker::PhantomData;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::error::{check, Error, Problem, Result};
use crate::exchange::Exchange;
use crate::host::{Host, Setup};
use crate::text::{collect, duration, nanoseconds, raw};

/// Keys and values shared by all gateways with the same `store`. Keys have at most 4096 bytes of
/// any kind; each instance name has its own. A key is for one thing, a value, a counter or a quota,
/// else [`Error::Rejected`]. [`Error::Unavailable`]: the store is down, within 250 ms. Any thread.
#[derive(Clone, Copy)]
pub struct Store {
    api: &'static sys::gh_store_api,
}

impl Store {
    pub fn new(setup: &Setup<'_>) -> Result<Store, Problem> {
        Ok(Store { api: unsafe { setup.required(sys::GH_STORE_1)? } })
    }

    /// None: no such key.
    pub fn get(&self, x: &mut Exchange<'_>, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
        let host = x.host().raw();
        let mut status = sys::GH_ABSENT;
        let value = collect(|to, append| unsafe {
            status = (self.api.get)(host, x.raw(), raw(&key), to, append);
        });
        match status {
            sys::GH_OK => Ok(Some(value)),
            sys::GH_ABSENT => Ok(None),
            other => Err(Error::of(other)),
        }
    }

    /// `ttl`: 1 ms to 366 days. [`Error::Rejected`]: the value is too large for this store.
    pub fn put(
        &self,
        x: &mut Exchange<'_>,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Duration,
    ) -> Result {
        let (host, key, value) = (x.host().raw(), raw(&key), raw(&value));
        check(unsafe { (self.api.put)(host, x.raw(), key, value, nanoseconds(ttl)) })
    }

    /// Adds to a counter, which starts at 0 and ends `ttl` after its start. Returns the sum.
    pub fn add(
        &self,
        x: &mut Exchange<'_>,
        key: impl AsRef<[u8]>,
        by: i64,
        ttl: Duration,
    ) -> Result<i64> {
        let (host, key, ttl) = (x.host().raw(), raw(&key), nanoseconds(ttl));
        let mut total = 0;
        check(unsafe { (self.api.add)(host, x.raw(), key, by, ttl, &mut total) })?;
        Ok(total)
    }

    /// Takes its cost from each of up to 16 quotas with different keys (true), or nothing from any
    /// (false), and fills in what is left. [`Error::Rejected`]: a cost is above its limit, or a
    /// limit above [`Store::max_limit`].
    pub fn take(&self, x: &mut Exchange<'_>, quotas: &mut [Quota<'_>]) -> Result<bool> {
        let (host, count) = (x.host().raw(), quotas.len());
        granted(unsafe { (self.api.take)(host, x.raw(), quotas.as_mut_ptr().cast(), count) })
    }

    /// As [`Store::take`], counted in this process alone, for when the store is down.
    pub fn take_here(&self, x: &mut Exchange<'_>, quotas: &mut [Quota<'_>]) -> Result<bool> {
        let (host, count) = (x.host().raw(), quotas.len());
        granted(unsafe { (self.api.take_here)(host, x.raw(), quotas.as_mut_ptr().cast(), count) })
    }

    /// The highest limit of a quota that this store can count.
    pub fn max_limit(&self, host: Host<'_>) -> i64 {
        unsafe { (self.api.max_limit)(host.raw()) }
    }

    pub fn erase(&self, x: &mut Exchange<'_>, key: impl AsRef<[u8]>) -> Result {
        check(unsafe { (self.api.erase)(x.host().raw(), x.raw(), raw(&key)) })
    }

    /// Erases all keys of this instance that begin with `prefix`.
    pub fn clear(&self, x: &mut Exchange<'_>, prefix: impl AsRef<[u8]>) -> Result {
        check(unsafe { (self.api.clear)(x.host().raw(), x.raw(), raw(&prefix)) })
    }
}

fn granted(status: sys::gh_status) -> Result<bool> {
    match status {
        sys::GH_OK => Ok(true),
        sys::GH_ABSENT => Ok(false),
        other => Err(Error::of(other)),
    }
}

/// At most `limit` units in any span of `window`.
#[repr(transparent)]
pub struct Quota<'k> {
    raw: sys::gh_quota,
    key: PhantomData<&'k [u8]>,
}

impl<'k> Quota<'k> {
    /// `cost`: the units that a call takes, 1 to `limit`.
    pub fn new(
        key: &'k (impl AsRef<[u8]> + ?Sized),
        limit: i64,
        window: Duration,
        cost: i64,
    ) -> Self {
        let raw = sys::gh_quota {
            key: raw(key),
            limit,
            window_ns: nanoseconds(window),
            cost,
            remaining: 0,
            reset_ns: 0,
            reserved: [0; 2],
        };
        Quota { raw, key: PhantomData }
    }

    /// Units left. None: this quota refused.
    pub fn remaining(&self) -> Option<i64> {
        (self.raw.remaining >= 0).then_some(self.raw.remaining)
    }

    /// Time until the oldest take no longer counts; when refused: until this cost can succeed.
    pub fn reset(&self) -> Duration {
        duration(self.raw.reset_ns)
    }
}

/// Several counters of the store, changed together: to reserve amounts before the work, and to
/// settle after it. The counters are those of [`Store::add`]. Any thread.
#[derive(Clone, Copy)]
pub struct Counters {
    api: &'static sys::gh_counters_api,
}

impl Counters {
    pub fn new(setup: &Setup<'_>) -> Result<Counters, Problem> {
        Ok(Counters { api: unsafe { setup.required(sys::GH_COUNTERS_1)? } })
    }

    /// Adds to each of up to 64 counters with different keys (true), or to none (false): when one
    /// that grows would exceed its `most`. [`Error::Rejected`]: an amount is above 10^15.
    pub fn add(&self, x: &mut Exchange<'_>, additions: &mut [Addition<'_>]) -> Result<bool> {
        let (host, count) = (x.host().raw(), additions.len());
        granted(unsafe { (self.api.add)(host, x.raw(), additions.as_mut_ptr().cast(), count) })
    }

    /// As [`Counters::add`], counted in this process alone, for when the store is down.
    pub fn add_here(&self, x: &mut Exchange<'_>, additions: &mut [Addition<'_>]) -> Result<bool> {
        let (host, count) = (x.host().raw(), additions.len());
        granted(unsafe { (self.api.add_here)(host, x.raw(), additions.as_mut_ptr().cast(), count) })
    }
}

/// An addition to a counter.
#[repr(transparent)]
pub struct Addition<'k> {
    raw: sys::gh_addition,
    key: PhantomData<&'k [u8]>,
}

impl<'k> Addition<'k> {
    /// Below 0, `by` is given back; else the counter must not exceed `most`.
    pub fn new(key: &'k (impl AsRef<[u8]> + ?Sized), by: i64, ttl: Duration, most: i64) -> Self {
        let raw = sys::gh_addition {
            key: raw(key),
            by,
            ttl_ns: nanoseconds(ttl),
            most,
            total: 0,
            reserved: [0; 2],
        };
        Addition { raw, key: PhantomData }
    }

    /// The counter, as the call has left it.
    pub fn total(&self) -> i64 {
        self.raw.total
    }
}
