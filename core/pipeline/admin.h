#pragma once

#include <memory>
#include <string>

#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// Handles the requests of the admin address. Callers must show the token and not be a web page.
///
///   GET /status      the state of the gateway
///   POST /reload     reloads as SIGHUP does, and reports the result
///   /INSTANCE/...    admin routes of the plugins
class Admin final : public Handler {
 public:
  /// `token` empty: every request is rejected.
  Admin(std::string token, std::shared_ptr<const Pipeline> pipeline, Reloads& reloads)
      : token_(std::move(token)), pipeline_(std::move(pipeline)), reloads_(reloads) {}

  gh_status run(Exchange& x, const gh_sink& out) const override;
  bool may_block() const override { return pipeline_->may_block(); }

 private:
  bool is_authorized(Exchange& x) const;
  gh_status reload(Exchange& x, const gh_sink& out) const;

  const std::string token_;
  const std::shared_ptr<const Pipeline> pipeline_;
  Reloads& reloads_;
};

}  // namespace gatehouse::core
