#include "core/log/log.h"

#include <spdlog/logger.h>

#include <system_error>

#include "core/log/output.h"
#include "gatehouse/text.hpp"

namespace gatehouse::core {

Log::Field::Field(std::string_view name, std::string_view text)
    : json('"' + std::string(name) + "\":") {
  quote(json, text);
}

std::string Log::text_of(const Fields& fields) {
  std::string object;
  for (const Field& field : fields) object.append(object.empty() ? "{" : ",").append(field.json);
  if (!object.empty()) object += '}';
  return object;
}

Log::Log(const LogSettings& settings)
    : level_(level_of(settings.level)),
      output_(std::make_shared<Output>(settings.file)),
      own_(std::make_unique<spdlog::logger>(Output::kPromptLogger, output_)),
      plugins_(std::make_unique<spdlog::logger>("plugins", output_)),
      writer_([output = output_] { output->run(); }) {
  own_->set_level(spdlog::level::debug);  // enabled() decides
  plugins_->set_level(spdlog::level::debug);
}

Log::~Log() {
  if (output_->end()) {
    writer_.join();
  } else {
    writer_.detach();  // its write may never return
  }
}

void Log::info(std::string_view message, const Fields& fields) {
  write(Level::kInfo, message, fields);
}

void Log::warn(std::string_view message, const Fields& fields) {
  write(Level::kWarn, message, fields);
}

void Log::error(std::string_view message, const Fields& fields) {
  write(Level::kError, message, fields);
}

void Log::write(Level level, std::string_view message, const Fields& fields) {
  write(level, {}, {}, message, text_of(fields));
}

void Log::write(Level level, std::string_view plugin, std::string_view request,
                std::string_view message, std::string_view fields) {
  if (!enabled(level)) return;
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                   spdlog::level::warn, spdlog::level::err};
  const Record record(level, plugin, request, message, fields);
  (plugin.empty() ? own_ : plugins_)
      ->log(kLevels[static_cast<std::size_t>(level)],
            spdlog::string_view_t(record.text().data(), record.text().size()));
}

void Log::flush() { own_->flush(); }

void Log::use(const LogSettings& settings) {
  if (settings.file != output_->path()) output_->move_to(settings.file);
  level_ = level_of(settings.level);
}

void Log::reopen() {
  if (output_->path().empty()) return;
  try {
    output_->move_to(output_->path());
  } catch (const std::system_error& e) {
    error("the log file cannot be reopened: logging continues in the old one",
          {{"reason", e.code().message()}});
  }
}

std::string_view Log::level() const {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level_.load())];
}

std::string Log::recent(std::string_view request) const {
  if (request.empty()) return output_->recent({});
  std::string member = "\"request\":";
  quote(member, request);
  return output_->recent(member);
}

std::uint64_t Log::dropped() const { return output_->dropped(); }

}  // namespace gatehouse::core
