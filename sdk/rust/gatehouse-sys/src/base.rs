//! `gatehouse/abi/*.h`: what every plugin needs.

use core::ffi::c_void;

/// Declares types that only the host can look into.
macro_rules! opaque {
    ($($name:ident),*) => {$(
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
        }
    )*};
}
pub(crate) use opaque;

// text.h

pub const GH_ABI_MAJOR: u16 = 1;
pub const GH_ABI_MINOR: u16 = 0;

/// UTF-8 text that is not NUL-terminated; `p` is null where a function documents "absent".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct gh_str {
    pub p: *const u8,
    pub n: usize,
}

pub type gh_status = i32;
pub const GH_OK: gh_status = 0;
pub const GH_STOP: gh_status = 1;
pub const GH_INVALID: gh_status = -1;
pub const GH_ABSENT: gh_status = -2;
pub const GH_FAILED: gh_status = -3;
pub const GH_CANCELLED: gh_status = -4;
pub const GH_UNSUPPORTED: gh_status = -5;
pub const GH_UNAVAILABLE: gh_status = -6;

opaque!(gh_exchange, gh_json);

/// A function of the host that receives text, as [`gh_json_api::dump`] does.
pub type gh_append = unsafe extern "C" fn(to: *mut c_void, text: gh_str);
/// A function of the plugin that the host runs with an exchange.
pub type gh_run = unsafe extern "C" fn(data: *mut c_void, x: *mut gh_exchange);

// json.h

pub const GH_NULL: i32 = 0;
pub const GH_BOOL: i32 = 1;
pub const GH_INT: i32 = 2;
pub const GH_REAL: i32 = 3;
pub const GH_STRING: i32 = 4;
pub const GH_ARRAY: i32 = 5;
pub const GH_OBJECT: i32 = 6;

#[repr(C)]
pub struct gh_json_api {
    pub size: u32,
    pub reserved: u32,
    pub r#type: unsafe extern "C" fn(*const gh_json) -> i32,
    pub get: unsafe extern "C" fn(*const gh_json, key: gh_str) -> *const gh_json,
    pub at: unsafe extern "C" fn(*const gh_json, index: usize) -> *const gh_json,
    pub count: unsafe extern "C" fn(*const gh_json) -> usize,
    pub step: unsafe extern "C" fn(
        container: *const gh_json,
        previous: *const gh_json,
        key: *mut gh_str,
    ) -> *const gh_json,
    pub str: unsafe extern "C" fn(*const gh_json) -> gh_str,
    pub integer: unsafe extern "C" fn(*const gh_json, otherwise: i64) -> i64,
    pub real: unsafe extern "C" fn(*const gh_json, otherwise: f64) -> f64,
    pub boolean: unsafe extern "C" fn(*const gh_json, otherwise: i32) -> i32,
    pub edit: unsafe extern "C" fn(*mut gh_json, key: gh_str) -> *mut gh_json,
    pub push: unsafe extern "C" fn(*mut gh_json) -> *mut gh_json,
    pub erase: unsafe extern "C" fn(container: *mut gh_json, child: *const gh_json) -> gh_status,
    pub set_empty: unsafe extern "C" fn(*mut gh_json, r#type: i32),
    pub set_bool: unsafe extern "C" fn(*mut gh_json, i32),
    pub set_int: unsafe extern "C" fn(*mut gh_json, i64),
    pub set_real: unsafe extern "C" fn(*mut gh_json, f64),
    pub set_str: unsafe extern "C" fn(*mut gh_json, gh_str),
    pub copy: unsafe extern "C" fn(dst: *mut gh_json, src: *const gh_json),
    pub make: unsafe extern "C" fn() -> *mut gh_json,
    pub parse: unsafe extern "C" fn(text: gh_str, error: *mut gh_str) -> *mut gh_json,
    pub dump: unsafe extern "C" fn(*const gh_json, to: *mut c_void, append: gh_append),
    pub drop: unsafe extern "C" fn(root: *mut gh_json),
}

// exchange.h

pub const GH_METHOD: i32 = 0;
pub const GH_PATH: i32 = 1;
pub const GH_QUERY: i32 = 2;
pub const GH_PEER: i32 = 3;
pub const GH_REQUEST_ID: i32 = 4;
pub const GH_CLIENT: i32 = 5;
pub const GH_TRACE: i32 = 6;
pub const GH_ROUTE_PATH: i32 = 7;

pub const GH_FAIL_TRANSIENT: u32 = 1;
pub const GH_FAIL_UPSTREAM: u32 = 2;
pub const GH_FAIL_SUSPECT: u32 = 4;

#[repr(C)]
pub struct gh_failure {
    pub size: u32,
    pub http_status: i32,
    pub code: gh_str,
    pub message: gh_str,
    pub detail: gh_str,
    pub retry_after_ns: i64,
    pub flags: u32,
    pub reserved: u32,
}

#[repr(C)]
pub struct gh_caller {
    pub size: u32,
    pub reserved: u32,
    pub tenant: gh_str,
    pub user: gh_str,
    pub key: gh_str,
}

#[repr(C)]
pub struct gh_exchange_api {
    pub size: u32,
    pub reserved: u32,
    pub field: unsafe extern "C" fn(*const gh_exchange, which: i32) -> gh_str,
    pub route: unsafe extern "C" fn(*const gh_exchange) -> i32,
    pub header: unsafe extern "C" fn(*mut gh_exchange, name: gh_str) -> gh_str,
    pub header_at: unsafe extern "C" fn(
        *const gh_exchange,
        index: usize,
        name: *mut gh_str,
        value: *mut gh_str,
    ) -> gh_status,
    pub body: unsafe extern "C" fn(*mut gh_exchange, out: *mut gh_str) -> gh_status,
    pub json: unsafe extern "C" fn(*mut gh_exchange, out: *mut *mut gh_json) -> gh_status,
    pub chat: unsafe extern "C" fn(*mut gh_exchange, create: i32) -> *mut gh_json,
    pub notes: unsafe extern "C" fn(*mut gh_exchange) -> *mut gh_json,
    pub caller: unsafe extern "C" fn(*const gh_exchange) -> *const gh_caller,
    pub set_caller: unsafe extern "C" fn(*mut gh_exchange, *const gh_caller),
    pub status: unsafe extern "C" fn(*const gh_exchange) -> i32,
    pub set_status: unsafe extern "C" fn(*mut gh_exchange, i32),
    pub set_header:
        unsafe extern "C" fn(*mut gh_exchange, name: gh_str, value: gh_str) -> gh_status,
    pub fail: unsafe extern "C" fn(*mut gh_exchange, *const gh_failure) -> gh_status,
    pub failure: unsafe extern "C" fn(*const gh_exchange) -> *const gh_failure,
    pub committed: unsafe extern "C" fn(*const gh_exchange) -> i32,
    pub cancelled: unsafe extern "C" fn(*const gh_exchange) -> gh_status,
    pub deadline_ns: unsafe extern "C" fn(*const gh_exchange) -> i64,
    pub flush: unsafe extern "C" fn(*mut gh_exchange) -> gh_status,
    pub heartbeat: unsafe extern "C" fn(*mut gh_exchange, bytes: gh_str, interval_ns: i64),
    pub before_wait: unsafe extern "C" fn(
        *mut gh_exchange,
        call: Option<unsafe extern "C" fn(data: *mut c_void)>,
        data: *mut c_void,
    ),
}

// event.h

pub const GH_EV_BYTES: u16 = 1;
pub const GH_EV_STEP_START: u16 = 2;
pub const GH_EV_TEXT: u16 = 3;
pub const GH_EV_REASONING: u16 = 4;
pub const GH_EV_TOOL_INPUT_START: u16 = 5;
pub const GH_EV_TOOL_INPUT_DELTA: u16 = 6;
pub const GH_EV_TOOL_CALL: u16 = 7;
pub const GH_EV_TOOL_CALL_ERROR: u16 = 8;
pub const GH_EV_TOOL_OUTPUT: u16 = 9;
pub const GH_EV_TOOL_OUTPUT_ERROR: u16 = 10;
pub const GH_EV_SOURCE: u16 = 11;
pub const GH_EV_FILE: u16 = 12;
pub const GH_EV_USAGE: u16 = 13;
pub const GH_EV_STEP_FINISH: u16 = 14;
pub const GH_EV_TOOL_APPROVAL: u16 = 15;
pub const GH_EV_TOOL_DENIED: u16 = 16;
pub const GH_EV_DATA: u16 = 17;
pub const GH_EV_RESPONSE: u16 = 18;
pub const GH_EV_WARNING: u16 = 19;
pub const GH_EV_CUSTOM: u16 = 20;

pub const GH_LAST: u16 = 1;
pub const GH_DYNAMIC: u16 = 2;
pub const GH_PROVIDER_EXECUTED: u16 = 4;
pub const GH_PRELIMINARY: u16 = 8;
pub const GH_MUST: u16 = 0x8000;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct gh_event {
    pub kind: u16,
    pub flags: u16,
    pub reserved0: u32,
    pub id: gh_str,
    pub name: gh_str,
    pub text: gh_str,
    pub json: *const gh_json,
    pub metadata: *const gh_json,
    pub reserved: [u64; 4],
}

#[repr(C)]
pub struct gh_sink {
    pub size: u32,
    pub flags: u32,
    pub self_: *mut c_void,
    pub emit: unsafe extern "C" fn(data: *mut c_void, *const gh_event) -> gh_status,
}

#[repr(C)]
pub struct gh_next {
    pub size: u32,
    pub flags: u32,
    pub self_: *mut c_void,
    pub call: unsafe extern "C" fn(
        data: *mut c_void,
        x: *mut gh_exchange,
        out: *const gh_sink,
    ) -> gh_status,
}

// host.h

pub const GH_DEBUG: i32 = 0;
pub const GH_INFO: i32 = 1;
pub const GH_WARN: i32 = 2;
pub const GH_ERROR: i32 = 3;

pub const GH_UP: i32 = 0;
pub const GH_DEGRADED: i32 = 1;
pub const GH_DOWN: i32 = 2;

#[repr(C)]
pub struct gh_host {
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub version: gh_str,
    pub instance: gh_str,
    pub json: *const gh_json_api,
    pub exchange: *const gh_exchange_api,
    pub problem: unsafe extern "C" fn(*const gh_host, pointer: gh_str, message: gh_str),
    pub warning: unsafe extern "C" fn(*const gh_host, pointer: gh_str, message: gh_str),
    pub route: unsafe extern "C" fn(*const gh_host, method: gh_str, path: gh_str) -> i32,
    pub log: unsafe extern "C" fn(
        *const gh_host,
        level: i32,
        or_null: *mut gh_exchange,
        message: gh_str,
        fields_or_null: *const gh_json,
    ),
    pub health: unsafe extern "C" fn(*const gh_host, state: i32, reason: gh_str),
    pub now_ns: unsafe extern "C" fn(*const gh_host) -> i64,
    pub wall_ns: unsafe extern "C" fn(*const gh_host) -> i64,
    pub sleep: unsafe extern "C" fn(*const gh_host, *mut gh_exchange, ns: i64) -> gh_status,
    pub extension: unsafe extern "C" fn(*const gh_host, id: *const u8) -> *const c_void,
    pub exposed: i32,
    pub reserved: i32,
    pub logs: unsafe extern "C" fn(*const gh_host, level: i32) -> i32,
    pub log_text: unsafe extern "C" fn(
        *const gh_host,
        level: i32,
        or_null: *mut gh_exchange,
        message: gh_str,
        fields: gh_str,
    ),
}

// plugin.h

pub const GH_MAGIC: u32 = 0x3150_4847; // "GHP1"

pub const GH_PLUGIN_CHAT: u32 = 1;
pub const GH_PLUGIN_INGRESS: u32 = 2;
pub const GH_PLUGIN_PROVIDER: u32 = 4;
pub const GH_PLUGIN_HEAD: u32 = 8;
pub const GH_PLUGIN_GUARD: u32 = 16;
pub const GH_PLUGIN_PROBES: u32 = 32;
pub const GH_PLUGIN_BLOCKS: u32 = 64;
pub const GH_PLUGIN_UNLOADS: u32 = 128;
pub const GH_PLUGIN_ROUTES: u32 = 256;

/// The texts are NUL-terminated.
#[repr(C)]
pub struct gh_plugin {
    pub magic: u32,
    pub size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub abi_needs: u16,
    pub reserved: u16,
    pub flags: u32,
    pub reserved1: u32,
    pub name: *const u8,
    pub version: *const u8,
    pub summary: *const u8,
    pub config_schema: *const u8,
    pub note: *const u8,
    pub create: unsafe extern "C" fn(
        host: *const gh_host,
        config: *const gh_json,
        plugin: *mut *mut c_void,
    ) -> gh_status,
    pub handle: unsafe extern "C" fn(
        plugin: *mut c_void,
        x: *mut gh_exchange,
        out: *const gh_sink,
        next: *const gh_next,
    ) -> gh_status,
    pub adopt: Option<unsafe extern "C" fn(plugin: *mut c_void, older: *mut c_void) -> gh_status>,
    pub destroy: unsafe extern "C" fn(plugin: *mut c_void),
    pub refused: Option<gh_run>,
    pub save: Option<
        unsafe extern "C" fn(plugin: *mut c_void, keep: gh_append, to: *mut c_void) -> gh_status,
    >,
    pub restore: Option<unsafe extern "C" fn(plugin: *mut c_void, bytes: gh_str) -> gh_status>,
}

// SAFETY: constants, and pointers to constants, of the plugin.
unsafe impl Sync for gh_plugin {}
