#pragma once

#include <string>

namespace gatehouse::core {

/// Where the certificate of a server and its key are.
struct CertificateFiles {
  std::string certificate;  // file: that of the server, then those that lead to its authority (PEM)
  std::string key;          // file, or PEM text

  bool has_key_file() const { return key.find("-----BEGIN") == key.npos; }
};

}  // namespace gatehouse::core
