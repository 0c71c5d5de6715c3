/* SPDX-License-Identifier: Apache-2.0 */
/* Digests against published vectors, base64 against RFC 4648. */
#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void digests_agree_with_the_published_ones(void **state)
{
    (void)state;
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    assert_true(digest_sha256("abc", 3, digest));
    assert_true(hex_encode(digest, SHA256_SIZE, hex, sizeof(hex)));
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(digest_sha1("abc", 3, digest));
    assert_true(hex_encode(digest, SHA1_SIZE, hex, sizeof(hex)));
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_true(digest_sha256(NULL, 0, digest));
    assert_true(hex_encode(digest, SHA256_SIZE, hex, sizeof(hex)));
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /* RFC 4231, test case 2 */
    assert_true(digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest));
    assert_true(hex_encode(digest, SHA256_SIZE, hex, sizeof(hex)));
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    uint8_t long_key[131]; /* RFC 4231, case 6: longer than a block */
    memset(long_key, 0xAA, sizeof(long_key));
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    assert_true(digest_hmac_sha256(long_key, sizeof(long_key), text, strlen(text), digest));
    assert_true(hex_encode(digest, SHA256_SIZE, hex, sizeof(hex)));
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_false(hex_encode(digest, SHA256_SIZE, hex, sizeof(hex) - 1));
}

static void base64_goes_there_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFF\xEF", "/+8="},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[16];
        uint8_t bytes[16];
        size_t length = 99;
        size_t plain_length = strlen(cases[i].plain);
        size_t size = strlen(cases[i].coded) + 1;
        bool right = base64_encode(cases[i].plain, plain_length, text, size) &&
                     strcmp(text, cases[i].coded) == 0 &&
                     !base64_encode(cases[i].plain, plain_length, text, size - 1) &&
                     base64_decode(cases[i].coded, bytes, plain_length, &length) &&
                     length == plain_length && memcmp(bytes, cases[i].plain, length) == 0 &&
                     (length == 0 || !base64_decode(cases[i].coded, bytes, length - 1, &length));
        if (!right) {
            print_error("%s\n", cases[i].coded);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void base64_that_no_encoder_writes_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"Z",        "Zg",   "Zg=",  "====", "Z===",
                                        "Zg==Zg==", "Zh==", "Zm9=", "Zg=a", "Zm9v\n",
                                        "Zm9 v",    "Zm-_", "=Zg="};
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[16];
        size_t length;
        if (base64_decode(cases[i], bytes, sizeof(bytes), &length)) {
            print_error("%s\n", cases[i]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[16];
    uint8_t b[16];
    assert_true(digest_random(a, sizeof(a)));
    assert_true(digest_random(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_agree_with_the_published_ones),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(base64_that_no_encoder_writes_is_refused),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
