#include "core/host/instance.h"
#include "core/host/tables.h"
#include "core/json/guarded.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {
namespace {

void render(const gh_host* host, gh_str path, gh_str header, decltype(FailureForm::render) call,
            void* self) {
  Instance::of(host).add_failure_form(
      {std::string(view(path)), std::string(view(header)), call, self, host});
}

}  // namespace

const gh_failures_api& failures_table() {
  static constexpr gh_failures_api kTable = {
      .size = sizeof kTable, .reserved = 0, .render = guarded<render>};
  return kTable;
}

}  // namespace gatehouse::core
