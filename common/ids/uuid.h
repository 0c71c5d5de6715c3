/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs (RFC 9562): referral, delivery and event ids. */
#ifndef IDS_UUID_H
#define IDS_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_TEXT_SIZE 37

struct uuid {
    uint8_t bytes[16];
};

/* 8-4-4-4-12 hex digits, either case; nothing around them. */
bool uuid_parse(const char *text, struct uuid *ret_uuid);
bool uuid_parse_bytes(const void *text, size_t length, struct uuid *ret_uuid);
/* Lower case. */
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);
/* Version 5: SHA-1 of this project's own name space and the parts joined by a unit separator
 * (0x1F); the same parts always give the same id. The parts end with NULL. */
struct uuid uuid_of(const char *part, ...) __attribute__((sentinel));
/* Version 4. False if the system's generator fails. */
bool uuid_random(struct uuid *ret_uuid);

#endif
