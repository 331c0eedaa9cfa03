/* Names the server in a header of every response and logs each request. C99. */
#include <gatehouse/abi.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"

#define SUMMARY "Names the server in a header and logs each request"

typedef struct tag {
  const gh_host* host;
  int64_t slow_ns;
  gh_str name;
  char text[];
} tag;

static gh_str str(const char* text) {
  const gh_str s = {text, strlen(text)};
  return s;
}

static gh_status create(const gh_host* host, const gh_json* config, void** self) {
  const gh_json_api* const json = host->json;
  const gh_str name = json->str(json->get(config, str("name")));
  tag* const t = malloc(sizeof *t + name.n);
  if (!t) {
    host->problem(host, str(""), str("out of memory"));
    return GH_FAILED;
  }
  memcpy(t->text, name.p, name.n);
  t->name.p = t->text;
  t->name.n = name.n;
  t->host = host;
  t->slow_ns = json->integer(json->get(config, str("slow_ms")), 0) * 1000000;
  *self = t;
  return GH_OK;
}

/* A sink that counts the bytes of the response on their way to `out`. */
typedef struct counter {
  const gh_sink* out;
  int64_t bytes;
} counter;

static gh_status count(void* self, const gh_event* e) {
  counter* const c = self;
  if (e->kind == GH_EV_BYTES) c->bytes += (int64_t)e->text.n;
  return c->out->emit(c->out->self, e);
}

/* The status that the client gets. */
static int32_t status_of(const gh_exchange_api* exchange, gh_exchange* x) {
  const gh_failure* const failure = exchange->failure(x);
  return failure && !exchange->committed(x) ? failure->http_status : exchange->status(x);
}

static void log_request(const tag* t, gh_exchange* x, int64_t bytes, int64_t took_ns) {
  const gh_host* const host = t->host;
  const gh_json_api* const json = host->json;
  gh_json* const fields = json->make();
  json->set_str(json->edit(fields, str("method")), host->exchange->field(x, GH_METHOD));
  json->set_str(json->edit(fields, str("path")), host->exchange->field(x, GH_PATH));
  json->set_int(json->edit(fields, str("status")), status_of(host->exchange, x));
  json->set_int(json->edit(fields, str("bytes")), bytes);
  json->set_int(json->edit(fields, str("ms")), took_ns / 1000000);
  host->log(host, took_ns > t->slow_ns ? GH_WARN : GH_INFO, x, str("served"), fields);
  json->drop(fields);
}

static gh_status handle(void* self, gh_exchange* x, const gh_sink* out, const gh_next* next) {
  const tag* const t = self;
  counter c = {out, 0};
  const gh_sink sink = {sizeof sink, 0, &c, count};
  const int64_t began = t->host->now_ns(t->host);
  t->host->exchange->set_header(x, str("X-Served-By"), t->name);
  const gh_status status = next->call(next->self, x, &sink);
  log_request(t, x, c.bytes, t->host->now_ns(t->host) - began);
  return status;
}

static void destroy(void* self) { free(self); }

GATEHOUSE_NOTE("tag", "1.0.0", SUMMARY, GATEHOUSE_SCHEMA);

const gh_plugin gatehouse_plugin_v1 = {
    .magic = GH_MAGIC,
    .size = sizeof(gh_plugin),
    .abi_major = GH_ABI_MAJOR,
    .abi_minor = GH_ABI_MINOR,
    .abi_needs = GATEHOUSE_NEEDS,
    .flags = GH_PLUGIN_HEAD,
    .name = "tag",
    .version = "1.0.0",
    .summary = SUMMARY,
    .config_schema = GATEHOUSE_SCHEMA,
    .note = gatehouse_note,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};
