/* SPDX-License-Identifier: Apache-2.0 */
/* The key of a volume, and a volume through Avro and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lifecycle/volume.h"

#include <string.h>

static const struct volume example = {
    .period = "2026-11-23",
    .pathway = "pharmacy-first",
    .service = "clinical-pathway",
    .source_kind = "gp-practice",
    .hcp = "East Kent",
    .pcn = "Margate | Mocketts Wood",
    .provider = "FA015",
    .stage = "delivered",
    .count = 44,
};

static void the_key_is_the_dimensions_with_no_separator_inside_one(void **state)
{
    (void)state;
    char key[VOLUME_KEY_SIZE];
    size_t length = volume_key(&example, key);
    assert_string_equal(key, "2026-11-23|pharmacy-first|clinical-pathway|gp-practice|East Kent|"
                             "Margate / Mocketts Wood|FA015|delivered");
    assert_int_equal(length, strlen(key));
}

static void the_longest_dimensions_fit_the_key(void **state)
{
    (void)state;
    struct volume volume;
    memset(&volume, 'x', sizeof volume);
    volume.period[sizeof volume.period - 1] = '\0';
    volume.pathway[sizeof volume.pathway - 1] = '\0';
    volume.service[sizeof volume.service - 1] = '\0';
    volume.source_kind[sizeof volume.source_kind - 1] = '\0';
    volume.hcp[sizeof volume.hcp - 1] = '\0';
    volume.pcn[sizeof volume.pcn - 1] = '\0';
    volume.provider[sizeof volume.provider - 1] = '\0';
    volume.stage[sizeof volume.stage - 1] = '\0';
    char key[VOLUME_KEY_SIZE];
    size_t length = volume_key(&volume, key);
    assert_true(length < VOLUME_KEY_SIZE);
    assert_int_equal(length, strlen(key));
}

static void a_volume_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct contract *contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (contract == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    struct codec *codec = codec_new(contract, NULL);
    assert_non_null(codec);
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    struct volume back;
    assert_int_equal(volume_encode(codec, contract, &example, &buffer, &reason), DONE);
    assert_int_equal(volume_decode(codec, buffer.data, buffer.length, &back, &reason), DONE);
    char key[VOLUME_KEY_SIZE], key_back[VOLUME_KEY_SIZE];
    volume_key(&example, key);
    volume_key(&back, key_back);
    assert_string_equal(key, key_back);
    assert_int_equal(back.count, 44);
    assert_string_equal(back.pcn, example.pcn);
    buffer_clear(&buffer);
    codec_free(codec);
    contract_free(contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_the_dimensions_with_no_separator_inside_one),
        cmocka_unit_test(the_longest_dimensions_fit_the_key),
        cmocka_unit_test(a_volume_comes_back_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
