/* SPDX-License-Identifier: Apache-2.0 */
/* An id that is made from names needs no memory of which ids were given: the same request, decision
 * or attempt gets the same id again after any crash. */
#include "ids/uuid.h"

#include "base/digest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PART_SEPARATOR 0x1F

/* The project's own name space, made once at random. Changing it changes every id. */
static const struct uuid name_space = {{0x5b, 0x0d, 0x8f, 0x1e, 0x6c, 0x3a, 0x4e, 0x27, 0x9a, 0x41,
                                        0xd2, 0x77, 0x0b, 0xe5, 0x93, 0xc8}};

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

static bool is_dash(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

bool uuid_parse_bytes(const void *text, size_t length, struct uuid *ret_uuid)
{
    if (!text || length != UUID_TEXT_SIZE - 1)
        return false;
    const char *letters = text;
    struct uuid uuid;
    size_t count = 0;
    for (size_t at = 0; at < length;) {
        if (is_dash(at)) {
            if (letters[at++] != '-')
                return false;
            continue;
        }
        int high = hex_value(letters[at]);
        int low = hex_value(letters[at + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid.bytes[count++] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    *ret_uuid = uuid;
    return true;
}

bool uuid_parse(const char *text, struct uuid *ret_uuid)
{
    return text && uuid_parse_bytes(text, strnlen(text, UUID_TEXT_SIZE), ret_uuid);
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *out = text;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (is_dash((size_t)(out - text)))
            *out++ = '-';
        *out++ = digits[uuid->bytes[i] >> 4];
        *out++ = digits[uuid->bytes[i] & 15u];
    }
    *out = '\0';
}

/* What is to be hashed. When it is full, its own digest takes the place of its content: names of
 * any length need no memory, and those of ordinary length give the UUID that RFC 9562 says. */
struct name {
    uint8_t bytes[1024];
    size_t length;
};

static void digest_name(const struct name *name, uint8_t digest[SHA1_SIZE])
{
    if (!digest_sha1(name->bytes, name->length, digest))
        abort(); /* a libcrypto without SHA-1: no id that this process made could be trusted */
}

static void add_bytes(struct name *name, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    while (length > 0) {
        if (name->length == sizeof(name->bytes)) {
            uint8_t digest[SHA1_SIZE];
            digest_name(name, digest);
            memcpy(name->bytes, digest, sizeof(digest));
            name->length = sizeof(digest);
        }
        size_t room = sizeof(name->bytes) - name->length;
        size_t copied = length < room ? length : room;
        memcpy(name->bytes + name->length, from, copied);
        name->length += copied;
        from += copied;
        length -= copied;
    }
}

static struct uuid with_version(const uint8_t *bytes, uint8_t version)
{
    struct uuid uuid;
    memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0Fu) | (unsigned)version << 4);
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3Fu) | 0x80u);
    return uuid;
}

struct uuid uuid_of(const char *part, ...)
{
    struct name name;
    name.length = 0;
    add_bytes(&name, name_space.bytes, sizeof(name_space.bytes));
    const uint8_t separator = PART_SEPARATOR;
    va_list parts;
    va_start(parts, part);
    bool first = true;
    for (const char *next = part; next; next = va_arg(parts, const char *)) {
        if (!first)
            add_bytes(&name, &separator, 1);
        first = false;
        add_bytes(&name, next, strlen(next));
    }
    va_end(parts);
    uint8_t digest[SHA1_SIZE];
    digest_name(&name, digest);
    return with_version(digest, 5);
}

bool uuid_random(struct uuid *ret_uuid)
{
    uint8_t bytes[16];
    if (!digest_random(bytes, sizeof(bytes)))
        return false;
    *ret_uuid = with_version(bytes, 4);
    return true;
}
