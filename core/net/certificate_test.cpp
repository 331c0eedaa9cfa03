#include "core/net/certificate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gatehouse::core {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kDay = 24h;

class CertificateTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fs::create_directories(folder());
    make("root", "-x509 -days 30 -addext subjectAltName=DNS:root.example");
    make("a",
         "-x509 -days 30 -CA root.pem -CAkey root.key "
         "-addext subjectAltName=DNS:a.example,DNS:*.b.example -copy_extensions copy");
    run("openssl pkey -in a.key -aes128 -passout pass:x -out encrypted.key");
    write("chain.pem", read("a.pem") + read("root.pem"));
    write("turned.pem", read("root.pem") + read("a.pem"));
    write("alien.pem", read("a.pem") + read("a.pem"));
    write("cut.pem", read("a.pem").substr(0, 200));
    write("empty.pem", "");
  }
  static void TearDownTestSuite() { fs::remove_all(folder()); }

  static fs::path folder() {
    return fs::temp_directory_path() / ("gatehouse_certificate_test." + std::to_string(getpid()));
  }
  static void run(const std::string& command) {
    const std::string line = "cd " + folder().string() + " && " + command + " 2>>log";
    ASSERT_EQ(std::system(line.c_str()), 0) << command;
  }
  static void make(const std::string& name, const std::string& options) {
    run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=" + name +
        " -keyout " + name + ".key -out " + name + ".pem " + options);
  }
  static std::string read(const std::string& name) {
    std::ostringstream text;
    text << std::ifstream(folder() / name).rdbuf();
    return text.str();
  }
  static void write(const std::string& name, const std::string& text) {
    std::ofstream(folder() / name) << text;
  }
  static Result<Certificate> load(const std::string& certificate, const std::string& key) {
    return Certificate::load({folder() / certificate, folder() / key});
  }
  /// Without the name of the folder.
  static std::string relative(std::string text) {
    for (std::size_t at; (at = text.find(folder().string() + "/")) != text.npos;)
      text.erase(at, folder().string().size() + 1);
    return text;
  }
  static std::string warning(const std::string& certificate, Certificate::Time now) {
    const auto loaded = load(certificate, "a.key");
    EXPECT_TRUE(loaded) << loaded.error().detail;
    const auto warnings = loaded->warnings(now);
    EXPECT_LE(warnings.size(), 1u);
    return warnings.empty() ? "" : relative(warnings[0]);
  }
};

TEST_F(CertificateTest, IsForItsNamesAndWildcards) {
  const auto loaded = load("chain.pem", "a.key");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  for (const char* host : {"a.example", "A.EXAMPLE", "x.b.example"})
    EXPECT_TRUE(loaded->is_for(host)) << host;
  for (const char* host : {"b.example", "x.y.b.example", "x.a.example", "a.example.org", "root"})
    EXPECT_FALSE(loaded->is_for(host)) << host;
}

TEST_F(CertificateTest, TheKeyMayBeText) {
  EXPECT_TRUE(Certificate::load({folder() / "a.pem", read("a.key")}));
  EXPECT_EQ(Certificate::load({folder() / "a.pem", "-----BEGIN x"}).error().detail,
            "`key`: this is not a private key in PEM format");
}

TEST_F(CertificateTest, WhatCannotBeUsedIsReported) {
  const struct {
    const char *certificate, *key, *error;
  } kCases[] = {
      {"none.pem", "a.key", "none.pem: No such file or directory"},
      {"empty.pem", "a.key", "empty.pem: the file is empty"},
      {"cut.pem", "a.key", "cut.pem: this is not a certificate in PEM format"},
      {"a.key", "a.key", "a.key: this is not a certificate in PEM format"},
      {"a.pem", "none.key", "none.key: No such file or directory"},
      {"a.pem", "a.pem", "a.pem: this is not a private key in PEM format"},
      {"a.pem", "encrypted.key",
       "encrypted.key: the key has a passphrase: remove it by openssl pkey -in FILE -out FILE"},
      {"a.pem", "root.key", "a.pem: the key belongs to another certificate"},
      {"turned.pem", "a.key",
       "turned.pem: the key belongs to certificate 2: put the certificate of the server first, and "
       "after each one that of its issuer"},
  };
  for (const auto& [certificate, key, error] : kCases) {
    const auto loaded = load(certificate, key);
    ASSERT_FALSE(loaded) << certificate;
    EXPECT_EQ(relative(loaded.error().detail), error);
  }
}

TEST_F(CertificateTest, WarnsOfItsChainAndDates) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(warning("chain.pem", now), "");
  EXPECT_EQ(warning("alien.pem", now),
            "alien.pem: certificate 2 is not the issuer of certificate 1: put the certificate of "
            "the server first, and after each one that of its issuer");
  EXPECT_EQ(warning("a.pem", now + 15 * kDay), "");
  EXPECT_NE(warning("a.pem", now + 17 * kDay).find("this certificate expires on 20"),
            std::string::npos);
  EXPECT_NE(warning("a.pem", now + 31 * kDay).find("this certificate has expired on 20"),
            std::string::npos);
  EXPECT_NE(warning("a.pem", now - 1 * kDay).find("clients reject this certificate before 20"),
            std::string::npos);
}

}  // namespace
}  // namespace gatehouse::core
