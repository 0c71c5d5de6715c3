/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of Standard Webhooks (https://www.standardwebhooks.com) over "id.timestamp.body": v1
 * is HMAC-SHA256, v1a is Ed25519, for receivers that are to hold nothing secret. */
#ifndef DISPATCHER_SIGN_H
#define DISPATCHER_SIGN_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRETS_MAX 2 /* the new and the old one, during a rotation */
#define SECRET_KEY_MAX 64

struct secret {
    uint8_t key[SECRET_KEY_MAX]; /* asymmetric: its seed comes first */
    size_t size;
    bool asymmetric;
};

struct secrets {
    struct secret items[SECRETS_MAX];
    size_t count;
};

/* One or two, separated by blanks or line ends: "whsec_<base64>" (16 to 64 bytes), or
 * "whsk_<base64>", an Ed25519 private key (its seed, or seed and public key). Code bad-secret; the
 * detail never shows any of it. */
__attribute__((warn_unused_result)) bool
secrets_parse(const char *text, struct secrets *ret_secrets, struct reason *reason);
/* The same from a file of at most 4 KiB. */
__attribute__((warn_unused_result)) bool secrets_read(const char *path, struct secrets *ret_secrets,
                                                      struct reason *reason);

/* True if the first line of the file is `line`. */
bool secrets_file_begins(const char *path, const char *line);

#define SIGNATURE_SIZE 192 /* "v1a,<88>" and a second one behind a blank */
#define SIGN_AT_ONCE 16

struct signing { /* borrowed */
    const struct secrets *secrets;
    const void *bytes; /* the whole signed text */
    size_t length;
    char *signature; /* room for SIGNATURE_SIZE; "" without secrets */
    bool done;       /* false: it could not be signed */
};
/* At most SIGN_AT_ONCE: together they cost less. */
void sign_webhooks(struct signing *signings, size_t count);

#endif
