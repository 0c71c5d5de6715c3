/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a provider comes from a directory that others fill: without this, an entry could make
 * the dispatcher POST to a metadata service or to a neighbour inside the network. The final address
 * of each connection is judged, so names that resolve to inner addresses are caught, too. An IPv4
 * address in an IPv6 coat leads where that address leads: the mapped form is judged as the IPv4
 * address alone; NAT64 and 6to4 are refused as coats, and where the operator allows the coat, what
 * it wears is judged as well. Sources: IANA special purpose registries (RFC 6890 and its
 * successors), RFC 6052, RFC 3056. */
#include "http/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static const struct {
    uint8_t bytes[4];
    unsigned prefix;
} refused_v4[] = {
    {{0, 0, 0, 0}, 8},       /* this network */
    {{10, 0, 0, 0}, 8},      /* private */
    {{100, 64, 0, 0}, 10},   /* carrier-grade NAT */
    {{127, 0, 0, 0}, 8},     /* loopback */
    {{169, 254, 0, 0}, 16},  /* link-local, metadata services */
    {{172, 16, 0, 0}, 12},   /* private */
    {{192, 0, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2, 0}, 24},    /* documentation */
    {{192, 88, 99, 0}, 24},  /* 6to4 relays */
    {{192, 168, 0, 0}, 16},  /* private */
    {{198, 18, 0, 0}, 15},   /* benchmarks */
    {{198, 51, 100, 0}, 24}, /* documentation */
    {{203, 0, 113, 0}, 24},  /* documentation */
    {{224, 0, 0, 0}, 3},     /* multicast, reserved, broadcast */
};

/* Outside 2000::/3 everything is refused (loopback, link-local, unique local, NAT64, mapped and
 * compatible coats, multicast); these lie inside it. */
static const struct {
    uint8_t bytes[4];
    unsigned prefix;
} refused_v6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* protocol assignments: Teredo, ORCHID, benchmarks … */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02, 0x00, 0x00}, 16}, /* 6to4 */
    {{0x3f, 0xff, 0x00, 0x00}, 20}, /* documentation */
};

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool public_v4(const uint8_t bytes[4])
{
    for (size_t i = 0; i < sizeof(refused_v4) / sizeof(*refused_v4); i++)
        if (same_prefix(bytes, refused_v4[i].bytes, refused_v4[i].prefix))
            return false;
    return true;
}

static bool public_v6(const uint8_t bytes[16])
{
    if ((bytes[0] & 0xe0) != 0x20)
        return false;
    for (size_t i = 0; i < sizeof(refused_v6) / sizeof(*refused_v6); i++)
        if (same_prefix(bytes, refused_v6[i].bytes, refused_v6[i].prefix))
            return false;
    return true;
}

static bool listed(const struct networks *allowed, const uint8_t bytes[16])
{
    for (size_t i = 0; i < allowed->count; i++)
        if (same_prefix(bytes, allowed->items[i].bytes, allowed->items[i].prefix))
            return true;
    return false;
}

/* The IPv4 address inside a coat, or NULL. */
static const uint8_t *worn_inside(const uint8_t bytes[16])
{
    static const struct {
        uint8_t bytes[12];
        unsigned prefix, place;
    } coats[] = {{{0x00, 0x64, 0xff, 0x9b}, 96, 12}, /* NAT64 */
                 {{0x20, 0x02}, 16, 2}};             /* 6to4 */
    for (size_t i = 0; i < sizeof(coats) / sizeof(*coats); i++)
        if (same_prefix(bytes, coats[i].bytes, coats[i].prefix))
            return bytes + coats[i].place;
    return NULL;
}

static bool allowed_v4(const struct networks *allowed, const uint8_t bytes[4])
{
    uint8_t whole[16];
    memcpy(whole, mapped, sizeof(mapped));
    memcpy(whole + sizeof(mapped), bytes, 4);
    return listed(allowed, whole) || public_v4(bytes);
}

static bool allowed_bytes(const struct networks *allowed, const uint8_t bytes[16])
{
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return allowed_v4(allowed, bytes + sizeof(mapped));
    const uint8_t *inside = worn_inside(bytes);
    return (listed(allowed, bytes) && (!inside || allowed_v4(allowed, inside))) || public_v6(bytes);
}

/* 32 or 128 bits of address, or 0 if the text is no address. */
static unsigned address_parse(const char *text, uint8_t bytes[16])
{
    memcpy(bytes, mapped, sizeof(mapped));
    if (inet_pton(AF_INET, text, bytes + sizeof(mapped)) == 1)
        return 32;
    return inet_pton(AF_INET6, text, bytes) == 1 ? 128 : 0;
}

static bool network_parse(char *text, struct network *network)
{
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    unsigned bits = address_parse(text, network->bytes);
    int64_t prefix = bits;
    if (!bits || (slash && !text_whole_number(slash + 1, 0, bits, &prefix)))
        return false;
    network->prefix = 128 - bits + (unsigned)prefix;
    return true;
}

bool networks_parse(const char *text, struct networks *ret_networks, struct reason *reason)
{
    struct networks networks = {.count = 0};
    const char *at = text ? text : "";
    while (*(at += strspn(at, ", \t"))) {
        char item[64];
        size_t length = strcspn(at, ", \t");
        if (networks.count == NETWORKS_MAX) {
            reason_set(reason, "bad-network", NULL, "more than %d networks", NETWORKS_MAX);
            return false;
        }
        if (!text_copy_bytes(item, sizeof(item), at, length) ||
            !network_parse(item, &networks.items[networks.count])) {
            reason_set(reason, "bad-network", NULL,
                       "item %zu is \"%.*s\", expected an address or a network such as "
                       "10.0.0.0/8 or fd00::/8",
                       networks.count + 1, (int)(length < 80 ? length : 80), at);
            return false;
        }
        networks.count++;
        at += length;
    }
    *ret_networks = networks;
    return true;
}

bool address_allowed(const struct networks *allowed, const struct sockaddr *address, size_t size)
{
    uint8_t bytes[16];
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof(v4));
        memcpy(bytes, mapped, sizeof(mapped));
        memcpy(bytes + sizeof(mapped), &v4.sin_addr, 4);
        return allowed_bytes(allowed, bytes);
    }
    if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof(v6));
        memcpy(bytes, &v6.sin6_addr, 16);
        return allowed_bytes(allowed, bytes);
    }
    return false;
}

bool address_text_allowed(const struct networks *allowed, const char *text)
{
    uint8_t bytes[16];
    return text && address_parse(text, bytes) && allowed_bytes(allowed, bytes);
}

const char *address_url_doubt(const struct networks *allowed, bool allow_http, const char *url)
{
    char host[ADDRESS_TEXT_SIZE];
    uint8_t bytes[16];
    const char *at = strstr(url, "://");
    const bool https = strncasecmp(url, "https://", 8) == 0;
    if (!https && !(allow_http && strncasecmp(url, "http://", 7) == 0))
        return "bad-endpoint";
    at += 3;
    const bool bracket = *at == '[';
    at += bracket;
    /* Longer than any address: a name. */
    if (!text_copy_bytes(host, sizeof(host), at, strcspn(at, bracket ? "]" : ":/?#")) ||
        !address_parse(host, bytes))
        return NULL;
    return allowed_bytes(allowed, bytes) ? NULL : "address-refused";
}
