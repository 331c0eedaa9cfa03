//! The smaller extensions of the gateway, one type each.

use std::ffi::c_void;

use gatehouse_sys as sys;

use crate::entry::catch;
use crate::error::Problem;
use crate::exchange::Exchange;
use crate::host::{Host, Setup};
use crate::json::Document;
use crate::text::{collect, collect_lines, raw};

// ---- Metrics

/// What a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// Only grows: [`Series::record`] adds. Its name ends in `_total`.
    Counter = sys::GH_COUNTER as isize,
    /// [`Series::record`] sets it.
    Gauge = sys::GH_GAUGE as isize,
    /// A histogram of durations in seconds: 1.25 ms, doubling, to 81.92 s. Its name ends in
    /// `_seconds`.
    Seconds = sys::GH_SECONDS as isize,
    /// A histogram of token counts: 1, times four, to 67108864.
    Tokens = sys::GH_TOKENS as isize,
}

/// One series of `GET /metrics`. Copies are the same series. Any thread.
#[derive(Clone, Copy)]
pub struct Series {
    api: Option<&'static sys::gh_metrics_api>,
    id: i32,
}

impl Series {
    /// Finds or creates the series. A look-up: do it in `new` where the labels are known. `help`,
    /// `kind` and the names of the labels are the same for all series of a name. Label values are
    /// few and never come from a client.
    pub fn new(
        host: Host<'_>,
        kind: SeriesKind,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
    ) -> Series {
        let label =
            |(name, value): &(&str, &str)| sys::gh_label { name: raw(name), value: raw(value) };
        let labels: Vec<_> = labels.iter().map(label).collect();
        let api: Option<&sys::gh_metrics_api> = unsafe { host.extension(sys::GH_METRICS_1) };
        let id = api.map_or(-1, |api| unsafe {
            let (first, count) = (labels.as_ptr(), labels.len());
            (api.series)(host.raw(), kind as i32, raw(name), raw(help), first, count)
        });
        Series { api, id }
    }

    /// Adds to a counter, sets a gauge, counts a value in a histogram.
    pub fn record(&self, host: Host<'_>, value: f64) {
        if let Some(api) = self.api {
            unsafe { (api.record)(host.raw(), self.id, value) }
        }
    }
}

// ---- Files of the operator

/// Files of the operator, at paths relative to the folder of the configuration. Any thread.
#[derive(Clone, Copy)]
pub struct Files(&'static sys::gh_files_api);

impl Files {
    pub fn new(setup: &Setup<'_>) -> Result<Files, Problem> {
        Ok(Files(unsafe { setup.required(sys::GH_FILES_1)? }))
    }

    /// A YAML or JSON file, valid by the JSON Schema, whose defaults are filled in. The error has
    /// one line per mistake, each with file and place.
    pub fn load(&self, host: Host<'_>, path: &str, schema: &str) -> Result<Document, Vec<String>> {
        let mut root = std::ptr::null_mut();
        let problems = collect_lines(|to, problem| unsafe {
            root = (self.0.load)(host.raw(), raw(path), raw(schema), to, problem);
        });
        match root.is_null() {
            true => Err(problems),
            false => Ok(unsafe { Document::from_raw(root) }),
        }
    }

    /// A number that changes whenever that file is replaced or written. None: there is no such
    /// file. Costs a system call.
    pub fn stamp(&self, host: Host<'_>, path: &str) -> Option<u64> {
        let stamp = unsafe { (self.0.stamp)(host.raw(), raw(path)) };
        (stamp != 0).then_some(stamp)
    }
}

// ---- Hashes

/// Hashes, so that a plugin needs no library for them. Any thread.
#[derive(Clone, Copy)]
pub struct Crypto(&'static sys::gh_crypto_api);

impl Crypto {
    pub fn new(setup: &Setup<'_>) -> Result<Crypto, Problem> {
        Ok(Crypto(unsafe { setup.required(sys::GH_CRYPTO_1)? }))
    }

    /// SHA-256 (FIPS 180-4) of the pieces, one after another.
    pub fn sha256(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut digest = [0; 32];
        unsafe {
            let hash = (self.0.begin)();
            pieces.iter().for_each(|piece| (self.0.update)(hash, raw(piece)));
            (self.0.finish)(hash, digest.as_mut_ptr());
        }
        digest
    }

    /// HMAC-SHA-256 (RFC 2104).
    pub fn hmac_sha256(&self, key: &[u8], text: &[u8]) -> [u8; 32] {
        let mut digest = [0; 32];
        unsafe { (self.0.hmac)(raw(key), raw(text), digest.as_mut_ptr()) }
        digest
    }
}

// ---- What the gateway knows about itself

/// What the gateway knows about itself. Any thread.
#[derive(Clone, Copy)]
pub struct GatewayStatus(&'static sys::gh_status_api);

impl GatewayStatus {
    pub fn new(setup: &Setup<'_>) -> Result<GatewayStatus, Problem> {
        Ok(GatewayStatus(unsafe { setup.required(sys::GH_STATUS_1)? }))
    }

    /// The status report, described in `sdk/README.md`.
    pub fn report(&self, host: Host<'_>) -> Document {
        let mut report = Document::new();
        unsafe { (self.0.report)(host.raw(), report.root_mut().raw_mut()) }
        report
    }

    /// All series in the Prometheus text format, version 0.0.4.
    pub fn metrics(&self, host: Host<'_>) -> String {
        let text = collect(|to, append| unsafe { (self.0.metrics)(host.raw(), to, append) });
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The time that each plugin has taken so far, as the value of a Server-Timing header.
    pub fn timing(&self, x: &Exchange<'_>) -> String {
        let host = x.host().raw();
        let text = collect(|to, append| unsafe { (self.0.timing)(host, x.raw(), to, append) });
        String::from_utf8_lossy(&text).into_owned()
    }
}

// ---- The client of a request

/// The client's side of a request. Any thread.
#[derive(Clone, Copy)]
pub struct ClientSide(&'static sys::gh_client_api);

impl ClientSide {
    pub fn new(setup: &Setup<'_>) -> Result<ClientSide, Problem> {
        Ok(ClientSide(unsafe { setup.required(sys::GH_CLIENT_1)? }))
    }

    /// Whether the client has disconnected, also while its response outlives it.
    pub fn has_left(&self, x: &Exchange<'_>) -> bool {
        unsafe { (self.0.has_left)(x.raw()) != 0 }
    }
}

// ---- One response for several requests

/// Lets the response of an exchange outlive its client for others who share it. Any thread.
#[derive(Clone, Copy)]
pub struct Share(&'static sys::gh_share_api);

impl Share {
    pub fn new(setup: &Setup<'_>) -> Result<Share, Problem> {
        Ok(Share(unsafe { setup.required(sys::GH_SHARE_1)? }))
    }

    /// Calls `body`. While `wanted` returns true meanwhile, the client of this exchange neither
    /// slows nor ends it: output is buffered, and after a disconnect only `emit` returns
    /// [`Error::Stop`](crate::Error::Stop). `wanted` is called on this thread.
    pub fn outlive<'x, W: Fn() -> bool, R>(
        &self,
        x: &mut Exchange<'x>,
        wanted: W,
        body: impl FnOnce(&mut Exchange<'x>) -> R,
    ) -> R {
        unsafe extern "C" fn ask<W: Fn() -> bool>(data: *mut c_void) -> i32 {
            let wanted = &*data.cast::<W>();
            catch(wanted).unwrap_or(false).into()
        }
        struct End<'e>(&'e sys::gh_share_api, *mut sys::gh_exchange);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                unsafe { (self.0.outlive)(self.1, None, std::ptr::null_mut()) }
            }
        }
        let data = (&wanted as *const W as *mut W).cast();
        unsafe { (self.0.outlive)(x.raw(), Some(ask::<W>), data) };
        let _end = End(self.0, x.raw());
        body(x)
    }
}
