//! A gateway in the same process, for tests of Gatehouse plugins: `gatehouse/testing.h` in Rust.
//!
//! ```ignore
//! #[test]
//! fn stamps_every_response() {
//!     let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, r#"{"value": "x"}"#);
//!     gateway.run(r#"{"target": "/any", "next": [["bytes+last:hi"]]}"#);
//!     assert_eq!(&gateway["/headers/X-Stamp"], "x");
//! }
//! ```
//!
//! Nothing is loaded, nothing goes out, and time stands still unless the plugin waits. The rules
//! that a gateway does not enforce are checked in each test. `gatehouse/testing.h` lists what a
//! request may have and what can be looked up.

use std::ffi::{CStr, CString};
use std::fmt;
use std::ops::Index;
use std::os::raw::{c_char, c_int};

use gatehouse_sys::gh_plugin;

#[repr(C)]
#[allow(non_camel_case_types)]
struct gh_test {
    _private: [u8; 0],
}

#[link(name = "gatehouse_testing")]
extern "C" {
    fn gh_test_open(plugin: *const gh_plugin, config: *const c_char) -> *mut gh_test;
    fn gh_test_run(test: *mut gh_test, request: *const c_char) -> c_int;
    fn gh_test_at(test: *mut gh_test, pointer: *const c_char) -> *const c_char;
    fn gh_test_close(test: *mut gh_test);
}

/// A gateway with one instance of a plugin. One thread.
pub struct Harness {
    raw: *mut gh_test,
}

impl Harness {
    /// `config`: JSON, valid by the plugin's schema, whose defaults are filled in. Panics when it
    /// is not, and when the plugin reports problems.
    pub fn new(plugin: &'static gh_plugin, config: &str) -> Harness {
        Harness::try_new(plugin, config).unwrap_or_else(|problem| panic!("{}", problem))
    }

    /// As [`Harness::new`], for tests of the problems: the error is the first of them, such as
    /// `/limit: must be positive`.
    pub fn try_new(plugin: &'static gh_plugin, config: &str) -> Result<Harness, String> {
        let config = c_string(config);
        let harness = Harness { raw: unsafe { gh_test_open(plugin, config.as_ptr()) } };
        match harness.get("/error") {
            Some(problem) => Err(problem.to_string()),
            None => Ok(harness),
        }
    }

    /// Sends the request, a JSON object. Panics when it is malformed, and when the plugin breaks a
    /// rule.
    pub fn run(&mut self, request: &str) -> &mut Harness {
        let text = c_string(request);
        if unsafe { gh_test_run(self.raw, text.as_ptr()) } != 0 {
            panic!("{}", &self["/error"]);
        }
        self
    }

    /// What is at this JSON pointer: a string as it is, any other value as JSON text. None: absent.
    pub fn get(&self, pointer: &str) -> Option<&str> {
        let pointer = c_string(pointer);
        let found = unsafe { gh_test_at(self.raw, pointer.as_ptr()) };
        if found.is_null() {
            return None;
        }
        Some(unsafe { CStr::from_ptr(found) }.to_str().expect("JSON is UTF-8"))
    }
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("a JSON text has no NUL")
}

/// As [`Harness::get`]; panics when it is absent.
impl Index<&str> for Harness {
    type Output = str;

    fn index(&self, pointer: &str) -> &str {
        self.get(pointer).unwrap_or_else(|| panic!("nothing at {} in {:?}", pointer, self))
    }
}

/// All that can be looked up, as JSON.
impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get("").unwrap_or_default())
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        unsafe { gh_test_close(self.raw) }
    }
}
