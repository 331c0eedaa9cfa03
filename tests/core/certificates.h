#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace gatehouse::core {

/// Two authorities, of which the client trusts one, and certificates of both. Made once, as the
/// client reads its authority once.
class Certificates {
 public:
  static const Certificates& shared() {
    static const Certificates certificates;
    return certificates;
  }
  ~Certificates() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& file) const { return folder_ / file; }

 private:
  Certificates() {
    std::filesystem::create_directories(folder_);
    for (const char* authority : {"ca", "stranger"}) {
      openssl("req -x509 " + new_key(authority) + "-subj /CN=" + authority + " -days 30 -out " +
              authority + ".pem");
    }
    make("good", "IP:127.0.0.1,DNS:localhost", 30, "ca");
    make("other-name", "DNS:example.org", 30, "ca");
    make("expired", "IP:127.0.0.1", 0, "ca");
    make("unknown-authority", "IP:127.0.0.1", 30, "stranger");
    ::setenv("SSL_CERT_FILE", path("ca.pem").c_str(), 1);
  }
  void make(const std::string& name, const std::string& names, int days,
            const std::string& authority) const {
    openssl("req " + new_key(name) + "-subj /CN=server -addext subjectAltName=" + names +
            " -out request");
    openssl("x509 -req -in request -copy_extensions copy -CA " + authority + ".pem -CAkey " +
            authority + ".key -CAcreateserial -days " + std::to_string(days) + " -out " + name +
            ".pem");
  }
  static std::string new_key(const std::string& name) {
    return "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name + ".key ";
  }
  void openssl(const std::string& arguments) const {
    const std::string command = "cd " + folder_.string() + " && openssl " + arguments + " 2>>log";
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("gatehouse_tls_test." + std::to_string(getpid()));
};

}  // namespace gatehouse::core
