#include "history.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gatehouse/toolkit/json_text.hpp"

namespace gatehouse::plugins::console {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr double kNano = 1e9;

/// As JSON, without needless digits.
std::string text_of(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", number);
  return text;
}

}  // namespace

void History::Distribution::add(double ms) {
  const int at = ms > 1 ? static_cast<int>(std::ceil(2 * std::log2(ms))) : 0;
  counts[static_cast<std::size_t>(std::min(at, kBounds - 1))].fetch_add(1, kRelaxed);
}

double History::Distribution::quantile(double share) const {
  double total = 0;
  for (const auto& count : counts) total += count.load(kRelaxed);
  if (total == 0) return -1;
  double below = 0;
  for (int i = 0; i < kBounds; ++i) {
    const double here = counts[static_cast<std::size_t>(i)].load(kRelaxed);
    if (below + here >= share * total && here > 0)
      return std::exp2((i - 1 + (share * total - below) / here) / 2);
    below += here;
  }
  return std::exp2((kBounds - 1) / 2.0);
}

void History::Distribution::clear() {
  for (auto& count : counts) count.store(0, kRelaxed);
}

void History::Step::clear() {
  for (auto* count : {&requests, &failures, &chats}) count->store(0, kRelaxed);
  for (auto* sum : {&input_tokens, &output_tokens, &nano_usd}) sum->store(0, kRelaxed);
  took.clear();
  first_token.clear();
}

History::Step& History::step_of(std::int64_t number) {
  Step& step = steps_[static_cast<std::size_t>(number % kSteps)];
  if (step.number.load(std::memory_order_acquire) != number) {
    const std::lock_guard lock(begin_mutex_);
    if (step.number.load(kRelaxed) < number) {
      step.clear();
      step.number.store(number, std::memory_order_release);
    }
  }
  return step;
}

void History::add(milliseconds now, const Sample& sample) {
  Step& step = step_of(now / kStep);
  step.requests.fetch_add(1, kRelaxed);
  step.failures.fetch_add(sample.has_failed ? 1 : 0, kRelaxed);
  if (!sample.is_chat) return;
  step.chats.fetch_add(1, kRelaxed);
  step.input_tokens.fetch_add(sample.input_tokens, kRelaxed);
  step.output_tokens.fetch_add(sample.output_tokens, kRelaxed);
  step.nano_usd.fetch_add(static_cast<std::int64_t>(sample.usd * kNano), kRelaxed);
  step.took.add(sample.took_ms);
  if (sample.first_token_ms > 0) step.first_token.add(sample.first_token_ms);
}

void History::write(milliseconds now, std::string& out) const {
  const std::int64_t last = now / kStep, first = last - kSteps + 1;
  JsonText json(out);
  json.open('{').member("step_ms", std::int64_t{kStep.count()});
  json.member("from_ms", std::int64_t{first * kStep.count()});
  const auto column = [&](View name, double of_nothing, const auto& value_of) {
    json.key(name).open('[');
    for (std::int64_t number = first; number <= last; ++number) {
      const Step& step = steps_[static_cast<std::size_t>(number % kSteps)];
      const bool is_there = step.number.load(std::memory_order_acquire) == number;
      const double value = is_there ? value_of(step) : of_nothing;
      json.raw(value < 0 ? std::string("null") : text_of(value));
    }
    json.close(']');
  };
  const auto count = [&](View name, const auto member) {
    column(name, 0,
           [member](const Step& s) { return static_cast<double>((s.*member).load(kRelaxed)); });
  };
  const auto quantile = [&](View name, const auto member, double share) {
    column(name, -1, [=](const Step& s) { return (s.*member).quantile(share); });
  };
  count("requests", &Step::requests);
  count("failures", &Step::failures);
  count("chats", &Step::chats);
  count("input_tokens", &Step::input_tokens);
  count("output_tokens", &Step::output_tokens);
  column("usd", 0,
         [](const Step& s) { return static_cast<double>(s.nano_usd.load(kRelaxed)) / kNano; });
  quantile("p50_ms", &Step::took, 0.5);
  quantile("p95_ms", &Step::took, 0.95);
  quantile("first_token_p50_ms", &Step::first_token, 0.5);
  quantile("first_token_p95_ms", &Step::first_token, 0.95);
  json.close('}');
}

}  // namespace gatehouse::plugins::console
