#include "core/server/listener_tls.h"

#include <Poco/Exception.h>

#include <stdexcept>

#include "core/loader/file_stamp.h"

namespace gatehouse::core {
namespace {

constexpr auto kLook = std::chrono::seconds(1);
constexpr auto kTicketKeys = std::chrono::hours(12);
constexpr auto kWarning = std::chrono::hours(24);

FileStamp stamp_of_file(const std::string& file) {
  struct stat s {};
  return ::stat(file.c_str(), &s) == 0 ? stamp_of(s) : FileStamp();
}

}  // namespace

ListenerTls::ListenerTls(std::vector<CertificateFiles> files, Log& log, Metrics& metrics)
    : files_(std::move(files)), log_(log), metrics_(metrics), expiries_(metrics) {
  loaded_ = seen_ = stamps();
  load();
  next_look_ = Clock::now() + kLook;
  next_warning_ = Clock::now() + kWarning;  // those of the configuration come first
}

std::shared_ptr<const ServerTls> ListenerTls::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void ListenerTls::tick() {
  const auto now = Clock::now();
  if (now < next_look_) return;
  next_look_ = now + kLook;
  if (now >= next_warning_) warn_of_expiry();
  const Stamps stamps_now = stamps();
  // A certificate and its key are replaced one after the other.
  const bool is_quiet = stamps_now == seen_;
  seen_ = stamps_now;
  if (is_quiet && (seen_ != loaded_ || now >= next_load_)) reload();
}

void ListenerTls::load() {
  std::vector<Certificate> certificates;
  for (const CertificateFiles& files : files_) {
    const auto certificate = Certificate::load(files);
    if (!certificate) throw std::runtime_error(certificate.error().detail);
    certificates.push_back(*certificate);
  }
  std::shared_ptr<const ServerTls> fresh;
  try {
    fresh = std::make_shared<const ServerTls>(certificates);
  } catch (const Poco::Exception& e) {
    throw std::runtime_error("TLS cannot be set up: " + e.displayText());
  }
  certificates_ = std::move(certificates);
  next_load_ = Clock::now() + kTicketKeys;
  for (const Certificate& certificate : certificates_) {
    const auto expires = certificate.expires().time_since_epoch();
    const auto gauge = metrics_.series(
        Metrics::kGauge, "gatehouse_certificate_expiry_timestamp_seconds",
        "When the certificate expires, in seconds since 1970.", {{"file", certificate.file()}});
    expiries_.own(gauge);
    metrics_.record(gauge, static_cast<double>(
                               std::chrono::duration_cast<std::chrono::seconds>(expires).count()));
  }
  const std::lock_guard lock(mutex_);
  current_.swap(fresh);  // the previous one is dropped without the lock
}

void ListenerTls::reload() {
  const bool has_changed = seen_ != loaded_;
  loaded_ = seen_;  // a broken pair is reported once
  try {
    load();
    if (!has_changed) return;
    log_.info("certificates loaded again", {{"file", files_[0].certificate}});
    warn_of_expiry();
  } catch (const std::runtime_error& e) {
    next_load_ = Clock::now() + kTicketKeys;
    log_.error("changed certificates cannot be used: the previous ones stay in use",
               {{"reason", e.what()}});
  }
}

void ListenerTls::warn_of_expiry() {
  next_warning_ = Clock::now() + kWarning;
  for (const Certificate& certificate : certificates_) {
    for (const std::string& warning : certificate.warnings(std::chrono::system_clock::now()))
      log_.warn("clients will reject a certificate", {{"reason", warning}});
  }
}

ListenerTls::Stamps ListenerTls::stamps() const {
  Stamps out;
  for (const CertificateFiles& files : files_) {
    out.push_back(stamp_of_file(files.certificate));
    if (files.has_key_file()) out.push_back(stamp_of_file(files.key));
  }
  return out;
}

}  // namespace gatehouse::core
