#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/certificate_files.h"
#include "core/net/error.h"

namespace gatehouse::core {

/// A certificate of a server with its key. Copies share both.
class Certificate {
 public:
  using Time = std::chrono::system_clock::time_point;

  /// The detail of the error names the file.
  static Result<Certificate> load(const CertificateFiles& files);

  /// What clients will object to, or soon will: its chain or its dates.
  std::vector<std::string> warnings(Time now) const;
  Time expires() const;
  const std::string& file() const { return file_; }
  bool is_for(std::string_view host) const;
  /// Shows it in the handshake of `tls`.
  bool use_in(SSL* tls) const;

 private:
  struct Parts;
  Certificate(std::string file, std::shared_ptr<const Parts> parts)
      : file_(std::move(file)), parts_(std::move(parts)) {}

  std::string file_;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace gatehouse::core
