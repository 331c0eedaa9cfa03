#include "core/pipeline/pipelines.h"

#include <system_error>

namespace gatehouse::core {
namespace {

// Twice the time that a tool server gets before it is killed.
constexpr auto kLong = std::chrono::seconds(10);

}  // namespace

Pipelines::~Pipelines() {
  for (Life& life : lives_) {
    if (life.thread.joinable()) life.thread.join();
  }
}

std::shared_ptr<const Pipeline> Pipelines::own(std::unique_ptr<Pipeline> pipeline) {
  Life& life = lives_.emplace_back(std::move(pipeline));
  return {life.pipeline.get(), [&life](const Pipeline*) { life.unused = true; }};
}

void Pipelines::Life::end() {
  pipeline->end([this](const std::string& name) {
    const std::lock_guard lock(mutex);
    instance = name;
  });
  over = true;
}

void Pipelines::tick() {
  for (Life& life : lives_) {
    if (!life.unused) continue;
    if (!life.thread.joinable()) {
      try {
        life.thread = std::thread([&life] { life.end(); });
        life.began = Clock::now();
      } catch (const std::system_error&) {  // no thread is left: try again at the next tick
      }
    } else if (!life.is_logged && !life.over && Clock::now() - life.began >= kLong) {
      life.is_logged = true;
      log_.write(Level::kWarn, {}, {},
                 "plugins of a replaced pipeline are slow to stop: " + ending());
    }
  }
  lives_.remove_if([](Life& life) { return life.over && (life.thread.join(), true); });
}

std::string Pipelines::ending() const {
  std::string names;
  for (const Life& life : lives_) {
    if (!life.unused || life.over) continue;
    const std::lock_guard lock(life.mutex);
    names += (names.empty() ? "" : ", ") + life.instance;
  }
  return names;
}

}  // namespace gatehouse::core
