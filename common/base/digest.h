/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, HMAC, Ed25519 and base64, behind which stands OpenSSL's libcrypto. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA1_SIZE 20

bool digest_sha256(const void *bytes, size_t length, uint8_t digest[SHA256_SIZE]);
bool digest_sha1(const void *bytes, size_t length, uint8_t digest[SHA1_SIZE]);
bool digest_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        uint8_t digest[SHA256_SIZE]);
#define ED25519_KEY_SIZE 32
#define ED25519_SIGNATURE_SIZE 64
/* `seed` is the private key as RFC 8032 has it. */
bool digest_ed25519_sign(const uint8_t seed[ED25519_KEY_SIZE], const void *bytes, size_t length,
                         uint8_t signature[ED25519_SIGNATURE_SIZE]);
/* The public key that belongs to it. */
bool digest_ed25519_public(const uint8_t seed[ED25519_KEY_SIZE], uint8_t key[ED25519_KEY_SIZE]);
/* Bytes from the system's generator, for secrets and random ids. */
bool digest_random(void *bytes, size_t length);
/* Standard alphabet with padding. False if `size` is too small; terminated. */
bool base64_encode(const void *bytes, size_t length, char *text, size_t size);
/* Strict: padding needed, nothing else allowed. */
bool base64_decode(const char *text, uint8_t *bytes, size_t size, size_t *ret_length);
/* Lower-case hex, terminated: needs 2 * length + 1. */
bool hex_encode(const void *bytes, size_t length, char *text, size_t size);

#endif
