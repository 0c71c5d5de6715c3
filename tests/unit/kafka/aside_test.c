// SPDX-License-Identifier: Apache-2.0
// A call aside: made once each, on another thread, and what it did is there when it has ended.
#include "kafka/aside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

struct count {
    int made; /* by the call alone, until it has ended */
    pthread_t by;
    int go[2]; /* the call waits for a byte, if it is to */
};

static void add(void *self)
{
    struct count *count = self;
    char byte;

    if (count->go[0])
        assert_int_equal(read(count->go[0], &byte, 1), 1);
    count->made++;
    count->by = pthread_self();
}

static void wait_for(struct aside *aside)
{
    struct pollfd ended = {.fd = aside_fd(aside), .events = POLLIN};

    assert_int_equal(poll(&ended, 1, 30000), 1);
    assert_true(aside_ended(aside));
    assert_false(aside_ended(aside));
}

static void each_call_is_made_once_and_seen_whole(void **state)
{
    (void)state;
    struct aside *aside = aside_open("aside");
    struct count count = {0};

    assert_non_null(aside);
    assert_false(aside_ended(aside));
    for (int i = 1; i <= 1000; i++) {
        aside_begin(aside, add, &count);
        wait_for(aside);
        assert_int_equal(count.made, i);
        assert_false(pthread_equal(count.by, pthread_self()));
    }
    aside_close(aside);
    aside_close(NULL);
}

static void a_call_that_takes_long_has_not_ended(void **state)
{
    (void)state;
    struct aside *aside = aside_open("aside");
    struct count count = {0};
    struct pollfd ended;

    assert_non_null(aside);
    assert_int_equal(pipe(count.go), 0);
    aside_begin(aside, add, &count);
    ended = (struct pollfd){.fd = aside_fd(aside), .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 50), 0);
    assert_false(aside_ended(aside));
    assert_int_equal(write(count.go[1], "x", 1), 1);
    wait_for(aside);
    assert_int_equal(count.made, 1);
    aside_close(aside);
    close(count.go[0]);
    close(count.go[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_is_made_once_and_seen_whole),
        cmocka_unit_test(a_call_that_takes_long_has_not_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
