#include "session.h"

#include <algorithm>
#include <set>

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr View kStateless = "2026-07-28";
// Of each revision, only what this side needs is used, and that is the same in all of them.
constexpr View kVersions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
constexpr std::chrono::nanoseconds kPatience =
    5s;                         // some servers never answer what they do not know
constexpr int kMaxPages = 100;  // a server with more tools than that has an endless list
constexpr std::size_t kMaxListBytes = 4 * kMaxMessage;
constexpr std::size_t kMaxErrorBytes = 2000;  // of the server's message, which the model reads
constexpr std::size_t kMaxFields = 100;  // of a form: each that is required is looked up among all
constexpr int kMaxRounds = 10;           // of questions before the result of a call

constexpr int kMethodNotFound = -32601;      // JSON-RPC 2.0, 5.1
constexpr int kUnsupportedVersion = -32022;  // 2026-07-28
constexpr View kOtherVersion = "mcp_other_version";

std::string notification(View method, View params) {
  std::string out = R"({"jsonrpc":"2.0","method":)";
  quote(out, method);
  if (!params.empty()) out.append(",\"params\":").append(params);
  return out += '}';
}

/// With the id of a request, which may be a string or a number.
std::string answer_to(Json id, View members) {
  std::string out = R"({"jsonrpc":"2.0","id":)";
  id.dump(out);
  return out.append(",").append(members).append("}");
}

std::string request(std::int64_t id, View method, View params) {
  std::string out = R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + ",\"method\":";
  quote(out, method);
  return out.append(",\"params\":").append(params).append("}");
}

bool contains(Json list, View text) {
  for (const Json element : list) {
    if (element.str() == text) return true;
  }
  return false;
}

Fail failure_of(Json error) {
  const View message = error["message"].str("unknown error");
  std::size_t end = std::min(message.size(), kMaxErrorBytes);
  while (end > 0 && end < message.size() && (message[end] & 0xC0) == 0x80)
    --end;  // not inside a character of UTF-8
  std::string told = "The tool failed: ";
  told.append(message.substr(0, end))
      .append(" (")
      .append(std::to_string(error["code"].integer()))
      .append(")");
  const bool speaks_newer = error["code"].integer() == kUnsupportedVersion &&
                            contains(error["data"]["supported"], kStateless);
  return {502, std::string(speaks_newer ? kOtherVersion : View("mcp_error")), std::move(told), {}};
}

/// A response that has a result, or why it has none.
Result<Response> with_result(Result<Response> response) {
  if (!response) return response.error();
  if (const Json error = response->message.root()["error"]) return failure_of(error);
  if (!response->result().is_object())
    return unavailable("The tool server gave an answer without a result.");
  return response;
}

bool has_code(const Status& status, View code) { return status.failure().code() == code; }

}  // namespace

Session::Session(Host host, Json config, Transport& transport, std::function<void()> changed)
    : host_(host),
      transport_(transport),
      call_timeout_(config["call_timeout"].duration(60s)),
      patience_(std::min<std::chrono::nanoseconds>(kPatience,
                                                   config["connect_timeout"].duration(10s) / 2)),
      takes_defaults_(config["elicitation"].str() == "defaults"),
      changed_(std::move(changed)) {}

/// What the first request of a session said, each request has to say since 2026-07-28.
std::string Session::metadata() const {
  std::string out = R"("io.modelcontextprotocol/protocolVersion":")" + std::string(kStateless) +
                    R"(","io.modelcontextprotocol/clientInfo":{"name":"gatehouse","version":)";
  quote(out, host_.version());
  return out.append("},\"io.modelcontextprotocol/clientCapabilities\":")
      .append(takes_defaults_ ? R"({"elicitation":{}})" : "{}");
}

/// `params`: the members, without braces.
RpcRequest Session::make(View method, std::string params, bool is_stateless) {
  RpcRequest made;
  made.id = ++last_id_;
  std::string meta = is_stateless ? metadata() : std::string();
  if (method == "tools/call")
    meta.append(meta.empty() ? "" : ",")
        .append("\"progressToken\":")
        .append(std::to_string(made.id));
  if (!meta.empty())
    params.append(params.empty() ? "" : ",").append("\"_meta\":{").append(meta).append("}");
  made.message = request(made.id, method, "{" + params + "}");
  if (is_stateless) made.headers.emplace_back("Mcp-Method", method);
  return made;
}

// ---- Two eras ----------------------------------------------------------------------------------

Status Session::begin(Exchange& x) {
  if (!is_old_) {
    Status status = discover(x);
    if (status || !x.cancelled() || has_code(status, kUnreachable) ||
        has_code(status, kUnauthorized))
      return status;
    asks_differently_ = is_old_ = has_code(status, kEnded);
    if (is_old_) return status;
  }
  Status status = initialize(x);
  if (has_code(status, kOtherVersion)) return discover(x);
  if (status) is_old_ = true;
  return status;
}

Status Session::discover(Exchange& x) {
  const auto ask = [&] {
    RpcRequest asked = make("server/discover", {}, true);
    asked.begins = true;
    asked.silence = patience_;
    asked.headers.emplace_back("Mcp-Protocol-Version", kStateless);
    return with_result(transport_.request(x, asked));
  };
  auto response = ask();
  if (!response) {
    Status failed = response.error();
    if (!has_code(failed, kOtherVersion)) return failed;
    response = ask();
  }
  if (!response) return response.error();
  const Json result = response->result();
  if (!contains(result["supportedVersions"], kStateless))
    return unavailable("It speaks another version of MCP.");

  is_old_ = false;
  transport_.agree_on(kStateless, false);
  const Json in_meta = result["_meta"]["io.modelcontextprotocol/serverInfo"];
  const Json info = in_meta ? in_meta : result["serverInfo"];
  const Json tools = result["capabilities"]["tools"];
  {
    const std::lock_guard lock(mutex_);
    about_ = {std::string(info["name"].str()), std::string(info["version"].str()),
              std::string(kStateless), tools.is_object(), true};
  }
  if (!tools["listChanged"].boolean()) return Status();
  return transport_.subscribe(
      x, make("subscriptions/listen", R"("notifications":{"toolsListChanged":true})", true));
}

Status Session::initialize(Exchange& x) {
  std::string params = R"("protocolVersion":")" + std::string(kVersions[0]) +
                       R"(","capabilities":)" + (takes_defaults_ ? R"({"elicitation":{}})" : "{}") +
                       R"(,"clientInfo":{"name":"gatehouse","version":)";
  quote(params, host_.version());
  RpcRequest asked = make("initialize", params + "}", false);
  asked.begins = true;
  auto response = with_result(transport_.request(x, asked));
  if (!response) return response.error();

  const View version = response->result()["protocolVersion"].str();
  if (std::find(std::begin(kVersions), std::end(kVersions), version) == std::end(kVersions)) {
    return unavailable("It speaks another version of MCP.", std::string(version.substr(0, 40)));
  }
  transport_.agree_on(version, true);
  const Json info = response->result()["serverInfo"];
  {
    const std::lock_guard lock(mutex_);
    about_ = {std::string(info["name"].str()), std::string(info["version"].str()),
              std::string(version), response->result()["capabilities"]["tools"].is_object(), false};
  }
  return transport_.send(x, notification("notifications/initialized", {}));
}

// ---- Tools -------------------------------------------------------------------------------------

/// Of a list that does not end, or goes round, what there is.
Status Session::list(Exchange& x, Tools& tools) {
  const About about = this->about();
  if (!about.has_tools) return Status();
  std::set<std::string> cursors;
  std::string params;
  std::size_t bytes = 0;
  for (int page = 0; page < kMaxPages && bytes < kMaxListBytes; ++page) {
    auto response =
        with_result(transport_.request(x, make("tools/list", params, about.is_stateless)));
    if (!response) return response.error();
    bytes += response->bytes;
    for (const Json tool : response->result()["tools"])
      tools.add(tool, about.is_stateless && transport_.has_headers());
    const Json cursor = response->result()["nextCursor"];
    if (!cursor.is_string() || !cursors.emplace(cursor.str()).second) break;
    params = "\"cursor\":";
    quote(params, cursor.str());
  }
  tools.sort();
  return Status();
}

Result<Response> Session::call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id,
                               bool is_second) {
  const bool is_stateless = about().is_stateless;
  std::string params = "\"name\":";
  quote(params, tool.own_name);
  params.append(",\"arguments\":").append(arguments.is_object() ? arguments.dump() : "{}");
  std::string answers;  // to what it asked before it gave a result
  for (int round = 0; round < kMaxRounds; ++round) {
    RpcRequest asked = make("tools/call", params + answers, is_stateless);
    id = asked.id;
    asked.is_second = is_second;
    asked.repeatable = false;
    asked.silence = call_timeout_;
    if (is_stateless) asked.headers.emplace_back("Mcp-Name", header_value(tool.own_name));
    for (auto& header : tool.mirrored.headers(arguments))
      asked.headers.push_back(std::move(header));
    auto response = with_result(transport_.request(x, asked));
    if (!response || !is_stateless) return response;
    const View kind = response->result()["resultType"].str("complete");
    if (kind == "complete") {
      MutableJson result = response->message.root().edit("result");
      if (const Json type = result["resultType"]) result.erase(type);
      return response;
    }
    if (kind != "input_required")
      return unavailable("The tool server gave a result of a kind that is not known.");
    auto next = answers_to(response->result());
    if (!next) return next.error();
    answers = std::move(*next);
  }
  return unavailable("The tool asks again and again instead of giving a result.");
}

/// The members that a call has to be repeated with (2026-07-28, Multi Round-Trip Requests).
Result<std::string> Session::answers_to(Json questions) const {
  std::string out;
  for (const auto& [key, question] : questions["inputRequests"].members()) {
    const View method = question["method"].str();
    if (method != "elicitation/create" && method != "roots/list")
      return unavailable("The tool asks for what no gateway has.");
    out.append(out.empty() ? ",\"inputResponses\":{" : ",");
    quote(out, key);
    out.append(":").append(method == "roots/list"
                               ? R"({"roots":[]})"
                               : answer_to_form(question["params"]["requestedSchema"]));
  }
  if (!out.empty()) out.append("}");
  if (const Json state = questions["requestState"]; state.is_string())
    out.append(",\"requestState\":").append(state.dump());
  if (out.empty()) return unavailable("The tool asks for nothing instead of giving a result.");
  return out;
}

/// As a user would who changes nothing, if the operator wants that and the form can be sent so.
std::string Session::answer_to_form(Json schema) const {
  const std::string decline = R"({"action":"decline"})";
  if (!takes_defaults_ || !schema.is_object()) return decline;
  const Json properties = schema["properties"];
  if (properties.size() > kMaxFields || schema["required"].size() > kMaxFields) return decline;
  for (const Json required : schema["required"]) {
    if (!properties[required.str()]["default"]) return decline;
  }
  std::string content;
  for (const auto& [name, property] : properties.members()) {
    if (!property["default"]) continue;
    content.append(content.empty() ? "" : ",");
    quote(content, name);
    content.append(":").append(property["default"].dump());
  }
  return R"({"action":"accept","content":{)" + content + "}}";
}

Status Session::cancel(Exchange& x, std::int64_t id) {
  return transport_.send(
      x, notification("notifications/cancelled", "{\"requestId\":" + std::to_string(id) +
                                                     R"(,"reason":"nobody waits for it"})"));
}

std::string Session::answer(Json message) {
  const View method = message["method"].str();
  const Json id = message["id"];
  if (method == "notifications/tools/list_changed") changed_();
  if (method.empty() || !(id.is_string() || id.is_integer()))
    return {};  // a notification, or an answer that came too late
  if (method == "ping") return answer_to(id, "\"result\":{}");
  if (method == "elicitation/create" && takes_defaults_)
    return answer_to(id, "\"result\":" + answer_to_form(message["params"]["requestedSchema"]));
  return answer_to(id, "\"error\":{\"code\":" + std::to_string(kMethodNotFound) +
                           R"(,"message":"This client offers none of that."})");
}

Session::About Session::about() const {
  const std::lock_guard lock(mutex_);
  return about_;
}

}  // namespace gatehouse::plugins::mcp
