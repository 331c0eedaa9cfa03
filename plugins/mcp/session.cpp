#include "session.h"

#include <algorithm>

namespace gatehouse {
namespace {

// Of each revision, only what this side needs is used, and that is the same in all of them.
constexpr View kVersions[] = {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};
constexpr int kMaxPages = 100;                // a server with more tools than that has an endless list
constexpr std::size_t kMaxErrorBytes = 2000;  // of the server's message, which the model reads

constexpr int kMethodNotFound = -32601;  // JSON-RPC 2.0, 5.1

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

Fail failure_of(Json error) {
  const View message = error["message"].str("unknown error");
  std::size_t end = std::min(message.size(), kMaxErrorBytes);
  while (end > 0 && end < message.size() && (message[end] & 0xC0) == 0x80) --end;  // not inside a character of UTF-8
  std::string told = "The tool failed: ";
  told.append(message.substr(0, end)).append(" (").append(std::to_string(error["code"].integer())).append(")");
  return {502, "mcp_error", std::move(told), {}};
}

/// A response that has a result, or why it has none.
Result<Response> with_result(Result<Response> response) {
  if (!response) return response.error();
  if (const Json error = response->message.root()["error"]) return failure_of(error);
  if (!response->result().is_object()) return unavailable("The tool server gave an answer without a result.");
  return response;
}

}  // namespace

Status Session::initialize(Exchange& x) {
  std::string params =
      R"({"protocolVersion":")" + std::string(kVersions[0]) + R"(","capabilities":{},"clientInfo":{"name":"gatehouse","version":)";
  quote(params, host_.version());
  const std::int64_t id = ++last_id_;
  auto response = with_result(transport_.initialize(x, id, request(id, "initialize", params + "}}")));
  if (!response) return response.error();

  const View version = response->result()["protocolVersion"].str();
  if (std::find(std::begin(kVersions), std::end(kVersions), version) == std::end(kVersions)) {
    return unavailable("It speaks another version of MCP.", std::string(version.substr(0, 40)));
  }
  transport_.agree_on(version);
  const Json info = response->result()["serverInfo"];
  {
    const std::lock_guard lock(mutex_);
    about_ = {std::string(info["name"].str()), std::string(info["version"].str()), std::string(version),
              response->result()["capabilities"]["tools"].is_object()};
  }
  return transport_.send(x, notification("notifications/initialized", {}));
}

Status Session::list(Exchange& x, Tools& tools) {
  list_changed_ = false;  // first: the list may change again while it is read
  if (!about().has_tools) return Status();
  std::string params = "{}";
  for (int page = 0; page < kMaxPages; ++page) {
    const std::int64_t id = ++last_id_;
    auto response = with_result(transport_.request(x, id, request(id, "tools/list", params)));
    if (!response) {
      list_changed_ = true;
      return response.error();
    }
    for (const Json tool : response->result()["tools"]) tools.add(tool);
    const Json cursor = response->result()["nextCursor"];
    if (!cursor.is_string()) {
      tools.sort();
      return Status();
    }
    params = "{\"cursor\":";
    quote(params, cursor.str());
    params += '}';
  }
  return unavailable("Its list of tools does not end.");
}

Result<Response> Session::call(Exchange& x, View tool, Json arguments, std::int64_t& id) {
  id = ++last_id_;
  std::string params = "{\"name\":";
  quote(params, tool);
  params.append(",\"arguments\":");
  if (arguments.is_object()) {
    arguments.dump(params);
  } else {
    params.append("{}");
  }
  return with_result(transport_.request(x, id, request(id, "tools/call", params += '}')));
}

Status Session::cancel(Exchange& x, std::int64_t id) {
  return transport_.send(
      x, notification("notifications/cancelled", "{\"requestId\":" + std::to_string(id) + R"(,"reason":"nobody waits for it"})"));
}

std::string Session::answer(Json message) {
  const View method = message["method"].str();
  const Json id = message["id"];
  if (method == "notifications/tools/list_changed") list_changed_ = true;
  if (method.empty() || !(id.is_string() || id.is_integer())) return {};  // a notification, or an answer that came too late
  if (method == "ping") return answer_to(id, "\"result\":{}");
  return answer_to(id, "\"error\":{\"code\":" + std::to_string(kMethodNotFound) + R"(,"message":"This client offers none of that."})");
}

Session::About Session::about() const {
  const std::lock_guard lock(mutex_);
  return about_;
}

}  // namespace gatehouse
