/* SPDX-License-Identifier: Apache-2.0 */
/* Each secret gives a signature of its own, so that a receiver may change to the new secret at any
 * time of a rotation. */
#include "sign.h"

#include "base/digest.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "whsec_"
#define KEY_LEAST 16
#define FILE_MAX 4096
#define BLANKS " \t\r\n"

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
        struct secret *secret = &secrets.items[secrets.count];
        if (!text_copy_bytes(item, sizeof(item), at, length) ||
            strncmp(item, PREFIX, strlen(PREFIX)) != 0 ||
            !base64_decode(item + strlen(PREFIX), secret->key, sizeof(secret->key),
                           &secret->size) ||
            secret->size < KEY_LEAST) {
            reason_set(reason, "bad-secret", NULL,
                       "secret %zu is not whsec_ and the base64 of %d to %d bytes",
                       secrets.count + 1, KEY_LEAST, SECRET_KEY_MAX);
            return false;
        }
        secrets.count++;
        at += length;
    }
    if (!secrets.count) {
        reason_set(reason, "bad-secret", NULL, "no secret: expected whsec_…");
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

bool sign_webhook(const struct secrets *secrets, const void *bytes, size_t length,
                  char signature[SIGNATURE_SIZE])
{
    size_t used = 0;
    signature[0] = '\0';
    for (size_t i = 0; i < secrets->count; i++) {
        uint8_t digest[SHA256_SIZE];
        char encoded[48];
        const struct secret *secret = &secrets->items[i];
        if (!digest_hmac_sha256(secret->key, secret->size, bytes, length, digest) ||
            !base64_encode(digest, sizeof(digest), encoded, sizeof(encoded)) ||
            !text_format(signature + used, SIGNATURE_SIZE - used, "%sv1,%s", used ? " " : "",
                         encoded))
            return false;
        used = strlen(signature);
    }
    return true;
}
