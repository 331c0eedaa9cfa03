/// Events, of which a response consists, and how they move: sinks and the rest of the pipeline.
///
/// Grammar of the events of a model, below the ingress plugin:
///
///     response := (warning | response-data)* step*
///     step     := STEP_START part* STEP_FINISH
///     part     := TEXT | REASONING | tool | SOURCE | FILE | USAGE | RESPONSE | WARNING | DATA
///                 | CUSTOM
///     tool     := [INPUT_START INPUT_DELTA*] (CALL | CALL_ERROR) [APPROVAL | DENIED]
///                 [OUTPUT* (OUTPUT | OUTPUT_ERROR)]          the events of several tools may mix
///
/// OUTPUT, OUTPUT_ERROR and DENIED may also come before the first step, for calls of the request
/// that have waited for the user's approval.
///
/// STEP_START goes out when the model has accepted the request (after status 200), since a failure
/// before it can still be retried. A block of text or reasoning is the run of events of one kind
/// and one id; another kind or id ends it, as does anything but USAGE, RESPONSE, WARNING and DATA.
/// USAGE may follow STEP_FINISH. A provider that returns GH_OK has sent STEP_FINISH; a stream that
/// ended before it is a failure. A response has one candidate.
#ifndef GATEHOUSE_ABI_EVENT_H
#define GATEHOUSE_ABI_EVENT_H

#include "gatehouse/abi/json.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Kinds of gh_event with the members that each uses; the others are empty. The host assigns
/// 1 to 0x3fff. Pass on kinds that you do not know, unchanged.
enum {
  /// Bytes of the HTTP body: text. The only kind above the ingress plugin, and a fault of the
  /// plugin below it.
  GH_EV_BYTES = 1,
  /// The model begins to respond; one per call of the model.
  GH_EV_STEP_START,
  /// More text: text (ends between characters), id?, metadata?. An event with metadata and without
  /// text is a block too: a signature, say.
  GH_EV_TEXT,
  /// More reasoning: as GH_EV_TEXT. Reasoning that has metadata is signed: its text must not
  /// change.
  GH_EV_REASONING,
  /// A tool call begins, before its arguments are complete: id, name. Flags.
  GH_EV_TOOL_INPUT_START,
  /// A piece of the JSON text of its arguments: id, text.
  GH_EV_TOOL_INPUT_DELTA,
  /// A complete tool call: id, name, json (the arguments), metadata?. Flags. May come alone.
  GH_EV_TOOL_CALL,
  /// A tool call that cannot be carried out: id, name, json (the arguments; a string when they are
  /// not JSON), text (the reason, for the log), metadata?. Flags.
  GH_EV_TOOL_CALL_ERROR,
  /// The result of a tool that ran in the gateway or at the provider: id, json. Flags.
  GH_EV_TOOL_OUTPUT,
  /// Such a tool failed: id, text (the reason, for the log). Flags.
  GH_EV_TOOL_OUTPUT_ERROR,
  /// A source of the response: id, text (URL), name? (title), metadata?, json? with the passage
  /// that
  /// cites it: start, end (offsets in the text of the step, in bytes), cited_text.
  GH_EV_SOURCE,
  /// A file as part of the response: name (media type), text (base64), metadata?.
  GH_EV_FILE,
  /// Token counts of this step so far, in json; replaces earlier ones of the step. input_tokens
  /// includes cached_input_tokens and cache_write_tokens; output_tokens includes reasoning_tokens.
  /// total_tokens: the sum of input and output. Absent: unknown.
  GH_EV_USAGE,
  /// The step is over: name (stop, length, content-filter, tool-calls, error or other), text? (the
  /// provider's own word), json? (stop_sequence, safety, ...), metadata?.
  GH_EV_STEP_FINISH,
  /// A tool call waits until the user allows it: id (of the call), text (id of the question).
  GH_EV_TOOL_APPROVAL,
  /// The user has denied the call: id.
  GH_EV_TOOL_DENIED,
  /// Data for the client's interface that are no part of the conversation: name (their kind:
  /// letters, digits and -), json.
  GH_EV_DATA,
  /// What the provider reports about its response to this step, in json: id, model (the one that
  /// answered), limits (object: what is left of the account's rate limits).
  GH_EV_RESPONSE,
  /// A setting or a part of the request was not honoured: name (the member of the chat document),
  /// text (one sentence).
  GH_EV_WARNING,
  /// A third party's: name (reverse domain, "com.acme.thought-map"), json, text?, metadata?.
  GH_EV_CUSTOM
};

/// Flags of gh_event.
enum {
  GH_LAST = 1,               ///< GH_EV_BYTES: the body is complete with this piece.
  GH_DYNAMIC = 2,            ///< Tool events: the tool runs in the gateway, not at the client.
  GH_PROVIDER_EXECUTED = 4,  ///< Tool events: the model's provider has run it.
  GH_PRELIMINARY = 8,        ///< GH_EV_TOOL_OUTPUT: another output of this call follows.
  /// Of any kind: the response is wrong without this event. Whoever would drop it, because it does
  /// not know the kind, fails instead with 500 `unsupported_event`.
  GH_MUST = 0x8000
};

/// Fixed size for ever, so a copy carries what its maker does not know: rewrite an event by copying
/// it whole and changing a member. Unused members and `reserved` are zero. Views and nodes live
/// only during emit().
typedef struct gh_event {
  uint16_t kind;
  uint16_t flags;
  uint32_t reserved0;
  gh_str id;
  gh_str name;
  gh_str text;
  const gh_json* json;
  const gh_json* metadata;  ///< Object keyed by provider ("google"), returned with the history.
  uint64_t reserved[4];
} gh_event;

/// Where events go. Owned by whoever passes it to next(), alive during that call.
typedef struct gh_sink {
  uint32_t size;
  uint32_t flags;  ///< 0.
  void* self;
  /// GH_OK; GH_STOP, GH_CANCELLED: stop producing; GH_FAILED: the sink has called fail() on the
  /// exchange, return this unchanged.
  gh_status (*emit)(void* self, const gh_event*);
} gh_sink;

/// The rest of the pipeline. Usable only inside handle(), on its thread, one call after another.
/// GH_INVALID: the response has ended (an event with GH_LAST has reached the client).
typedef struct gh_next {
  uint32_t size;
  uint32_t flags;  ///< 0.
  void* self;
  gh_status (*call)(void* self, gh_exchange*, const gh_sink* out);
} gh_next;

#ifdef __cplusplus
}
#endif
#endif
