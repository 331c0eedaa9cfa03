/* Responds to every chat with a text of its configuration. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h" /* made from schema.json: GATEHOUSE_SCHEMA */

#define NAME "fixed-model"
#define VERSION "0.1.0"
#define SUMMARY "Responds to every chat with one text"

typedef struct fixed_model {
  const gh_json_api* json;
  const gh_exchange_api* exchange;
  gh_str text;
  char bytes[];
} fixed_model;

static gh_str str(const char* text) {
  const gh_str s = {text, strlen(text)};
  return s;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  const gh_str text = host->json->str(host->json->get(config, str("text")));
  fixed_model* const c = malloc(sizeof *c + text.n);
  if (!c) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  memcpy(c->bytes, text.p, text.n); /* a copy: the configuration is gone when create() returns */
  c->text.p = c->bytes;
  c->text.n = text.n;
  c->json = host->json;
  c->exchange = host->exchange;
  *self = c;
  return GH_OK;
}

/* The client requires a member of the chat document to be honoured: this provider honours none. */
static gh_status check(const fixed_model* c, gh_exchange* x) {
  const gh_json* const must = c->json->get(c->exchange->chat(x, 0), str("must"));
  const gh_failure failure = {.size = sizeof failure,
                              .http_status = 400,
                              .code = str("unsupported_parameter"),
                              .message = str("This provider honours none of `must`: remove it.")};
  return c->json->count(must) > 0 ? c->exchange->fail(x, &failure) : GH_OK;
}

static gh_status emit(const gh_sink* out, int kind, gh_str name, gh_str text) {
  const gh_event e = {.kind = (uint16_t)kind, .name = name, .text = text};
  return out->emit(out->self, &e);
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const fixed_model* const c = self;
  const gh_str none = {NULL, 0};
  (void)next; /* a provider is the end of the pipeline */
  gh_status s = check(c, x);
  if (s == GH_OK) s = emit(out, GH_EV_STEP_START, none, none);
  if (s == GH_OK) s = emit(out, GH_EV_TEXT, none, c->text);
  if (s == GH_OK) s = emit(out, GH_EV_STEP_FINISH, str("stop"), none);
  return s;
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, GATEHOUSE_SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .abi_needs = GATEHOUSE_NEEDS,
    .flags = GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER,
    .name = NAME,
    .version = VERSION,
    .summary = SUMMARY,
    .config_schema = GATEHOUSE_SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
