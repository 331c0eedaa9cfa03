//! A tool for the model that runs in the gateway: it adds two numbers.

use gatehouse::{
    event, flags, Document, Event, Exchange, Fail, Json, JsonMut, Kind, Next, Out, Plugin, Problem,
    Result, Setup,
};

const TOOL: &str = "add";
const OFFER: &str = r#"{"name": "add", "description": "Adds two numbers.",
    "input_schema": {"type": "object", "required": ["a", "b"],
                     "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}}"#;

fn run(input: Json) -> f64 {
    let number = |name| input.get(name).as_f64().unwrap_or_default();
    number("a") + number("b")
}

struct PlusTool {
    max_steps: i64,
}

impl Plugin for PlusTool {
    fn new(_: &Setup, config: Json) -> Result<Self, Problem> {
        Ok(PlusTool { max_steps: config.get("max_steps").as_i64().unwrap_or(1) })
    }

    /// Offers the tool to the model, runs its calls, and calls the model again with the results.
    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let chat = match x.chat() {
            Some(chat) => chat,
            None => return next.call(x, out),
        };
        let offer = Document::parse(OFFER).map_err(Fail::internal)?;
        chat.edit("tools").push().set(offer.root());
        for _ in 0..self.max_steps {
            let mut step = Step::default();
            next.call_with(x, |_, e| step.emit(e, out))?;
            if !step.append_to(chat.edit("messages")) {
                break;
            }
        }
        Ok(())
    }
}

/// One call of the model: its calls of the tool, and their results.
#[derive(Default)]
struct Step {
    calls: Document,
    results: Document,
    has_other_calls: bool,
}

impl Step {
    fn emit(&mut self, e: &Event, out: &mut Out) -> Result {
        let is_ours = e.name() == TOOL && !e.has(event::PROVIDER_EXECUTED);
        match e.kind() {
            Kind::ToolInputStart if is_ours => out.emit(&(*e).with_flag(event::DYNAMIC)),
            Kind::ToolCall if is_ours => self.call(e, out),
            kind => {
                self.has_other_calls |= kind == Kind::ToolCall;
                out.emit(e)
            }
        }
    }

    fn call(&mut self, e: &Event, out: &mut Out) -> Result {
        out.emit(&(*e).with_flag(event::DYNAMIC))?; // the client must not run it
        part_of(self.calls.root_mut(), "tool-call", e).edit("input").set(e.json());
        let output = part_of(self.results.root_mut(), "tool-result", e).edit("output");
        output.set(run(e.json()));
        out.emit(&event::tool_output(&e.id(), *output).with_flag(event::DYNAMIC))
    }

    /// Whether the model waits for results, all of which are here. Then appends them.
    fn append_to(&self, messages: JsonMut) -> bool {
        if self.has_other_calls || self.results.root().is_empty() {
            return false;
        }
        for (role, content) in [("assistant", &self.calls), ("tool", &self.results)] {
            let message = messages.push();
            message.edit("role").set(role);
            message.edit("content").set(content.root());
        }
        true
    }
}

fn part_of<'a>(parts: JsonMut<'a>, kind: &str, call: &Event) -> JsonMut<'a> {
    let part = parts.push();
    part.edit("type").set(kind);
    part.edit("id").set(&*call.id());
    part.edit("name").set(TOOL);
    if call.metadata().is_present() {
        part.edit("metadata").set(call.metadata());
    }
    part
}

gatehouse::plugin! {
    plugin: PlusTool,
    name: "plus-tool",
    version: env!("CARGO_PKG_VERSION"),
    summary: "A tool that adds numbers",
    schema: include_str!("../schema.json"),
    flags: flags::CHAT,
}

#[cfg(test)]
mod tests {
    use gatehouse_testing::Harness;

    #[test]
    fn runs_the_call_and_calls_the_model_again() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, "{}");
        gateway.run(
            r#"{"chat": {"messages": []}, "next": [
                ["step-start", "tool-call:1:add:{\"a\":1,\"b\":2}", "step-finish:tool-calls"],
                ["step-start", "text:Three.", "step-finish:stop"]]}"#,
        );
        assert_eq!(&gateway["/text"], "Three.");
        assert_eq!(&gateway["/chats/1/messages/1/content/0/output"], "3");
    }

    #[test]
    fn leaves_other_calls_to_the_client() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, "{}");
        gateway.run(
            r#"{"chat": {"messages": []}, "next": [
                ["step-start", "tool-call:1:other:{}", "step-finish:tool-calls"]]}"#,
        );
        assert_eq!(&gateway["/next_calls"], "1");
    }
}
