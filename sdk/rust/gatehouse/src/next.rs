//! The rest of the pipeline, and where events go.

use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::size_of;

use gatehouse_sys as sys;

use crate::entry::{exchange_api, guard};
use crate::error::{check, Result};
use crate::event::Event;
use crate::exchange::Exchange;
use crate::host::Host;

/// Where the events of a response go: towards the client.
pub struct Out<'x> {
    sink: *const sys::gh_sink,
    lifetime: PhantomData<&'x sys::gh_sink>,
}

impl Out<'_> {
    /// # Safety
    /// The sink lives as long as `'x`.
    pub(crate) unsafe fn from_raw<'x>(sink: *const sys::gh_sink) -> Out<'x> {
        Out { sink, lifetime: PhantomData }
    }

    /// An error: the reader has gone or time is up. Stop producing and return it. Waits while the
    /// client does not read.
    pub fn emit(&mut self, event: &Event<'_>) -> Result {
        check(unsafe { ((*self.sink).emit)((*self.sink).self_, event.raw()) })
    }
}

/// The rest of the pipeline. Call it zero, one or more times, one call after another, as long as
/// the response has not ended: a retry, a fallback, the steps of a tool loop.
pub struct Next<'x> {
    raw: *const sys::gh_next,
    lifetime: PhantomData<&'x sys::gh_next>,
}

impl<'x> Next<'x> {
    /// # Safety
    /// The rest of the pipeline lives as long as `'x`.
    pub(crate) unsafe fn from_raw(raw: *const sys::gh_next) -> Next<'x> {
        Next { raw, lifetime: PhantomData }
    }

    /// Passes the request on; the response goes to `out`.
    pub fn call(&mut self, x: &mut Exchange<'_>, out: &mut Out<'_>) -> Result {
        self.call_raw(x, out.sink)
    }

    /// Passes the request on; each event of the response goes to `sink`, which sends it on, changed
    /// or not, with [`Out::emit`], or holds it back. It is given the exchange, since `x` is lent to
    /// this call. Pass on all kinds, also those that you do not know.
    pub fn call_with<S>(&mut self, x: &mut Exchange<'_>, mut sink: S) -> Result
    where
        S: FnMut(&mut Exchange<'_>, &Event<'_>) -> Result,
    {
        struct Context<'c, S> {
            x: *mut sys::gh_exchange,
            host: Host<'c>,
            sink: &'c mut S,
        }
        unsafe extern "C" fn emit<S>(data: *mut c_void, event: *const sys::gh_event) -> i32
        where
            S: FnMut(&mut Exchange<'_>, &Event<'_>) -> Result,
        {
            let context = &mut *data.cast::<Context<'_, S>>();
            let event = Event::from_raw(*event);
            guard(context.x, context.host, |x| (context.sink)(x, &event))
        }
        let mut context = Context { x: x.raw(), host: x.host(), sink: &mut sink };
        let data = (&mut context as *mut Context<'_, S>).cast();
        self.call_raw(x, &sink_of(data, emit::<S>))
    }

    /// For an ingress plugin: as [`Next::call_with`], and calls [`Ingress::begin`] before the
    /// gateway first waits for this request.
    pub fn call_ingress<I: Ingress>(&mut self, x: &mut Exchange<'_>, ingress: &mut I) -> Result {
        let context = Rendering { x: x.raw(), host: x.host(), ingress, is_busy: Cell::new(false) };
        let data = (&context as *const Rendering<'_, I> as *mut Rendering<'_, I>).cast();
        unsafe { (exchange_api().before_wait)(x.raw(), Some(Rendering::<I>::begin), data) };
        let result = self.call_raw(x, &sink_of(data, Rendering::<I>::emit));
        unsafe { (exchange_api().before_wait)(x.raw(), None, std::ptr::null_mut()) };
        result
    }

    fn call_raw(&mut self, x: &mut Exchange<'_>, sink: *const sys::gh_sink) -> Result {
        check(unsafe { ((*self.raw).call)((*self.raw).self_, x.raw(), sink) })
    }
}

fn sink_of(
    data: *mut c_void,
    emit: unsafe extern "C" fn(*mut c_void, *const sys::gh_event) -> i32,
) -> sys::gh_sink {
    sys::gh_sink { size: size_of::<sys::gh_sink>() as u32, flags: 0, self_: data, emit }
}

/// Renders the events of a model as the body of an HTTP response.
pub trait Ingress {
    /// Called at most once, before the gateway first waits, unless [`Ingress::emit`] has begun: a
    /// response that begins here leaves failures before it their own status.
    fn begin(&mut self, x: &mut Exchange<'_>) -> Result;
    /// As the sink of [`Next::call_with`].
    fn emit(&mut self, x: &mut Exchange<'_>, event: &Event<'_>) -> Result;
}

struct Rendering<'c, I> {
    x: *mut sys::gh_exchange,
    host: Host<'c>,
    ingress: *mut I,
    is_busy: Cell<bool>, // emit() may wait, which calls begin()
}

impl<I: Ingress> Rendering<'_, I> {
    unsafe fn run(&self, work: impl FnOnce(&mut I, &mut Exchange<'_>) -> Result) -> sys::gh_status {
        if self.is_busy.replace(true) {
            return sys::GH_INVALID;
        }
        let status = guard(self.x, self.host, |x| work(&mut *self.ingress, x));
        self.is_busy.set(false);
        status
    }

    unsafe extern "C" fn begin(data: *mut c_void) {
        (*data.cast::<Rendering<'_, I>>()).run(|ingress, x| ingress.begin(x));
    }

    unsafe extern "C" fn emit(data: *mut c_void, event: *const sys::gh_event) -> sys::gh_status {
        let event = Event::from_raw(*event);
        (*data.cast::<Rendering<'_, I>>()).run(|ingress, x| ingress.emit(x, &event))
    }
}
