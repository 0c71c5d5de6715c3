/* SPDX-License-Identifier: Apache-2.0 */
/* What a member has been given, from bytes that others wrote. */
#include "kafka/assignment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 3 of "a.b", 1 of "c", and some of an assignor's own. */
static const char two_topics[] = "\0\1"
                                 "\0\0\0\2"
                                 "\0\3a.b\0\0\0\3\0\0\0\0\0\0\0\1\0\0\0\7"
                                 "\0\1c\0\0\0\1\0\0\0\2"
                                 "\0\0\0\4self";
#define ALL (sizeof(two_topics) - 1)
#define NEEDED (ALL - 8)

static void partitions_are_counted_of_one_topic_or_of_all(void **state)
{
    (void)state;
    assert_int_equal(assignment_count(two_topics, ALL, "a.b"), 3);
    assert_int_equal(assignment_count(two_topics, ALL, "c"), 1);
    assert_int_equal(assignment_count(two_topics, ALL, "a."), 0);
    assert_int_equal(assignment_count(two_topics, ALL, ""), 0);
    assert_int_equal(assignment_count(two_topics, ALL, NULL), 4);
    assert_int_equal(assignment_count(NULL, 0, "c"), 0);
    assert_int_equal(assignment_count("\0\1\0\0\0\0", 6, NULL), 0);
}

static void what_is_cut_anywhere_is_none(void **state)
{
    (void)state;
    for (size_t size = 1; size < NEEDED; size++) {
        uint8_t *copy = malloc(size); /* so that a byte too far is seen */

        assert_non_null(copy);
        memcpy(copy, two_topics, size);
        assert_int_equal(assignment_count(copy, size, NULL), -1);
        free(copy);
    }
    assert_int_equal(assignment_count(two_topics, NEEDED, NULL), 4);
}

static void numbers_beyond_what_is_there_are_none(void **state)
{
    (void)state;
    assert_int_equal(assignment_count("\0\1\xff\xff\xff\xff\0\0\0\0\0\0", 12, NULL), -1);
    assert_int_equal(assignment_count("\0\1\0\0\0\1\xff\xff\0\0\0\0", 12, NULL), -1);
    /* 4 times as many would be 0 in 32 bits */
    assert_int_equal(assignment_count("\0\1\0\0\0\1\0\0\x40\0\0\0", 12, NULL), -1);
    assert_int_equal(assignment_count("\0\1\0\0\0\1\0\0\xff\xff\xff\xff", 12, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_counted_of_one_topic_or_of_all),
        cmocka_unit_test(what_is_cut_anywhere_is_none),
        cmocka_unit_test(numbers_beyond_what_is_there_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
