// SPDX-License-Identifier: Apache-2.0
// Nothing of a person is left in a masked record: the texts of every valid example are looked for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mask.h"

#include "base/text.h"
#include "codec/contract.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct contract *contract;

static int set_up(void **state)
{
    struct reason reason = {0};
    (void)state;
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract) {
        fail_msg("%s: %s", reason.pointer, reason.detail);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

// Every text under `json` must be masked, or be nothing.
static void assert_all_masked(const struct json *json, const char *where)
{
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    enum json_kind kind = json_kind_of(json);
    if (kind == JSON_IS_OBJECT) {
        while (json_next_member(json, &cursor, &name, &value)) {
            assert_all_masked(value, where);
        }
    } else if (kind == JSON_IS_ARRAY) {
        for (size_t index = 0; index < json_count(json); index++) {
            assert_all_masked(json_item(json, index), where);
        }
    } else if (kind != JSON_IS_NULL && kind != JSON_NONE &&
               !text_equal(json_text(json), "masked")) {
        fail_msg("%s: a value is not masked", where);
    }
}

static struct json *mask_text(const char *pathway, const char *text, const char *where)
{
    struct reason reason = {0};
    struct json *json = json_parse(text, strlen(text), 262144, &reason);
    if (!json) {
        fail_msg("%s: %s", where, reason.detail);
    }
    struct json *masked = mask_record(json, schema_root(contract_referral(contract, pathway)));
    json_free(json);
    assert_non_null(masked);
    return masked;
}

static size_t mask_examples(const char *pathway)
{
    char path[512], file[1024];
    struct dirent *entry;
    size_t count = 0;
    text_format(path, sizeof path, "%s/schemas/pathways/%s/examples", SOURCE_DIR, pathway);
    DIR *directory = opendir(path);
    while (directory && (entry = readdir(directory)) != NULL) {
        size_t length;
        if (strncmp(entry->d_name, "valid", 5) != 0) {
            continue;
        }
        text_format(file, sizeof file, "%s/%s", path, entry->d_name);
        char *text = text_read_file(file, 262144, &length);
        assert_non_null(text);
        struct json *masked = mask_text(pathway, text, file);
        assert_all_masked(json_member(masked, "patient"), file);
        assert_all_masked(json_member(masked, "notes"), file);
        const struct json *source = json_member(masked, "source");
        assert_all_masked(json_member(source, "person"), file);
        assert_all_masked(json_member(source, "organisation"), file);
        assert_all_masked(json_member(source, "system"), file);
        assert_string_not_equal(json_member_text(source, "kind"), "masked");
        assert_string_equal(json_member_text(masked, "pathway"), pathway);
        json_free(masked);
        free(text);
        count++;
    }
    if (directory) {
        closedir(directory);
    }
    return count;
}

static void nothing_of_the_patient_is_left_in_any_valid_example(void **state)
{
    (void)state;
    for (size_t index = 0; index < contract_pathway_count(contract); index++) {
        assert_true(mask_examples(contract_pathway_name(contract, index)) >= 2);
    }
}

static void free_text_of_the_details_is_masked_and_choices_are_shown(void **state)
{
    static const char TEXT[] = "{\"pathway\": \"blood-pressure\", \"urgency\": \"soon\","
                               "\"surprise\": {\"name\": \"Unreal\"},"
                               "\"details\": {\"request\": \"clinic-check\", \"arm\": \"LEFT\","
                               "\"reading\": {\"systolic\": 150}, \"symptoms\": [\"Headache\"],"
                               "\"new_field\": \"Unreal\"}}";
    (void)state;
    struct json *masked = mask_text("blood-pressure", TEXT, "TEXT");
    const struct json *details = json_member(masked, "details");
    assert_string_equal(json_member_text(details, "request"), "clinic-check");
    assert_string_equal(json_member_text(details, "arm"), "LEFT");
    assert_int_equal(json_member_whole(json_member(details, "reading"), "systolic", 0), 150);
    assert_string_equal(json_text(json_item(json_member(details, "symptoms"), 0)), "masked");
    assert_string_equal(json_member_text(details, "new_field"), "masked");
    assert_string_equal(json_member_text(json_member(masked, "surprise"), "name"), "masked");
    assert_string_equal(json_member_text(masked, "urgency"), "soon");
    json_free(masked);
}

static void a_deliverys_payload_is_masked_and_the_rest_is_shown(void **state)
{
    static const char TEXT[] = "{\"id\": \"x\", \"destination\": \"FZZ01\", \"payload\": \"AAAA\"}";
    struct reason reason = {0};
    (void)state;
    struct json *json = json_parse(TEXT, strlen(TEXT), 1000, &reason);
    struct json *masked = mask_record(json, schema_root(contract_message(contract, "Delivery")));
    assert_string_equal(json_member_text(masked, "payload"), "masked");
    assert_string_equal(json_member_text(masked, "destination"), "FZZ01");
    json_free(masked);
    json_free(json);
}

static void a_key_of_a_referral_that_is_no_uuid_is_masked(void **state)
{
    static const char ID[] = "6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d";
    (void)state;
    assert_string_equal(mask_key("referrals.msk", ID), ID);
    assert_string_equal(mask_key("referrals.msk", "9992000015"), "masked");
    assert_string_equal(mask_key("referrals.refused", "Unreal"), "masked");
    assert_string_equal(mask_key("providers", "FZZ01"), "FZZ01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_patient_is_left_in_any_valid_example),
        cmocka_unit_test(free_text_of_the_details_is_masked_and_choices_are_shown),
        cmocka_unit_test(a_deliverys_payload_is_masked_and_the_rest_is_shown),
        cmocka_unit_test(a_key_of_a_referral_that_is_no_uuid_is_masked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
