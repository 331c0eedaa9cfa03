#include "signatures.h"

#include <gtest/gtest.h>

#include "gatehouse/testing.hpp"

namespace gatehouse::plugins::extension_auth {
namespace {

using namespace std::chrono_literals;
using testing::Answer;
using testing::Harness;
using testing::Request;

constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
const std::string kSecrets = R"(
    "secrets": [{"name": "phone", "secret": "another secret of 32 letters ...."},
                {"name": "laptop", "secret": "0123456789abcdef0123456789abcdef"}])";
constexpr std::int64_t kNow = 1735689600;  // of the harness: 2025-01-01T00:00:00Z

struct SignaturesTest : ::testing::Test {
  Harness h;

  /// The setting, which begins with `more`.
  Json hmac(const std::string& more = "") {
    return h.config(R"({"hmac": {)" + more + kSecrets + "}}")["hmac"];
  }
  /// As a client signs it.
  Request request(const std::string& timestamp = std::to_string(kNow),
                  const std::string& nonce = "abcdefghijklmnop", View secret = kSecret) {
    Request r("POST", "/api/chat?v=1");
    r.body = R"({"messages":[]})";
    const Crypto crypto(h.host());
    const std::string text =
        "POST\n/api/chat\nv=1\n" + hex(crypto.sha256({r.body})) + "\n" + timestamp + "\n" + nonce;
    r.headers = {{"X-Gatehouse-Timestamp", timestamp},
                 {"X-Gatehouse-Nonce", nonce},
                 {"X-Gatehouse-Signature", hex(crypto.hmac_sha256(secret, text))}};
    return r;
  }
  /// The body of the response is the name of the signer.
  Answer verify(const Signatures& signatures, const Request& request) {
    struct Verifier final : Plugin {
      explicit Verifier(const Signatures& s) : signatures(s) {}
      Status handle(Exchange& x, Sink& out, Next&) override {
        auto signer = signatures.signer_of(x);
        return signer ? x.reply(out, 200, "text/plain", *signer) : signer.error();
      }
      const Signatures& signatures;
    } verifier(signatures);
    return h.run(verifier, request);
  }
};

TEST_F(SignaturesTest, GiveTheNameOfTheSecret) {
  const Signatures signatures(h.host(), hmac());
  EXPECT_EQ(verify(signatures, request()).body, "laptop");
  EXPECT_EQ(verify(signatures, request(std::to_string(kNow), "0123456789-_ABCD",
                                       "another secret of 32 letters ...."))
                .body,
            "phone");
}

TEST_F(SignaturesTest, AreThoseOfOtherImplementations) {
  const Signatures signatures(h.host(), hmac());
  Request r = request();
  r.headers[2].second =
      "5ecad36308ab6418a069e985045bb88a419d37dcfe4efbd70feb2413483323ac";  // by Python's hmac
  EXPECT_EQ(verify(signatures, r).body, "laptop");
}

TEST_F(SignaturesTest, CoverAllPartsOfTheRequest) {
  const Signatures signatures(h.host(), hmac());
  const std::vector<void (*)(Request&)> changes = {
      [](Request& r) { r.method = "PUT"; },
      [](Request& r) { r.path = "/api/chats"; },
      [](Request& r) { r.query = "v=2"; },
      [](Request& r) { r.body += " "; },
      [](Request& r) { r.headers[0].second = std::to_string(kNow + 1); },
      [](Request& r) { r.headers[1].second = "abcdefghijklmnoq"; },
      [](Request& r) { r.headers[2].second.back() ^= 1; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Request r = request();
    changes[i](r);
    const Answer answer = verify(signatures, r);
    EXPECT_EQ(answer.status, 401) << i;
    EXPECT_EQ(answer.failure.message, "Request signature is required or not valid");
  }
  EXPECT_EQ(verify(signatures, request(std::to_string(kNow), "abcdefghijklmnop",
                                       "a secret that nobody knows of ..."))
                .status,
            401);
  EXPECT_TRUE(h.store.empty()) << "an invalid signature must not use up a nonce";
}

TEST_F(SignaturesTest, AreSixtyFourHexadecimalDigits) {
  const Signatures signatures(h.host(), hmac());
  for (const std::string& signature : {std::string(), std::string(63, 'a'), std::string(65, 'a')}) {
    Request r = request();
    r.headers[2].second = signature;
    EXPECT_EQ(verify(signatures, r).failure.detail, "the signature is not 64 hexadecimal digits");
  }
  EXPECT_EQ(verify(signatures, Request("POST", "/api/chat")).failure.detail,
            "the signature is not 64 hexadecimal digits");
}

TEST_F(SignaturesTest, AreValidAroundTheirTimestamp) {
  const Signatures signatures(h.host(), hmac(R"("max_skew": "10s", )"));
  for (const std::int64_t seconds : {-10, 0, 10}) {
    EXPECT_EQ(verify(signatures, request(std::to_string(kNow + seconds),
                                         "nonce-of-" + std::to_string(kNow + seconds)))
                  .status,
              200)
        << seconds;
  }
  for (const std::string& timestamp : std::vector<std::string>{
           std::to_string(kNow - 11), std::to_string(kNow + 11), "1735689600000", "", "-1",
           "1735689600.0", "+1735689600", "9223372036854775807", "99999999999999999999"}) {
    EXPECT_EQ(verify(signatures, request(timestamp)).failure.detail,
              "the timestamp is not within max_skew of the current time")
        << timestamp;
  }
}

TEST_F(SignaturesTest, AreValidOnce) {
  const Signatures signatures(h.host(), hmac(R"("max_skew": "10s", )"));
  const Request ahead = request(std::to_string(kNow + 10));
  EXPECT_EQ(verify(signatures, ahead).status, 200);
  EXPECT_EQ(verify(signatures, ahead).failure.detail, "the nonce has been used before");
  h.advance(20'999ms);  // the last moment at which the timestamp is valid
  EXPECT_EQ(verify(signatures, ahead).failure.detail, "the nonce has been used before");
  h.advance(1ms);
  EXPECT_EQ(verify(signatures, ahead).failure.detail,
            "the timestamp is not within max_skew of the current time");
}

TEST_F(SignaturesTest, NeedANonceOfSixteenToSixtyFourCharacters) {
  const Signatures signatures(h.host(), hmac());
  for (const std::string& nonce :
       {std::string(), std::string(15, 'a'), std::string(65, 'a'), std::string("abcdefghijklmnop "),
        std::string("abcdefghijklmno\xe9")}) {
    EXPECT_EQ(verify(signatures, request(std::to_string(kNow), nonce)).failure.detail,
              "the nonce is not 16 to 64 letters, digits, _ or -")
        << nonce;
  }
  EXPECT_EQ(verify(signatures, request(std::to_string(kNow), std::string(64, 'a'))).status, 200);
}

TEST_F(SignaturesTest, AreRejectedWhileReplaysCannotBeDetected) {
  const Signatures signatures(h.host(), hmac());
  h.store_down = true;
  const Answer answer = verify(signatures, request());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.failure.code, "store_unavailable");
  EXPECT_EQ(verify(signatures, request(std::to_string(kNow), "abcdefghijklmnop",
                                       "a secret that nobody knows of ..."))
                .status,
            401);
}

TEST_F(SignaturesTest, PassWhileTheStoreIsDownIfConfiguredSo) {
  const Signatures signatures(h.host(), hmac(R"("on_store_failure": "open", )"));
  h.store_down = true;
  EXPECT_EQ(verify(signatures, request()).body, "laptop");
  EXPECT_EQ(h.logs,
            std::vector<std::string>{"warn: the store is down: cannot check whether this signed "
                                     "request is a replay"});
}

}  // namespace
}  // namespace gatehouse::plugins::extension_auth
