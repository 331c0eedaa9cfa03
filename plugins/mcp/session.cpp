/// Two eras of MCP: until 2025-11-25 a connection begins with `initialize`, which starts a session;
/// since 2026-07-28 there are no sessions, each request carries what `initialize` said in its
/// `_meta`, and the connection begins with `server/discover`. A server is asked in the new way
/// first, and in the old way when it does not know that. Since 2026-07-28 a call may also return
/// questions in place of a result, and is then repeated with the replies.
#include "session.h"

#include <algorithm>
#include <set>

#include "gatehouse/toolkit/contains.hpp"

namespace gatehouse::plugins::mcp {
namespace {

using namespace std::chrono_literals;

constexpr View kStateless = "2026-07-28";
// What the gateway uses of these revisions is the same in all of them.
constexpr View kVersions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
constexpr std::chrono::nanoseconds kPatience = 5s;  // some servers ignore unknown methods
constexpr int kMaxPages = 100;                      // a longer list of tools is endless
constexpr std::size_t kMaxListBytes = 4 * kMaxMessage;
constexpr std::size_t kMaxErrorBytes = 2000;  // of a server's message, which the model reads
constexpr std::size_t kMaxFields = 100;       // of a form: each required one is looked up in all
constexpr int kMaxRounds = 10;                // of questions before the result of a call

constexpr int kMethodNotFound = -32601;      // JSON-RPC 2.0, 5.1
constexpr int kUnsupportedVersion = -32022;  // 2026-07-28
constexpr View kOtherVersion = "mcp_other_version";

std::string message_of(View method, std::int64_t id, Json params);
std::string response_to(Json id, View member, Json content);
Result<Response> with_result(Result<Response> response);
bool has_code(const Status& status, View code) { return status.failure().code() == code; }

}  // namespace

Session::Session(Host host, Json config, Transport& transport, std::function<void()> changed)
    : host_(host),
      transport_(transport),
      call_timeout_(config["call_timeout"].duration()),
      patience_(std::min<std::chrono::nanoseconds>(kPatience, connect_timeout_of(config) / 2)),
      accepts_defaults_(config["elicitation"].str() == "defaults"),
      changed_(std::move(changed)) {}

RpcRequest Session::make(View method, Document params, bool is_stateless) {
  RpcRequest made;
  made.id = ++last_id_;
  if (is_stateless) add_client(params.root().edit("_meta"));
  if (method == "tools/call") params.root().edit("_meta").edit("progressToken").set(made.id);
  made.message = message_of(method, made.id, params.root());
  if (is_stateless) made.headers.emplace_back("Mcp-Method", method);
  return made;
}

/// What `initialize` says before 2026-07-28.
void Session::add_client(MutableJson meta) const {
  meta.edit("io.modelcontextprotocol/protocolVersion").set(kStateless);
  const MutableJson info = meta.edit("io.modelcontextprotocol/clientInfo");
  describe_client(info, meta.edit("io.modelcontextprotocol/clientCapabilities"));
}

void Session::describe_client(MutableJson info, MutableJson capabilities) const {
  info.edit("name").set("gatehouse");
  info.edit("version").set(host_.version());
  capabilities.set_object();
  if (accepts_defaults_) capabilities.edit("elicitation").set_object();
}

void Session::set_about(View protocol, Json server, Json tools) {
  const std::lock_guard lock(mutex_);
  about_ = {std::string(server["name"].str()), std::string(server["version"].str()),
            std::string(protocol), tools.is_object(), protocol == kStateless};
}

// ---- Two eras ----------------------------------------------------------------------------------

Status Session::begin(Exchange& x) {
  if (!is_old_) {
    Status status = discover(x);
    if (status || !x.cancelled() || has_code(status, kUnreachable) ||
        has_code(status, kUnauthorized))
      return status;
    must_reconnect_ = is_old_ = has_code(status, kEnded);
    if (is_old_) return status;
  }
  Status status = initialize(x);
  if (has_code(status, kOtherVersion)) return discover(x);
  if (status) is_old_ = true;
  return status;
}

Status Session::discover(Exchange& x) {
  const auto request = [&] {
    RpcRequest made = make("server/discover", Document(), true);
    made.begins = true;
    made.silence = patience_;
    made.headers.emplace_back("Mcp-Protocol-Version", kStateless);
    return with_result(transport_.request(x, made));
  };
  auto response = request();
  if (!response) {
    Status failed = response.error();
    if (!has_code(failed, kOtherVersion)) return failed;
    response = request();
  }
  if (!response) return response.error();
  const Json result = response->result();
  if (!contains(result["supportedVersions"], kStateless))
    return unavailable("It speaks an unsupported version of MCP.");

  is_old_ = false;
  transport_.agree_on(kStateless, false);
  const Json in_meta = result["_meta"]["io.modelcontextprotocol/serverInfo"];
  const Json tools = result["capabilities"]["tools"];
  set_about(kStateless, in_meta ? in_meta : result["serverInfo"], tools);
  if (!tools["listChanged"].boolean()) return Status();
  Document params;
  params.root().edit("notifications").edit("toolsListChanged").set(true);
  return transport_.subscribe(x, make("subscriptions/listen", std::move(params), true));
}

Status Session::initialize(Exchange& x) {
  Document params;
  params.root().edit("protocolVersion").set(kVersions[0]);
  const MutableJson capabilities = params.root().edit("capabilities");
  describe_client(params.root().edit("clientInfo"), capabilities);
  RpcRequest request = make("initialize", std::move(params), false);
  request.begins = true;
  auto response = with_result(transport_.request(x, request));
  if (!response) return response.error();

  const Json result = response->result();
  const View version = result["protocolVersion"].str();
  if (std::find(std::begin(kVersions), std::end(kVersions), version) == std::end(kVersions)) {
    return unavailable("It speaks an unsupported version of MCP.",
                       std::string(version.substr(0, 40)));
  }
  transport_.agree_on(version, true);
  set_about(version, result["serverInfo"], result["capabilities"]["tools"]);
  return transport_.send(x, message_of("notifications/initialized", 0, Json()));
}

// ---- Tools -------------------------------------------------------------------------------------

/// Of a list that does not end, or whose cursors repeat, what was listed so far.
Status Session::list(Exchange& x, Tools& tools) {
  const About about = this->about();
  if (!about.has_tools) return Status();
  std::set<std::string> cursors;
  std::string cursor;
  std::size_t bytes = 0;
  for (int page = 0; page < kMaxPages && bytes < kMaxListBytes; ++page) {
    Document params;
    params.root().set_object();
    if (page > 0) params.root().edit("cursor").set(View(cursor));
    const RpcRequest request = make("tools/list", std::move(params), about.is_stateless);
    auto response = with_result(transport_.request(x, request));
    if (!response) return response.error();
    bytes += response->bytes;
    for (const Json tool : response->result()["tools"])
      tools.add(tool, about.is_stateless && transport_.has_headers());
    const Json next = response->result()["nextCursor"];
    if (!next.is_string() || !cursors.emplace(next.str()).second) break;
    cursor = next.str();
  }
  tools.sort();
  return Status();
}

Result<Response> Session::call(Exchange& x, const Tool& tool, Json arguments, std::int64_t& id,
                               bool is_second) {
  const bool is_stateless = about().is_stateless;
  Document replies;  // to the questions of the round before
  for (int round = 0; round < kMaxRounds; ++round) {
    RpcRequest request = make_call(tool, arguments, replies.root(), is_stateless);
    request.is_second = is_second;
    id = request.id;
    auto response = with_result(transport_.request(x, request));
    if (!response || !is_stateless) return response;
    MutableJson result = response->message.root().edit("result");
    const View kind = result["resultType"].str("complete");
    if (kind == "complete") {
      if (const Json type = result["resultType"]) result.erase(type);
      return response;
    }
    if (kind != "input_required")
      return unavailable("The tool server returned a result of an unknown type.");
    replies = Document();
    if (Status status = add_replies(replies.root(), result); !status) return status;
  }
  return unavailable("The tool keeps asking questions and returns no result.");
}

RpcRequest Session::make_call(const Tool& tool, Json arguments, Json replies, bool is_stateless) {
  Document params;
  MutableJson root = params.root();
  root.edit("name").set(View(tool.own_name));
  root.edit("arguments").set_object();
  if (arguments.is_object()) root.edit("arguments").set(arguments);
  for (const auto& [name, reply] : replies.members()) root.edit(name).set(reply);
  RpcRequest request = make("tools/call", std::move(params), is_stateless);
  request.repeatable = false;
  request.silence = call_timeout_;
  if (is_stateless) request.headers.emplace_back("Mcp-Name", header_value(tool.own_name));
  for (auto& header : tool.mirrored.headers(arguments))
    request.headers.push_back(std::move(header));
  return request;
}

/// The members that a call is repeated with (2026-07-28, Multi Round-Trip Requests).
Status Session::add_replies(MutableJson params, Json result) const {
  for (const auto& [key, question] : result["inputRequests"].members()) {
    const View method = question["method"].str();
    MutableJson reply = params.edit("inputResponses").edit(key);
    if (method == "roots/list") {
      reply.edit("roots").set_array();
    } else if (method == "elicitation/create") {
      fill_in(reply, question["params"]["requestedSchema"]);
    } else {
      return unavailable("The tool requests something that the gateway does not support.");
    }
  }
  if (const Json state = result["requestState"]; state.is_string())
    params.edit("requestState").set(state);
  if (params.is_object()) return Status();
  return unavailable("The tool asks no question and returns no result.");
}

/// As a user would who submits a form unchanged, if the operator wants that and the form has a
/// default for all that it requires; else declines.
void Session::fill_in(MutableJson reply, Json schema) const {
  const Json properties = schema["properties"], required = schema["required"];
  bool accepts = accepts_defaults_ && schema.is_object() && properties.size() <= kMaxFields &&
                 required.size() <= kMaxFields;
  for (const Json name : required) accepts = accepts && properties[name.str()]["default"];
  reply.edit("action").set(accepts ? "accept" : "decline");
  if (!accepts) return;
  MutableJson content = reply.edit("content");
  content.set_object();
  for (const auto& [name, property] : properties.members()) {
    if (const Json value = property["default"]) content.edit(name).set(value);
  }
}

Status Session::cancel(Exchange& x, std::int64_t id) {
  const Document params;
  params.root().edit("requestId").set(id);
  params.root().edit("reason").set("the result is no longer awaited");
  return transport_.send(x, message_of("notifications/cancelled", 0, params.root()));
}

std::string Session::respond(Json message) {
  const View method = message["method"].str();
  const Json id = message["id"];
  if (method == "notifications/tools/list_changed") changed_();
  // Anything else without a method and an id is a notification, or a response that came too late.
  if (method.empty() || !(id.is_string() || id.is_integer())) return {};
  const Document content;
  content.root().set_object();
  if (method == "ping") return response_to(id, "result", content.root());
  if (method == "elicitation/create" && accepts_defaults_) {
    fill_in(content.root(), message["params"]["requestedSchema"]);
    return response_to(id, "result", content.root());
  }
  content.root().edit("code").set(kMethodNotFound);
  content.root().edit("message").set("This client does not support the method.");
  return response_to(id, "error", content.root());
}

Session::About Session::about() const {
  const std::lock_guard lock(mutex_);
  return about_;
}

namespace {

/// A request, or with id 0 a notification. `params` may be absent.
std::string message_of(View method, std::int64_t id, Json params) {
  const Document message;
  message.root().edit("jsonrpc").set("2.0");
  if (id != 0) message.root().edit("id").set(id);
  message.root().edit("method").set(method);
  if (params) message.root().edit("params").set(params);
  return message.root().dump();
}

/// `id`: a string or a number, as the request has it.
std::string response_to(Json id, View member, Json content) {
  const Document message;
  message.root().edit("jsonrpc").set("2.0");
  message.root().edit("id").set(id);
  message.root().edit(member).set(content);
  return message.root().dump();
}

Fail failure_of(Json error) {
  const std::int64_t code = error["code"].integer();
  std::string text = "The tool failed: ";
  text.append(cut_utf8(error["message"].str("unknown error"), kMaxErrorBytes))
      .append(" (")
      .append(std::to_string(code))
      .append(")");
  const bool speaks_newer =
      code == kUnsupportedVersion && contains(error["data"]["supported"], kStateless);
  return {502, std::string(speaks_newer ? kOtherVersion : View("mcp_error")), std::move(text), {}};
}

/// A response that has a result, or why it has none.
Result<Response> with_result(Result<Response> response) {
  if (!response) return response.error();
  if (const Json error = response->message.root()["error"]) return failure_of(error);
  if (!response->result().is_object())
    return unavailable("The tool server returned a response without a result.");
  return response;
}

}  // namespace
}  // namespace gatehouse::plugins::mcp
