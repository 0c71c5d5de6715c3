/* SPDX-License-Identifier: Apache-2.0 */
/* What is parsed once is used again, and nothing is forgotten that somebody uses. */
#include "http/urls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t parsings, forgotten;

static void *parse(const char *text)
{
    if (strstr(text, "bad"))
        return NULL;
    parsings++;
    return strdup(text);
}

static void forget(void *parsed)
{
    forgotten++;
    free(parsed);
}

static void a_url_is_parsed_once(void **state)
{
    (void)state;
    struct urls *urls = urls_new(parse, forget);
    assert_non_null(urls);
    parsings = forgotten = 0;
    struct url *first = urls_use(urls, "https://a.example/x");
    assert_string_equal(first->parsed, "https://a.example/x");
    struct url *second = urls_use(urls, "https://a.example/x");
    assert_ptr_equal(first->parsed, second->parsed);
    urls_leave(first);
    urls_leave(second);
    assert_ptr_equal(urls_use(urls, "https://a.example/x"), first);
    urls_leave(first);
    assert_int_equal(parsings, 1);
    assert_null(urls_use(urls, "bad")->parsed);
    urls_free(urls);
    assert_int_equal(forgotten, 1);
}

static void urls_of_one_scheme_host_and_port_are_one_endpoint(void **state)
{
    (void)state;
    struct urls *urls = urls_new(parse, forget);
    assert_non_null(urls);
    const uint64_t endpoint = urls_use(urls, "https://a.example:1/x")->endpoint;
    assert_int_equal(urls_use(urls, "https://a.example:1/y?z#w")->endpoint, endpoint);
    assert_int_equal(urls_use(urls, "https://a.example:1")->endpoint, endpoint);
    assert_int_not_equal(urls_use(urls, "https://a.example:2/x")->endpoint, endpoint);
    assert_int_not_equal(urls_use(urls, "http://a.example:1/x")->endpoint, endpoint);
    urls_free(urls);
}

/* 20,000 URLs come to more places than there are, while the first thousand are in use. */
static void what_is_in_use_stays(void **state)
{
    (void)state;
    static struct url *used[1000];
    char text[64];
    struct urls *urls = urls_new(parse, forget);
    assert_non_null(urls);
    parsings = forgotten = 0;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "https://h%d.example/x", i);
        used[i] = urls_use(urls, text);
    }
    size_t kept = parsings;
    assert_in_range(kept, 500, 999);
    for (int i = 1000; i < 20000; i++) {
        (void)snprintf(text, sizeof(text), "https://h%d.example/x", i);
        struct url *url = urls_use(urls, text);
        assert_true(!url->parsed || strcmp(url->parsed, text) == 0);
        urls_leave(url);
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof(text), "https://h%d.example/x", i);
        assert_true(!used[i]->parsed || strcmp(used[i]->parsed, text) == 0);
        kept -= used[i]->parsed != NULL;
        urls_leave(used[i]);
    }
    assert_int_equal(kept, 0);
    assert_true(parsings - forgotten <= 1024);
    urls_free(urls);
    assert_int_equal(parsings, forgotten);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_parsed_once),
        cmocka_unit_test(urls_of_one_scheme_host_and_port_are_one_endpoint),
        cmocka_unit_test(what_is_in_use_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
