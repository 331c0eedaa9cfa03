/* The test of stamp.c, without any test framework: it aborts at the first promise that is broken.
 *
 *   cc stamp.c stamp_test.c $(pkg-config --cflags --libs gatehouse-testing) -o stamp_test
 *   ./stamp_test
 */
#undef NDEBUG
#include <assert.h>
#include <gatehouse/testing.h>
#include <string.h>

static void expect(gh_test* t, const char* pointer, const char* wanted) {
  const char* found = gh_test_at(t, pointer);
  assert(found && strcmp(found, wanted) == 0);
}

static void sets_the_header_of_a_response(void) {
  gh_test* t = gh_test_open(&gatehouse_plugin_v1, "{\"value\": \"x\"}");
  assert(gh_test_run(t, "{\"target\": \"/any\", \"next\": [[\"bytes+last:hi\"]]}") == 0);
  expect(t, "/body", "hi");
  expect(t, "/headers/X-Stamp", "x");
  gh_test_close(t);
}

static void sets_the_header_of_a_failure(void) {
  gh_test* t = gh_test_open(&gatehouse_plugin_v1, "{\"value\": \"x\"}");
  assert(gh_test_run(t, "{\"next\": [{\"status\": 503, \"code\": \"busy\"}]}") == 0);
  expect(t, "/status", "503");
  expect(t, "/headers/X-Stamp", "x");
  gh_test_close(t);
}

static void requires_a_value(void) {
  gh_test* t = gh_test_open(&gatehouse_plugin_v1, "{}");
  assert(strstr(gh_test_at(t, "/error"), "value"));
  gh_test_close(t);
}

int main(void) {
  sets_the_header_of_a_response();
  sets_the_header_of_a_failure();
  requires_a_value();
  return 0;
}
