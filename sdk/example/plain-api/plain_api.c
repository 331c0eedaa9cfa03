/* POST /plain-api: the request is the user's text, the response that of the model. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h" /* made from schema.json: GATEHOUSE_SCHEMA */

#define NAME "plain-api"
#define VERSION "0.1.0"
#define SUMMARY "Chats as plain text"

typedef struct plain_api {
  const gh_json_api* json;
  const gh_exchange_api* exchange;
  int32_t route;
} plain_api;

static gh_str str(const char* text) {
  const gh_str s = {text, strlen(text)};
  return s;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  plain_api* const t = malloc(sizeof *t);
  (void)config;
  if (!t) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  t->json = host->json;
  t->exchange = host->exchange;
  t->route = host->route(host, str("POST"), str("/plain-api"));
  *self = t;
  return GH_OK;
}

/* Makes the chat document, which all plugins below work on. */
static void write_chat(const plain_api* t, gh_exchange* x, gh_str text) {
  const gh_json_api* const json = t->json;
  gh_json* const chat = t->exchange->chat(x, 1);
  gh_json* const message = json->push(json->edit(chat, str("messages")));
  gh_json* const part = json->push(json->edit(message, str("content")));
  json->set_str(json->edit(chat, str("model")), str("default"));
  json->set_str(json->edit(message, str("role")), str("user"));
  json->set_str(json->edit(part, str("type")), str("text"));
  json->set_str(json->edit(part, str("text")), text);
}

/* The sink of the plugins below: writes the text of their events as the body of the response. */
typedef struct body {
  const plain_api* t;
  gh_exchange* x;
  const gh_sink* out;
} body;

static gh_status write_text(const body* b, gh_str text, int flags) {
  const gh_event e = {.kind = GH_EV_BYTES, .flags = (uint16_t)flags, .text = text};
  if (!b->t->exchange->committed(b->x))
    (void)b->t->exchange->set_header(b->x, str("Content-Type"), str("text/plain; charset=utf-8"));
  return b->out->emit(b->out->self, &e);
}

static gh_status emit(void* self, const gh_event* e) {
  return e->kind == GH_EV_TEXT ? write_text(self, e->text, 0) : GH_OK;
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const plain_api* const t = self;
  if (t->exchange->route(x) != t->route) return next->call(next->self, x, out);
  gh_str text;
  gh_status s = t->exchange->body(x, &text);
  if (s != GH_OK) return s;
  write_chat(t, x, text);
  body b = {t, x, out};
  const gh_sink sink = {sizeof sink, 0, &b, emit};
  s = next->call(next->self, x, &sink);
  return s == GH_OK ? write_text(&b, str(""), GH_LAST) : s;
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, GATEHOUSE_SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .abi_needs = GATEHOUSE_NEEDS,
    .flags = GH_PLUGIN_INGRESS,
    .name = NAME,
    .version = VERSION,
    .summary = SUMMARY,
    .config_schema = GATEHOUSE_SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
