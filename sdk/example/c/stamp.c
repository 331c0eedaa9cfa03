/* The smallest plugin in C99: sets one header of every response. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA                                                                                   \
  "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"value\"],\"properties\":" \
  "{\"value\":{\"type\":\"string\"}}}"

typedef struct stamp {
  const gh_exchange_api* exchange;
  gh_str value;
  char text[];
} stamp;

static gh_str str(const char* text) {
  gh_str s = {text, strlen(text)};
  return s;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  const gh_str value = host->json->str(host->json->get(config, str("value")));
  stamp* s = malloc(sizeof *s + value.n);
  if (!s) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  memcpy(s->text, value.p, value.n); /* a copy: the configuration is gone when create() returns */
  s->value.p = s->text;
  s->value.n = value.n;
  s->exchange = host->exchange;
  *self = s;
  return GH_OK;
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const stamp* s = self;
  s->exchange->set_header(x, str("X-Stamp"), s->value);
  return next->call(next->self, x, out);
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE("stamp", "1.0.0", "Sets a header of every response", SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .name = "stamp",
    .version = "1.0.0",
    .summary = "Sets a header of every response",
    .config_schema = SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
