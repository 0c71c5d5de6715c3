/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of Standard Webhooks (https://www.standardwebhooks.com), version v1: HMAC-SHA256 over
 * "id.timestamp.body". */
#ifndef DISPATCHER_SIGN_H
#define DISPATCHER_SIGN_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define SECRETS_MAX 2 /* the new and the old one, during a rotation */
#define SECRET_KEY_MAX 64

struct secret {
    uint8_t key[SECRET_KEY_MAX];
    size_t size;
};

struct secrets {
    struct secret items[SECRETS_MAX];
    size_t count;
};

/* One or two of "whsec_<base64>" (16 to 64 bytes), separated by blanks or line ends. Code
 * bad-secret; the detail never shows any of it. */
__attribute__((warn_unused_result)) bool
secrets_parse(const char *text, struct secrets *ret_secrets, struct reason *reason);
/* The same from a file of at most 4 KiB. */
__attribute__((warn_unused_result)) bool secrets_read(const char *path, struct secrets *ret_secrets,
                                                      struct reason *reason);

/* True if the first line of the file is `line`. */
bool secrets_file_begins(const char *path, const char *line);

#define SIGNATURE_SIZE 96 /* "v1,<44>" and a second one behind a blank */
/* `bytes` is the whole signed text. "" without secrets. */
__attribute__((warn_unused_result)) bool sign_webhook(const struct secrets *secrets,
                                                      const void *bytes, size_t length,
                                                      char signature[SIGNATURE_SIZE]);

#endif
