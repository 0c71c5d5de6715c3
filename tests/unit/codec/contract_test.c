/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas/ folder: the real one, and broken ones in which each refusal has to name the file. */
#include "sample.h"

#include "codec/flat.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/contract_test_XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "pathways/a-b/versions/old.avsc",
        "pathways/a-b/versions",
        "pathways/a-b/referral.avsc",
        "pathways/a-b/pathway.json",
        "pathways/a-b",
        "pathways/Bad/pathway.json",
        "pathways/Bad",
        "pathways/readme.txt",
        "pathways",
        "versions/old.avsc",
        "versions",
        "envelope.avsc",
        "delivery.avsc",
        "other.avsc",
        "readme.md",
    };
    char path[200];
    for (size_t i = 0; i < COUNT(entries); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, entries[i]);
        remove(path);
    }
    return rmdir(dir);
}

static void put_file(const char *name, const char *content)
{
    char path[200];
    char *json = quoted(content);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *slash = strchr(path + sizeof(dir), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file || fputs(json, file) < 0 || fclose(file) != 0)
        fail_msg("%s could not be written", path);
    free(json);
}

#define ENVELOPE                                                                                   \
    "{'type':'record','name':'Referral','fields':[{'name':'id','type':'string'},"                  \
    "{'name':'source','type':{'type':'record','name':'Source','fields':[]}}]}"
#define DELIVERY                                                                                   \
    "{'type':'record','name':'Delivery','namespace':'x','fields':[{'name':'n','type':'int'}]}"
#define DETAILS                                                                                    \
    "{'type':'record','name':'Details','fields':[{'name':'from','type':['null','Source'],"         \
    "'default':null}]}"

static void put_good(void)
{
    put_file("envelope.avsc", ENVELOPE);
    put_file("delivery.avsc", DELIVERY);
    put_file("pathways/a-b/referral.avsc", DETAILS);
    put_file("pathways/a-b/pathway.json", "{}");
    put_file("pathways/readme.txt", "no pathway");
    put_file("readme.md", "no schema");
}

static void a_folder_is_composed_into_one_schema_per_pathway(void **state)
{
    (void)state;
    struct reason reason = {0};
    put_good();
    put_file("versions/old.avsc",
             "{'type':'record','name':'Delivery','namespace':'x','fields':[]}");
    put_file("pathways/a-b/versions/old.avsc",
             "{'type':'record','name':'Referral','namespace':'y','fields':[]}");
    struct contract *contract = contract_load(dir, &reason);
    if (!contract)
        fail_msg("%s %s %s", reason.code, reason.pointer, reason.detail);
    assert_string_equal(contract_dir(contract), dir);
    assert_int_equal(contract_pathway_count(contract), 1);
    assert_string_equal(contract_pathway_name(contract, 0), "a-b");
    assert_null(contract_pathway_name(contract, 1));
    const struct schema *referral = contract_referral(contract, "a-b");
    assert_string_equal(schema_name(referral), "uk.nhs.kentandmedway.referrals.a_b.Referral");
    const struct schema_node *root = schema_root(referral);
    assert_int_equal(root->children_count, 3);
    assert_string_equal(root->children[1]->name, "uk.nhs.kentandmedway.referrals.a_b.Source");
    assert_string_equal(root->children[2]->field_name, "details");
    assert_string_equal(root->children[2]->name, "uk.nhs.kentandmedway.referrals.a_b.Details");
    assert_null(contract_referral(contract, "a"));
    assert_null(contract_referral(contract, NULL));
    const struct schema *delivery = contract_message(contract, "Delivery");
    assert_non_null(delivery);
    assert_null(contract_message(contract, "Referral"));
    assert_ptr_equal(contract_by_fingerprint(contract, schema_fingerprint(delivery)), delivery);
    assert_ptr_equal(contract_by_fingerprint(contract, schema_fingerprint(referral)), referral);
    struct schema *old = schema_of("{'type':'record','name':'y.Referral','fields':[]}");
    assert_non_null(contract_by_fingerprint(contract, schema_fingerprint(old)));
    assert_null(contract_by_fingerprint(contract, 1));
    schema_free(old);
    contract_free(contract);
}

static void a_copy_of_the_current_schema_among_the_versions_is_no_conflict(void **state)
{
    (void)state;
    struct reason reason = {0};
    put_good();
    put_file("versions/old.avsc", DELIVERY);
    struct contract *contract = contract_load(dir, &reason);
    assert_non_null(contract);
    contract_free(contract);
}

static void an_earlier_version_with_other_docs_is_no_conflict(void **state)
{
    (void)state;
    struct reason reason = {0};
    put_good();
    put_file("versions/old.avsc",
             "{'type':'record','name':'Delivery','namespace':'x','doc':'as it was','fields':["
             "{'name':'n','type':'int','minimum':1}]}");
    struct contract *contract = contract_load(dir, &reason);
    if (!contract)
        fail_msg("%s %s %s", reason.code, reason.pointer, reason.detail);
    const struct schema *delivery = contract_message(contract, "Delivery");
    assert_ptr_equal(contract_by_fingerprint(contract, schema_fingerprint(delivery)), delivery);
    contract_free(contract);
}

#define OLD_DELIVERY                                                                               \
    "{'type':'record','name':'Delivery','namespace':'x','fields':[{'name':'gone','type':'string'}" \
    ",{'name':'n','type':'int','minimum':100}]}"
#define NEW_DELIVERY                                                                               \
    "{'type':'record','name':'Delivery','namespace':'x','fields':[{'name':'n','type':'int'},"      \
    "{'name':'why','type':'string','default':'not said','maxLength':8}]}"

static void
what_an_earlier_release_wrote_is_read_with_the_defaults_and_limits_of_today(void **state)
{
    (void)state;
    struct reason reason = {0};
    put_good();
    put_file("delivery.avsc", OLD_DELIVERY);
    struct contract *before = contract_load(dir, &reason);
    put_file("delivery.avsc", NEW_DELIVERY);
    struct contract *forgetful = contract_load(dir, &reason);
    put_file("versions/old.avsc", OLD_DELIVERY);
    struct contract *today = contract_load(dir, &reason);
    if (!before || !forgetful || !today)
        fail_msg("%s %s %s", reason.code, reason.pointer, reason.detail);

    struct codec *writer = codec_new(before, NULL);
    struct codec *reader = codec_new(today, NULL);
    struct codec *lost = codec_new(forgetful, NULL);
    struct buffer bytes;
    buffer_init(&bytes, 1000);
    struct record *record = codec_blank(writer, contract_message(before, "Delivery"));
    record_set_text(record, "gone", "abc");
    record_set_whole(record, "n", 7);
    assert_int_equal(codec_write(writer, record, &bytes, NULL), DONE);

    struct record *read = NULL;
    assert_int_equal(codec_read(lost, bytes.data, bytes.length, "Delivery", &read, &reason),
                     REFUSED);
    assert_string_equal(reason.code, "unknown-fingerprint");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(codec_read(reader, bytes.data, bytes.length, "Delivery", &read, &reason),
                         DONE);
        assert_ptr_equal(record_schema(read), contract_message(today, "Delivery"));
        assert_int_equal(record_whole_or(read, "n", 0), 7);
        assert_string_equal(record_text(read, "why"), "not said");
        assert_false(record_has(read, "gone"));
        struct record_field fields[FLAT_FIELDS_MAX];
        size_t count = 0;
        assert_int_equal(
            codec_read_flat(reader, bytes.data, bytes.length, "Delivery", fields, &count, &reason),
            DONE);
        assert_int_equal(count, 2);
        assert_int_equal(fields[0].whole, 7);
        assert_int_equal(fields[1].length, strlen("not said"));
        assert_memory_equal(fields[1].text, "not said", strlen("not said"));
    }
    assert_int_equal(record_check(read, &reason), DONE); /* not the old minimum */
    buffer_clear(&bytes);
    codec_free(lost);
    codec_free(reader);
    codec_free(writer);
    contract_free(before);
    contract_free(forgetful);
    contract_free(today);
}

static void a_reload_keeps_what_was_in_use_readable(void **state)
{
    (void)state;
    struct reason reason = {0};
    put_good();
    put_file("delivery.avsc", OLD_DELIVERY);
    struct contract *before = contract_load_after(dir, NULL, &reason);
    assert_non_null(before);

    put_file("delivery.avsc", NEW_DELIVERY);
    assert_null(contract_load_after(dir, before, &reason));
    assert_string_equal(reason.code, "version-gone");
    assert_string_equal(reason.pointer, dir);
    char expected[80];
    snprintf(expected, sizeof(expected), "x.Delivery with the fingerprint %016llx",
             (unsigned long long)schema_fingerprint(contract_message(before, "Delivery")));
    assert_memory_equal(reason.detail, expected, strlen(expected));

    put_file("versions/old.avsc", OLD_DELIVERY); /* an honest change */
    struct contract *changed = contract_load_after(dir, before, &reason);
    assert_non_null(changed);
    char version[200];
    snprintf(version, sizeof(version), "%s/versions/old.avsc", dir);
    assert_int_equal(remove(version), 0); /* a version was in use as well */
    assert_null(contract_load_after(dir, changed, &reason));
    assert_string_equal(reason.code, "version-gone");
    contract_free(changed);
    contract_free(before);
}

/* Once it was loaded, and what came with it failed. */
static void a_schema_of_more_fields_than_are_read_is_refused(void **state)
{
    (void)state;
    static const char *const expected = "z.Delivery has 65 fields, expected at most 64";
    char text[8192] = "{'type':'record','name':'Delivery','namespace':'z','fields':[";
    for (int i = 0; i < 65; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s{'name':'f%d','type':'int'}",
                 i ? "," : "", i);
    snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}");
    struct reason reason = {0};
    put_good();
    put_file("delivery.avsc", text);
    assert_null(contract_load(dir, &reason));
    assert_string_equal(reason.code, "too-many");
    assert_non_null(strstr(reason.pointer, "/delivery.avsc"));
    assert_non_null(strstr(reason.detail, expected));
}

static void each_broken_folder_is_refused_with_the_file_at_fault(void **state)
{
    (void)state;
    static const struct {
        const char *code, *at, *detail, *file, *content; /* content NULL: removed */
    } cases[] = {
        {"unreadable-file", "envelope.avsc", "no such file", "envelope.avsc", NULL},
        {"not-json", "envelope.avsc", "line 1", "envelope.avsc", "{"},
        {"bad-schema", "envelope.avsc", "/fields/0/type", "envelope.avsc",
         "{'type':'record','name':'Referral','fields':[{'name':'id','type':'strin'}]}"},
        {"bad-schema", "envelope.avsc", "expected a record", "envelope.avsc", "'string'"},
        {"bad-schema", "envelope.avsc", "details", "envelope.avsc",
         "{'type':'record','name':'Referral','fields':[{'name':'details','type':'int'}]}"},
        {"not-json", "delivery.avsc", "line 2", "delivery.avsc", "{'type':\n}"},
        {"bad-schema", "delivery.avsc", "record", "delivery.avsc", "'int'"},
        {"bad-schema", "other.avsc", "a name of its own", "other.avsc",
         "{'type':'record','name':'Delivery','namespace':'z','fields':[]}"},
        {"duplicate-schema", "other.avsc", "same fingerprint", "other.avsc",
         "{'type':'record','name':'Delivery','namespace':'x','fields':[{'name':'n','type':'int',"
         "'doc':'other'}]}"},
        {"unreadable-file", "pathways/a-b/pathway.json", "a pathway needs one",
         "pathways/a-b/pathway.json", NULL},
        {"unreadable-file", "pathways/a-b/referral.avsc", "no such file",
         "pathways/a-b/referral.avsc", NULL},
        {"not-json", "pathways/a-b/referral.avsc", "line 1", "pathways/a-b/referral.avsc", "["},
        {"bad-schema", "pathways/a-b/referral.avsc", "expected a record",
         "pathways/a-b/referral.avsc", "'int'"},
        {"bad-schema", "pathways/a-b/referral.avsc",
         "/fields/0/type: ", "pathways/a-b/referral.avsc",
         "{'type':'record','name':'Details','fields':[{'name':'x','type':'Sauce'}]}"},
        {"bad-schema", "pathways/a-b/referral.avsc", "Source", "pathways/a-b/referral.avsc",
         "{'type':'record','name':'Source','fields':[]}"},
        {"bad-name", "pathways/Bad", "small letters", "pathways/Bad/pathway.json", "{}"},
        {"bad-schema", "pathways/a-b/versions/old.avsc", "a type", "pathways/a-b/versions/old.avsc",
         "{}"},
        {"not-json", "versions/old.avsc", "line 1", "versions/old.avsc", "x"},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reason reason = {0};
        char path[200];
        put_good();
        snprintf(path, sizeof(path), "%s/%s", dir, cases[i].file);
        if (cases[i].content)
            put_file(cases[i].file, cases[i].content);
        else
            unlink(path);
        struct contract *contract = contract_load(dir, &reason);
        snprintf(path, sizeof(path), "%s/%s", dir, cases[i].at);
        if (contract || strcmp(reason.code, cases[i].code) != 0 ||
            strcmp(reason.pointer, path) != 0 || !strstr(reason.detail, cases[i].detail)) {
            print_error("case %zu: %s | %s | %s\n", i, reason.code, reason.pointer, reason.detail);
            wrong++;
        }
        contract_free(contract);
        remove_dir(NULL);
        make_dir(NULL);
    }
    assert_int_equal(wrong, 0);
    struct reason reason = {0};
    assert_null(contract_load("/nowhere/schemas", &reason));
    assert_string_equal(reason.code, "unreadable-file");
    assert_string_equal(reason.pointer, "/nowhere/schemas");
    contract_free(NULL);
}

static void the_real_folder_loads_with_its_messages_and_pathways(void **state)
{
    (void)state;
    static const char *const messages[] = {"Delivery", "ReferralEvent", "Provider", "Volume"};
    struct reason reason = {0};
    struct contract *contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract)
        fail_msg("%s %s %s", reason.code, reason.pointer, reason.detail);
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct record *record = record_new(contract_message(contract, messages[i]));
        assert_non_null(record);
        record_free(record);
    }
    assert_true(contract_pathway_count(contract) > 0);
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        struct record *record = record_new(contract_referral(contract, name));
        assert_non_null(record);
        assert_string_equal(schema_short_name(record_schema(record)), "Referral");
        record_free(record);
    }
    contract_free(contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_folder_is_composed_into_one_schema_per_pathway, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(
            a_copy_of_the_current_schema_among_the_versions_is_no_conflict, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(an_earlier_version_with_other_docs_is_no_conflict, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(
            what_an_earlier_release_wrote_is_read_with_the_defaults_and_limits_of_today, make_dir,
            remove_dir),
        cmocka_unit_test_setup_teardown(a_reload_keeps_what_was_in_use_readable, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_schema_of_more_fields_than_are_read_is_refused, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(each_broken_folder_is_refused_with_the_file_at_fault,
                                        make_dir, remove_dir),
        cmocka_unit_test(the_real_folder_loads_with_its_messages_and_pathways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
