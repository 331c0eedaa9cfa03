//! Responds to each chat with the text of its last user message.

use gatehouse::{event, flags, Exchange, Fail, Json, Next, Out, Plugin, Problem, Result, Setup};

struct RepeatModel {
    prefix: String,
}

impl Plugin for RepeatModel {
    fn new(_: &Setup, config: Json) -> Result<Self, Problem> {
        Ok(RepeatModel { prefix: config.get("prefix").as_str().unwrap_or_default().to_string() })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let chat = match x.chat() {
            Some(chat) => chat,
            None => return next.call(x, out),
        };
        // What this provider cannot honour is rejected, never ignored.
        if !chat.get("must").is_empty() {
            let message = "This provider honours none of `must`: remove it.";
            return Err(Fail::new(400, "unsupported_parameter", message).into());
        }
        out.emit(&event::step_start())?;
        let text = format!("{}{}", self.prefix, last_text(*chat));
        for word in text.split_inclusive(' ') {
            out.emit(&event::text(word))?; // an error: the client has gone
        }
        out.emit(&event::step_finish("stop"))
    }
}

fn last_text(chat: Json) -> String {
    let is_of_user = |message: &Json| message.get("role").as_str() == Some("user");
    let last = chat.get("messages").elements().filter(is_of_user).last();
    let parts = last.into_iter().flat_map(|message| message.get("content").elements());
    parts.filter_map(|part| part.get("text").as_str()).collect()
}

gatehouse::plugin! {
    plugin: RepeatModel,
    name: "repeat-model",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Responds with the text of the user",
    schema: include_str!("../schema.json"),
    flags: flags::PROVIDER | flags::CHAT,
}

#[cfg(test)]
mod tests {
    use gatehouse_testing::Harness;

    #[test]
    fn streams_the_last_text_of_the_user() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, "{}");
        gateway.run(
            r#"{"chat": {"messages": [
                {"role": "user", "content": [{"type": "text", "text": "Hello there"}]}]}}"#,
        );
        assert_eq!(&gateway["/text"], "You said: Hello there");
    }

    #[test]
    fn rejects_what_must_be_honoured() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, "{}");
        gateway.run(r#"{"chat": {"messages": [], "must": ["seed"]}}"#);
        assert_eq!(&gateway["/failure/code"], "unsupported_parameter");
    }
}
