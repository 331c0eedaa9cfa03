/* The smallest plugin in C99: puts one header on every answer.
 *
 *   cc -std=c99 -O2 -shared -fPIC -I ../../include -Wl,--version-script=../../cmake/plugin.map
 * -Wl,-z,defs -o stamp.so stamp.c
 */
#define GATEHOUSE_NEEDS 0 /* nothing newer than 1.0 is used */
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

GATEHOUSE_NOTE("stamp", "1.0.0", "Puts a header on every answer", SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .name = "stamp",
    .version = "1.0.0",
    .summary = "Puts a header on every answer",
    .config_schema = SCHEMA,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
