//! The gateway's HTTP client: pooled connections, verified TLS, timeouts, server-sent events.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::size_of;
use std::ptr::null_mut;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::error::{check, Error, Problem, Result};
use crate::exchange::Exchange;
use crate::host::Setup;
use crate::text::{bytes, bytes_if_any, duration, nanoseconds, raw, utf8, ABSENT};

/// The limits of a client.
#[derive(Clone, Copy, Debug)]
pub struct HttpOptions {
    /// For name resolution, connection and TLS.
    pub connect: Duration,
    /// From the request to the first byte of the response.
    pub first_byte: Duration,
    /// Longest silence inside a response.
    pub idle: Duration,
}

/// A client for one origin. Redirects are not followed, and a request is sent once. Any thread.
pub struct Http {
    api: &'static sys::gh_http_api,
    client: *mut sys::gh_http_client,
}

// SAFETY: "A client may be used on many threads at once" (abi/ext/http.h).
unsafe impl Send for Http {}
unsafe impl Sync for Http {}

impl Http {
    /// `base_url`: `http://` or `https://`, from the configuration only, and may have a path; a
    /// wrong one is a problem at `pointer`.
    pub fn new(
        setup: &Setup<'_>,
        base_url: &str,
        options: HttpOptions,
        pointer: &str,
    ) -> Result<Http, Problem> {
        let api = unsafe { setup.required::<sys::gh_http_api>(sys::GH_HTTP_1)? };
        let options = sys::gh_http_options {
            size: size_of::<sys::gh_http_options>() as u32,
            reserved: 0,
            base_url: raw(base_url),
            connect_ns: nanoseconds(options.connect),
            first_byte_ns: nanoseconds(options.first_byte),
            idle_ns: nanoseconds(options.idle),
        };
        let mut error = ABSENT;
        let client = unsafe { (api.open)(setup.raw(), &options, &mut error) };
        if client.is_null() {
            let reason = unsafe { String::from_utf8_lossy(bytes(error)) };
            return Err(Problem::new(pointer, reason));
        }
        Ok(Http { api, client })
    }

    /// Sends, and waits for the head of the response. The failures are 502 `upstream_unreachable`,
    /// 502 `upstream_broken` and 504 `upstream_timeout`. The gateway writes Host, Connection and
    /// the framing of the body itself, and `traceparent` unless the request has it.
    pub fn send<'h, 'x>(
        &'h self,
        x: &mut Exchange<'x>,
        request: &HttpRequest<'_>,
    ) -> Result<HttpResponse<'h, 'x>> {
        let header = |(name, value): &(&str, &str)| sys::gh_http_header {
            name: raw(name),
            value: raw(value),
        };
        let headers: Vec<_> = request.headers.iter().map(header).collect();
        let request = sys::gh_http_request {
            size: size_of::<sys::gh_http_request>() as u32,
            reserved: 0,
            method: raw(request.method),
            path: raw(request.path),
            headers: headers.as_ptr(),
            header_count: headers.len(),
            body: raw(request.body),
            first_byte_ns: nanoseconds(request.first_byte),
            event_ns: nanoseconds(request.event),
        };
        let mut response = null_mut();
        check(unsafe { (self.api.send)(self.client, x.raw(), &request, &mut response) })?;
        Ok(HttpResponse {
            api: self.api,
            raw: response,
            client: PhantomData,
            exchange: PhantomData,
        })
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        unsafe { (self.api.drop)(self.client) }
    }
}

/// A request to an upstream: `HttpRequest { body, ..HttpRequest::new("POST", "/v1/chat") }`.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    pub method: &'a str,
    /// Appended to the path of the base URL.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// In place of that of the options. Zero: that of the options.
    pub first_byte: Duration,
    /// Longest time until the next server-sent event; comments do not count. Zero: any.
    pub event: Duration,
}

impl<'a> HttpRequest<'a> {
    /// Without headers and body.
    pub fn new(method: &'a str, path: &'a str) -> HttpRequest<'a> {
        let zero = Duration::ZERO;
        HttpRequest { method, path, headers: &[], body: &[], first_byte: zero, event: zero }
    }
}

/// A response of an upstream. Dropped before its end, it closes the connection.
pub struct HttpResponse<'h, 'x> {
    api: &'static sys::gh_http_api,
    raw: *mut sys::gh_http_response,
    client: PhantomData<&'h Http>,
    exchange: PhantomData<Cell<&'x ()>>,
}

impl HttpResponse<'_, '_> {
    pub fn status(&self) -> i32 {
        unsafe { (self.api.status)(self.raw) }
    }

    /// Any case; the first of this name. None: absent, or not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = unsafe { bytes_if_any((self.api.header)(self.raw, raw(name))) };
        value.and_then(|value| std::str::from_utf8(value).ok())
    }

    /// All headers, in the order received. A value may be of any bytes.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let (api, response) = (self.api, self.raw);
        (0..).map_while(move |index| {
            let (mut name, mut value) = (ABSENT, ABSENT);
            let status = unsafe { (api.header_at)(response, index, &mut name, &mut value) };
            (status == sys::GH_OK).then(|| unsafe { (utf8(name), bytes(value)) })
        })
    }

    /// Waits for the next piece of the body. None: its proper end. The failures are those of
    /// [`Http::send`].
    pub fn read(&mut self) -> Result<Option<&[u8]>> {
        let mut piece = ABSENT;
        match unsafe { (self.api.read)(self.raw, &mut piece) } {
            sys::GH_OK => Ok(Some(unsafe { bytes(piece) })),
            sys::GH_ABSENT => Ok(None),
            other => Err(Error::of(other)),
        }
    }

    /// The rest of the body, if it has at most `limit` bytes; a longer one is cut there.
    pub fn read_to_end(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.read()? {
            let left = limit - all.len();
            all.extend_from_slice(&piece[..piece.len().min(left)]);
            if all.len() == limit {
                break;
            }
        }
        Ok(all)
    }

    /// Waits for the next server-sent event. None: the proper end of the body. Do not mix with
    /// [`HttpResponse::read`].
    pub fn next_event(&mut self) -> Result<Option<SseEvent<'_>>> {
        let mut event = sys::gh_sse_event {
            size: size_of::<sys::gh_sse_event>() as u32,
            reserved: 0,
            event: ABSENT,
            data: ABSENT,
            id: ABSENT,
            retry_ns: -1,
        };
        match unsafe { (self.api.event)(self.raw, &mut event) } {
            sys::GH_OK => Ok(Some(unsafe {
                SseEvent {
                    event: utf8(event.event),
                    data: bytes(event.data),
                    id: utf8(event.id),
                    retry: (event.retry_ns >= 0).then(|| duration(event.retry_ns)),
                }
            })),
            sys::GH_ABSENT => Ok(None),
            other => Err(Error::of(other)),
        }
    }
}

impl Drop for HttpResponse<'_, '_> {
    fn drop(&mut self) {
        unsafe { (self.api.close)(self.raw) }
    }
}

/// One server-sent event (HTML Living Standard 9.2).
#[derive(Clone, Copy, Debug)]
pub struct SseEvent<'a> {
    pub event: &'a str,
    /// UTF-8, if the upstream obeys the standard.
    pub data: &'a [u8],
    pub id: &'a str,
    /// The reconnection time that the server has sent, if any.
    pub retry: Option<Duration>,
}
