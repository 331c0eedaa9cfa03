//! Write plugins for Gatehouse, the gateway between applications and LLMs.
//!
//! A plugin is a type that implements [`Plugin`], and one call of [`plugin!`]:
//!
//! ```
//! use gatehouse::{Exchange, Json, Next, Out, Plugin, Problem, Result, Setup};
//!
//! struct Stamp {
//!     value: String,
//! }
//!
//! impl Plugin for Stamp {
//!     fn new(_: &Setup, config: Json) -> Result<Self, Problem> {
//!         Ok(Stamp { value: config.get("value").as_str().unwrap_or_default().to_string() })
//!     }
//!
//!     fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
//!         x.set_header("X-Stamp", &self.value);
//!         next.call(x, out)
//!     }
//! }
//!
//! gatehouse::plugin! {
//!     plugin: Stamp,
//!     name: "stamp",
//!     version: env!("CARGO_PKG_VERSION"),
//!     summary: "Sets a header of every response",
//!     schema: r#"{"type": "object", "properties": {"value": {"type": "string"}}}"#,
//! }
//! # fn main() {}
//! ```
//!
//! Its crate has `crate-type = ["cdylib"]` and needs no other dependency. `sdk/README.md` explains
//! the pipeline, events, errors, the chat document and the configuration; what is said there of
//! C++ holds here, name for name. The types here make its rules part of the program:
//!
//! - what belongs to a request or an event cannot be kept, and no exchange leaves its thread;
//! - what is allowed only while a plugin is created is in [`Setup`];
//! - a function that may wait takes `&mut Exchange`; other requests run on the same thread
//!   meanwhile, so hold no lock and no `RefCell` of a `thread_local!` across it;
//! - a panic becomes the failure of its request, 500 `plugin_error`; its text goes to the log, so
//!   no panic may quote a key or a prompt. Mutexes are poisoned as usual. A crate with
//!   `panic = "abort"` does not build.
//!
//! The gateway calls `handle` on a stack of 1 MiB that all plugins of a pipeline share: use at most
//! 64 KiB of it.
//!
//! # What is left out
//!
//! A task that runs beside its caller ([`in_parallel`] waits for all), and a logger or a metric for
//! threads that the plugin starts itself: [`Setup::background`] has both. Tracing at other places
//! of the pipeline (`abi/ext/trace.h`). `GH_PLUGIN_UNLOADS`: the standard library leaves thread-local
//! objects behind, so the code of a plugin in Rust stays in memory.
#![warn(missing_debug_implementations, rust_2018_idioms)]

mod entry;
mod error;
pub mod event;
mod exchange;
mod extensions;
mod host;
mod http;
mod json;
#[cfg(doctest)]
mod misuse;
mod next;
mod store;
mod text;
mod wait;

pub use error::{Error, Fail, Problem, Result};
pub use event::{Event, Kind};
pub use exchange::{Caller, Exchange};
pub use extensions::{ClientSide, Crypto, Files, GatewayStatus, Series, SeriesKind, Share};
pub use host::{Health, Host, Level, Route, Setup};
pub use http::{Http, HttpOptions, HttpRequest, HttpResponse, SseEvent};
pub use json::{Document, Json, JsonMut, ParseError, Value};
pub use next::{Ingress, Next, Out};
pub use store::{Addition, Counters, Quota, Store};
pub use text::{parse_duration, parse_size};
pub use wait::{in_parallel, waker, PollFd, Waiter, Waker};

/// What these types hold is of use to the gateway only.
macro_rules! debug_by_name {
    ($($type:ty => $name:literal),* $(,)?) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($name)
            }
        }
    )*};
}
debug_by_name!(
    Addition<'_> => "Addition", Counters => "Counters", Crypto => "Crypto",
    Exchange<'_> => "Exchange", Files => "Files",
    GatewayStatus => "GatewayStatus", Http => "Http", HttpResponse<'_, '_> => "HttpResponse",
    Next<'_> => "Next", Out<'_> => "Out", PollFd => "PollFd", Quota<'_> => "Quota",
    Series => "Series", Setup<'_> => "Setup", Share => "Share", Store => "Store",
    Waiter => "Waiter", Waker => "Waker",
);

#[cfg(not(panic = "unwind"))]
compile_error!("a panic must not end the gateway: build with panic = \"unwind\"");

/// A plugin. An instance is created for each of its entries in the pipeline.
pub trait Plugin: Send + Sync + Sized + 'static {
    /// Creates an instance. `config` is valid by the schema, whose defaults are filled in, and is
    /// gone when this returns: copy what you keep. Sends no request.
    fn new(setup: &Setup<'_>, config: Json<'_>) -> Result<Self, Problem>;

    /// Handles a request, on many threads at once. A plugin that returns `Ok` has emitted at least
    /// one event or called `next`.
    fn handle(&self, x: &mut Exchange<'_>, out: &mut Out<'_>, next: &mut Next<'_>) -> Result;

    /// Whether an instance has state that outlives it: only then are `adopt`, `save` and `restore`
    /// called.
    const KEEPS_STATE: bool = false;

    /// A reload has built this instance of the same name, with the same code: takes over what
    /// outlives `older`, which still serves.
    fn adopt(&self, older: &Self) {
        let _ = older;
    }

    /// A reload has brought other code of this plugin, while this instance still serves: what that
    /// code is to restore. It begins with the version of its format, and stays in memory.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes over what older or newer code has saved, before the first request. False: that format
    /// is not known, and this instance is as it was.
    fn restore(&self, saved: &[u8]) -> bool {
        let _ = saved;
        false
    }

    /// The server rejects a request before any plugin is called; `x.failure()` has the reason. The
    /// plugin may set headers, count and log. On many threads at once.
    fn refused(&self, x: &Exchange<'_>) {
        let _ = x;
    }
}

/// What a plugin declares about itself, joined by `|`, so that `gatehouse check` can warn of places
/// in the pipeline where it has no effect.
pub mod flags {
    use gatehouse_sys as sys;

    /// `handle` is called only for requests that have a chat document or go to its routes.
    pub const CHAT: u32 = sys::GH_PLUGIN_CHAT;
    /// Creates the chat document and renders events for its clients.
    pub const INGRESS: u32 = sys::GH_PLUGIN_INGRESS;
    /// Responds to chats, and may pass on those it does not serve.
    pub const PROVIDER: u32 = sys::GH_PLUGIN_PROVIDER;
    /// Sets the status or headers of responses: belongs above the ingress.
    pub const HEAD: u32 = sys::GH_PLUGIN_HEAD;
    /// May reject any request: belongs above the ingress, and below plugins with probes.
    pub const GUARD: u32 = sys::GH_PLUGIN_GUARD;
    /// Its routes report health. They respond without waiting.
    pub const PROBES: u32 = sys::GH_PLUGIN_PROBES;
    /// It blocks outside the functions of this crate, so that its pipeline keeps one thread per
    /// request.
    pub const BLOCKS: u32 = sys::GH_PLUGIN_BLOCKS;
    /// `handle` is called only for requests to its routes.
    pub const ROUTES: u32 = sys::GH_PLUGIN_ROUTES;
}

/// Makes the entry of a plugin and its note in the section `.gatehouse`. Once per crate, at its
/// root. `name`, `version`, `summary` and `schema` are constant expressions of type `&str`, the
/// schema often `include_str!("../schema.json")`. Mistakes in them are reported by the compiler.
#[macro_export]
macro_rules! plugin {
    (
        plugin: $plugin:ty,
        name: $name:expr,
        version: $version:expr,
        summary: $summary:expr,
        schema: $schema:expr
        $(, flags: $flags:expr)? $(,)?
    ) => {
        /// What the gateway loads.
        #[no_mangle]
        #[allow(non_upper_case_globals)]
        pub static gatehouse_plugin_v1: $crate::private::gh_plugin = {
            use $crate::private as made;

            const NAME: &str = $name;
            const VERSION: &str = $version;
            const SUMMARY: &str = $summary;
            const SCHEMA: &str = $schema;
            const _: () = {
                assert!(
                    made::is_name(NAME),
                    "the name of a plugin has letters, digits, - and _, at most 64"
                );
                assert!(
                    made::is_plain(VERSION) && made::is_plain(SUMMARY),
                    "version and summary have no quotation marks, backslashes and line ends"
                );
                assert!(made::is_object(SCHEMA), "the schema must be a JSON object");
            };
            const NOTE: &[&str] = &[
                "{\"abi\":\"1.0\",\"needs\":0,\"name\":\"", NAME, "\",\"version\":\"", VERSION,
                "\",\"summary\":\"", SUMMARY, "\",\"schema\":", SCHEMA, "}\0",
            ];
            #[used]
            #[link_section = ".gatehouse"]
            static GATEHOUSE_NOTE: [u8; made::length(NOTE)] = made::join(NOTE);

            static NAME_Z: [u8; NAME.len() + 1] = made::join(&[NAME, "\0"]);
            static VERSION_Z: [u8; VERSION.len() + 1] = made::join(&[VERSION, "\0"]);
            static SUMMARY_Z: [u8; SUMMARY.len() + 1] = made::join(&[SUMMARY, "\0"]);
            static SCHEMA_Z: [u8; SCHEMA.len() + 1] = made::join(&[SCHEMA, "\0"]);
            made::describe_plugin::<$plugin>(
                [
                    NAME_Z.as_ptr(),
                    VERSION_Z.as_ptr(),
                    SUMMARY_Z.as_ptr(),
                    SCHEMA_Z.as_ptr(),
                    GATEHOUSE_NOTE.as_ptr(),
                ],
                0 $(| $flags)?,
            )
        };
    };
}

/// For [`plugin!`].
#[doc(hidden)]
pub mod private {
    pub use crate::entry::{describe_plugin, is_name, is_object, is_plain, join, length};
    pub use gatehouse_sys::gh_plugin;
}
