/// SHA-256 (FIPS 180-4) and HMAC (RFC 2104) on the standard library alone: for tests, where no time
/// and no secret matters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "gatehouse/plugin.hpp"

namespace gatehouse::testing::fake {

class Sha256 {
 public:
  void update(View text) {
    for (const char c : text) {
      block_[bytes_++ % kBlock] = static_cast<std::uint8_t>(c);
      if (bytes_ % kBlock == 0) compress();
    }
  }

  /// Once, at the end.
  Digest finish() {
    const std::uint64_t bits = bytes_ * 8;
    update(View("\x80", 1));
    while (bytes_ % kBlock != kBlock - 8) update(View("\0", 1));
    for (int shift = 56; shift >= 0; shift -= 8) {
      const char byte = static_cast<char>(bits >> shift);
      update(View(&byte, 1));
    }
    Digest digest;
    for (std::size_t i = 0; i < digest.size(); ++i)
      digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - i % 4 * 8));
    return digest;
  }

  static Digest of(View text) {
    Sha256 hash;
    hash.update(text);
    return hash.finish();
  }

  static Digest hmac(View key, View text) {
    std::string pad(key.size() > kBlock ? bytes(of(key)) : std::string(key));
    pad.resize(kBlock);
    Sha256 inner, outer;
    for (char& c : pad) c = static_cast<char>(c ^ 0x36);
    inner.update(pad);
    inner.update(text);
    for (char& c : pad) c = static_cast<char>(c ^ 0x36 ^ 0x5c);
    outer.update(pad);
    outer.update(bytes(inner.finish()));
    return outer.finish();
  }

 private:
  static constexpr std::size_t kBlock = 64;

  static std::string bytes(const Digest& digest) { return {digest.begin(), digest.end()}; }
  static std::uint32_t rotate(std::uint32_t x, int by) { return x >> by | x << (32 - by); }

  void compress() {
    // FIPS 180-4 4.2.2: the fractions of the cube roots of the first 64 primes.
    static constexpr std::uint32_t kRound[kBlock] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2};
    std::array<std::uint32_t, kBlock> w{};
    for (std::size_t i = 0; i < kBlock; ++i)
      w[i / 4] |= std::uint32_t{block_[i]} << (24 - i % 4 * 8);
    for (std::size_t i = 16; i < kBlock; ++i) {
      const std::uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      const std::uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                               ((e & f) ^ (~e & g)) + kRound[i] + w[i];
      const std::uint32_t t2 =
          (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> round = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < round.size(); ++i) state_[i] += round[i];
  }

  // FIPS 180-4 5.3.3: the fractions of the square roots of the first 8 primes.
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, kBlock> block_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace gatehouse::testing::fake
