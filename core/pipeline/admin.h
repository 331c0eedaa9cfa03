#pragma once

#include <memory>
#include <string>

#include "core/pipeline/admin_session.h"
#include "core/pipeline/pipeline.h"

namespace gatehouse::core {

/// Handles the requests of the admin address. Callers must show the token, or the cookie of a
/// browser that has logged in with it. A page of another origin is always rejected.
///
///   POST /session     logs a browser in: the form of the page that it gets without a session
///   DELETE /session   logs it out
///   GET /             leads to the first page that a plugin has at its path `/INSTANCE/`
///   GET /status       the state of the gateway
///   GET /log          the last lines of the log, or those of ?request=ID
///   POST /reload      reloads as SIGHUP does, and reports the result
///   PUT /log-level    changes the level of the log until the next reload
///   POST /drain       shuts down as SIGTERM does
///   /client/...       the rest of the path, as a request of a client
///   /INSTANCE/...     admin routes of the plugins
class Admin final : public Handler {
 public:
  /// `token` empty: every request is rejected.
  Admin(std::string token, std::shared_ptr<const Pipeline> pipeline, Gateway& gateway,
        WrongTokens& wrong_tokens)
      : token_(token),
        session_(std::move(token)),
        pipeline_(std::move(pipeline)),
        gateway_(gateway),
        wrong_tokens_(wrong_tokens) {}

  gh_status run(Exchange& x, const gh_sink& out) const override;
  bool may_block() const override { return pipeline_->may_block(); }

 private:
  struct Route;
  static const Route kOpenRoutes[];  // for everybody
  static const Route kRoutes[];
  template <std::size_t N>
  static const Route* route_of(const Route (&routes)[N], const RequestHead& head);

  /// Of a token that a client shows.
  enum class Token { right, wrong, locked };
  Token check(std::string_view shown, const Exchange& x) const;
  /// Nothing: the request may be handled. Else what it returns instead.
  std::optional<gh_status> refuse(Exchange& x, const gh_sink& out) const;
  gh_status ask_for_token(Exchange& x, const gh_sink& out, Token shown) const;
  gh_status log_in(Exchange& x, const gh_sink& out) const;
  gh_status log_out(Exchange& x, const gh_sink& out) const;
  gh_status show_style(Exchange& x, const gh_sink& out) const;
  gh_status lead_to_page(Exchange& x, const gh_sink& out) const;
  gh_status show_status(Exchange& x, const gh_sink& out) const;
  gh_status show_log(Exchange& x, const gh_sink& out) const;
  gh_status reload(Exchange& x, const gh_sink& out) const;
  gh_status set_log_level(Exchange& x, const gh_sink& out) const;
  gh_status drain(Exchange& x, const gh_sink& out) const;
  gh_status run_as_client(Exchange& x, const gh_sink& out) const;

  const std::string token_;
  const AdminSession session_;
  const std::shared_ptr<const Pipeline> pipeline_;
  Gateway& gateway_;
  WrongTokens& wrong_tokens_;
};

}  // namespace gatehouse::core
