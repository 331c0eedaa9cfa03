#include <chrono>
#include <string>

#include "gatehouse/plugin.hpp"
#include "gatehouse/toolkit/event_names.hpp"
#include "schema.h"

namespace acme::script {
namespace {

using namespace gatehouse;

/// A provider whose every response has the events of its configuration.
class Script final : public Plugin {
 public:
  Script(Host host, Json config) : host_(host), delay_(config["delay"].duration()) {
    events_.root().set(config["events"]);  // a copy: the configuration ends with the constructor
    std::size_t i = 0;
    for (const Json line : config["events"]) {
      const std::string place = "/events/" + std::to_string(i++) + "/kind";
      if (!name_of(line["kind"].str())) host.problem(place, "is not a kind of event");
    }
  }

  Status handle(Exchange& x, Sink& out, Next&) override {
    if (Status s = host_.sleep(x, delay_); !s) return s;
    for (const Json line : events_.root()) {
      if (Status s = out.emit(event_of(line)); !s) return s;
    }
    return {};
  }

 private:
  static gh_event event_of(Json line) {
    gh_event e = event::make(name_of(line["kind"].str())->kind);
    e.id = raw(line["id"].str());
    e.name = raw(line["name"].str());
    e.text = raw(line["text"].str());
    e.json = line["json"].raw();
    e.metadata = line["metadata"].raw();
    return e;
  }

  const Host host_;
  const std::chrono::nanoseconds delay_;
  const Document events_;
};

}  // namespace
}  // namespace acme::script

GATEHOUSE_PLUGIN(acme::script::Script, "script", "1.0.0", "Emits the events of its configuration",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_PROVIDER)
