//! Programs that break a rule of the interface, and do not compile. rustdoc checks the numbers of
//! the errors on nightly compilers only.

/// A view of the configuration is kept beyond `new`:
/// ```compile_fail
/// use gatehouse::*;
/// struct Kept(Json<'static>);
/// # unsafe impl Send for Kept {}
/// # unsafe impl Sync for Kept {}
/// impl Plugin for Kept {
///     fn new(_: &Setup<'_>, config: Json<'_>) -> Result<Self, Problem> {
///         Ok(Kept(config))
///     }
/// #   fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
/// #       next.call(x, out)
/// #   }
/// }
/// ```
struct KeepsTheConfiguration;

/// A text of a request is kept beyond `handle`:
/// ```compile_fail,E0521
/// use gatehouse::*;
/// fn handle(kept: &std::sync::Mutex<&'static str>, x: &mut Exchange) {
///     *kept.lock().unwrap() = x.path();
/// }
/// ```
struct KeepsTheRequest;

/// An exchange is used on another thread:
/// ```compile_fail,E0277
/// use gatehouse::*;
/// fn handle(x: &mut Exchange) {
///     std::thread::scope(|threads| {
///         threads.spawn(|| x.set_status(404));
///     });
/// }
/// ```
struct SharesTheExchange;

/// An event is kept beyond its sink:
/// ```compile_fail,E0521
/// use gatehouse::*;
/// fn handle(x: &mut Exchange, next: &mut Next) -> Result {
///     let mut kept = Vec::new();
///     next.call_with(x, |_, event| {
///         kept.push(*event);
///         Ok(())
///     })
/// }
/// ```
struct KeepsAnEvent;

/// `next` is called within `next`:
/// ```compile_fail,E0501
/// use gatehouse::*;
/// fn handle(x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
///     next.call_with(x, |x, _| next.call(x, out))
/// }
/// ```
struct NestsNext;

/// A function of `new` is called in `handle`:
/// ```compile_fail,E0599
/// use gatehouse::*;
/// fn handle(x: &mut Exchange) {
///     x.host().route("GET", "/late");
/// }
/// ```
struct ClaimsARouteLate;

/// The host is kept beyond the instance:
/// ```compile_fail,E0521
/// use gatehouse::*;
/// fn new(setup: &Setup) {
///     let host = setup.host();
///     std::thread::spawn(move || host.log(Level::Info, "still here", &[]));
/// }
/// ```
struct KeepsTheHost;

/// A piece of a response is used after the next one was read:
/// ```compile_fail,E0499
/// use gatehouse::*;
/// fn handle(response: &mut HttpResponse) -> Result {
///     let first = response.read()?;
///     let second = response.read()?;
///     assert!(first != second);
///     Ok(())
/// }
/// ```
struct KeepsAPiece;

/// A client is dropped while a response is open:
/// ```compile_fail,E0505
/// use gatehouse::*;
/// fn handle(http: Http, x: &mut Exchange) -> Result {
///     let response = http.send(x, &HttpRequest::new("GET", "/"))?;
///     drop(http);
///     drop(response);
///     Ok(())
/// }
/// ```
struct DropsTheClient;
