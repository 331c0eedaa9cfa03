//! A plugin that panics at every request, to be seen by a real gateway.

use gatehouse::{Exchange, Json, Next, Out, Plugin, Problem, Result, Setup};

struct Panics;

impl Plugin for Panics {
    fn new(_: &Setup, _: Json) -> Result<Self, Problem> {
        Ok(Panics)
    }

    fn handle(&self, x: &mut Exchange, _: &mut Out, next: &mut Next) -> Result {
        match x.path() {
            "/hello" => next.call_with(x, |_, _| panic!("on the way up")),
            _ => panic!("on the way down"),
        }
    }
}

gatehouse::plugin! {
    plugin: Panics,
    name: "panics",
    version: "1.0.0",
    summary: "Panics at every request",
    schema: r#"{"type": "object"}"#,
}
