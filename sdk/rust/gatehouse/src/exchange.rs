//! One request and its response.

use std::cell::Cell;
use std::marker::PhantomData;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::entry::exchange_api;
use crate::error::{check, Error, Fail, Result};
use crate::event;
use crate::host::{Host, Level, Route};
use crate::json::{JsonMut, Value};
use crate::next::Out;
use crate::text::{bytes, bytes_if_any, duration, nanoseconds, raw, utf8, ABSENT};

/// Who sends a request, as the plugin that authenticated it has established. Empty: unknown.
/// Plugins log these texts, so they are never secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller<'a> {
    /// Whose data it may see: an extension, a team. Separates caches and tools.
    pub tenant: &'a str,
    /// Which user, or installation, of the tenant.
    pub user: &'a str,
    /// The name of the credential, not the credential.
    pub key: &'a str,
}

/// One request and its response. Belongs to one thread. What it returns lives until `handle`
/// returns. Functions that take `&mut self` may wait or set the failure; while they wait, other
/// requests run on the same thread: hold no lock across them.
pub struct Exchange<'x> {
    raw: *mut sys::gh_exchange,
    host: Host<'x>,
    // Invariant, so that no exchange can be swapped for another one.
    lifetime: PhantomData<Cell<&'x ()>>,
}

impl<'x> Exchange<'x> {
    /// # Safety
    /// The exchange lives as long as `'x`, on this thread, and the host too.
    pub(crate) unsafe fn from_raw(raw: *mut sys::gh_exchange, host: Host<'x>) -> Exchange<'x> {
        Exchange { raw, host, lifetime: PhantomData }
    }

    pub(crate) fn raw(&self) -> *mut sys::gh_exchange {
        self.raw
    }

    /// The gateway, for as long as this exchange.
    pub fn host(&self) -> Host<'x> {
        self.host
    }

    // ---- The request

    fn field(&self, which: i32) -> &'x str {
        unsafe { utf8((exchange_api().field)(self.raw, which)) }
    }

    pub fn method(&self) -> &'x str {
        self.field(sys::GH_METHOD)
    }

    /// Without the query; not decoded. Empty when it is not UTF-8.
    pub fn path(&self) -> &'x str {
        self.field(sys::GH_PATH)
    }

    /// Without the question mark. Empty when it is not UTF-8.
    pub fn query(&self) -> &'x str {
        self.field(sys::GH_QUERY)
    }

    /// Address of the connection's other end, without the port.
    pub fn peer(&self) -> &'x str {
        self.field(sys::GH_PEER)
    }

    /// Address of the client, also behind trusted proxies.
    pub fn client(&self) -> &'x str {
        self.field(sys::GH_CLIENT)
    }

    pub fn request_id(&self) -> &'x str {
        self.field(sys::GH_REQUEST_ID)
    }

    /// The `traceparent` header for upstreams that are not called by [`Http`](crate::Http).
    /// A copy, since a plugin that traces requests may replace it.
    pub fn trace(&self) -> String {
        self.field(sys::GH_TRACE).to_string()
    }

    /// Which of the plugin's routes the request takes.
    pub fn route(&self) -> Option<Route> {
        Route::of(unsafe { (exchange_api().route)(self.raw) })
    }

    /// The path of the route that the request takes, of whichever plugin, as it was claimed.
    pub fn route_path(&self) -> &'x str {
        self.field(sys::GH_ROUTE_PATH)
    }

    /// A request header, any case; several of one name are joined by `, `. None: absent, or not
    /// UTF-8.
    pub fn header(&self, name: &str) -> Option<&'x str> {
        let value = unsafe { bytes_if_any((exchange_api().header)(self.raw, raw(name))) };
        value.and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All request headers, in the order received. A value may be of any bytes.
    pub fn headers(&self) -> impl Iterator<Item = (&'x str, &'x [u8])> {
        let x = self.raw;
        (0..).map_while(move |index| {
            let (mut name, mut value) = (ABSENT, ABSENT);
            let status = unsafe { (exchange_api().header_at)(x, index, &mut name, &mut value) };
            (status == sys::GH_OK).then(|| unsafe { (utf8(name), bytes(value)) })
        })
    }

    /// The whole request body; the first call may wait for it. Call it before [`Exchange::json`],
    /// which frees the bytes.
    pub fn body(&mut self) -> Result<&'x [u8]> {
        let mut body = ABSENT;
        check(unsafe { (exchange_api().body)(self.raw, &mut body) })?;
        Ok(unsafe { bytes(body) })
    }

    /// The body as JSON, parsed once for all plugins. Malformed JSON is a failure with 400, another
    /// Content-Type one with 415.
    pub fn json(&mut self) -> Result<JsonMut<'x>> {
        let mut json = std::ptr::null_mut();
        check(unsafe { (exchange_api().json)(self.raw, &mut json) })?;
        Ok(unsafe { JsonMut::from_raw(json) })
    }

    /// The chat document, described in `sdk/README.md`. None: above the ingress plugin.
    pub fn chat(&self) -> Option<JsonMut<'x>> {
        let chat = unsafe { (exchange_api().chat)(self.raw, 0) };
        (!chat.is_null()).then(|| unsafe { JsonMut::from_raw(chat) })
    }

    /// For an ingress plugin: creates the chat document.
    pub fn make_chat(&self) -> JsonMut<'x> {
        unsafe { JsonMut::from_raw((exchange_api().chat)(self.raw, 1)) }
    }

    /// An object that all plugins share and the access log writes: `model`, `finish_reason`, ...
    /// No key and no prompt belongs there.
    pub fn notes(&self) -> JsonMut<'x> {
        unsafe { JsonMut::from_raw((exchange_api().notes)(self.raw)) }
    }

    pub fn caller(&self) -> Caller<'x> {
        unsafe {
            let caller = &*(exchange_api().caller)(self.raw);
            let (tenant, user, key) = (caller.tenant, caller.user, caller.key);
            Caller { tenant: utf8(tenant), user: utf8(user), key: utf8(key) }
        }
    }

    /// For the plugin that authenticates: called once, above all that read it. Copies the texts.
    pub fn set_caller(&self, caller: Caller<'_>) {
        let caller = sys::gh_caller {
            size: std::mem::size_of::<sys::gh_caller>() as u32,
            reserved: 0,
            tenant: raw(caller.tenant),
            user: raw(caller.user),
            key: raw(caller.key),
        };
        unsafe { (exchange_api().set_caller)(self.raw, &caller) }
    }

    // ---- The response

    /// 200 at first.
    pub fn status(&self) -> i32 {
        unsafe { (exchange_api().status)(self.raw) }
    }

    /// Has no effect once the response has begun.
    pub fn set_status(&self, status: i32) {
        unsafe { (exchange_api().set_status)(self.raw, status) }
    }

    /// Replaces a header of the response. False: it is not a legal header, or the head has been
    /// sent.
    pub fn set_header(&self, name: &str, value: &str) -> bool {
        let status = unsafe { (exchange_api().set_header)(self.raw, raw(name), raw(value)) };
        status == sys::GH_OK
    }

    /// False: the head has been sent.
    pub fn remove_header(&self, name: &str) -> bool {
        unsafe { (exchange_api().set_header)(self.raw, raw(name), ABSENT) == sys::GH_OK }
    }

    /// Responds with one whole body.
    pub fn reply(
        &self,
        out: &mut Out<'_>,
        status: i32,
        content_type: &str,
        body: impl AsRef<[u8]>,
    ) -> Result {
        self.set_status(status);
        self.set_header("Content-Type", content_type);
        out.emit(&event::bytes(body.as_ref()).with_flag(event::LAST))
    }

    /// The status has been decided: something of the body was emitted.
    pub fn is_committed(&self) -> bool {
        unsafe { (exchange_api().committed)(self.raw) != 0 }
    }

    /// Sends what was emitted so far. The gateway does so by itself when it waits.
    pub fn flush(&mut self) -> Result {
        check(unsafe { (exchange_api().flush)(self.raw) })
    }

    /// From now on sends these bytes whenever the response has been silent for `interval` while the
    /// gateway waits.
    pub fn heartbeat(&self, bytes: &[u8], interval: Duration) {
        unsafe { (exchange_api().heartbeat)(self.raw, raw(bytes), nanoseconds(interval)) }
    }

    // ---- Its course

    /// A copy of the failure that the gateway or the rest of the pipeline has set. The next
    /// [`Next::call`](crate::Next::call) clears it.
    pub fn failure(&self) -> Option<Fail> {
        let failure = unsafe { (exchange_api().failure)(self.raw).as_ref()? };
        let text = |text| unsafe { String::from_utf8_lossy(bytes(text)).into_owned() };
        Some(Fail {
            http_status: failure.http_status,
            code: text(failure.code),
            message: text(failure.message),
            detail: text(failure.detail),
            retry_after: duration(failure.retry_after_ns),
            transient: failure.flags & sys::GH_FAIL_TRANSIENT != 0,
            upstream: failure.flags & sys::GH_FAIL_UPSTREAM != 0,
            suspect: failure.flags & sys::GH_FAIL_SUSPECT != 0,
        })
    }

    /// [`Error::Stop`]: the client has gone. [`Error::Cancelled`]: the deadline has passed or the
    /// gateway stops.
    pub fn cancelled(&self) -> Result {
        check(unsafe { (exchange_api().cancelled)(self.raw) })
    }

    /// On the clock of [`Host::now`]. None: no deadline.
    pub fn deadline(&self) -> Option<Duration> {
        let deadline = unsafe { (exchange_api().deadline_ns)(self.raw) };
        (deadline != i64::MAX).then(|| duration(deadline))
    }

    /// Waits. Returns early, with an error, as [`Exchange::cancelled`].
    pub fn sleep(&mut self, time: Duration) -> Result {
        self.host.sleep(self.raw, time)
    }

    /// In [`Setup::background`], for a last message to an upstream after [`Error::Cancelled`]: for
    /// `time`, at most 5 s, waits no longer end because the instance does.
    ///
    /// [`Setup::background`]: crate::Setup::background
    pub fn linger(&mut self, time: Duration) {
        let api = unsafe { self.host.extension::<sys::gh_background_api>(sys::GH_BACKGROUND_1) };
        if let Some(api) = api {
            unsafe { (api.linger)(self.raw, nanoseconds(time)) }
        }
    }

    /// Logs with the id of the request: `x.log(Level::Info, "served", &[("bytes", n.into())])`.
    pub fn log(&self, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
        self.host.log_of(self.raw, level, message, fields);
    }

    /// Sets the failure of the exchange, for the host, unless the error is its own.
    pub(crate) fn raise(&mut self, result: Result) -> sys::gh_status {
        let fail = match result {
            Ok(()) => return sys::GH_OK,
            Err(Error::Failed) => return sys::GH_FAILED,
            Err(Error::Stop) => return sys::GH_STOP,
            Err(Error::Cancelled) => return sys::GH_CANCELLED,
            Err(Error::Fail(fail)) => *fail,
            Err(error) => Fail::internal(error),
        };
        unsafe { (exchange_api().fail)(self.raw, &fail.raw()) }
    }
}
