//! Rejects requests for some paths.

use gatehouse::{flags, Exchange, Fail, Json, Next, Out, Plugin, Problem, Result, Setup};

struct PathGuard {
    prefix: String,
}

impl Plugin for PathGuard {
    fn new(_: &Setup, config: Json) -> Result<Self, Problem> {
        Ok(PathGuard { prefix: config.get("prefix").as_str().unwrap_or_default().to_string() })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        if x.path().starts_with(&self.prefix) {
            return Err(Fail::new(403, "forbidden", "This path is not open to clients.").into());
        }
        next.call(x, out)
    }
}

gatehouse::plugin! {
    plugin: PathGuard,
    name: "path-guard",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Rejects requests for some paths",
    schema: include_str!("../schema.json"),
    flags: flags::GUARD,
}

#[cfg(test)]
mod tests {
    use gatehouse_testing::Harness;

    #[test]
    fn rejects_the_paths_of_its_configuration() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, r#"{"prefix": "/a/"}"#);
        gateway.run(r#"{"target": "/a/b", "next": [["bytes+last:hi"]]}"#);
        assert_eq!(&gateway["/status"], "403");
        assert_eq!(&gateway["/next_calls"], "0");
    }

    #[test]
    fn passes_others_on() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, r#"{"prefix": "/a/"}"#);
        gateway.run(r#"{"target": "/b", "next": [["bytes+last:hi"]]}"#);
        assert_eq!(&gateway["/body"], "hi");
    }
}
