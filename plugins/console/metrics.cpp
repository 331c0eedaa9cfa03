#include "metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::console {
namespace {

/// The part before `end`, which is removed with it.
View take(View& text, View end) {
  const View part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(part.size() + end.size(), text.size()));
  return part;
}

/// The value of a label, from behind its opening quote to behind the closing one and a comma.
std::string take_value(View& text) {
  std::string value;
  while (!text.empty() && text.front() != '"') {
    const bool is_escaped = text.front() == '\\' && text.size() > 1;
    const char c = text[is_escaped ? 1 : 0];
    value.push_back(is_escaped && c == 'n' ? '\n' : c);
    text.remove_prefix(is_escaped ? 2 : 1);
  }
  text.remove_prefix(std::min<std::size_t>(text.substr(0, 2) == "\"," ? 2 : 1, text.size()));
  return value;
}

void write_sample(View line, JsonText& json) {
  const View name = line.substr(0, line.find_first_of("{ "));
  const bool has_labels = line.substr(name.size(), 1) == "{";
  line.remove_prefix(std::min(name.size() + 1, line.size()));
  json.open('{').member("name", name).key("labels").open('{');
  while (has_labels && !line.empty() && line.front() != '}') {
    const View label = take(line, "=\"");
    json.any_key(label).value(View(take_value(line)));
  }
  if (has_labels) take(line, " ");
  json.close('}').key("value");
  json.raw(std::isfinite(std::strtod(std::string(line).c_str(), nullptr)) ? line : View("null"));
  json.close('}');
}

}  // namespace

void write_metrics(View text, std::string& out) {
  JsonText json(out);
  json.open('[');
  while (!text.empty()) {
    const View line = take(text, "\n");
    if (!line.empty() && line.front() != '#') write_sample(line, json);
  }
  json.close(']');
}

}  // namespace gatehouse::plugins::console
