//! The functions of `gh_plugin`, made from a type, and the boundary that no panic crosses.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::mem::size_of;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Once};

use gatehouse_sys as sys;

use crate::error::{Fail, Problem, Result};
use crate::exchange::Exchange;
use crate::host::{Host, Setup, Task};
use crate::json::Json;
use crate::next::{Next, Out};
use crate::Plugin;

// The tables are constants of the process: the first create() sets them, before any other call.
static JSON: AtomicPtr<sys::gh_json_api> = AtomicPtr::new(null_mut());
static EXCHANGE: AtomicPtr<sys::gh_exchange_api> = AtomicPtr::new(null_mut());

pub(crate) fn json_api() -> &'static sys::gh_json_api {
    let table = unsafe { JSON.load(Ordering::Acquire).as_ref() };
    table.expect("JSON documents exist once a gateway has created an instance")
}

pub(crate) fn exchange_api() -> &'static sys::gh_exchange_api {
    let table = unsafe { EXCHANGE.load(Ordering::Acquire).as_ref() };
    table.expect("there is an exchange, so a gateway has created an instance")
}

// ---- Panics

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) }; // of calls of catch()
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) }; // of the last panic
}

/// Calls `work`; a panic becomes an error that reports where it happened, and is not printed.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.with(Cell::get) == 0 {
                return before(info); // a thread of the plugin's own, or a test
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            PLACE.with(|last| *last.borrow_mut() = place);
        }));
    });
    DEPTH.with(|depth| depth.set(depth.get() + 1));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    DEPTH.with(|depth| depth.set(depth.get() - 1));
    result.map_err(describe)
}

fn describe(payload: Box<dyn Any + Send>) -> String {
    let place = PLACE.with(RefCell::take);
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    std::mem::forget(payload); // its drop() may panic in turn
    format!("panicked at {}: {}", place, text.unwrap_or_default())
}

/// Calls `work` on the plugin's side of the boundary: errors and panics become the failure of the
/// exchange.
///
/// # Safety
/// The exchange lives during this call and belongs to this thread.
pub(crate) unsafe fn guard(
    x: *mut sys::gh_exchange,
    host: Host<'_>,
    work: impl FnOnce(&mut Exchange<'_>) -> Result,
) -> sys::gh_status {
    let mut x = Exchange::from_raw(x, host);
    let result = catch(|| work(&mut x)).unwrap_or_else(|text| Err(Fail::internal(text).into()));
    x.raise(result)
}

// ---- gh_plugin

struct Instance<P> {
    plugin: P,
    host: Host<'static>, // as far as this instance is concerned
    tasks: Vec<Arc<Background>>,
}

struct Background {
    host: Host<'static>,
    work: Mutex<Option<Task>>,
}

unsafe extern "C" fn create<P: Plugin>(
    host: *const sys::gh_host,
    config: *const sys::gh_json,
    out: *mut *mut c_void,
) -> sys::gh_status {
    JSON.store((*host).json as *mut _, Ordering::Release);
    EXCHANGE.store((*host).exchange as *mut _, Ordering::Release);
    let setup = Setup::from_raw(host);
    let problem = match catch(|| P::new(&setup, Json::from_raw(config))) {
        Ok(Ok(plugin)) if !setup.has_problem() => {
            let host = Host::from_raw(host);
            let tasks = start(host, setup.into_tasks());
            *out = Box::into_raw(Box::new(Instance { plugin, host, tasks })).cast();
            return sys::GH_OK;
        }
        Ok(Ok(plugin)) => {
            let _ = catch(|| drop(plugin)); // its problems have been reported
            return sys::GH_FAILED;
        }
        Ok(Err(problem)) => problem,
        Err(text) => Problem::new("", format!("new() {}", text)),
    };
    setup.problem(&problem.pointer, &problem.message);
    sys::GH_FAILED
}

/// Hands the background work over to the host.
unsafe fn start(host: Host<'static>, tasks: Vec<Task>) -> Vec<Arc<Background>> {
    let keep = |task| Arc::new(Background { host, work: Mutex::new(Some(task)) });
    let tasks: Vec<_> = tasks.into_iter().map(keep).collect();
    let api = host.extension::<sys::gh_background_api>(sys::GH_BACKGROUND_1);
    for task in &tasks {
        let api = api.expect("Setup::background() has found it");
        (api.run)(host.raw(), run, Arc::as_ptr(task) as *mut c_void);
    }
    tasks
}

unsafe extern "C" fn run(data: *mut c_void, x: *mut sys::gh_exchange) {
    let task = &*data.cast::<Background>();
    let work = task.work.lock().ok().and_then(|mut work| work.take());
    guard(x, task.host, |x| {
        work.into_iter().for_each(|work| work(x));
        Ok(())
    });
}

unsafe extern "C" fn handle<P: Plugin>(
    plugin: *mut c_void,
    x: *mut sys::gh_exchange,
    out: *const sys::gh_sink,
    next: *const sys::gh_next,
) -> sys::gh_status {
    let instance = &*plugin.cast::<Instance<P>>();
    guard(x, instance.host, |x| {
        instance.plugin.handle(x, &mut Out::from_raw(out), &mut Next::from_raw(next))
    })
}

unsafe extern "C" fn adopt<P: Plugin>(plugin: *mut c_void, older: *mut c_void) -> sys::gh_status {
    let (instance, older) = (&*plugin.cast::<Instance<P>>(), &*older.cast::<Instance<P>>());
    match catch(|| instance.plugin.adopt(&older.plugin)) {
        Ok(()) => sys::GH_OK,
        Err(_) => sys::GH_FAILED,
    }
}

unsafe extern "C" fn save<P: Plugin>(
    plugin: *mut c_void,
    keep: sys::gh_append,
    to: *mut c_void,
) -> sys::gh_status {
    let instance = &*plugin.cast::<Instance<P>>();
    match catch(|| instance.plugin.save()) {
        Ok(Some(bytes)) => keep(to, crate::text::raw(&bytes)),
        Ok(None) => return sys::GH_ABSENT,
        Err(_) => return sys::GH_FAILED,
    }
    sys::GH_OK
}

unsafe extern "C" fn restore<P: Plugin>(plugin: *mut c_void, saved: sys::gh_str) -> sys::gh_status {
    let instance = &*plugin.cast::<Instance<P>>();
    match catch(|| instance.plugin.restore(crate::text::bytes(saved))) {
        Ok(true) => sys::GH_OK,
        Ok(false) => sys::GH_UNSUPPORTED,
        Err(_) => sys::GH_FAILED,
    }
}

unsafe extern "C" fn destroy<P: Plugin>(plugin: *mut c_void) {
    let instance = Box::from_raw(plugin.cast::<Instance<P>>());
    let Instance { plugin, tasks, .. } = *instance;
    let _ = catch(|| drop(plugin)); // nobody is left to tell
    let _ = catch(|| drop(tasks));
}

unsafe extern "C" fn refused<P: Plugin>(plugin: *mut c_void, x: *mut sys::gh_exchange) {
    let instance = &*plugin.cast::<Instance<P>>();
    let x = Exchange::from_raw(x, instance.host);
    let _ = catch(|| instance.plugin.refused(&x)); // it must not fail
}

/// For [`plugin!`](crate::plugin): the entry of the plugin `P`. The texts are NUL-terminated.
#[doc(hidden)]
pub const fn describe_plugin<P: Plugin>(texts: [*const u8; 5], flags: u32) -> sys::gh_plugin {
    let [name, version, summary, config_schema, note] = texts;
    sys::gh_plugin {
        magic: sys::GH_MAGIC,
        size: size_of::<sys::gh_plugin>() as u32,
        abi_major: sys::GH_ABI_MAJOR,
        abi_minor: sys::GH_ABI_MINOR,
        abi_needs: 0,
        reserved: 0,
        flags,
        reserved1: 0,
        name,
        version,
        summary,
        config_schema,
        note,
        create: create::<P>,
        handle: handle::<P>,
        adopt: if P::KEEPS_STATE { Some(adopt::<P>) } else { None },
        destroy: destroy::<P>,
        refused: Some(refused::<P>),
        save: if P::KEEPS_STATE { Some(save::<P>) } else { None },
        restore: if P::KEEPS_STATE { Some(restore::<P>) } else { None },
    }
}

// ---- Texts that are made by the compiler, for plugin!

#[doc(hidden)]
pub const fn length(parts: &[&str]) -> usize {
    let (mut total, mut i) = (0, 0);
    while i < parts.len() {
        total += parts[i].len();
        i += 1;
    }
    total
}

/// The parts, one after another; `N` is their [`length`].
#[doc(hidden)]
pub const fn join<const N: usize>(parts: &[&str]) -> [u8; N] {
    let mut all = [0; N];
    let (mut at, mut i) = (0, 0);
    while i < parts.len() {
        let part = parts[i].as_bytes();
        let mut j = 0;
        while j < part.len() {
            all[at] = part[j];
            at += 1;
            j += 1;
        }
        i += 1;
    }
    all
}

/// Whether it is the name of a plugin: letters, digits, `-` and `_`, at most 64.
#[doc(hidden)]
pub const fn is_name(name: &str) -> bool {
    let name = name.as_bytes();
    let mut i = 0;
    while i < name.len() {
        if !matches!(name[i], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        i += 1;
    }
    i > 0 && i <= 64
}

/// Whether it can stand between quotation marks in JSON as it is.
#[doc(hidden)]
pub const fn is_plain(text: &str) -> bool {
    let text = text.as_bytes();
    let mut i = 0;
    while i < text.len() {
        if matches!(text[i], 0..=31 | b'"' | b'\\') {
            return false;
        }
        i += 1;
    }
    true
}

/// Whether it begins as a JSON object does.
#[doc(hidden)]
pub const fn is_object(text: &str) -> bool {
    let text = text.as_bytes();
    let mut i = 0;
    while i < text.len() && matches!(text[i], b' ' | b'\t' | b'\r' | b'\n') {
        i += 1;
    }
    i < text.len() && text[i] == b'{'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{bytes, raw};

    struct Keeps(Mutex<Vec<u8>>);

    impl Plugin for Keeps {
        const KEEPS_STATE: bool = true;

        fn new(_: &Setup<'_>, _: Json<'_>) -> Result<Self, Problem> {
            Err(Problem::new("", "is not created here"))
        }
        fn handle(&self, x: &mut Exchange<'_>, out: &mut Out<'_>, next: &mut Next<'_>) -> Result {
            next.call(x, out)
        }
        fn save(&self) -> Option<Vec<u8>> {
            Some(self.0.lock().unwrap().clone())
        }
        fn restore(&self, saved: &[u8]) -> bool {
            assert!(!saved.is_empty());
            *self.0.lock().unwrap() = saved.to_vec();
            saved[0] == b'1'
        }
    }

    #[test]
    fn state_is_saved_for_other_code() {
        unsafe extern "C" fn keep(to: *mut c_void, saved: sys::gh_str) {
            *to.cast::<Vec<u8>>() = bytes(saved).to_vec();
        }
        let entry = describe_plugin::<Keeps>([std::ptr::null(); 5], 0);
        let (save, restore) = (entry.save.unwrap(), entry.restore.unwrap());
        assert!(entry.adopt.is_some());
        let host = unsafe { Host::from_raw(std::ptr::null()) };
        let plugin = Keeps(Mutex::default());
        let instance = Box::into_raw(Box::new(Instance { plugin, host, tasks: Vec::new() })).cast();
        let mut saved = Vec::<u8>::new();
        unsafe {
            assert_eq!(restore(instance, raw("1 apples")), sys::GH_OK);
            assert_eq!(save(instance, keep, (&mut saved as *mut Vec<u8>).cast()), sys::GH_OK);
            assert_eq!(restore(instance, raw("2 apples")), sys::GH_UNSUPPORTED);
            assert_eq!(restore(instance, raw("")), sys::GH_FAILED); // it panics
            (entry.destroy)(instance);
        }
        assert_eq!(saved, b"1 apples");
    }
}
