/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder's examples go through the functions that the gateway uses. */
#include "bodies.h"

#include "ids/formats.h"

static struct contract *contract;

static void each_example(const char *prefix, enum verdict expected)
{
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        char files[FILES_MAX][FILE_NAME_SIZE];
        size_t count = example_files(name, prefix, files);
        struct record *record = record_new(contract_referral(contract, name));
        assert_non_null(record);
        if (count < 2)
            fail_msg("%s: fewer than two examples %s*", name, prefix);
        for (size_t j = 0; j < count; j++) {
            struct reason reason = {.code = ""};
            struct json *body = example_body(name, files[j]);
            enum verdict verdict = body_record(record, body, &reason);
            if (verdict != expected || (verdict == REFUSED && reason.pointer[0] == '\0'))
                fail_msg("%s/examples/%s: %s %s %s %s", name, files[j], verdict_name(verdict),
                         reason.code, reason.pointer, reason.detail);
            json_free(body);
        }
        record_free(record);
    }
}

static void every_valid_example_is_taken(void **state)
{
    (void)state;
    each_example("valid-", DONE);
}

static void every_invalid_example_is_refused_by_schema_or_check(void **state)
{
    (void)state;
    each_example("invalid-", REFUSED);
}

/* The file's name says why: these words and this code go together. */
static const struct {
    const char *words, *code;
} reasons[] = {
    {"unknown-field", "unknown-field"}, {"missing-field", "missing-field"},
    {"wrong-type", "wrong-type"},       {"out-of-range", "out-of-range"},
    {"not-allowed", "not-allowed"},     {"too-long", "too-long"},
    {"too-many", "too-many"},           {"bad-format", "bad-format"},
    {"check-digit", "bad-format"},      {"29-february", "bad-format"},
};

static void an_invalid_example_is_refused_for_the_reason_in_its_name(void **state)
{
    (void)state;
    size_t checked = 0;
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        char files[FILES_MAX][FILE_NAME_SIZE];
        size_t count = example_files(name, "invalid-", files);
        struct record *record = record_new(contract_referral(contract, name));
        assert_non_null(record);
        for (size_t j = 0; j < count; j++) {
            struct reason reason = {.code = ""};
            struct json *body = example_body(name, files[j]);
            assert_int_equal(body_record(record, body, &reason), REFUSED);
            for (size_t k = 0; k < sizeof(reasons) / sizeof(reasons[0]); k++) {
                if (!strstr(files[j], reasons[k].words))
                    continue;
                checked++;
                if (strcmp(reason.code, reasons[k].code) != 0)
                    fail_msg("%s/examples/%s: refused with %s at %s", name, files[j], reason.code,
                             reason.pointer);
            }
            json_free(body);
        }
        record_free(record);
    }
    assert_true(checked >= 30);
}

/* A real person's number must never get into an example. */
static void nhs_numbers_of_valid_examples_are_from_the_test_range(void **state)
{
    (void)state;
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        char files[FILES_MAX][FILE_NAME_SIZE];
        size_t count = example_files(name, "valid-", files);
        for (size_t j = 0; j < count; j++) {
            struct json *body = example_body(name, files[j]);
            const char *number = json_member_text(json_member(body, "patient"), "nhs_number");
            if (number && !nhs_number_is_test(number))
                fail_msg("%s/examples/%s: the NHS number is not from 999", name, files[j]);
            json_free(body);
        }
    }
}

static int load(void **state)
{
    (void)state;
    struct reason reason = {.detail = ""};
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract)
        print_error("%s %s: %s\n", reason.code, reason.pointer, reason.detail);
    return contract ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_valid_example_is_taken),
        cmocka_unit_test(every_invalid_example_is_refused_by_schema_or_check),
        cmocka_unit_test(an_invalid_example_is_refused_for_the_reason_in_its_name),
        cmocka_unit_test(nhs_numbers_of_valid_examples_are_from_the_test_range),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
