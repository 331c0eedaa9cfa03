// What GATEHOUSE_PLUGIN rejects, each in a namespace of its own.
#include "gatehouse/plugin.hpp"

struct P final : gatehouse::Plugin {
  P(gatehouse::Host, gatehouse::Json) {}
};

#define OBJECT R"({"type": "object"})"

namespace blank_in_name {
GATEHOUSE_PLUGIN(P, "my plugin", "1", "s", OBJECT, 0)
}
namespace quote_in_summary {
GATEHOUSE_PLUGIN(P, "p", "1", "Says \"hi\"", OBJECT, 0)
}
namespace backslash_in_version {
GATEHOUSE_PLUGIN(P, "p", "1\\2", "s", OBJECT, 0)
}
namespace empty_schema {
GATEHOUSE_PLUGIN(P, "p", "1", "s", "", 0)
}
namespace array_as_schema {
GATEHOUSE_PLUGIN(P, "p", "1", "s", "[]", 0)
}
