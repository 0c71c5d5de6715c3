/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithms are looked up once, and each thread has one context: in OpenSSL 3 either costs
 * more than the SHA-1 of a short name. */
#include "base/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static EVP_MD *sha1;
static pthread_key_t contexts;
static bool have_contexts;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void look_up(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    have_contexts = pthread_key_create(&contexts, free_context) == 0;
}

/* This thread's; NULL without memory. */
static EVP_MD_CTX *context_of_thread(void)
{
    pthread_once(&once, look_up);
    EVP_MD_CTX *context = have_contexts ? pthread_getspecific(contexts) : NULL;
    if (context || !have_contexts)
        return context;
    context = EVP_MD_CTX_new();
    if (context && pthread_setspecific(contexts, context) != 0) {
        EVP_MD_CTX_free(context);
        return NULL;
    }
    return context;
}

static bool digest(EVP_MD_CTX *context, const EVP_MD *algorithm, const void *bytes, size_t length,
                   uint8_t *ret_digest)
{
    return context && algorithm && EVP_DigestInit_ex2(context, algorithm, NULL) == 1 &&
           EVP_DigestUpdate(context, bytes, length) == 1 &&
           EVP_DigestFinal_ex(context, ret_digest, NULL) == 1;
}

bool digest_sha256(const void *bytes, size_t length, uint8_t ret_digest[SHA256_SIZE])
{
    EVP_MD_CTX *context = context_of_thread();
    return digest(context, sha256, bytes, length, ret_digest);
}

bool digest_sha1(const void *bytes, size_t length, uint8_t ret_digest[SHA1_SIZE])
{
    EVP_MD_CTX *context = context_of_thread();
    return digest(context, sha1, bytes, length, ret_digest);
}

#define SHA256_BLOCK 64

/* One of HMAC's two passes: the hash of the padded key, then the bytes. */
static bool hmac_pass(EVP_MD_CTX *context, const uint8_t key[SHA256_BLOCK], uint8_t pad,
                      const void *bytes, size_t length, uint8_t digest[SHA256_SIZE])
{
    uint8_t block[SHA256_BLOCK];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = key[i] ^ pad;
    bool done = EVP_DigestInit_ex2(context, sha256, NULL) == 1 &&
                EVP_DigestUpdate(context, block, sizeof(block)) == 1 &&
                EVP_DigestUpdate(context, bytes, length) == 1 &&
                EVP_DigestFinal_ex(context, digest, NULL) == 1;
    explicit_bzero(block, sizeof(block));
    return done;
}

/* RFC 2104 by hand: OpenSSL 3's HMAC looks its parts up by name each time, which costs several
 * times what it computes. */
bool digest_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        uint8_t digest[SHA256_SIZE])
{
    uint8_t block[SHA256_BLOCK] = {0}, inner[SHA256_SIZE];
    pthread_once(&once, look_up);
    EVP_MD_CTX *context = sha256 ? EVP_MD_CTX_new() : NULL;
    bool done = context != NULL;
    if (done && key_length > sizeof(block))
        done = EVP_Digest(key, key_length, block, NULL, sha256, NULL) == 1;
    else if (key_length > 0 && done)
        memcpy(block, key, key_length);
    done = done && hmac_pass(context, block, 0x36, bytes, length, inner) &&
           hmac_pass(context, block, 0x5C, inner, sizeof(inner), digest);
    explicit_bzero(block, sizeof(block));
    EVP_MD_CTX_free(context);
    return done;
}

bool digest_ed25519_sign(const uint8_t seed[ED25519_KEY_SIZE], const void *bytes, size_t length,
                         uint8_t signature[ED25519_SIGNATURE_SIZE])
{
    size_t size = ED25519_SIGNATURE_SIZE;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_SIZE);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = key && context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, signature, &size, bytes, length) == 1 &&
                size == ED25519_SIGNATURE_SIZE;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return done;
}

bool digest_ed25519_public(const uint8_t seed[ED25519_KEY_SIZE], uint8_t key[ED25519_KEY_SIZE])
{
    size_t size = ED25519_KEY_SIZE;
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ED25519_KEY_SIZE);
    bool done = pair && EVP_PKEY_get_raw_public_key(pair, key, &size) == 1;
    EVP_PKEY_free(pair);
    return done;
}

bool digest_random(void *bytes, size_t length)
{
    return length <= INT_MAX && RAND_bytes(bytes, (int)length) == 1;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_encode(const void *bytes, size_t length, char *text, size_t size)
{
    if (size == 0 || length / 3 + (length % 3 != 0) > (size - 1) / 4)
        return false;
    const uint8_t *in = bytes;
    char *out = text;
    for (; length >= 3; length -= 3, in += 3) {
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3u) << 4 | in[1] >> 4];
        *out++ = alphabet[(in[1] & 15u) << 2 | in[2] >> 6];
        *out++ = alphabet[in[2] & 63u];
    }
    if (length > 0) {
        uint8_t second = length == 2 ? in[1] : 0;
        *out++ = alphabet[in[0] >> 2];
        *out++ = alphabet[(in[0] & 3u) << 4 | second >> 4];
        *out++ = length == 2 ? alphabet[(second & 15u) << 2] : '=';
        *out++ = '=';
    }
    *out = '\0';
    return true;
}

/* 0 to 63, or 64. */
static unsigned letter_value(char letter)
{
    const char *found = letter ? memchr(alphabet, letter, 64) : NULL;
    return found ? (unsigned)(found - alphabet) : 64;
}

bool base64_decode(const char *text, uint8_t *bytes, size_t size, size_t *ret_length)
{
    size_t letters = strlen(text);
    if (letters % 4 != 0)
        return false;
    size_t padding = letters == 0 || text[letters - 1] != '=' ? 0
                     : text[letters - 2] == '='               ? 2
                                                              : 1;
    size_t length = letters / 4 * 3 - padding;
    if (length > size)
        return false;
    size_t out = 0;
    for (size_t at = 0; at < letters; at += 4) {
        bool last = at + 4 == letters;
        unsigned value = 0;
        for (size_t i = 0; i < 4; i++) {
            bool padded = last && i >= 4 - padding;
            unsigned six = padded ? 0 : letter_value(text[at + i]);
            if (six == 64)
                return false;
            value = value << 6 | six;
        }
        unsigned unused = !last || padding == 0 ? 0 : padding == 1 ? 0xFFu : 0xFFFFu;
        if (value & unused)
            return false; /* bits that no encoder sets: two texts for the same bytes */
        for (unsigned shift = 24; shift > 0 && out < length; shift -= 8)
            bytes[out++] = (uint8_t)(value >> (shift - 8));
    }
    *ret_length = length;
    return true;
}

bool hex_encode(const void *bytes, size_t length, char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    if (size == 0 || length > (size - 1) / 2)
        return false;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[in[i] >> 4];
        text[2 * i + 1] = digits[in[i] & 15u];
    }
    text[2 * length] = '\0';
    return true;
}
