#include "gatehouse/plugin.hpp"
#include "schema.h"  // made from schema.json: GATEHOUSE_SCHEMA

namespace {

using namespace gatehouse;

/// Answers GET /hello?NAME. All other requests go on.
class Hello final : public Plugin {
 public:
  Hello(Host host, Json config)
      : greeting_(config["greeting"].str("Hello")), route_(host.route("GET", "/hello")) {}

  Status handle(Exchange& x, Sink& out, Next& next) override {
    if (x.route() != route_) return next(x, out);

    if (x.query().empty())
      return Fail{400, "name_missing", "Say who you are: GET /hello?NAME.", {}};

    const std::string text = greeting_ + ", " + std::string(x.query()) + "!\n";
    return x.reply(out, 200, "text/plain; charset=utf-8", text);
  }

 private:
  const std::string greeting_;  // a copy: the configuration is gone when the constructor returns
  const int route_;
};

}  // namespace

GATEHOUSE_PLUGIN(Hello, "hello", "1.0.0", "Greets whoever asks", GATEHOUSE_SCHEMA, 0)
