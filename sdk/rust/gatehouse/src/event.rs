//! Events, of which a response consists. `sdk/README.md` lists the members of each kind.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::null;

use gatehouse_sys as sys;

use crate::json::Json;
use crate::text::{bytes as view, raw, ABSENT};

/// The tool runs in the gateway, not at the client. For tool events.
pub const DYNAMIC: u16 = sys::GH_DYNAMIC;
/// The model's provider has run the tool. For tool events.
pub const PROVIDER_EXECUTED: u16 = sys::GH_PROVIDER_EXECUTED;
/// Another output of this call follows. For [`Kind::ToolOutput`].
pub const PRELIMINARY: u16 = sys::GH_PRELIMINARY;
/// The body is complete with this piece. For [`Kind::Bytes`].
pub const LAST: u16 = sys::GH_LAST;
/// The response is wrong without this event: a reader that does not know its kind fails.
pub const MUST: u16 = sys::GH_MUST;

macro_rules! kinds {
    ($($kind:ident = $value:ident),* $(,)?) => {
        /// What an event is. Pass on kinds that you do not know, unchanged.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Kind {
            $($kind,)*
            /// Of a later version.
            Unknown(u16),
        }

        impl Kind {
            fn of(kind: u16) -> Kind {
                match kind {
                    $(sys::$value => Kind::$kind,)*
                    other => Kind::Unknown(other),
                }
            }
            fn raw(self) -> u16 {
                match self {
                    $(Kind::$kind => sys::$value,)*
                    Kind::Unknown(kind) => kind,
                }
            }
        }
    };
}
kinds!(
    Bytes = GH_EV_BYTES,
    StepStart = GH_EV_STEP_START,
    Text = GH_EV_TEXT,
    Reasoning = GH_EV_REASONING,
    ToolInputStart = GH_EV_TOOL_INPUT_START,
    ToolInputDelta = GH_EV_TOOL_INPUT_DELTA,
    ToolCall = GH_EV_TOOL_CALL,
    ToolCallError = GH_EV_TOOL_CALL_ERROR,
    ToolOutput = GH_EV_TOOL_OUTPUT,
    ToolOutputError = GH_EV_TOOL_OUTPUT_ERROR,
    Source = GH_EV_SOURCE,
    File = GH_EV_FILE,
    Usage = GH_EV_USAGE,
    StepFinish = GH_EV_STEP_FINISH,
    ToolApproval = GH_EV_TOOL_APPROVAL,
    ToolDenied = GH_EV_TOOL_DENIED,
    Data = GH_EV_DATA,
    Response = GH_EV_RESPONSE,
    Warning = GH_EV_WARNING,
    Custom = GH_EV_CUSTOM,
);

/// One event of a response: a view. Those that a sink receives live until it returns.
///
/// Its texts are UTF-8; bytes of a faulty plugin that are not become U+FFFD.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    raw: sys::gh_event,
    views: PhantomData<&'a [u8]>,
}

impl<'a> Event<'a> {
    /// An event without members, for kinds that this module does not make.
    pub fn new(kind: Kind) -> Event<'a> {
        let raw = sys::gh_event {
            kind: kind.raw(),
            flags: 0,
            reserved0: 0,
            id: ABSENT,
            name: ABSENT,
            text: ABSENT,
            json: null(),
            metadata: null(),
            reserved: [0; 4],
        };
        Event { raw, views: PhantomData }
    }

    /// # Safety
    /// What the event refers to lives as long as `'a`.
    pub(crate) unsafe fn from_raw(raw: sys::gh_event) -> Event<'a> {
        Event { raw, views: PhantomData }
    }

    pub(crate) fn raw(&self) -> &sys::gh_event {
        &self.raw
    }

    pub fn kind(&self) -> Kind {
        Kind::of(self.raw.kind)
    }

    /// Whether it has this flag: [`DYNAMIC`], [`LAST`], ...
    pub fn has(&self, flag: u16) -> bool {
        self.raw.flags & flag != 0
    }

    pub fn id(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(unsafe { view(self.raw.id) })
    }

    pub fn name(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(unsafe { view(self.raw.name) })
    }

    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// The text of [`Kind::Bytes`], which may be of any kind.
    pub fn bytes(&self) -> &'a [u8] {
        unsafe { view(self.raw.text) }
    }

    pub fn json(&self) -> Json<'a> {
        unsafe { Json::from_raw(self.raw.json) }
    }

    /// What belongs to a provider, keyed by its name.
    pub fn metadata(&self) -> Json<'a> {
        unsafe { Json::from_raw(self.raw.metadata) }
    }

    // Copies with one member changed. What the plugin does not know of the event stays.

    pub fn with_id(mut self, id: &'a str) -> Event<'a> {
        self.raw.id = raw(id);
        self
    }

    pub fn with_name(mut self, name: &'a str) -> Event<'a> {
        self.raw.name = raw(name);
        self
    }

    pub fn with_text(mut self, text: &'a str) -> Event<'a> {
        self.raw.text = raw(text);
        self
    }

    pub fn with_json(mut self, json: Json<'a>) -> Event<'a> {
        self.raw.json = json.raw();
        self
    }

    pub fn with_metadata(mut self, metadata: Json<'a>) -> Event<'a> {
        self.raw.metadata = metadata.raw();
        self
    }

    pub fn with_flag(mut self, flag: u16) -> Event<'a> {
        self.raw.flags |= flag;
        self
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind())
            .field("flags", &self.raw.flags)
            .field("id", &self.id())
            .field("name", &self.name())
            .field("text", &self.text())
            .field("json", &self.json())
            .field("metadata", &self.metadata())
            .finish()
    }
}

/// A piece of the HTTP body. Above the ingress plugin only.
pub fn bytes(body: &[u8]) -> Event<'_> {
    let mut event = Event::new(Kind::Bytes);
    event.raw.text = raw(body);
    event
}

/// The model has accepted the request.
pub fn step_start<'a>() -> Event<'a> {
    Event::new(Kind::StepStart)
}

/// More text. It ends between characters.
pub fn text(delta: &str) -> Event<'_> {
    Event::new(Kind::Text).with_text(delta)
}

/// More reasoning.
pub fn reasoning(delta: &str) -> Event<'_> {
    Event::new(Kind::Reasoning).with_text(delta)
}

/// A tool call begins, before its arguments are complete.
pub fn tool_input_start<'a>(id: &'a str, name: &'a str) -> Event<'a> {
    Event::new(Kind::ToolInputStart).with_id(id).with_name(name)
}

/// A piece of the JSON text of its arguments.
pub fn tool_input_delta<'a>(id: &'a str, json_text: &'a str) -> Event<'a> {
    Event::new(Kind::ToolInputDelta).with_id(id).with_text(json_text)
}

/// A complete tool call.
pub fn tool_call<'a>(id: &'a str, name: &'a str, input: Json<'a>) -> Event<'a> {
    Event::new(Kind::ToolCall).with_id(id).with_name(name).with_json(input)
}

/// A tool call that cannot be carried out; the reason is for the log.
pub fn tool_call_error<'a>(
    id: &'a str,
    name: &'a str,
    input: Json<'a>,
    reason: &'a str,
) -> Event<'a> {
    let event = Event::new(Kind::ToolCallError).with_id(id).with_name(name);
    event.with_json(input).with_text(reason)
}

/// The result of a tool that ran in the gateway or at the provider.
pub fn tool_output<'a>(id: &'a str, output: Json<'a>) -> Event<'a> {
    Event::new(Kind::ToolOutput).with_id(id).with_json(output)
}

/// Such a tool failed; the reason is for the log.
pub fn tool_output_error<'a>(id: &'a str, reason: &'a str) -> Event<'a> {
    Event::new(Kind::ToolOutputError).with_id(id).with_text(reason)
}

/// A source of the response.
pub fn source<'a>(id: &'a str, url: &'a str, title: &'a str) -> Event<'a> {
    Event::new(Kind::Source).with_id(id).with_text(url).with_name(title)
}

/// A file as part of the response.
pub fn file<'a>(media_type: &'a str, base64: &'a str) -> Event<'a> {
    Event::new(Kind::File).with_name(media_type).with_text(base64)
}

/// Token counts of this step so far; they replace earlier ones.
pub fn usage(counts: Json<'_>) -> Event<'_> {
    Event::new(Kind::Usage).with_json(counts)
}

/// The step is over: `stop`, `length`, `content-filter`, `tool-calls`, `error` or `other`.
pub fn step_finish(reason: &str) -> Event<'_> {
    Event::new(Kind::StepFinish).with_name(reason)
}

/// A tool call waits until the user allows it.
pub fn tool_approval<'a>(id: &'a str, question: &'a str) -> Event<'a> {
    Event::new(Kind::ToolApproval).with_id(id).with_text(question).with_flag(DYNAMIC)
}

/// The user has denied such a call.
pub fn tool_denied(id: &str) -> Event<'_> {
    Event::new(Kind::ToolDenied).with_id(id).with_flag(DYNAMIC)
}

/// Data of this kind for the client's interface.
pub fn data<'a>(kind: &'a str, value: Json<'a>) -> Event<'a> {
    Event::new(Kind::Data).with_name(kind).with_json(value)
}

/// What the provider reports about its response: `id`, `model`, `limits`.
pub fn response(about: Json<'_>) -> Event<'_> {
    Event::new(Kind::Response).with_json(about)
}

/// A member of the chat document was not honoured.
pub fn warning<'a>(member: &'a str, sentence: &'a str) -> Event<'a> {
    Event::new(Kind::Warning).with_name(member).with_text(sentence)
}

/// A third party's, named in reverse domain notation.
pub fn custom<'a>(name: &'a str, value: Json<'a>) -> Event<'a> {
    Event::new(Kind::Custom).with_name(name).with_json(value)
}
