/* A tool for the model that runs in the gateway: it adds two numbers. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h" /* made from schema.json: GATEHOUSE_SCHEMA */

#define NAME "sum-tool"
#define VERSION "0.1.0"
#define SUMMARY "A tool that adds numbers"

#define TOOL "add"
#define TOOL_SCHEMA                                  \
  "{\"type\":\"object\",\"required\":[\"a\",\"b\"]," \
  "\"properties\":{\"a\":{\"type\":\"number\"},\"b\":{\"type\":\"number\"}}}"

enum { kMaxSteps = 8 };

typedef struct sum_tool {
  const gh_json_api* json;
  const gh_exchange_api* exchange;
} sum_tool;

static gh_str str(const char* text) {
  const gh_str s = {text, strlen(text)};
  return s;
}

static int is(gh_str text, const char* other) {
  return text.n == strlen(other) && memcmp(text.p, other, text.n) == 0;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  sum_tool* const a = malloc(sizeof *a);
  (void)config;
  if (!a) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  a->json = host->json;
  a->exchange = host->exchange;
  *self = a;
  return GH_OK;
}

static void offer(const gh_json_api* json, gh_json* chat) {
  gh_json* const tool = json->push(json->edit(chat, str("tools")));
  gh_json* const schema = json->parse(str(TOOL_SCHEMA), NULL);
  json->set_str(json->edit(tool, str("name")), str(TOOL));
  json->set_str(json->edit(tool, str("description")), str("Adds two numbers."));
  json->copy(json->edit(tool, str("input_schema")), schema);
  json->drop(schema);
}

/* One call of the model: what the sink below keeps of it. */
typedef struct step {
  const gh_json_api* json;
  const gh_sink* out;
  gh_json *calls, *results; /* parts of the messages that follow */
  int has_other_calls;
} step;

static gh_json* push_part(const gh_json_api* json, gh_json* to, const char* type,
                          const gh_event* call) {
  gh_json* const part = json->push(to);
  json->set_str(json->edit(part, str("type")), str(type));
  json->set_str(json->edit(part, str("id")), call->id);
  json->set_str(json->edit(part, str("name")), str(TOOL));
  if (call->metadata) json->copy(json->edit(part, str("metadata")), call->metadata);
  return part;
}

static gh_status run(step* s, const gh_event* call) {
  const gh_json_api* const json = s->json;
  gh_event e = *call;
  e.flags |= GH_DYNAMIC; /* the client must not run it */
  const gh_status sent = s->out->emit(s->out->self, &e);
  if (sent != GH_OK) return sent;
  json->copy(json->edit(push_part(json, s->calls, "tool-call", call), str("input")), call->json);
  gh_json* const output =
      json->edit(push_part(json, s->results, "tool-result", call), str("output"));
  json->set_real(output, json->real(json->get(call->json, str("a")), 0) +
                             json->real(json->get(call->json, str("b")), 0));
  const gh_event result = {
      .kind = GH_EV_TOOL_OUTPUT, .flags = GH_DYNAMIC, .id = call->id, .json = output};
  return s->out->emit(s->out->self, &result);
}

static gh_status emit(void* self, const gh_event* e) {
  step* const s = self;
  gh_event copy = *e;
  if (e->kind == GH_EV_TOOL_CALL && is(e->name, TOOL)) return run(s, e);
  if (e->kind == GH_EV_TOOL_CALL) s->has_other_calls = 1;
  if (e->kind == GH_EV_TOOL_INPUT_START && is(e->name, TOOL)) copy.flags |= GH_DYNAMIC;
  return s->out->emit(s->out->self, &copy);
}

static void append(const gh_json_api* json, gh_json* messages, const char* role,
                   const gh_json* content) {
  gh_json* const message = json->push(messages);
  json->set_str(json->edit(message, str("role")), str(role));
  json->copy(json->edit(message, str("content")), content);
}

/* Calls the model; *again: it waits for the results, which are in the messages now. */
static gh_status call_model(const sum_tool* a, gh_exchange* x, const gh_sink* out,
                            const gh_next* next, int* again) {
  const gh_json_api* const json = a->json;
  step s = {json, out, json->make(), json->make(), 0};
  const gh_sink sink = {sizeof sink, 0, &s, emit};
  const gh_status status = next->call(next->self, x, &sink);
  *again = status == GH_OK && json->count(s.results) > 0 && !s.has_other_calls;
  if (*again) {
    gh_json* const messages = json->edit(a->exchange->chat(x, 0), str("messages"));
    append(json, messages, "assistant", s.calls);
    append(json, messages, "tool", s.results);
  }
  json->drop(s.calls);
  json->drop(s.results);
  return status;
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const sum_tool* const a = self;
  int again = 1;
  gh_status status = GH_OK;
  offer(a->json, a->exchange->chat(x, 0));
  for (int steps = 0; again && steps < kMaxSteps; ++steps)
    status = call_model(a, x, out, next, &again);
  return status;
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, GATEHOUSE_SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .abi_needs = GATEHOUSE_NEEDS,
    .flags = GH_PLUGIN_CHAT,
    .name = NAME,
    .version = VERSION,
    .summary = SUMMARY,
    .config_schema = GATEHOUSE_SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
