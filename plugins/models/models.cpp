/// A chat names a model that the operator has defined, `smart` say, which leads to one or several
/// targets, each a model of a provider's instance. For each attempt the chat document gets the
/// target's `model` and `provider`, by which the host skips all other providers, and its `price`,
/// for plugins above that count money. Afterwards it has the name again, as the next step of a tool
/// loop passes here again. Such a step goes to the target of the step before, since models take
/// their own reasoning best.
#include "models.h"

#include <algorithm>

#include "gatehouse/background.hpp"
#include "gatehouse/files.hpp"
#include "gatehouse/metrics.hpp"
#include "gatehouse/models.hpp"
#include "gatehouse/toolkit/data_url.hpp"
#include "list.h"
#include "schema.h"

namespace gatehouse::plugins::models {
namespace {

using std::chrono::nanoseconds;

/// Values of the label `type`, and names of GH_EV_USAGE.
constexpr std::pair<View, View> kTokenTypes[] = {{"input", "input_tokens"},
                                                 {"cached_input", "cached_input_tokens"},
                                                 {"cache_write", "cache_write_tokens"},
                                                 {"output", "output_tokens"},
                                                 {"reasoning", "reasoning_tokens"}};

/// Passes the events of one attempt on, and follows them.
class Attempt final : public Sink {
 public:
  Attempt(Sink& out, Target& target) : out_(out), target_(target) {}

  Status emit(Event e) override {
    if (!has_begun_) target_.responded();
    has_begun_ = true;
    if (e.kind() == GH_EV_USAGE) step_ = TokenCounts(e.json());
    if (e.kind() == GH_EV_STEP_START) {
      before_ = before_ + step_;
      step_ = {};
    }
    if (e.kind() == GH_EV_RESPONSE) {
      if (const View model = e.json()["model"].str(); !model.empty()) answered_by_ = model;
    }
    return out_.emit(e);
  }

  bool has_begun() const { return has_begun_; }
  TokenCounts tokens() const { return before_ + step_; }
  const std::string& answered_by() const { return answered_by_; }

 private:
  Sink& out_;
  Target& target_;
  bool has_begun_ = false;
  TokenCounts before_, step_;
  std::string answered_by_;
};

/// While it lives, the chat document leads to one target.
class Led {
 public:
  Led(MutableJson chat, View provider, View model, Json price)
      : chat_(chat), asked_(chat["model"].str()) {
    chat_.edit("model").set(model);
    chat_.edit("provider").set(provider);
    if (price) chat_.edit("price").set(price);
  }
  Led(const Led&) = delete;
  Led& operator=(const Led&) = delete;
  ~Led() {
    chat_.edit("model").set(View(asked_));
    chat_.erase(chat_["provider"]);
    if (const Json price = chat_["price"]) chat_.erase(price);
  }

 private:
  MutableJson chat_;
  const std::string asked_;
};

/// Another target may respond: the failure is not the request's own.
bool may_go_on(const Failure& failure) {
  const int status = failure.http_status();
  return status >= 500 || status == 429 || status == 408 || status == 404;
}

void write_defaults(Json defaults, MutableJson chat) {
  for (const auto [member, value] : defaults.members()) {
    const bool is_object = value.is_object();  // `reasoning`, which may say only whether to show it
    if (!chat[member]) {
      chat.edit(member).set(value);
    } else if (is_object && !chat[member]["effort"] && !chat[member]["budget_tokens"]) {
      for (const auto [key, inner] : value.members()) chat.edit(member).edit(key).set(inner);
    }
  }
}

Fail all_rest(nanoseconds soonest) {
  return {503,
          "upstream_unavailable",
          "The model is temporarily unavailable; try again later.",
          "no target of the model takes requests now",
          soonest,
          GH_FAIL_TRANSIENT};
}

/// Clients of Anthropic's API name its version; those of OpenAI's do not.
bool is_for_anthropic(const Exchange& x) { return x.header("anthropic-version").data() != nullptr; }

/// The target of the step before, if it is one of these.
const Target* last_target(const Exchange& x, const Name& name, View asked) {
  const View last = x.notes()["target"].str();
  for (const Choice& choice : name.choices) {
    if (choice.target->provider() + '/' + name.model_of(*choice.target, asked) == last)
      return choice.target;
  }
  return nullptr;
}

}  // namespace

Status Models::handle(Exchange& x, Sink& out, Next& next) {
  MutableJson chat = x.chat();
  if (chat["model"].str().empty()) {
    if (default_.empty()) {
      return Fail{400,
                  "invalid_request",
                  "The request names no model; choose one of: " + names_.list(),
                  {}};
    }
    chat.edit("model").set(View(default_));
  }
  const std::string asked(chat["model"].str());
  const Name* const name = names_.find(asked);
  if (!name) return unknown(asked);
  write_defaults(name->defaults.root(), chat);
  return try_in_order(x, *name, asked, out, next);
}

Status Models::try_in_order(Exchange& x, const Name& name, View asked, Sink& out, Next& next) {
  std::optional<Status> last;
  std::optional<nanoseconds> soonest;
  for (Target* const target : in_order(name.choices, last_target(x, name, asked))) {
    const bool is_only = name.choices.size() == 1;
    if (const auto rest = target->rests(is_only)) {
      soonest = std::min(*rest, soonest.value_or(*rest));
      continue;
    }
    if (last) log_fallback(x, last->failure(), *target);
    bool is_final = false;
    last = try_one(x, *target, name.model_of(*target, asked), out, next, is_final);
    if (is_final) break;
  }
  return last ? std::move(*last) : Status(all_rest(soonest.value_or(nanoseconds(0))));
}

/// `is_final`: no other target may respond after this.
Status Models::try_one(Exchange& x, Target& target, const std::string& model, Sink& out, Next& next,
                       bool& is_final) {
  Attempt attempt(out, target);
  Status status;
  {
    const Led led(x.chat(), target.provider(), model, prices()->of(model, host_.wall()));
    status = next(x, attempt);
  }
  x.notes().edit("target").set(View(target.provider() + '/' + model));
  if (!x.chat()["count_only"].boolean()) {  // counting is free of charge
    count(x, target.provider(), attempt.answered_by().empty() ? model : attempt.answered_by(),
          attempt.tokens());
  }
  const Failure failure = status.failure();
  if (failure) target.failed(x, failure);
  is_final = !failure || attempt.has_begun() || !may_go_on(failure);
  return status;
}

void Models::log_fallback(const Exchange& x, const Failure& failure, const Target& to) const {
  const Document fields;
  fields.root().edit("code").set(failure.code());
  fields.root().edit("from").set(x.notes()["target"]);
  fields.root().edit("to").set(View(to.text()));
  host_.log(GH_WARN, &x, "falling back to the next target of the model", fields.root());
}

void Models::count(const Exchange& x, View provider, View model, const TokenCounts& tokens) {
  if (!tokens["input_tokens"] && !tokens["output_tokens"]) return;
  for (const auto& [type, name] : kTokenTypes) {
    const auto number = tokens[name];
    if (!number) continue;
    Series(host_, GH_COUNTER, "gatehouse_tokens_total",
           "Tokens of model calls. `input` includes `cached_input` and `cache_write`; `output` "
           "includes `reasoning`.",
           {{"provider", provider}, {"model", model}, {"type", type}})
        .record(static_cast<double>(*number));
  }
  const View caller = x.caller().key;
  if (!caller.empty()) count_for(caller, tokens);
  const auto usd = prices()->cost(model, tokens, host_.wall());
  if (!usd) return warn_of_missing_price(model);
  if (!caller.empty()) {
    Series(host_, GH_COUNTER, "gatehouse_caller_cost_usd_total",
           "Cost of the model calls of a caller in US dollars.", {{"caller", caller}})
        .record(*usd);
  }
  Series(host_, GH_COUNTER, "gatehouse_cost_usd_total",
         "Cost of model calls in US dollars, by the table of prices.",
         {{"provider", provider}, {"model", model}})
      .record(*usd);
  MutableJson notes = x.notes();
  notes.edit("cost_usd").set(notes["cost_usd"].real() + *usd);
}

/// Without the provider and the model, so that the host, which bounds the series of a name, has
/// room for as many callers as it can.
void Models::count_for(View caller, const TokenCounts& tokens) const {
  for (const auto& [type, name] : {std::pair<View, View>{"input", "input_tokens"},
                                   std::pair<View, View>{"output", "output_tokens"}}) {
    if (const auto number = tokens[name]) {
      Series(host_, GH_COUNTER, "gatehouse_caller_tokens_total",
             "Tokens of the model calls of a caller.", {{"caller", caller}, {"type", type}})
          .record(static_cast<double>(*number));
    }
  }
}

void Models::warn_of_missing_price(View model) {
  constexpr std::size_t kMost = 1000;  // models of all providers are fewer
  {
    const std::lock_guard lock(mutex_);
    if (without_price_.size() >= kMost || !without_price_.emplace(model).second) return;
  }
  host_.warn("no price for " + std::string(model) +
             ": its tokens are counted, its cost is not; add it to the file of `prices`");
}

std::shared_ptr<const Prices> Models::prices() const {
  const std::lock_guard lock(mutex_);
  return prices_;
}

/// Uses what the file has now; as long as it is invalid, what it had before.
void Models::watch_prices(Exchange& x) {
  while (host_.sleep(x, std::chrono::seconds(1))) {
    const std::uint64_t stamp = Files(host_).stamp(prices_file_);
    if (stamp == stamp_) continue;
    stamp_ = stamp;
    std::vector<std::string> problems;
    auto changed = std::make_shared<const Prices>(host_, prices_file_, problems);
    for (const std::string& problem : problems)
      host_.error("prices not reloaded, the previous ones stay in use: " + problem);
    if (!problems.empty()) continue;
    {
      const std::lock_guard lock(mutex_);
      prices_ = std::move(changed);
      without_price_.clear();
    }
    host_.info("prices reloaded");
  }
}

Fail Models::unknown(View model) const {
  return {
      404,
      "model_not_found",
      "There is no model `" + std::string(cut_utf8(model, 100)) + "`; there are: " + names_.list(),
      {}};
}

Status Models::list(Exchange& x, Sink& out) {
  if (!is_for_anthropic(x))
    return x.reply(out, 200, "application/json", list_for_openai(names_.listed()));
  x.set_header("request-id", x.request_id());
  return x.reply(out, 200, "application/json", list_for_anthropic(names_.listed()));
}

Status Models::describe(Exchange& x, Sink& out) {
  const std::string name = percent_decode(x.path().substr(View("/v1/models/").size()));
  if (!names_.find(name)) return unknown(name);
  if (!is_for_anthropic(x)) return x.reply(out, 200, "application/json", model_for_openai(name));
  x.set_header("request-id", x.request_id());
  return x.reply(out, 200, "application/json", model_for_anthropic(name));
}

Models::Models(Host host, Json config)
    : host_(host),
      default_(config["default"].str()),
      prices_file_(config["prices"].str()),
      targets_(host),
      names_(host, config, targets_) {
  if (!default_.empty() && !names_.find(default_))
    host.problem("/default", "must be one of names: add it there, or choose one of them");
  for (const std::string& offered : OfferedModels(host).list()) {
    if (!names_.find(offered))
      host.warning("/names", "clients may request `" + offered + "`, which is none of names");
  }
  std::vector<std::string> problems;
  prices_ = std::make_shared<const Prices>(host, prices_file_, problems);
  for (const std::string& problem : problems) host.problem("/prices", problem);
  host.route<&Models::list>(this, "GET", "/v1/models");
  host.route<&Models::describe>(this, "GET", "/v1/models/*");
  if (prices_file_.empty()) return;
  stamp_ = Files(host).stamp(prices_file_);
  background<&Models::watch_prices>(host, this);
}

}  // namespace gatehouse::plugins::models

GATEHOUSE_PLUGIN(gatehouse::plugins::models::Models, "models", "1.0.0",
                 "The models that clients may request, and which provider responds",
                 GATEHOUSE_SCHEMA, GH_PLUGIN_CHAT | GH_PLUGIN_UNLOADS)
