/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA256 (RFC 2104) of many texts. Where the processor and its library allow, several are
 * computed side by side in the time of little more than one; signing is the largest part of what a
 * send costs otherwise. */
#ifndef DISPATCHER_HMACS_H
#define DISPATCHER_HMACS_H

#include "base/digest.h"

struct hmac { /* key and text are borrowed */
    const void *key;
    size_t key_size;
    const void *bytes;
    size_t length;
    uint8_t digest[SHA256_SIZE];
    bool done; /* false: there is no digest */
};

/* Of one thread at a time. */
void hmacs_sha256(struct hmac *hmacs, size_t count);

#endif
