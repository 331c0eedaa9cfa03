/// gatehouse.crypto/1: hashes, so that a plugin needs no library for them.
#ifndef GATEHOUSE_ABI_EXT_CRYPTO_H
#define GATEHOUSE_ABI_EXT_CRYPTO_H

#include "gatehouse/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GH_CRYPTO_1 "gatehouse.crypto/1"

typedef struct gh_hash gh_hash;

typedef struct gh_crypto_api {
  uint32_t size;
  uint32_t reserved;        ///< 0.
  gh_hash* (*begin)(void);  ///< SHA-256 (FIPS 180-4) of what follows; finish() frees it.
  void (*update)(gh_hash*, gh_str);
  void (*finish)(gh_hash*, uint8_t digest[32]);
  void (*hmac)(gh_str key, gh_str text, uint8_t digest[32]);  ///< HMAC-SHA-256 (RFC 2104).
} gh_crypto_api;

#ifdef __cplusplus
}
#endif
#endif
