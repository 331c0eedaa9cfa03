//! JSON documents of the gateway: views to read and write, and documents that the plugin owns.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::null;
use std::time::Duration;

use gatehouse_sys as sys;

use crate::entry::json_api;
use crate::text::{bytes, bytes_if_any, collect, parse_duration, parse_size, raw, ABSENT};

/// A JSON value to read: a view, cheap to copy, that lives as long as its document. Look-ups of an
/// absent member give an absent value, so they chain: `config.get("limits").get("requests")`.
///
/// Belongs to one thread. Numbers are `i64` or `f64`, objects keep the order of their members.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    node: *const sys::gh_json,
    document: PhantomData<&'a sys::gh_json>,
}

impl<'a> Json<'a> {
    /// An absent value.
    pub const ABSENT: Json<'static> = Json { node: null(), document: PhantomData };

    /// # Safety
    /// The node is null or lives as long as `'a`.
    pub(crate) unsafe fn from_raw(node: *const sys::gh_json) -> Json<'a> {
        Json { node, document: PhantomData }
    }

    pub(crate) fn raw(self) -> *const sys::gh_json {
        self.node
    }

    fn kind(self) -> i32 {
        unsafe { (json_api().r#type)(self.node) }
    }

    /// A JSON null is present.
    pub fn is_present(self) -> bool {
        !self.node.is_null()
    }

    /// Absent values too.
    pub fn is_null(self) -> bool {
        self.kind() == sys::GH_NULL
    }

    pub fn is_array(self) -> bool {
        self.kind() == sys::GH_ARRAY
    }

    pub fn is_object(self) -> bool {
        self.kind() == sys::GH_OBJECT
    }

    /// The member of an object.
    pub fn get(self, key: &str) -> Json<'a> {
        unsafe { Json::from_raw((json_api().get)(self.node, raw(key))) }
    }

    /// The element of an array. Takes linear time: use [`Json::elements`] in loops.
    pub fn at(self, index: usize) -> Json<'a> {
        unsafe { Json::from_raw((json_api().at)(self.node, index)) }
    }

    /// The number of elements or members.
    pub fn len(self) -> usize {
        unsafe { (json_api().count)(self.node) }
    }

    /// Whether it has neither elements nor members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// None: not a string.
    pub fn as_str(self) -> Option<&'a str> {
        let text = unsafe { bytes_if_any((json_api().str)(self.node)) };
        text.and_then(|text| std::str::from_utf8(text).ok())
    }

    /// None: not an integer.
    pub fn as_i64(self) -> Option<i64> {
        match self.kind() {
            sys::GH_INT => Some(unsafe { (json_api().integer)(self.node, 0) }),
            _ => None,
        }
    }

    /// None: not a number. Integers become the nearest `f64`.
    pub fn as_f64(self) -> Option<f64> {
        match self.kind() {
            sys::GH_INT | sys::GH_REAL => Some(unsafe { (json_api().real)(self.node, 0.0) }),
            _ => None,
        }
    }

    /// None: neither true nor false.
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            sys::GH_BOOL => Some(unsafe { (json_api().boolean)(self.node, 0) } != 0),
            _ => None,
        }
    }

    /// A string such as `250ms` or `5m` (JSON Schema: `"format": "duration"`).
    pub fn as_duration(self) -> Option<Duration> {
        self.as_str().and_then(parse_duration)
    }

    /// Bytes of a string such as `64KiB` (JSON Schema: `"format": "size"`).
    pub fn as_size(self) -> Option<u64> {
        self.as_str().and_then(parse_size)
    }

    /// The elements of an array, or the values of an object.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        Members { container: self, last: Json::ABSENT }.map(|(_, value)| value)
    }

    /// The members of an object, in their order.
    pub fn members(self) -> impl Iterator<Item = (&'a str, Json<'a>)> {
        let container = if self.is_object() { self } else { Json::ABSENT };
        Members { container, last: Json::ABSENT }
    }
}

struct Members<'a> {
    container: Json<'a>,
    last: Json<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut key = ABSENT;
        self.last = unsafe {
            Json::from_raw((json_api().step)(self.container.node, self.last.node, &mut key))
        };
        if !self.last.is_present() {
            self.container = Json::ABSENT;
            return None;
        }
        Some((unsafe { crate::text::utf8(key) }, self.last))
    }
}

/// As JSON text; an absent value is `null`.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = collect(|to, append| unsafe { (json_api().dump)(self.node, to, append) });
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A JSON value to read and write: a view, as [`Json`], to which it derefs. Nodes stay where they
/// are when the document grows, and an erased value stays readable.
#[derive(Clone, Copy)]
pub struct JsonMut<'a>(Json<'a>);

impl<'a> JsonMut<'a> {
    /// # Safety
    /// As [`Json::from_raw`], and this thread may write to the document.
    pub(crate) unsafe fn from_raw(node: *mut sys::gh_json) -> JsonMut<'a> {
        JsonMut(Json::from_raw(node))
    }

    pub(crate) fn raw_mut(self) -> *mut sys::gh_json {
        self.0.node as *mut sys::gh_json
    }

    /// The member, created as null when it is absent. A value that is not an object becomes one.
    pub fn edit(self, key: &str) -> JsonMut<'a> {
        unsafe { JsonMut::from_raw((json_api().edit)(self.raw_mut(), raw(key))) }
    }

    /// A new last element. A value that is not an array becomes one.
    pub fn push(self) -> JsonMut<'a> {
        unsafe { JsonMut::from_raw((json_api().push)(self.raw_mut())) }
    }

    /// Removes the child from this array or object. False: it has no such child.
    pub fn erase(self, child: Json<'_>) -> bool {
        unsafe { (json_api().erase)(self.raw_mut(), child.node) == sys::GH_OK }
    }

    /// Replaces the value: `notes.edit("model").set("gemini")`.
    pub fn set<'v>(self, value: impl Into<Value<'v>>) {
        let (api, node) = (json_api(), self.raw_mut());
        unsafe {
            match value.into() {
                Value::Null => (api.set_empty)(node, sys::GH_NULL),
                Value::Array => (api.set_empty)(node, sys::GH_ARRAY),
                Value::Object => (api.set_empty)(node, sys::GH_OBJECT),
                Value::Bool(value) => (api.set_bool)(node, value.into()),
                Value::Int(value) => (api.set_int)(node, value),
                Value::Real(value) => (api.set_real)(node, value),
                Value::Str(text) => (api.set_str)(node, raw(text)),
                Value::Copy(value) => (api.copy)(node, value.node),
            }
        }
    }
}

impl<'a> Deref for JsonMut<'a> {
    type Target = Json<'a>;

    fn deref(&self) -> &Json<'a> {
        &self.0
    }
}

impl fmt::Display for JsonMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for JsonMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A value to write. Numbers, strings and [`Json`] convert into it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Str(&'a str),
    /// An empty one.
    Array,
    /// An empty one.
    Object,
    /// A deep copy.
    Copy(Json<'a>),
}

macro_rules! converts {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from(value: $type) -> Value<'a> {
                Value::$variant(value.into())
            }
        }
    )*};
}
converts!(
    bool => Bool, i32 => Int, i64 => Int, u32 => Int, f64 => Real, &'a str => Str, Json<'a> => Copy
);

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Value<'a> {
        Value::Str(text)
    }
}

impl<'a> From<JsonMut<'a>> for Value<'a> {
    fn from(value: JsonMut<'a>) -> Value<'a> {
        Value::Copy(value.0)
    }
}

/// A count; beyond `i64` it becomes the nearest `f64`.
impl<'a> From<usize> for Value<'a> {
    fn from(count: usize) -> Value<'a> {
        i64::try_from(count).map_or(Value::Real(count as f64), Value::Int)
    }
}

/// A JSON document that the plugin owns.
pub struct Document {
    root: *mut sys::gh_json,
}

// SAFETY: a document may move between threads and be read on many. It is written only through
// root_mut(), which borrows it alone and whose views are not Send.
unsafe impl Send for Document {}
unsafe impl Sync for Document {}

impl Document {
    /// A document that is null.
    pub fn new() -> Document {
        Document { root: unsafe { (json_api().make)() } }
    }

    /// The error is a static text of the gateway. An integer beyond `i64` becomes the nearest
    /// `f64`; more than 256 levels are an error.
    pub fn parse(text: &str) -> Result<Document, ParseError> {
        let mut error = ABSENT;
        let root = unsafe { (json_api().parse)(raw(text), &mut error) };
        if root.is_null() {
            let reason = unsafe { String::from_utf8_lossy(bytes(error)) };
            return Err(ParseError(reason.into_owned()));
        }
        Ok(Document { root })
    }

    /// # Safety
    /// The document is the caller's, who gives it away.
    pub(crate) unsafe fn from_raw(root: *mut sys::gh_json) -> Document {
        Document { root }
    }

    pub fn root(&self) -> Json<'_> {
        unsafe { Json::from_raw(self.root) }
    }

    pub fn root_mut(&mut self) -> JsonMut<'_> {
        unsafe { JsonMut::from_raw(self.root) }
    }
}

impl Default for Document {
    fn default() -> Document {
        Document::new()
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        unsafe { (json_api().drop)(self.root) }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

/// Why a text is not JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}
