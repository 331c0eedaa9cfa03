#include "gatehouse/plugin.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace {

using namespace gatehouse;

/// Responds to GET /hello?NAME.
class Hello final : public Plugin {
 public:
  Hello(Host host, Json config) : greeting_(config["greeting"].str()) {
    host.route<&Hello::greet>(this, "GET", "/hello");
  }

 private:
  Status greet(Exchange& x, Sink& out) {
    if (x.query().empty()) return Fail{400, "name_missing", "Give a name: GET /hello?NAME.", {}};

    const std::string text = greeting_ + ", " + std::string(x.query()) + "!\n";
    return x.reply(out, 200, "text/plain; charset=utf-8", text);
  }

  const std::string greeting_;  // a copy: the configuration is gone when the constructor returns
};

}  // namespace

GATEHOUSE_PLUGIN(Hello, "hello", "1.0.0", "Greets by name", GATEHOUSE_SCHEMA, 0)
