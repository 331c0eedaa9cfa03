//! How a plugin reports errors: it returns them.

use std::fmt;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::text::{nanoseconds, raw};

/// What most functions of a plugin return; `?` passes an error on unchanged.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a request fails, or why a plugin stops working on it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A new failure, made by this plugin.
    Fail(Box<Fail>),
    /// The exchange has the failure: [`Exchange::failure`](crate::Exchange::failure).
    Failed,
    /// The client has gone, or the reader of the events has seen enough: return at once, quietly.
    Stop,
    /// The deadline has passed or the gateway stops: return soon. The client is still connected.
    Cancelled,
    /// The store is down. Do without it or fail, as your settings say: an `Unavailable` that
    /// `handle` returns becomes a 500 `plugin_error`.
    Unavailable,
    /// The gateway rejected a call, such as a value that is too large for the store. When `handle`
    /// returns it, it becomes a 500 `plugin_error`. The number is the `gh_status`.
    Rejected(i32),
}

impl Error {
    /// A status of the host that is not `GH_OK`.
    pub(crate) fn of(status: sys::gh_status) -> Error {
        match status {
            sys::GH_FAILED => Error::Failed,
            sys::GH_STOP => Error::Stop,
            sys::GH_CANCELLED => Error::Cancelled,
            sys::GH_UNAVAILABLE => Error::Unavailable,
            other => Error::Rejected(other),
        }
    }

    /// The failure that this plugin has made, if it has.
    pub fn fail(&self) -> Option<&Fail> {
        match self {
            Error::Fail(fail) => Some(fail),
            _ => None,
        }
    }
}

pub(crate) fn check(status: sys::gh_status) -> Result {
    match status {
        sys::GH_OK => Ok(()),
        other => Err(Error::of(other)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Fail(fail) => fail.fmt(f),
            Error::Failed => f.write_str("the request has failed"),
            Error::Stop => f.write_str("the reader of the response has gone"),
            Error::Cancelled => f.write_str("the deadline has passed or the gateway stops"),
            Error::Unavailable => f.write_str("the store is unavailable"),
            Error::Rejected(status) => write!(f, "the gateway rejected a call: status {}", status),
        }
    }
}

impl std::error::Error for Error {}

impl From<Fail> for Error {
    fn from(fail: Fail) -> Error {
        Error::Fail(Box::new(fail))
    }
}

/// A failure of a request: `return Err(Fail::new(429, "rate_limited", "Slow down.").into())`.
/// Put no key and no prompt into it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fail {
    /// 400 to 599.
    pub http_status: i32,
    /// Stable, snake_case.
    pub code: String,
    /// One sentence for the caller, with the place and the remedy.
    pub message: String,
    /// For the log only. May quote an upstream.
    pub detail: String,
    /// When to send the request again: the `Retry-After` header, in seconds, rounded up. Zero:
    /// unknown.
    pub retry_after: Duration,
    /// The same request may succeed a moment later; only then is a retry useful.
    pub transient: bool,
    /// The upstream is out of order for every caller.
    pub upstream: bool,
    /// Either the upstream is out of order or this request is too much for it.
    pub suspect: bool,
}

impl Fail {
    /// A failure of the request itself or of a setting: a retry is useless.
    pub fn new(http_status: i32, code: impl Into<String>, message: impl Into<String>) -> Fail {
        Fail {
            http_status,
            code: code.into(),
            message: message.into(),
            detail: String::new(),
            retry_after: Duration::ZERO,
            transient: false,
            upstream: false,
            suspect: false,
        }
    }

    /// A fault of the plugin, 500 `plugin_error`: `file.read(…).map_err(Fail::internal)?`.
    pub fn internal(detail: impl fmt::Display) -> Fail {
        Fail::new(500, "plugin_error", "The request could not be processed.")
            .detail(detail.to_string())
    }

    /// Sets [`Fail::detail`].
    pub fn detail(mut self, detail: impl Into<String>) -> Fail {
        self.detail = detail.into();
        self
    }

    /// Sets [`Fail::retry_after`].
    pub fn retry_after(mut self, time: Duration) -> Fail {
        self.retry_after = time;
        self
    }

    /// Sets [`Fail::transient`].
    pub fn transient(mut self) -> Fail {
        self.transient = true;
        self
    }

    /// Sets [`Fail::upstream`].
    pub fn upstream(mut self) -> Fail {
        self.upstream = true;
        self
    }

    /// Sets [`Fail::suspect`].
    pub fn suspect(mut self) -> Fail {
        self.suspect = true;
        self
    }

    /// A view for the host.
    pub(crate) fn raw(&self) -> sys::gh_failure {
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        sys::gh_failure {
            size: std::mem::size_of::<sys::gh_failure>() as u32,
            http_status: self.http_status,
            code: raw(&self.code),
            message: raw(&self.message),
            detail: raw(&self.detail),
            retry_after_ns: nanoseconds(self.retry_after),
            flags: flag(self.transient, sys::GH_FAIL_TRANSIENT)
                | flag(self.upstream, sys::GH_FAIL_UPSTREAM)
                | flag(self.suspect, sys::GH_FAIL_SUSPECT),
            reserved: 0,
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.http_status, self.code, self.message)
    }
}

/// What is wrong with a configuration, and where.
#[derive(Debug)]
pub struct Problem {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Problem {
    /// `pointer`: a JSON pointer (RFC 6901) into the plugin's configuration, such as `/base_url`.
    /// Empty: all of it. The operator sees the message with its file, line and column.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { pointer: pointer.into(), message: message.into() }
    }
}

/// So that `?` works on any error in [`Plugin::new`](crate::Plugin::new).
impl<E: std::error::Error> From<E> for Problem {
    fn from(error: E) -> Problem {
        Problem::new("", error.to_string())
    }
}
