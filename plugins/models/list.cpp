#include "list.h"

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::models {
namespace {

void write_for_openai(View name, JsonText& text) {
  text.open('{').member("id", name).member("object", "model");
  text.member("created", std::int64_t{0}).member("owned_by", "gatehouse").close('}');
}

void write_for_anthropic(View name, JsonText& text) {
  text.open('{').member("type", "model").member("id", name).member("display_name", name);
  text.member("created_at", "1970-01-01T00:00:00Z").close('}');
}

}  // namespace

std::string list_for_openai(const std::vector<View>& names) {
  std::string body;
  JsonText text(body);
  text.open('{').member("object", "list").key("data").open('[');
  for (const View name : names) write_for_openai(name, text);
  text.close(']').close('}');
  return body;
}

std::string list_for_anthropic(const std::vector<View>& names) {
  std::string body;
  JsonText text(body);
  text.open('{').key("data").open('[');
  for (const View name : names) write_for_anthropic(name, text);
  text.close(']').member("has_more", false);
  const auto member = [&](View key, bool last) {
    text.key(key);
    if (names.empty()) {
      text.value(Json());
    } else {
      text.value(last ? names.back() : names.front());
    }
  };
  member("first_id", false);
  member("last_id", true);
  text.close('}');
  return body;
}

std::string model_for_openai(View name) {
  std::string body;
  JsonText text(body);
  write_for_openai(name, text);
  return body;
}

std::string model_for_anthropic(View name) {
  std::string body;
  JsonText text(body);
  write_for_anthropic(name, text);
  return body;
}

}  // namespace gatehouse::plugins::models
