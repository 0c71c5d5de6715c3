/* SPDX-License-Identifier: Apache-2.0 */
/* Each secret gives a signature of its own, so that a receiver may change to the new secret at any
 * time of a rotation. */
#include "wire/sign.h"

#include "base/text.h"
#include "wire/hmacs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SHARED "whsec_"
#define PRIVATE "whsk_"
#define KEY_LEAST 16
#define FILE_MAX 4096
#define BLANKS " \t\r\n"

/* Only what belongs together is a pair: a public key that is not this private one's would make
 * signatures that nobody can verify, or give the private key away. */
static bool pair_valid(const struct secret *secret)
{
    uint8_t public[ED25519_KEY_SIZE];
    return secret->size == ED25519_KEY_SIZE ||
           (secret->size == 2 * sizeof(public) && digest_ed25519_public(secret->key, public) &&
            memcmp(secret->key + ED25519_KEY_SIZE, public, sizeof(public)) == 0);
}

static bool secret_parse(const char *text, struct secret *secret)
{
    secret->asymmetric = strncmp(text, PRIVATE, strlen(PRIVATE)) == 0;
    const char *prefix = secret->asymmetric ? PRIVATE : SHARED;
    return strncmp(text, prefix, strlen(prefix)) == 0 &&
           base64_decode(text + strlen(prefix), secret->key, sizeof(secret->key), &secret->size) &&
           (secret->asymmetric ? pair_valid(secret) : secret->size >= KEY_LEAST);
}

bool secrets_parse(const char *text, struct secrets *ret_secrets, struct reason *reason)
{
    struct secrets secrets = {.count = 0};
    const char *at = text;
    while (*(at += strspn(at, BLANKS))) {
        size_t length = strcspn(at, BLANKS);
        char item[160];
        if (secrets.count == SECRETS_MAX) {
            reason_set(reason, "bad-secret", NULL, "more than %d secrets", SECRETS_MAX);
            return false;
        }
        if (!text_copy_bytes(item, sizeof(item), at, length) ||
            !secret_parse(item, &secrets.items[secrets.count])) {
            reason_set(reason, "bad-secret", NULL,
                       "secret %zu is neither kind, expected whsec_ and the base64 of %d to %d "
                       "bytes, or whsk_ and that of an Ed25519 private key",
                       secrets.count + 1, KEY_LEAST, SECRET_KEY_MAX);
            return false;
        }
        secrets.count++;
        at += length;
    }
    if (!secrets.count) {
        reason_set(reason, "bad-secret", NULL, "no secret: expected whsec_… or whsk_…");
        return false;
    }
    *ret_secrets = secrets;
    return true;
}

bool secrets_read(const char *path, struct secrets *ret_secrets, struct reason *reason)
{
    size_t length;
    char *text = text_read_file(path, FILE_MAX, &length);
    if (!text) {
        reason_set(reason, "bad-secret", NULL, "%s: %s", path, strerror(errno));
        return false;
    }
    bool well = secrets_parse(text, ret_secrets, reason);
    explicit_bzero(text, length);
    free(text);
    return well;
}

bool secrets_file_begins(const char *path, const char *line)
{
    size_t length = 0;
    char *text = text_read_file(path, FILE_MAX, &length);
    bool begins =
        text && strcspn(text, "\r\n") == strlen(line) && strncmp(text, line, strlen(line)) == 0;
    if (text)
        explicit_bzero(text, length);
    free(text);
    return begins;
}

/* "v1,…" or "v1a,…" and what of the signature is base64. */
static bool append(char *signature, const char *version, const uint8_t *raw, size_t raw_size)
{
    const size_t used = strlen(signature), prefix = strlen(version);
    char *at = signature + used;
    if (used + prefix + 2 >= SIGNATURE_SIZE)
        return false;
    if (used)
        *at++ = ' ';
    memcpy(at, version, prefix);
    at += prefix;
    return base64_encode(raw, raw_size, at, SIGNATURE_SIZE - (size_t)(at - signature));
}

/* Its HMACs are made, and stand in a row. */
static bool write_signature(const struct signing *signing, const struct hmac *hmacs)
{
    signing->signature[0] = '\0';
    for (size_t i = 0; i < signing->secrets->count; i++) {
        const struct secret *secret = &signing->secrets->items[i];
        uint8_t raw[ED25519_SIGNATURE_SIZE];
        bool well;
        if (secret->asymmetric) {
            well = digest_ed25519_sign(secret->key, signing->bytes, signing->length, raw) &&
                   append(signing->signature, "v1a,", raw, sizeof(raw));
        } else {
            well = hmacs->done &&
                   append(signing->signature, "v1,", hmacs->digest, sizeof(hmacs->digest));
            hmacs++;
        }
        if (!well)
            return false;
    }
    return true;
}

void sign_webhooks(struct signing *signings, size_t count)
{
    struct hmac hmacs[SIGN_AT_ONCE * SECRETS_MAX];
    size_t listed = 0, firsts[SIGN_AT_ONCE];
    assert(count <= SIGN_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        const struct signing *signing = &signings[i];
        firsts[i] = listed;
        for (size_t j = 0; j < signing->secrets->count; j++) {
            const struct secret *secret = &signing->secrets->items[j];
            if (!secret->asymmetric)
                hmacs[listed++] = (struct hmac){.key = secret->key,
                                                .key_size = secret->size,
                                                .bytes = signing->bytes,
                                                .length = signing->length};
        }
    }
    hmacs_sha256(hmacs, listed);
    for (size_t i = 0; i < count; i++)
        signings[i].done = write_signature(&signings[i], &hmacs[firsts[i]]);
}
