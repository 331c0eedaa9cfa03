//! The crate and the host's side of the interface meet: one plugin that does, for each path, what
//! the name of the test promises.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use gatehouse::{
    event, in_parallel, waker, Addition, Caller, ClientSide, Counters, Crypto, Document, Error,
    Event, Exchange, Fail, Files, GatewayStatus, Health, Ingress, Json, Kind, Level, Next, Out,
    Plugin, Problem, Quota, Result, Route, Series, SeriesKind, Setup, Share, Store, Value,
};
use gatehouse_testing::Harness;

const SECOND: Duration = Duration::from_secs(1);

struct Probe {
    list: Route,
    erase: Route,
    store: Store,
    counters: Counters,
    crypto: Crypto,
    files: Files,
    share: Share,
    client: ClientSide,
    status: GatewayStatus,
    ticks: Arc<AtomicUsize>,
}

impl Plugin for Probe {
    fn new(setup: &Setup, config: Json) -> Result<Self, Problem> {
        match config.get("new").as_str() {
            Some("panic") => panic!("out of luck"),
            Some("problems") => {
                setup.problem("/new", "the first");
                setup.problem("/new", "the second");
            }
            Some("error") => Err("x".parse::<i32>().unwrap_err())?,
            _ => {}
        }
        setup.warning("/new", "is a test");
        let ticks = Arc::new(AtomicUsize::new(0));
        let counter = ticks.clone();
        setup.background(move |x| {
            while x.sleep(SECOND).is_ok() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Probe {
            list: setup.route("GET", "/list/*"),
            erase: setup.admin_route("DELETE", "/all", "Erases all")?,
            store: Store::new(setup)?,
            counters: Counters::new(setup)?,
            crypto: Crypto::new(setup)?,
            files: Files::new(setup)?,
            share: Share::new(setup)?,
            client: ClientSide::new(setup)?,
            status: GatewayStatus::new(setup)?,
            ticks,
        })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        if x.route() == Some(self.list) {
            return x.reply(out, 200, "text/plain", x.route_path());
        }
        if x.route() == Some(self.erase) {
            return x.reply(out, 200, "text/plain", "erased");
        }
        match x.path() {
            "/panic" => panic!("lost {}", x.query()),
            "/panic-in-sink" => next.call_with(x, |_, _| panic!("in the sink")),
            "/fail" => {
                let fail = Fail::new(429, "busy", "Too many.").detail("why").transient();
                Err(fail.retry_after(Duration::from_millis(1500)).into())
            }
            "/rejected" => Err(self.store.get(x, vec![b'k'; 5000]).unwrap_err()),
            "/ticks" => {
                x.reply(out, 200, "text/plain", self.ticks.load(Ordering::Relaxed).to_string())
            }
            "/request" => self.request(x, out),
            "/retry" => self.retry(x, out, next),
            "/mask" => self.mask(x, out, next),
            "/ingress" => next.call_ingress(x, &mut Page { out, begun: 0 }),
            "/store" => self.store(x, out),
            "/parallel" => self.parallel(x, out),
            "/waker" => self.waker(x, out),
            "/extensions" => self.extensions(x, out),
            "/json" => self.json(x, out),
            _ => next.call(x, out),
        }
    }
}

impl Probe {
    fn request(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let caller = x.caller();
        x.set_caller(Caller { user: "ada", ..caller });
        x.notes().edit("headers").set(x.headers().count());
        x.set_header("X-Gone", "soon");
        x.remove_header("X-Gone");
        x.log(Level::Info, "seen", &[("method", x.method().into()), ("n", 3.into())]);
        x.host().health(Health::Degraded, "a test");
        let missing = x.header("X-Missing").is_none();
        let body = x.body()?;
        let text = format!("{} {} {}", x.header("x-a").unwrap(), missing, body.len());
        x.reply(out, 201, "text/plain", text)
    }

    fn retry(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let first = next.call(x, out);
        let failure = x.failure().expect("the first call fails");
        assert!(matches!(first, Err(Error::Failed)) && failure.transient);
        x.sleep(2 * SECOND)?;
        next.call(x, out)
    }

    fn mask(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let mut bytes = 0;
        let result = next.call_with(x, |x, e| {
            bytes += e.bytes().len();
            x.notes().edit("last").set(&*format!("{:?}", e.kind()));
            match e.kind() {
                Kind::Text => out.emit(&e.with_text(&e.text().replace('l', "*"))),
                _ => out.emit(e),
            }
        });
        x.notes().edit("bytes").set(bytes);
        result
    }

    fn store(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let (store, mut text) = (&self.store, String::new());
        text += &format!("{:?} ", store.get(x, "a")?);
        store.put(x, "a", "1", SECOND)?;
        text += &format!("{:?} ", store.get(x, "a")?);
        text += &format!("{} ", store.add(x, "n", 5, SECOND)?);
        for _ in 0..2 {
            let mut quotas = [Quota::new("q", 1, SECOND, 1)];
            let granted = store.take(x, &mut quotas)?;
            text += &format!("{} {:?} ", granted, quotas[0].remaining());
        }
        for by in [3, 3, -3] {
            let mut additions = [Addition::new("sum", by, SECOND, 5)];
            let added = self.counters.add(x, &mut additions)?;
            text += &format!("{} {} ", added, additions[0].total());
        }
        store.erase(x, "n")?;
        store.clear(x, "")?;
        text += &format!("{:?}", store.get(x, "a")?);
        x.reply(out, 200, "text/plain", text)
    }

    fn parallel(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let words = ["one", "two", x.query()];
        let work = words.iter().map(|word| {
            move |x: &mut Exchange<'_>| {
                assert!(*word != "panic");
                format!("{} {}", word, x.cancelled().is_ok())
            }
        });
        let done = in_parallel(x, SECOND, work)?;
        x.reply(out, 200, "text/plain", format!("{:?}", done))
    }

    fn waker(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let (mut waiter, waker) = waker(x.host())?;
        let thread = std::thread::spawn(move || waker.clone().wake());
        let woken = waiter.wait(x, SECOND)?;
        thread.join().unwrap();
        x.reply(out, 200, "text/plain", woken.to_string())
    }

    fn extensions(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let labels = [("kind", "test")];
        let (host, gauge) = (x.host(), SeriesKind::Gauge);
        Series::new(host, gauge, "depth", "How deep.", &labels).record(host, 2.5);
        let missing = self.files.load(host, "nothing.yaml", r#"{"type": "object"}"#).is_err();
        let digest = self.crypto.sha256(&[b"a", b"bc"]);
        let _ = (self.status.report(host), self.status.metrics(host), self.status.timing(x));
        let shared = self.share.outlive(x, || true, |x| x.cancelled().is_ok());
        let shared = shared && !self.client.has_left(x);
        let text = format!("{} {:02x}{:02x} {}", missing, digest[0], digest[1], shared);
        x.reply(out, 200, "text/plain", text)
    }

    fn json(&self, x: &mut Exchange, out: &mut Out) -> Result {
        let body = x.json()?;
        let sum: i64 = body.get("list").elements().filter_map(|n| n.as_i64()).sum();
        let keys: Vec<_> = body.members().map(|(key, _)| key).collect();
        body.edit("sum").set(sum);
        body.edit("keys").set(&*keys.join(","));
        body.erase(body.get("list"));
        let first = body.edit("new").push();
        first.set(Value::Object);
        first.edit("real").set(0.5);
        first.edit("copy").set(body.get("text"));
        assert_eq!(body.get("a").get("b").as_str(), None);
        assert_eq!(body.get("wait").as_duration(), Some(5 * SECOND));
        assert!(Document::parse("{]").is_err());
        x.reply(out, 200, "application/json", body.to_string())
    }
}

struct Page<'p, 'x> {
    out: &'p mut Out<'x>,
    begun: usize,
}

impl Ingress for Page<'_, '_> {
    fn begin(&mut self, _: &mut Exchange) -> Result {
        self.begun += 1;
        self.out.emit(&event::bytes(b"begin "))
    }
    fn emit(&mut self, _: &mut Exchange, e: &Event) -> Result {
        self.out.emit(&event::bytes(e.text().as_bytes()))
    }
}

gatehouse::plugin! {
    plugin: Probe,
    name: "probe",
    version: "1.0.0",
    summary: "Does what a test says",
    schema: r#"{"type": "object"}"#,
}

fn gateway() -> Harness {
    Harness::new(&gatehouse_plugin_v1, "{}")
}

/// The body of the response to a request with this target.
fn body(target: &str) -> String {
    let mut gateway = gateway();
    gateway.run(&format!(r#"{{"target": "{}"}}"#, target));
    gateway["/body"].to_string()
}

#[test]
fn a_panic_is_one_failed_request_and_the_log_has_its_place() {
    let mut gateway = gateway();
    for path in ["/panic?way", "/panic-in-sink"] {
        gateway.run(&format!(r#"{{"target": "{}", "next": [["bytes+last:hi"]]}}"#, path));
        assert_eq!(&gateway["/status"], "500");
        assert_eq!(&gateway["/failure/code"], "plugin_error");
        assert!(gateway["/failure/detail"].contains("tests/plugin.rs:"), "{:?}", gateway);
    }
    assert!(gateway["/failure/detail"].ends_with("in the sink"));
    assert_eq!(&gateway.run(r#"{"next": [["bytes+last:hi"]]}"#)["/body"], "hi");
}

#[test]
fn problems_of_new_are_reported_with_their_places() {
    let problems = |config| Harness::try_new(&gatehouse_plugin_v1, config).unwrap_err();
    assert_eq!(problems(r#"{"new": "problems"}"#), "/new: the first");
    assert!(problems(r#"{"new": "panic"}"#).ends_with("out of luck"));
    assert!(problems(r#"{"new": "error"}"#).ends_with("invalid digit found in string"));
    assert_eq!(&gateway()["/warnings/0"], "/new: is a test");
}

#[test]
fn a_failure_keeps_its_members() {
    let mut gateway = gateway();
    gateway.run(r#"{"target": "/fail"}"#);
    assert_eq!(&gateway["/status"], "429");
    assert_eq!(&gateway["/headers/Retry-After"], "2");
    let wanted = r#"{"status":429,"code":"busy","message":"Too many.","detail":"why","#;
    assert!(gateway["/failure"].starts_with(wanted), "{}", &gateway["/failure"]);
    gateway.run(r#"{"target": "/rejected"}"#);
    assert_eq!(&gateway["/failure/code"], "plugin_error");
}

#[test]
fn reads_the_request_and_writes_the_response() {
    let mut gateway = gateway();
    gateway.run(
        r#"{"target": "/request", "body": "four", "headers": {"X-A": "1", "X-B": "2"},
            "caller": {"tenant": "t", "key": "k"}}"#,
    );
    assert_eq!(&gateway["/status"], "201");
    assert_eq!(&gateway["/body"], "1 true 4");
    assert_eq!(&gateway["/caller"], r#"{"tenant":"t","user":"ada","key":"k"}"#);
    assert_eq!(&gateway["/notes/headers"], "3");
    assert_eq!(gateway.get("/headers/X-Gone"), None);
    assert_eq!(&gateway["/logs/0"], r#"info: seen {"method":"POST","n":3}"#);
    assert_eq!(&gateway["/health"], "degraded: a test");
}

#[test]
fn routes_lead_to_what_claimed_them() {
    assert_eq!(body("/list/x"), "/list/*");
    let mut gateway = gateway();
    gateway.run(r#"{"method": "DELETE", "target": "/all", "admin": true}"#);
    assert_eq!(&gateway["/body"], "erased");
}

#[test]
fn calls_next_again_after_a_failure() {
    let mut gateway = gateway();
    gateway.run(
        r#"{"target": "/retry",
            "next": [{"status": 503, "code": "busy", "transient": true}, ["bytes+last:ok"]]}"#,
    );
    assert_eq!(&gateway["/body"], "ok");
    assert_eq!(&gateway["/sleeps_ms"], "[2000]");
}

#[test]
fn a_sink_changes_events_and_passes_on_what_it_does_not_know() {
    let mut gateway = gateway();
    gateway.run(
        r#"{"target": "/mask", "chat": {"model": "m"}, "next": [
            ["step-start", "text#1:Hello @{\"a\":1}", "custom+must:com.x.y:{}", "step-finish:stop"]
        ]}"#,
    );
    let wanted = r#"["step-start","text#1:He**o @{\"a\":1}","custom+must:com.x.y:{}","#;
    assert!(gateway["/events"].starts_with(wanted), "{}", &gateway["/events"]);
    assert_eq!(&gateway["/notes/last"], "StepFinish");
    assert_eq!(&gateway["/notes/bytes"], "5");
}

#[test]
fn an_ingress_renders_events() {
    let mut gateway = gateway();
    gateway.run(r#"{"target": "/ingress", "next": [["bytes:a", "bytes+last:b"]]}"#);
    assert_eq!(&gateway["/body"], "ab");
}

#[test]
fn background_work_ends_with_the_instance() {
    let mut gateway = gateway();
    gateway.run(r#"{"background": 0, "waits": 3}"#);
    assert_eq!(&gateway.run(r#"{"target": "/ticks"}"#)["/body"], "3");
}

#[test]
fn the_extensions_work() {
    assert_eq!(
        body("/store"),
        "None Some([49]) 5 true Some(0) false None true 3 false 3 true 0 None"
    );
    assert_eq!(body("/parallel?3"), r#"[Some("one true"), Some("two true"), Some("3 true")]"#);
    assert_eq!(body("/parallel?panic"), "");
    assert_eq!(body("/waker"), "true");
    assert_eq!(body("/extensions"), "true ba78 true"); // FIPS 180-4: SHA-256 of "abc"
}

#[test]
fn a_store_that_is_down_is_an_error_of_its_own() {
    let mut gateway = gateway();
    gateway.run(r#"{"target": "/store", "store_down": true}"#);
    assert_eq!(&gateway["/failure/detail"], "the store is unavailable");
}

#[test]
fn documents_are_read_and_edited() {
    let mut gateway = gateway();
    gateway.run(
        r#"{"target": "/json", "body": "{\"list\": [1, 2], \"text\": \"t\", \"wait\": \"5s\"}"}"#,
    );
    let wanted = r#"{"text":"t","wait":"5s","sum":3,"keys":"list,text,wait","#;
    let new = r#""new":[{"real":0.5,"copy":"t"}]}"#;
    assert_eq!(&gateway["/body"], format!("{}{}", wanted, new));
}
