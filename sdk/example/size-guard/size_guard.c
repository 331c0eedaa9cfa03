/* Rejects requests that announce a large body, before it is read. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h" /* made from schema.json: GATEHOUSE_SCHEMA */

#define NAME "size-guard"
#define VERSION "0.1.0"
#define SUMMARY "Rejects requests with a large body"

typedef struct size_guard {
  const gh_exchange_api* exchange;
  int64_t max_bytes;
} size_guard;

static gh_str str(const char* text) {
  const gh_str s = {text, strlen(text)};
  return s;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  size_guard* const g = malloc(sizeof *g);
  if (!g) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  g->exchange = host->exchange;
  g->max_bytes = host->json->integer(host->json->get(config, str("max_bytes")), 0);
  *self = g;
  return GH_OK;
}

/* The gateway has checked that it is a number. */
static int64_t content_length(const size_guard* g, gh_exchange* x) {
  const gh_str text = g->exchange->header(x, str("Content-Length"));
  int64_t length = 0;
  for (size_t i = 0; i < text.n && length <= g->max_bytes; ++i)
    length = length * 10 + (text.p[i] - '0');
  return length;
}

static gh_status reject(const size_guard* g, gh_exchange* x) {
  const gh_failure failure = {.size = sizeof failure,
                              .http_status = 413,
                              .code = str("body_too_large"),
                              .message = str("The body is too large: send a smaller one.")};
  return g->exchange->fail(x, &failure);
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const size_guard* const g = self;
  if (content_length(g, x) > g->max_bytes) return reject(g, x);
  return next->call(next->self, x, out); /* the rest of the pipeline */
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE(NAME, VERSION, SUMMARY, GATEHOUSE_SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .abi_needs = GATEHOUSE_NEEDS,
    .flags = GH_PLUGIN_GUARD,
    .name = NAME,
    .version = VERSION,
    .summary = SUMMARY,
    .config_schema = GATEHOUSE_SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
