/* SPDX-License-Identifier: Apache-2.0 */
/* Which network addresses a delivery may go to: the public internet, and what the operator allows.
 * Pure. */
#ifndef DISPATCHER_ADDRESS_H
#define DISPATCHER_ADDRESS_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETWORKS_MAX 64
#define ADDRESS_TEXT_SIZE 46

struct network { /* IPv4 as ::ffff:a.b.c.d */
    uint8_t bytes[16];
    unsigned prefix; /* bits, 0 to 128 */
};

struct networks {
    struct network items[NETWORKS_MAX];
    size_t count;
};

/* "10.0.0.0/8, fd00::/8, 127.0.0.1"; NULL or "" is none. Code bad-network. */
__attribute__((warn_unused_result)) bool
networks_parse(const char *text, struct networks *ret_networks, struct reason *reason);

struct sockaddr;
/* True if a connection to it may be made. Other families than IPv4 and IPv6 never. */
bool address_allowed(const struct networks *allowed, const struct sockaddr *address, size_t size);
/* The same for a numeric address in text; false if it is none. */
bool address_text_allowed(const struct networks *allowed, const char *text);
/* Why a URL will never be spoken to, as far as it shows by itself: "bad-endpoint" (neither https
 * nor an allowed http) or "address-refused" (an address in numbers). NULL where nothing speaks
 * against it; a name is judged when it is resolved. */
const char *address_url_doubt(const struct networks *allowed, bool allow_http, const char *url);

#endif
