// SPDX-License-Identifier: Apache-2.0
// Signatures against the published example of Standard Webhooks, rotation, and secrets that are
// none.
#include "wire/sign.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define FIRST "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SECOND "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
/* RFC 8032, test 2: the seed alone, and with its public key */
#define SEED "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs="
#define PAIR                                                                                       \
    "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs9QBfD6EOJWpK3CqdN"                            \
    "G368nJgszy7ElozAzVXxKvRmDA=="
static const char signed_text[] = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";

static bool sign_webhook(const struct secrets *secrets, const void *bytes, size_t length,
                         char signature[SIGNATURE_SIZE])
{
    struct signing signing = {
        .secrets = secrets, .bytes = bytes, .length = length, .signature = signature};
    sign_webhooks(&signing, 1);
    return signing.done;
}

static void the_published_example_is_signed_as_published(void **state)
{
    (void)state;
    struct secrets secrets;
    char signature[SIGNATURE_SIZE];
    assert_true(secrets_parse(FIRST, &secrets, NULL));
    assert_true(sign_webhook(&secrets, signed_text, strlen(signed_text), signature));
    assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void two_secrets_give_two_signatures_in_their_order(void **state)
{
    (void)state;
    struct secrets both, alone;
    char signature[SIGNATURE_SIZE], second[SIGNATURE_SIZE];
    assert_true(secrets_parse(" " SECOND "\r\n" FIRST "\n", &both, NULL));
    assert_int_equal(both.count, 2);
    assert_true(sign_webhook(&both, signed_text, strlen(signed_text), signature));
    assert_true(secrets_parse(SECOND, &alone, NULL));
    assert_true(sign_webhook(&alone, signed_text, strlen(signed_text), second));
    assert_int_equal(strlen(signature), 2 * 47 + 1);
    assert_memory_equal(signature, second, 47);
    assert_string_equal(signature + 47, " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void a_private_key_signs_as_ed25519_does(void **state)
{
    (void)state;
    static const char *const keys[] = {SEED, PAIR};
    static const char expected[] = "v1a,kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoI"
                                   "WsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA==";
    for (size_t i = 0; i < 2; i++) {
        struct secrets secrets;
        char signature[SIGNATURE_SIZE];
        assert_true(secrets_parse(keys[i], &secrets, NULL));
        assert_true(sign_webhook(&secrets, "r", 1, signature));
        assert_string_equal(signature, expected);
    }
}

static void both_kinds_stand_side_by_side(void **state)
{
    (void)state;
    struct secrets secrets;
    char signature[SIGNATURE_SIZE];
    assert_true(secrets_parse(PAIR "\n" FIRST, &secrets, NULL));
    assert_true(sign_webhook(&secrets, signed_text, strlen(signed_text), signature));
    assert_int_equal(strlen(signature), 92 + 1 + 47);
    assert_memory_equal(signature, "v1a,", 4);
    assert_string_equal(signature + 92, " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_true(secrets_parse(PAIR "\n" SEED, &secrets, NULL));
    assert_true(sign_webhook(&secrets, signed_text, strlen(signed_text), signature));
    assert_int_equal(strlen(signature), 92 + 1 + 92);
}

static void without_secrets_there_is_no_signature(void **state)
{
    (void)state;
    struct secrets none = {.count = 0};
    char signature[SIGNATURE_SIZE] = "x";
    assert_true(sign_webhook(&none, "x", 1, signature));
    assert_string_equal(signature, "");
}

static void many_are_signed_each_as_alone(void **state)
{
    (void)state;
    static const char *const keys[] = {FIRST, PAIR, SECOND " " FIRST, FIRST, SEED " " SECOND};
    struct secrets secrets[SIGN_AT_ONCE];
    char signatures[SIGN_AT_ONCE][SIGNATURE_SIZE], alone[SIGNATURE_SIZE];
    struct signing signings[SIGN_AT_ONCE];
    for (size_t count = 0; count <= SIGN_AT_ONCE; count++) {
        for (size_t i = 0; i < count; i++) {
            assert_true(secrets_parse(keys[i % 5], &secrets[i], NULL));
            signings[i] = (struct signing){.secrets = &secrets[i],
                                           .bytes = signed_text + i,
                                           .length = strlen(signed_text) - i,
                                           .signature = signatures[i]};
        }
        sign_webhooks(signings, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(signings[i].done);
            assert_true(sign_webhook(&secrets[i], signings[i].bytes, signings[i].length, alone));
            assert_string_equal(signatures[i], alone);
        }
    }
}

static void what_is_no_secret_is_refused_without_being_shown(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " \n",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        FIRST " " FIRST " " FIRST,
        FIRST " x",
        "whsk_",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
        "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvsAAAAAAAAAAAAAAAAA" /* another's public key
                                                                             */
        "AAAAAAAAAAAAAAAAAAAAAAAAAA==",
    };
    struct secrets secrets = {.count = 7};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct reason reason = {0};
        if (secrets_parse(bad[i], &secrets, &reason))
            fail_msg("row %zu: %s", i, bad[i]);
        assert_string_equal(reason.code, "bad-secret");
        assert_null(strstr(reason.detail, "MfKQ9r8"));
    }
    assert_int_equal(secrets.count, 7);
}

static void secrets_are_read_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/secret.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, FIRST "\n" SECOND "\n", 2 * strlen(FIRST) + 2),
                     2 * strlen(FIRST) + 2);
    close(fd);
    struct secrets secrets;
    struct reason reason = {0};
    assert_true(secrets_read(path, &secrets, NULL));
    assert_int_equal(secrets.count, 2);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("one two\r\nthree\n", file) >= 0 && fclose(file) == 0);
    assert_true(secrets_file_begins(path, "one two"));
    assert_false(secrets_file_begins(path, "one"));
    assert_false(secrets_file_begins(path, "three"));
    unlink(path);
    assert_false(secrets_file_begins(path, "one two"));
    assert_false(secrets_read(path, &secrets, &reason));
    assert_string_equal(reason.code, "bad-secret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example_is_signed_as_published),
        cmocka_unit_test(two_secrets_give_two_signatures_in_their_order),
        cmocka_unit_test(a_private_key_signs_as_ed25519_does),
        cmocka_unit_test(both_kinds_stand_side_by_side),
        cmocka_unit_test(many_are_signed_each_as_alone),
        cmocka_unit_test(without_secrets_there_is_no_signature),
        cmocka_unit_test(what_is_no_secret_is_refused_without_being_shown),
        cmocka_unit_test(secrets_are_read_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
