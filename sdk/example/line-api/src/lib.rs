//! `POST /line-api`: the request is the user's text, the response that of the model.

use gatehouse::{
    event, flags, Event, Exchange, Fail, Json, Kind, Next, Out, Plugin, Problem, Result, Route,
    Setup,
};

struct LineApi {
    route: Route,
    model: String,
}

impl Plugin for LineApi {
    fn new(setup: &Setup, config: Json) -> Result<Self, Problem> {
        let model = config.get("model").as_str().unwrap_or_default().to_string();
        Ok(LineApi { route: setup.route("POST", "/line-api"), model })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        if x.route() != Some(self.route) {
            return next.call(x, out);
        }
        self.read(x)?;
        next.call_with(x, |x, e: &Event| match e.kind() {
            Kind::Text => write(x, out, &event::bytes(e.bytes())),
            _ => Ok(()),
        })?;
        write(x, out, &event::bytes(b"").with_flag(event::LAST))
    }
}

impl LineApi {
    /// Makes the chat document, which all plugins below work on.
    fn read(&self, x: &mut Exchange) -> Result {
        let text = match std::str::from_utf8(x.body()?) {
            Ok(text) if !text.is_empty() => text,
            _ => return Err(Fail::new(400, "text_missing", "Send a text in UTF-8.").into()),
        };
        let chat = x.make_chat();
        chat.edit("model").set(&self.model);
        let message = chat.edit("messages").push();
        message.edit("role").set("user");
        let part = message.edit("content").push();
        part.edit("type").set("text");
        part.edit("text").set(text);
        Ok(())
    }
}

fn write(x: &Exchange, out: &mut Out, bytes: &Event) -> Result {
    if !x.is_committed() {
        x.set_header("Content-Type", "text/plain; charset=utf-8");
    }
    out.emit(bytes)
}

gatehouse::plugin! {
    plugin: LineApi,
    name: "line-api",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Chats as plain text",
    schema: include_str!("../schema.json"),
    flags: flags::INGRESS,
}

#[cfg(test)]
mod tests {
    use gatehouse_testing::Harness;

    const ASK: &str = r#"{"method": "POST", "target": "/line-api", "body": "Hi!",
        "next": [["step-start", "text:Hel", "text:lo", "step-finish:stop"]]}"#;

    #[test]
    fn writes_the_text_of_the_response() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, r#"{"model": "m"}"#);
        gateway.run(ASK);
        assert_eq!(&gateway["/body"], "Hello");
        assert_eq!(&gateway["/chats/0/messages/0/content/0/text"], "Hi!");
    }

    #[test]
    fn requires_a_text() {
        let mut gateway = Harness::new(&crate::gatehouse_plugin_v1, "{}");
        gateway.run(r#"{"method": "POST", "target": "/line-api"}"#);
        assert_eq!(&gateway["/failure/code"], "text_missing");
    }
}
