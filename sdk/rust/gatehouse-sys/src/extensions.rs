//! `gatehouse/abi/ext/*.h`: one table per extension. The ids are NUL-terminated.

use core::ffi::c_void;

use crate::base::{
    gh_append, gh_exchange, gh_failure, gh_host, gh_json, gh_next, gh_run, gh_sink, gh_status,
    gh_str, opaque,
};

// admin.h

pub const GH_ADMIN_1: &[u8] = b"gatehouse.admin/1\0";

#[repr(C)]
pub struct gh_admin_api {
    pub size: u32,
    pub reserved: u32,
    pub route:
        unsafe extern "C" fn(*const gh_host, method: gh_str, path: gh_str, summary: gh_str) -> i32,
}

// background.h

pub const GH_BACKGROUND_1: &[u8] = b"gatehouse.background/1\0";

#[repr(C)]
pub struct gh_background_api {
    pub size: u32,
    pub reserved: u32,
    pub run: unsafe extern "C" fn(*const gh_host, run: gh_run, data: *mut c_void),
    pub linger: unsafe extern "C" fn(*mut gh_exchange, ns: i64),
}

// client.h

pub const GH_CLIENT_1: &[u8] = b"gatehouse.client/1\0";

#[repr(C)]
pub struct gh_client_api {
    pub size: u32,
    pub reserved: u32,
    pub has_left: unsafe extern "C" fn(*mut gh_exchange) -> i32,
}

// counters.h

pub const GH_COUNTERS_1: &[u8] = b"gatehouse.counters/1\0";

#[repr(C)]
pub struct gh_addition {
    pub key: gh_str,
    pub by: i64,
    pub ttl_ns: i64,
    pub most: i64,
    pub total: i64,
    pub reserved: [u64; 2],
}

#[repr(C)]
pub struct gh_counters_api {
    pub size: u32,
    pub reserved: u32,
    pub add: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        additions: *mut gh_addition,
        count: usize,
    ) -> gh_status,
    pub add_here: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        additions: *mut gh_addition,
        count: usize,
    ) -> gh_status,
}

// crypto.h

pub const GH_CRYPTO_1: &[u8] = b"gatehouse.crypto/1\0";

opaque!(gh_hash);

#[repr(C)]
pub struct gh_crypto_api {
    pub size: u32,
    pub reserved: u32,
    pub begin: unsafe extern "C" fn() -> *mut gh_hash,
    pub update: unsafe extern "C" fn(*mut gh_hash, gh_str),
    pub finish: unsafe extern "C" fn(*mut gh_hash, digest: *mut u8),
    pub hmac: unsafe extern "C" fn(key: gh_str, text: gh_str, digest: *mut u8),
}

// failures.h

pub const GH_FAILURES_1: &[u8] = b"gatehouse.failures/1\0";

#[repr(C)]
pub struct gh_failures_api {
    pub size: u32,
    pub reserved: u32,
    pub render: unsafe extern "C" fn(
        *const gh_host,
        path: gh_str,
        header: gh_str,
        render: unsafe extern "C" fn(
            data: *mut c_void,
            *mut gh_exchange,
            *const gh_failure,
            to: *mut c_void,
            append: gh_append,
        ),
        data: *mut c_void,
    ),
}

// files.h

pub const GH_FILES_1: &[u8] = b"gatehouse.files/1\0";

#[repr(C)]
pub struct gh_files_api {
    pub size: u32,
    pub reserved: u32,
    pub load: unsafe extern "C" fn(
        *const gh_host,
        path: gh_str,
        schema: gh_str,
        to: *mut c_void,
        problem: gh_append,
    ) -> *mut gh_json,
    pub stamp: unsafe extern "C" fn(*const gh_host, path: gh_str) -> u64,
    pub read: unsafe extern "C" fn(
        *const gh_host,
        path: gh_str,
        to: *mut c_void,
        bytes: gh_append,
        problem: gh_append,
    ) -> gh_status,
}

// http.h

pub const GH_HTTP_1: &[u8] = b"gatehouse.http/1\0";

opaque!(gh_http_client, gh_http_response);

#[repr(C)]
pub struct gh_http_options {
    pub size: u32,
    pub reserved: u32,
    pub base_url: gh_str,
    pub connect_ns: i64,
    pub first_byte_ns: i64,
    pub idle_ns: i64,
}

#[repr(C)]
pub struct gh_http_header {
    pub name: gh_str,
    pub value: gh_str,
}

#[repr(C)]
pub struct gh_http_request {
    pub size: u32,
    pub reserved: u32,
    pub method: gh_str,
    pub path: gh_str,
    pub headers: *const gh_http_header,
    pub header_count: usize,
    pub body: gh_str,
    pub first_byte_ns: i64,
    pub event_ns: i64,
}

#[repr(C)]
pub struct gh_sse_event {
    pub size: u32,
    pub reserved: u32,
    pub event: gh_str,
    pub data: gh_str,
    pub id: gh_str,
    pub retry_ns: i64,
}

#[repr(C)]
pub struct gh_http_api {
    pub size: u32,
    pub reserved: u32,
    pub open: unsafe extern "C" fn(
        *const gh_host,
        *const gh_http_options,
        error: *mut gh_str,
    ) -> *mut gh_http_client,
    pub send: unsafe extern "C" fn(
        *mut gh_http_client,
        *mut gh_exchange,
        *const gh_http_request,
        out: *mut *mut gh_http_response,
    ) -> gh_status,
    pub status: unsafe extern "C" fn(*const gh_http_response) -> i32,
    pub header: unsafe extern "C" fn(*const gh_http_response, name: gh_str) -> gh_str,
    pub header_at: unsafe extern "C" fn(
        *const gh_http_response,
        index: usize,
        name: *mut gh_str,
        value: *mut gh_str,
    ) -> gh_status,
    pub read: unsafe extern "C" fn(*mut gh_http_response, piece: *mut gh_str) -> gh_status,
    pub event: unsafe extern "C" fn(*mut gh_http_response, *mut gh_sse_event) -> gh_status,
    pub close: unsafe extern "C" fn(*mut gh_http_response),
    pub drop: unsafe extern "C" fn(*mut gh_http_client),
}

// metrics.h

pub const GH_METRICS_1: &[u8] = b"gatehouse.metrics/1\0";

pub const GH_COUNTER: i32 = 0;
pub const GH_GAUGE: i32 = 1;
pub const GH_SECONDS: i32 = 2;
pub const GH_TOKENS: i32 = 3;

#[repr(C)]
pub struct gh_label {
    pub name: gh_str,
    pub value: gh_str,
}

#[repr(C)]
pub struct gh_metrics_api {
    pub size: u32,
    pub reserved: u32,
    pub series: unsafe extern "C" fn(
        *const gh_host,
        kind: i32,
        name: gh_str,
        help: gh_str,
        labels: *const gh_label,
        count: usize,
    ) -> i32,
    pub record: unsafe extern "C" fn(*const gh_host, series: i32, value: f64),
}

// models.h

pub const GH_MODELS_1: &[u8] = b"gatehouse.models/1\0";

#[repr(C)]
pub struct gh_models_api {
    pub size: u32,
    pub reserved: u32,
    pub offer: unsafe extern "C" fn(*const gh_host, model: gh_str),
    pub offered: unsafe extern "C" fn(*const gh_host, to: *mut c_void, each: gh_append),
    pub lead: unsafe extern "C" fn(*const gh_host, name: gh_str, provider: gh_str, model: gh_str),
}

// openapi.h

pub const GH_OPENAPI_1: &[u8] = b"gatehouse.openapi/1\0";

#[repr(C)]
pub struct gh_openapi_api {
    pub size: u32,
    pub reserved: u32,
    pub describe: unsafe extern "C" fn(*const gh_host, document: gh_str),
    pub document: unsafe extern "C" fn(*const gh_host, to: *mut c_void, append: gh_append),
}

// share.h

pub const GH_SHARE_1: &[u8] = b"gatehouse.share/1\0";

#[repr(C)]
pub struct gh_share_api {
    pub size: u32,
    pub reserved: u32,
    pub outlive: unsafe extern "C" fn(
        *mut gh_exchange,
        wanted: Option<unsafe extern "C" fn(data: *mut c_void) -> i32>,
        data: *mut c_void,
    ),
}

// status.h

pub const GH_STATUS_1: &[u8] = b"gatehouse.status/1\0";

#[repr(C)]
pub struct gh_status_api {
    pub size: u32,
    pub reserved: u32,
    pub report: unsafe extern "C" fn(*const gh_host, into: *mut gh_json),
    pub metrics: unsafe extern "C" fn(*const gh_host, to: *mut c_void, append: gh_append),
    pub timing: unsafe extern "C" fn(
        *const gh_host,
        *const gh_exchange,
        to: *mut c_void,
        append: gh_append,
    ),
}

// store.h

pub const GH_STORE_1: &[u8] = b"gatehouse.store/1\0";

#[repr(C)]
pub struct gh_quota {
    pub key: gh_str,
    pub limit: i64,
    pub window_ns: i64,
    pub cost: i64,
    pub remaining: i64,
    pub reset_ns: i64,
    pub reserved: [u64; 2],
}

#[repr(C)]
pub struct gh_store_api {
    pub size: u32,
    pub reserved: u32,
    pub get: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        key: gh_str,
        to: *mut c_void,
        append: gh_append,
    ) -> gh_status,
    pub put: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        key: gh_str,
        value: gh_str,
        ttl_ns: i64,
    ) -> gh_status,
    pub add: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        key: gh_str,
        by: i64,
        ttl_ns: i64,
        total: *mut i64,
    ) -> gh_status,
    pub take: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        quotas: *mut gh_quota,
        count: usize,
    ) -> gh_status,
    pub erase: unsafe extern "C" fn(*const gh_host, x: *mut gh_exchange, key: gh_str) -> gh_status,
    pub clear:
        unsafe extern "C" fn(*const gh_host, x: *mut gh_exchange, prefix: gh_str) -> gh_status,
    pub take_here: unsafe extern "C" fn(
        *const gh_host,
        x: *mut gh_exchange,
        quotas: *mut gh_quota,
        count: usize,
    ) -> gh_status,
    pub max_limit: unsafe extern "C" fn(*const gh_host) -> i64,
}

// trace.h

pub const GH_TRACE_1: &[u8] = b"gatehouse.trace/1\0";

pub const GH_AROUND_CHATS: i32 = 1;
pub const GH_AROUND_MODELS: i32 = 2;

#[repr(C)]
pub struct gh_trace_api {
    pub size: u32,
    pub reserved: u32,
    pub set: unsafe extern "C" fn(*mut gh_exchange, traceparent: gh_str) -> gh_status,
    pub around: unsafe extern "C" fn(
        *const gh_host,
        place: i32,
        handle: unsafe extern "C" fn(
            data: *mut c_void,
            x: *mut gh_exchange,
            out: *const gh_sink,
            next: *const gh_next,
        ) -> gh_status,
        data: *mut c_void,
    ),
}

// wait.h

pub const GH_WAIT_1: &[u8] = b"gatehouse.wait/1\0";

opaque!(gh_waker, gh_task);

#[repr(C)]
pub struct gh_fd {
    pub fd: i32,
    pub events: i16,
    pub ready: i16,
}

#[repr(C)]
pub struct gh_wait_api {
    pub size: u32,
    pub reserved: u32,
    pub make: unsafe extern "C" fn(*const gh_host) -> *mut gh_waker,
    pub wake: unsafe extern "C" fn(*mut gh_waker),
    pub wait: unsafe extern "C" fn(
        *mut gh_waker,
        *mut gh_exchange,
        fds: *mut gh_fd,
        count: usize,
        ns: i64,
    ) -> gh_status,
    pub drop: unsafe extern "C" fn(*mut gh_waker),
    pub start: unsafe extern "C" fn(
        *const gh_host,
        parent: *mut gh_exchange,
        deadline_ns: i64,
        run: gh_run,
        data: *mut c_void,
    ) -> *mut gh_task,
    pub join: unsafe extern "C" fn(*mut gh_task, parent: *mut gh_exchange) -> gh_status,
}
