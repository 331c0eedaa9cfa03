#pragma once

#include <memory>
#include <string>

#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// The admin address: whoever asks must show the token and be no web page.
///
///   GET /status      what the gateway knows about itself
///   POST /reload     as SIGHUP, and says how it went
///   /INSTANCE/...    what the plugins of the pipeline offer there
class Admin final : public Handler {
 public:
  /// `token` empty: nobody is let in.
  Admin(std::string token, std::shared_ptr<const Pipeline> pipeline, Reloads& reloads)
      : token_(std::move(token)), pipeline_(std::move(pipeline)), reloads_(reloads) {}

  gh_status run(Exchange& x, const gh_sink& out) const override;

 private:
  bool lets_in(Exchange& x) const;
  gh_status reload(Exchange& x, const gh_sink& out) const;

  const std::string token_;
  const std::shared_ptr<const Pipeline> pipeline_;
  Reloads& reloads_;
};

}  // namespace gatehouse::core
