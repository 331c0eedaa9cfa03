#include "core/store/store.h"

#include "core/store/memory_store.h"
#include "core/store/redis_store.h"

namespace gatehouse::core {

std::unique_ptr<Store> Store::open(const StoreSettings& settings, Log& log) {
  if (settings.redis) return std::make_unique<RedisStore>(*settings.redis, log);
  return std::make_unique<MemoryStore>(settings.max_bytes);
}

}  // namespace gatehouse::core
