//! The gateway as one plugin instance sees it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::null_mut;
use std::time::{Duration, SystemTime};

use gatehouse_sys as sys;

use crate::error::{check, Problem, Result};
use crate::exchange::Exchange;
use crate::json::{Document, Value};
use crate::text::{collect_lines, duration, nanoseconds, raw, utf8};

/// A level of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug = sys::GH_DEBUG as isize,
    Info = sys::GH_INFO as isize,
    Warn = sys::GH_WARN as isize,
    Error = sys::GH_ERROR as isize,
}

/// The health of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Up = sys::GH_UP as isize,
    Degraded = sys::GH_DEGRADED as isize,
    Down = sys::GH_DOWN as isize,
}

/// A claimed method and path, to compare with [`Exchange::route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route(i32);

impl Route {
    pub(crate) fn of(id: i32) -> Option<Route> {
        (id != -1).then_some(Route(id))
    }
}

/// The gateway, as one plugin instance sees it: from [`Exchange::host`] and in [`Plugin::new`]. It
/// lives as long as these, so a plugin cannot keep it. Any thread.
///
/// [`Plugin::new`]: crate::Plugin::new
#[derive(Clone, Copy)]
pub struct Host<'a> {
    raw: *const sys::gh_host,
    lifetime: PhantomData<&'a sys::gh_host>,
}

// SAFETY: the functions that this type offers may be called on any thread.
unsafe impl Send for Host<'_> {}
unsafe impl Sync for Host<'_> {}

impl<'a> Host<'a> {
    /// # Safety
    /// The host lives as long as `'a`.
    pub(crate) unsafe fn from_raw(raw: *const sys::gh_host) -> Host<'a> {
        Host { raw, lifetime: PhantomData }
    }

    pub(crate) fn raw(self) -> *const sys::gh_host {
        self.raw
    }

    fn table(self) -> &'a sys::gh_host {
        unsafe { &*self.raw }
    }

    /// Of the gateway.
    pub fn version(self) -> &'a str {
        unsafe { utf8(self.table().version) }
    }

    /// The name of this instance: `as` of the configuration, else the plugin's name.
    pub fn instance(self) -> &'a str {
        unsafe { utf8(self.table().instance) }
    }

    /// Other machines can reach the gateway.
    pub fn is_exposed(self) -> bool {
        self.table().exposed != 0
    }

    /// Logs without a request; within one use [`Exchange::log`]. No key and no prompt belongs into
    /// a log.
    pub fn log(self, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
        self.log_of(null_mut(), level, message, fields);
    }

    pub(crate) fn log_of(
        self,
        x: *mut sys::gh_exchange,
        level: Level,
        message: &str,
        fields: &[(&str, Value<'_>)],
    ) {
        let mut all = (!fields.is_empty()).then(Document::new);
        for (name, value) in fields {
            all.iter_mut().for_each(|all| all.root_mut().edit(name).set(*value));
        }
        let fields = all.as_ref().map_or(std::ptr::null(), |all| all.root().raw());
        unsafe { (self.table().log)(self.raw, level as i32, x, raw(message), fields) }
    }

    /// The health of the instance until the next call, and the reason.
    pub fn health(self, health: Health, reason: &str) {
        unsafe { (self.table().health)(self.raw, health as i32, raw(reason)) }
    }

    /// Monotonic, from an arbitrary start.
    pub fn now(self) -> Duration {
        duration(unsafe { (self.table().now_ns)(self.raw) })
    }

    /// The time of day.
    pub fn wall(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + duration(unsafe { (self.table().wall_ns)(self.raw) })
    }

    pub(crate) fn sleep(self, x: *mut sys::gh_exchange, time: Duration) -> Result {
        check(unsafe { (self.table().sleep)(self.raw, x, nanoseconds(time)) })
    }

    /// The table of an extension, a constant of the process. None: this gateway does not have it.
    ///
    /// # Safety
    /// `Table` is the type that belongs to this NUL-terminated id.
    pub(crate) unsafe fn extension<Table>(self, id: &'static [u8]) -> Option<&'static Table> {
        (self.table().extension)(self.raw, id.as_ptr()).cast::<Table>().as_ref()
    }

    /// As [`Host::extension`], for a plugin that cannot do without it.
    ///
    /// # Safety
    /// As [`Host::extension`].
    pub(crate) unsafe fn required<Table>(
        self,
        id: &'static [u8],
    ) -> Result<&'static Table, Problem> {
        self.extension(id).ok_or_else(|| {
            let name = String::from_utf8_lossy(&id[..id.len() - 1]);
            Problem::new("", format!("needs {}, which this gateway does not have", name))
        })
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("instance", &self.instance()).finish()
    }
}

pub(crate) type Task = Box<dyn FnOnce(&mut Exchange<'_>) + Send>;

/// What a plugin can do while it is created, and only then. Derefs to [`Host`].
pub struct Setup<'a> {
    host: Host<'a>,
    has_problem: Cell<bool>,
    tasks: RefCell<Vec<Task>>,
    thread: PhantomData<*const ()>, // [control]: not Send
}

impl<'a> Setup<'a> {
    /// # Safety
    /// Within create().
    pub(crate) unsafe fn from_raw(host: *const sys::gh_host) -> Setup<'a> {
        Setup {
            host: Host::from_raw(host),
            has_problem: Cell::new(false),
            tasks: RefCell::new(Vec::new()),
            thread: PhantomData,
        }
    }

    /// The gateway, which is also there after `new`, from [`Exchange::host`].
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// Reports a mistake in the configuration and goes on to find more. The instance is then not
    /// used. `pointer`: see [`Problem::new`].
    pub fn problem(&self, pointer: &str, message: &str) {
        self.has_problem.set(true);
        unsafe { (self.table().problem)(self.raw, raw(pointer), raw(message)) }
    }

    /// Reports what works and yet is likely a mistake, such as a model that ends soon.
    pub fn warning(&self, pointer: &str, message: &str) {
        unsafe { (self.table().warning)(self.raw, raw(pointer), raw(message)) }
    }

    /// Claims a method and a path, in which one `*` matches one or more characters.
    pub fn route(&self, method: &str, path: &str) -> Route {
        Route(unsafe { (self.table().route)(self.raw, raw(method), raw(path)) })
    }

    /// Claims a method and a path on the admin address, below `/INSTANCE`, whose callers have sent
    /// its token. `summary`: one line for tools that list the routes.
    pub fn admin_route(&self, method: &str, path: &str, summary: &str) -> Result<Route, Problem> {
        let api = unsafe { self.required::<sys::gh_admin_api>(sys::GH_ADMIN_1)? };
        let (method, path, summary) = (raw(method), raw(path), raw(summary));
        Ok(Route(unsafe { (api.route)(self.raw, method, path, summary) }))
    }

    /// Runs `work` on a thread of its own once the instance serves; share state with it in an
    /// `Arc`. It returns when a wait returns [`Error::Cancelled`](crate::Error::Cancelled): the
    /// instance is destroyed after it.
    pub fn background(&self, work: impl FnOnce(&mut Exchange<'_>) + Send + 'static) {
        match unsafe { self.required::<sys::gh_background_api>(sys::GH_BACKGROUND_1) } {
            Ok(_) => self.tasks.borrow_mut().push(Box::new(work)),
            Err(problem) => self.problem(&problem.pointer, &problem.message),
        }
    }

    /// Requests of this instance may name the model.
    pub fn offer_model(&self, model: &str) {
        if let Some(api) = self.models() {
            unsafe { (api.offer)(self.raw, raw(model)) }
        }
    }

    /// Requests for `name` go on as requests for `model` to the provider instance `provider`, which
    /// stands below; further calls for the same name are those tried after it. A `*` in `name` or
    /// `model` stands for any rest.
    pub fn lead_model(&self, name: &str, provider: &str, model: &str) {
        if let Some(api) = self.models() {
            unsafe { (api.lead)(self.raw, raw(name), raw(provider), raw(model)) }
        }
    }

    /// Describes the routes of this instance by a part of an OpenAPI 3.1 document, as JSON.
    pub fn describe_routes(&self, document: &str) {
        let api = unsafe { self.extension::<sys::gh_openapi_api>(sys::GH_OPENAPI_1) };
        if let Some(api) = api {
            unsafe { (api.describe)(self.raw, raw(document)) }
        }
    }

    /// The models that the instances above have offered, in their order.
    pub fn offered_models(&self) -> Vec<String> {
        let list = |api: &sys::gh_models_api| {
            collect_lines(|to, each| unsafe { (api.offered)(self.raw, to, each) })
        };
        self.models().map(list).unwrap_or_default()
    }

    fn models(&self) -> Option<&'static sys::gh_models_api> {
        unsafe { self.extension(sys::GH_MODELS_1) }
    }

    pub(crate) fn has_problem(&self) -> bool {
        self.has_problem.get()
    }

    pub(crate) fn into_tasks(self) -> Vec<Task> {
        self.tasks.into_inner()
    }
}

impl<'a> Deref for Setup<'a> {
    type Target = Host<'a>;

    fn deref(&self) -> &Host<'a> {
        &self.host
    }
}
