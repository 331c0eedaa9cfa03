//! A provider: sends the chat to a server and turns the server-sent events of its response, such as
//! `{"text": "Hello"}` and `{"finish": "stop"}`, into those of a model.

use std::time::Duration;

use gatehouse::{
    event, flags, Document, Exchange, Fail, Http, HttpOptions, HttpRequest, Json, Next, Out,
    Plugin, Problem, Result, Setup,
};

struct Relay {
    server: Http,
}

impl Plugin for Relay {
    fn new(setup: &Setup, config: Json) -> Result<Self, Problem> {
        let first_byte = config.get("timeout").as_duration().unwrap_or_default();
        let (connect, idle) = (Duration::from_secs(5), Duration::from_secs(60));
        let options = HttpOptions { connect, first_byte, idle };
        let base_url = config.get("base_url").as_str().unwrap_or_default();
        Ok(Relay { server: Http::new(setup, base_url, options, "/base_url")? })
    }

    fn handle(&self, x: &mut Exchange, out: &mut Out, next: &mut Next) -> Result {
        let chat = match x.chat() {
            Some(chat) => chat.to_string(),
            None => return next.call(x, out),
        };
        let headers = [("Content-Type", "application/json")];
        let request = HttpRequest::new("POST", "/chat");
        let request = HttpRequest { headers: &headers, body: chat.as_bytes(), ..request };
        let mut response = self.server.send(x, &request)?;
        if response.status() != 200 {
            let detail = format!("status {}", response.status());
            let fail = Fail::new(502, "upstream_error", "The model's server failed.");
            return Err(fail.detail(detail).transient().into());
        }
        out.emit(&event::step_start())?;
        while let Some(sent) = response.next_event()? {
            let text = String::from_utf8_lossy(sent.data);
            let part = Document::parse(&text).map_err(Fail::internal)?;
            if let Some(text) = part.root().get("text").as_str() {
                out.emit(&event::text(text))?;
            }
            if let Some(reason) = part.root().get("finish").as_str() {
                return out.emit(&event::step_finish(reason));
            }
        }
        let fail = Fail::new(502, "upstream_broken", "The model's response broke off.");
        Err(fail.transient().upstream().into())
    }
}

gatehouse::plugin! {
    plugin: Relay,
    name: "relay",
    version: env!("CARGO_PKG_VERSION"),
    summary: "Responds to chats with a server of your own",
    schema: include_str!("../schema.json"),
    flags: flags::PROVIDER | flags::CHAT,
}

#[cfg(test)]
mod tests;
