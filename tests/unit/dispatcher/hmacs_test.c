// SPDX-License-Identifier: Apache-2.0
// HMACs side by side: RFC 4231's, and any number of texts of any length, each as alone.
#include "wire/hmacs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 70

static void each_of_rfc_4231_is_as_published(void **state)
{
    (void)state;
    static uint8_t key1[20], key3[20], data3[50], key4[25], data4[50], key6[131];
    memset(key1, 0x0b, sizeof(key1));
    memset(key3, 0xaa, sizeof(key3));
    memset(data3, 0xdd, sizeof(data3));
    for (size_t i = 0; i < sizeof(key4); i++)
        key4[i] = (uint8_t)(i + 1);
    memset(data4, 0xcd, sizeof(data4));
    memset(key6, 0xaa, sizeof(key6));
    static const char large[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    struct hmac hmacs[] = {
        {.key = key1, .key_size = sizeof(key1), .bytes = "Hi There", .length = 8},
        {.key = "Jefe", .key_size = 4, .bytes = "what do ya want for nothing?", .length = 28},
        {.key = key3, .key_size = sizeof(key3), .bytes = data3, .length = sizeof(data3)},
        {.key = key4, .key_size = sizeof(key4), .bytes = data4, .length = sizeof(data4)},
        {.key = key6, .key_size = sizeof(key6), .bytes = large, .length = strlen(large)},
    };
    static const char *const published[] = {
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    };
    hmacs_sha256(hmacs, 5);
    for (size_t i = 0; i < 5; i++) {
        char text[2 * SHA256_SIZE + 1];
        assert_true(hmacs[i].done);
        assert_true(hex_encode(hmacs[i].digest, SHA256_SIZE, text, sizeof(text)));
        assert_string_equal(text, published[i]);
    }
}

static void any_number_of_any_length_is_as_alone(void **state)
{
    (void)state;
    static uint8_t text[4096], keys[MOST][80];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(i * 131 + i / 256);
    for (size_t count = 0; count <= MOST; count++) {
        struct hmac hmacs[MOST];
        for (size_t i = 0; i < count; i++) {
            /* runs of one key, keys that differ in length alone, longer ones than a block */
            memset(keys[i], (int)(i / 5), sizeof(keys[i]));
            hmacs[i] = (struct hmac){.key = keys[i],
                                     .key_size = i % 3 ? 32 : i,
                                     .bytes = text + i,
                                     .length = (count * 61 + i * 37) % 4000,
                                     .done = i % 2};
        }
        hmacs_sha256(hmacs, count);
        for (size_t i = 0; i < count; i++) {
            uint8_t alone[SHA256_SIZE];
            assert_true(hmacs[i].done);
            assert_true(digest_hmac_sha256(hmacs[i].key, hmacs[i].key_size, hmacs[i].bytes,
                                           hmacs[i].length, alone));
            assert_memory_equal(hmacs[i].digest, alone, sizeof(alone));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_of_rfc_4231_is_as_published),
        cmocka_unit_test(any_number_of_any_length_is_as_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
