/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/assignment.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What is still to be read. */
struct rest {
    const uint8_t *at;
    size_t size;
};

static bool read_number(struct rest *rest, size_t size, uint32_t *ret_number)
{
    if (rest->size < size)
        return false;
    *ret_number = 0;
    for (size_t i = 0; i < size; i++)
        *ret_number = *ret_number << 8 | rest->at[i];
    rest->at += size;
    rest->size -= size;
    return true;
}

static bool pass(struct rest *rest, uint64_t size)
{
    if (rest->size < size)
        return false;
    rest->at += size;
    rest->size -= (size_t)size;
    return true;
}

/* A version (2 bytes), the number of topics (4), and of each the length of its name (2), the name,
 * the number of partitions (4) and theirs (4 each). What follows is the assignor's own. */
int assignment_count(const void *bytes, size_t size, const char *topic)
{
    struct rest rest = {bytes, size};
    uint32_t version, topics, length, partitions;
    uint64_t count = 0;

    if (size == 0)
        return 0;
    if (!read_number(&rest, 2, &version) || !read_number(&rest, 4, &topics))
        return -1;
    for (uint32_t i = 0; i < topics; i++) {
        const void *name;

        if (!read_number(&rest, 2, &length))
            return -1;
        name = rest.at;
        if (!pass(&rest, length) || !read_number(&rest, 4, &partitions) ||
            !pass(&rest, (uint64_t)partitions * 4))
            return -1;
        if (!topic || (strlen(topic) == length && memcmp(name, topic, length) == 0))
            count += partitions;
    }
    return count > INT_MAX ? -1 : (int)count;
}
