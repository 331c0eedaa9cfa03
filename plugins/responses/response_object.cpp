#include "response_object.h"

namespace gatehouse::plugins::responses {
namespace {

struct Repeated {
  View member;
  View otherwise;  // JSON text
};
constexpr Repeated kRepeated[] = {
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"metadata", "{}"},
    {"parallel_tool_calls", "true"},
    {"store", "true"},
    {"temperature", "null"},
    {"tool_choice", R"("auto")"},
    {"tools", "[]"},
    {"top_p", "null"},
};

void write_or(Json value, View otherwise, JsonText& json) {
  if (value.is_null()) {
    json.raw(otherwise);
  } else {
    json.value(value);
  }
}

std::string repeat(Json body) {
  std::string members;
  JsonText json(members);
  for (const Repeated& each : kRepeated) {
    json.key(each.member);
    write_or(body[each.member], each.otherwise, json);
  }
  json.key("text").open('{').key("format");
  write_or(body["text"]["format"], R"({"type":"text"})", json);
  json.close('}').key("reasoning").open('{').key("effort").value(body["reasoning"]["effort"]);
  json.key("summary").value(body["reasoning"]["summary"]).close('}');
  return members;
}

void write_usage(const TokenCounts& tokens, JsonText& json) {
  const auto count = [&tokens](View name) { return tokens[name].value_or(0); };
  const std::int64_t input = count("input_tokens"), output = count("output_tokens");
  json.open('{').member("input_tokens", input).key("input_tokens_details").open('{');
  json.member("cached_tokens", count("cached_input_tokens"));
  json.member("cache_write_tokens", count("cache_write_tokens")).close('}');
  json.member("output_tokens", output).key("output_tokens_details").open('{');
  json.member("reasoning_tokens", count("reasoning_tokens")).close('}');
  json.member("total_tokens", input + output).close('}');
}

}  // namespace

ResponseObject::ResponseObject(Json body, View random, std::int64_t created_at_s)
    : id_(std::string("resp_").append(random)),
      created_at_s_(created_at_s),
      repeated_(repeat(body)) {}

void ResponseObject::write(const ResponseState& state, JsonText& json) const {
  json.open('{').member("id", id_).member("object", "response");
  json.member("created_at", created_at_s_).member("status", state.status).key("error");
  if (state.error_code.empty()) {
    json.raw("null");
  } else {
    json.open('{').member("code", state.error_code).member("message", state.error_message);
    json.close('}');
  }
  json.key("incomplete_details");
  if (state.incomplete_reason.empty()) {
    json.raw("null");
  } else {
    json.open('{').member("reason", state.incomplete_reason).close('}');
  }
  json.member("model", model_).key("output").open('[').raw(state.output).close(']');
  json.raw(R"("background":false,"previous_response_id":null,"truncation":"disabled")");
  json.raw(repeated_).key("usage");
  if (state.usage) {
    write_usage(*state.usage, json);
  } else {
    json.raw("null");
  }
  json.close('}');
}

}  // namespace gatehouse::plugins::responses
