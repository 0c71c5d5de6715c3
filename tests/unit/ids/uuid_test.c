/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that have to stay the same for ever: a change here would make every retry a new referral. */
#include "ids/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *text_of(struct uuid uuid)
{
    static char text[UUID_TEXT_SIZE];
    uuid_format(&uuid, text);
    return text;
}

static void only_the_common_form_is_read(void **state)
{
    (void)state;
    static const struct {
        bool taken;
        const char *text;
    } cases[] = {
        {true, "123e4567-e89b-42d3-a456-426614174000"},
        {true, "123E4567-E89B-42D3-A456-426614174000"},
        {false, "123e4567-e89b-42d3-a456-42661417400"},
        {false, "123e4567-e89b-42d3-a456-4266141740000"},
        {false, "123e4567e-89b-42d3-a456-426614174000"},
        {false, "123e4567-e89b-42d3-a456-42661417400g"},
        {false, "{23e4567-e89b-42d3-a456-426614174000"},
        {false, " 23e4567-e89b-42d3-a456-426614174000"},
        {false, ""},
        {false, NULL},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct uuid uuid;
        bool taken = uuid_parse(cases[i].text, &uuid);
        if (taken != cases[i].taken ||
            (taken && strcmp(text_of(uuid), "123e4567-e89b-42d3-a456-426614174000") != 0)) {
            print_error("%s\n", cases[i].text ? cases[i].text : "(null)");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void the_same_parts_give_the_same_id_in_every_release(void **state)
{
    (void)state;
    assert_string_equal(text_of(uuid_of("referral", "G82001", "key-1", NULL)),
                        "d433d3c2-468d-5bc6-8f16-eccad4261346");
    assert_string_equal(text_of(uuid_of("a", NULL)), "c490a69d-fcc5-5e10-b998-0fb708cc9c5e");
}

static void parts_are_kept_apart(void **state)
{
    (void)state;
    static const char same[] = "a";
    struct uuid one = uuid_of("ab", "c", NULL);
    struct uuid other = uuid_of("a", "bc", NULL);
    assert_memory_not_equal(&one, &other, sizeof(one));
    one = uuid_of("a", "", NULL);
    other = uuid_of("a", NULL);
    assert_memory_not_equal(&one, &other, sizeof(one));
    one = uuid_of(same, same, NULL); /* one address twice is still two parts */
    char copy[] = "a";
    other = uuid_of(same, copy, NULL);
    assert_memory_equal(&one, &other, sizeof(one));
}

static void names_of_any_length_give_ids_that_differ(void **state)
{
    (void)state;
    static char many[3001];
    struct uuid before = {{0}};
    for (size_t length = 900; length < 3000; length++) {
        memset(many, 'x', length);
        struct uuid uuid = uuid_of("long", many, NULL);
        assert_memory_not_equal(&uuid, &before, sizeof(uuid));
        assert_int_equal(uuid.bytes[6] >> 4, 5);
        assert_int_equal(uuid.bytes[8] >> 6, 2);
        before = uuid;
    }
}

static void random_ids_differ_and_say_so_in_their_version(void **state)
{
    (void)state;
    struct uuid a;
    struct uuid b;
    assert_true(uuid_random(&a));
    assert_true(uuid_random(&b));
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_int_equal(a.bytes[6] >> 4, 4);
    assert_int_equal(a.bytes[8] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_common_form_is_read),
        cmocka_unit_test(the_same_parts_give_the_same_id_in_every_release),
        cmocka_unit_test(parts_are_kept_apart),
        cmocka_unit_test(names_of_any_length_give_ids_that_differ),
        cmocka_unit_test(random_ids_differ_and_say_so_in_their_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
