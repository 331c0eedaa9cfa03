#include "core/commands/admin.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/commands/built.h"
#include "core/exchange/detached.h"
#include "core/net/tls.h"

namespace gatehouse::core {
namespace {

/// The client of the request: the command line, which has a body, waits for no head, and takes the
/// body of the response.
class CommandLine final : public NoClient {
 public:
  explicit CommandLine(const std::string& body) : body_(body) {}

  gh_status read_body(std::string& body, std::optional<Failure>&) override {
    body = body_;
    return GH_OK;
  }
  bool begun() const override { return begun_; }

  gh_sink sink() {
    return {sizeof(gh_sink), 0, this, [](void* self, const gh_event* e) -> gh_status {
              auto& client = *static_cast<CommandLine*>(self);
              client.begun_ = true;
              if (e->text.n > 0) client.response_.append(e->text.p, e->text.n);
              return GH_OK;
            }};
  }
  const std::string& response() const { return response_; }

 private:
  const std::string& body_;
  bool begun_ = false;
  std::string response_;
};

RequestHead head_of(const AdminCommand& command) {
  const std::string_view target = command.target;
  const std::size_t question_mark = target.find('?');
  RequestHead head;
  head.method = command.method;
  head.path = target.substr(0, question_mark);
  if (question_mark != target.npos) head.query = target.substr(question_mark + 1);
  if (!command.body.empty()) head.fields.push_back({"Content-Type", "application/json"});
  return head;
}

/// Reports which routes there are, unless that of `head` is one of them.
bool is_known(const RequestHead& head, const std::vector<Route>& routes) {
  const auto is_its = [&](const Route& r) {
    return r.method == head.method && r.path == head.path;
  };
  if (std::any_of(routes.begin(), routes.end(), is_its)) return true;
  std::cerr << "gatehouse: unknown admin route " << head.method << ' ' << head.path
            << (routes.empty() ? ": no plugin of this configuration has admin routes\n"
                               : "; the plugins of this configuration have:\n");
  for (const Route& r : routes)
    std::cerr << "  " << r.method << ' ' << r.path << "  " << r.summary << '\n';
  return false;
}

/// Prints JSON in ASCII only: escaped, no text can control the terminal. Other text becomes a JSON
/// string.
void print(const std::string& body) {
  using Json = nlohmann::ordered_json;
  if (body.empty()) return;
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) json = body;
  std::cout << json.dump(2, ' ', true, Json::error_handler_t::replace) << '\n';
}

int run(const Pipeline& pipeline, const RequestHead& head, const std::string& request_body) {
  CommandLine client(request_body);
  Waiter waiter(-1, -1, Clock::time_point::max(), [] { return Clock::time_point::max(); });
  Exchange x(head, {}, client, waiter);
  const gh_status status = pipeline.run_admin(x, client.sink());
  print(client.response());
  if (const auto& failure = x.failure()) {
    std::cerr << "gatehouse: " << failure->http_status << ' ' << failure->code << ": "
              << failure->message << '\n';
    return 1;
  }
  const bool is_success = status == GH_OK && x.status >= 200 && x.status < 300;
  if (!is_success) std::cerr << "gatehouse: the status of the response is " << x.status << '\n';
  return is_success ? 0 : 1;
}

}  // namespace

int admin(const AdminCommand& command) {
  std::signal(SIGPIPE, SIG_IGN);  // a plugin may write to a process that has ended
  const Built built(command.config_file);
  std::cerr << built.problems;
  if (!built.pipeline) return 1;
  const RequestHead head = head_of(command);
  if (!is_known(head, built.pipeline->admin_routes())) return 1;
  trust_authorities(built.config->upstream.ca);
  built.pipeline->prepare();
  built.pipeline->start(nullptr);
  return run(*built.pipeline, head, command.body);
}

}  // namespace gatehouse::core
