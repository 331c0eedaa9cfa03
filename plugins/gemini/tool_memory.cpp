#include "tool_memory.h"

namespace gatehouse::plugins::gemini {
namespace {

// Some 100 bytes each; pages may announce new tools for ever.
constexpr std::size_t kMaxTools = 1000;

}  // namespace

void ToolMemory::adopt(const ToolMemory& older) {
  const std::lock_guard lock(older.mutex_);
  forms_ = older.forms_;
  empty_ = forms_.empty();
}

std::vector<ToolForm> ToolMemory::recall(View model, Json tools) const {
  std::vector<ToolForm> forms;
  if (empty_.load(std::memory_order_relaxed)) return forms;
  for (const Json tool : tools) {
    const std::string key = key_of(model, tool);
    const std::lock_guard lock(mutex_);
    const auto found = forms_.find(key);
    forms.push_back(found == forms_.end() ? ToolForm::whole : found->second);
  }
  return forms;
}

void ToolMemory::keep(View model, Json tools, const std::vector<ToolForm>& forms) {
  std::size_t i = 0;
  for (const Json tool : tools) {
    if (i == forms.size()) return;
    const ToolForm form = forms[i++];
    if (form == ToolForm::whole) continue;
    std::string key = key_of(model, tool);
    const std::lock_guard lock(mutex_);
    if (forms_.size() == kMaxTools) forms_.clear();
    forms_[std::move(key)] = form;
    empty_ = false;
  }
}

std::string ToolMemory::key_of(View model, Json tool) const {
  return hex(crypto_.sha256(std::string(model) + '\n', tool));
}

}  // namespace gatehouse::plugins::gemini
