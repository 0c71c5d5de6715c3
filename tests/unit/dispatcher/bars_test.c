// SPDX-License-Identifier: Apache-2.0
// BaRS messages of every pathway's examples: whole, the same in each attempt, and without what must
// not be sent. tests/fault/bars_test.py holds one against NHS England's own examples.
#include "wire/bars.h"

#include "../pathways/bodies.h"
#include "base/digest.h"
#include "pathways/body.h"

#include <string.h>

static struct contract *contract;
static const struct bars_address address = {.receiver_id = 2000011147, .sender_id = 2000099999};

static int set_up(void **state)
{
    (void)state;
    contract = contract_load(SOURCE_DIR "/schemas", NULL);
    return contract ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

static struct delivery delivery_of(const char *pathway, const char *service,
                                   const struct record *referral)
{
    struct delivery delivery = {.id = "11111111-1111-5111-8111-111111111111",
                                .referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
                                .destination = "FA015",
                                .accepted_at_ms = 1795420980000,
                                .created_at_ms = 1795420981000,
                                .deadline_at_ms = 1795507380000};
    text_copy(delivery.pathway, sizeof(delivery.pathway), pathway);
    text_copy(delivery.service, sizeof(delivery.service), service);
    text_copy(delivery.source_kind, sizeof(delivery.source_kind),
              record_text(referral, "source.kind"));
    text_copy(delivery.source_ods, sizeof(delivery.source_ods),
              record_text(referral, "source.ods_code"));
    return delivery;
}

static struct json *bundle_of(const struct delivery *delivery, const struct record *referral)
{
    struct buffer first, second;
    struct reason reason = {0};
    buffer_init(&first, 256 * 1024);
    buffer_init(&second, 256 * 1024);
    assert_true(bars_append(&first, &address, delivery, referral));
    assert_true(bars_append(&second, &address, delivery, referral));
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    struct json *bundle = json_parse((const char *)first.data, first.length, 256 * 1024, &reason);
    if (!bundle)
        fail_msg("%s: %s", reason.code, reason.detail);
    buffer_clear(&first);
    buffer_clear(&second);
    return bundle;
}

static const struct json *resource_at(const struct json *bundle, size_t index)
{
    return json_member(json_item(json_member(bundle, "entry"), index), "resource");
}

/* The first of that type; how many there are in *ret_count. */
static const struct json *resource_of(const struct json *bundle, const char *type,
                                      size_t *ret_count)
{
    const struct json *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < json_count(json_member(bundle, "entry")); i++) {
        const struct json *resource = resource_at(bundle, i);
        if (!text_equal(json_member_text(resource, "resourceType"), type))
            continue;
        found = count++ ? found : resource;
    }
    if (ret_count)
        *ret_count = count;
    return found;
}

static bool is_full_url(const struct json *bundle, const char *text)
{
    const struct json *entries = json_member(bundle, "entry");
    size_t found = 0;
    for (size_t i = 0; i < json_count(entries); i++)
        found += text_equal(json_member_text(json_item(entries, i), "fullUrl"), text);
    return found == 1;
}

static void check_references(const struct json *bundle, const struct json *value)
{
    const char *name;
    const struct json *member;
    void *cursor = NULL;
    while (json_kind_of(value) == JSON_IS_OBJECT &&
           json_next_member(value, &cursor, &name, &member)) {
        const char *text = json_text(member);
        if (text && (strcmp(name, "reference") == 0 || strcmp(name, "fullUrl") == 0) &&
            strncmp(text, "EpisodeOfCare/", 14) != 0 && !is_full_url(bundle, text))
            fail_msg("%s %s is nowhere, or twice", name, text);
        check_references(bundle, member);
    }
    for (size_t i = 0; json_kind_of(value) == JSON_IS_ARRAY && i < json_count(value); i++)
        check_references(bundle, json_item(value, i));
}

static void check_cardinalities(const struct json *bundle)
{
    static const struct {
        const char *type;
        size_t least, most;
    } rows[] = {{"MessageHeader", 1, 1},
                {"ServiceRequest", 1, 1},
                {"Patient", 1, 1},
                {"Encounter", 1, 1},
                {"CarePlan", 1, 1},
                {"Condition", 1, 1},
                {"Task", 1, 1},
                {"Organization", 2, 3},
                {"Practitioner", 1, 9},
                {"PractitionerRole", 1, 9},
                {"HealthcareService", 1, 9},
                {"Consent", 1, 9},
                {"Flag", 0, 0}};
    assert_string_equal(json_member_text(resource_at(bundle, 0), "resourceType"), "MessageHeader");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t count;
        (void)resource_of(bundle, rows[i].type, &count);
        if (count < rows[i].least || count > rows[i].most)
            fail_msg("%zu of %s", count, rows[i].type);
    }
}

static size_t pressures; /* that were seen */

static void check_pressure(const struct json *bundle, const struct record *referral)
{
    static const char *const paths[] = {"details.reading.systolic", "details.reading.diastolic"};
    static const char *const codes[] = {"271649006", "271650006"};
    const struct json *observation = resource_of(bundle, "Observation", NULL);
    if (!record_has(referral, paths[0])) {
        assert_null(observation);
        return;
    }
    assert_int_equal(json_count(json_member(observation, "component")), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct json *component = json_item(json_member(observation, "component"), i);
        const struct json *value = json_member(component, "valueQuantity");
        const struct json *coding = json_member(json_member(component, "code"), "coding");
        assert_string_equal(json_member_text(json_item(coding, 0), "code"), codes[i]);
        assert_int_equal(json_member_whole(value, "value", 0),
                         record_whole_or(referral, paths[i], -1));
        assert_string_equal(json_member_text(value, "code"), "mm[Hg]");
    }
    pressures++;
}

static void every_example_of_every_pathway_becomes_a_whole_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        char files[FILES_MAX][FILE_NAME_SIZE];
        size_t count = example_files(name, "valid-", files);
        struct record *referral = record_new(contract_referral(contract, name));
        for (size_t j = 0; j < count; j++) {
            struct json *body = example_body(name, files[j]);
            record_reset(referral);
            assert_int_equal(body_record(referral, body, NULL), DONE);
            struct delivery delivery = delivery_of(name, name, referral);
            struct json *bundle = bundle_of(&delivery, referral);
            check_references(bundle, bundle);
            check_cardinalities(bundle);
            check_pressure(bundle, referral);
            json_free(bundle);
            json_free(body);
        }
        record_free(referral);
    }
    assert_true(pressures > 0);
}

/* A referral of a GP practice whose contacts are in no good order. */
static struct record *pharmacy_referral(const char *status, bool contact)
{
    static const char text[] =
        "{\"pathway\":\"pharmacy-first\",\"source\":{\"kind\":\"gp-practice\",\"ods_code\":"
        "\"G82123\",\"organisation\":\"The \\\"Invented\\\" Practice\"},\"patient\":{"
        "\"nhs_number\":\"999 100 1026\",\"postcode\":\"da11aa\","
        "\"family_name\":\"Testwell\",\"date_of_birth\":"
        "\"1980-02-03\",\"sex\":\"female\",\"contacts\":["
        "{\"relationship\":\"other\",\"name\":\"Nobody Mockford\",\"rank\":1},"
        "{\"relationship\":\"patient\",\"email\":\"a@example.org\",\"rank\":2},"
        "{\"relationship\":\"carer\",\"phone\":\"01632 960102\",\"email\":\"b@example.org\","
        "\"rank\":5},"
        "{\"relationship\":\"patient\",\"phone\":\"07700 900103\",\"rank\":4}]},"
        "\"consent\":{\"direct_care\":true},\"details\":{\"strand\":\"minor-illness\","
        "\"presenting_complaint\":\"Cough, \\\"dry\\\"\",\"symptoms\":[{\"name\":\"cough\"}],"
        "\"medicine\":{\"name\":\"Salbutamol\",\"dmd_code\":\"17346711000001106\"}}}";
    struct reason reason = {0};
    struct json *json = json_parse(text, strlen(text), sizeof(text), &reason);
    struct record *record = record_new(contract_referral(contract, "pharmacy-first"));
    assert_true(json && record);
    if (body_record(record, json, &reason) != DONE)
        fail_msg("%s %s", reason.code, reason.pointer);
    assert_true(record_set_text(record, "patient.nhs_number_status", status));
    assert_true(record_set_boolean(record, "consent.contact", contact));
    json_free(json);
    return record;
}

static void the_nhs_number_goes_along_only_where_its_status_allows_it(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        bool sent;
    } rows[] = {{"number-present-and-verified", true},
                {"number-present-but-not-traced", true},
                {"trace-required", false},
                {"trace-attempted-no-match", false},
                {"trace-needs-to-be-resolved", false},
                {"trace-in-progress", false},
                {"number-not-present", false},
                {"trace-postponed", false},
                {NULL, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct record *referral = pharmacy_referral(rows[i].status, true);
        struct delivery delivery = delivery_of("pharmacy-first", "minor-illness", referral);
        struct buffer text;
        buffer_init(&text, 256 * 1024);
        assert_true(bars_append(&text, &address, &delivery, referral));
        bool sent = strstr(buffer_text(&text), "\"value\":\"9991001026\"");
        assert_non_null(strstr(buffer_text(&text), "\"postalCode\":\"DA1 1AA\""));
        assert_null(strstr(buffer_text(&text), "999 100 1026"));
        if (sent != rows[i].sent)
            fail_msg("row %zu: %s", i, rows[i].status ? rows[i].status : "none");
        buffer_clear(&text);
        record_free(referral);
    }
}

static void contacts_are_ranked_without_ties_and_the_first_has_a_phone(void **state)
{
    (void)state;
    struct record *referral = pharmacy_referral(NULL, true);
    struct delivery delivery = delivery_of("pharmacy-first", "minor-illness", referral);
    struct json *bundle = bundle_of(&delivery, referral);
    const struct json *contacts = json_member(resource_of(bundle, "Patient", NULL), "contact");
    static const struct {
        const char *relationship, *value;
    } rows[] = {
        {"patient", "07700 900103"}, {"carer", "01632 960102"}, {"patient", "a@example.org"}};
    assert_int_equal(json_count(contacts), 3); /* who can't be reached is none */
    for (size_t i = 0; i < 3; i++) {
        const struct json *contact = json_item(contacts, i);
        const struct json *rank = json_item(json_member(contact, "extension"), 0);
        const struct json *first = json_item(json_member(contact, "telecom"), 0);
        assert_int_equal(json_member_whole(rank, "valuePositiveInt", 0), i + 1);
        assert_int_equal(json_member_whole(first, "rank", 0), 1);
        assert_string_equal(json_member_text(first, "value"), rows[i].value);
        assert_string_equal(
            json_member_text(json_item(json_member(contact, "relationship"), 0), "text"),
            rows[i].relationship);
    }
    json_free(bundle);
    record_free(referral);
    referral = pharmacy_referral(NULL, false); /* does not wish to be contacted */
    bundle = bundle_of(&delivery, referral);
    assert_null(json_member(resource_of(bundle, "Patient", NULL), "contact"));
    json_free(bundle);
    record_free(referral);
}

static void what_was_said_is_in_the_narrative_and_the_medicine_by_its_code(void **state)
{
    (void)state;
    struct record *referral = pharmacy_referral(NULL, true);
    struct delivery delivery = delivery_of("pharmacy-first", "minor-illness", referral);
    struct json *bundle = bundle_of(&delivery, referral);
    const struct json *activity =
        json_item(json_member(resource_of(bundle, "CarePlan", NULL), "activity"), 0);
    const char *narrative =
        json_member_text(json_item(json_member(activity, "outcomeCodeableConcept"), 0), "text");
    assert_non_null(strstr(narrative, "presenting complaint: Cough, \"dry\"\n"));
    assert_non_null(strstr(narrative, "symptoms 1 name: cough\n"));
    const struct json *medicine =
        json_member(resource_of(bundle, "MedicationStatement", NULL), "medicationCodeableConcept");
    assert_string_equal(json_member_text(json_item(json_member(medicine, "coding"), 0), "code"),
                        "17346711000001106");
    const struct json *period =
        json_member(resource_of(bundle, "ServiceRequest", NULL), "occurrencePeriod");
    assert_string_equal(json_member_text(period, "start"), "2026-11-23T08:03:00.000Z");
    assert_string_equal(json_member_text(period, "end"), "2026-11-24T08:03:00.000Z");
    json_free(bundle);
    record_free(referral);
}

static void decoded(const char *header, const char *name, char text[512])
{
    size_t length = 0;
    assert_memory_equal(header, name, strlen(name));
    assert_memory_equal(header + strlen(name), ": ", 2);
    assert_true(base64_decode(header + strlen(name) + 2, (uint8_t *)text, 511, &length));
    text[length] = '\0';
}

static void the_headers_say_for_whom_from_whom_and_what(void **state)
{
    (void)state;
    static char headers[BARS_HEADERS][BARS_HEADER_SIZE];
    char text[512], request[BARS_HEADER_SIZE];
    struct record *referral = pharmacy_referral(NULL, true);
    struct delivery delivery = delivery_of("pharmacy-first", "minor-illness", referral);
    assert_true(bars_headers(&address, &delivery, referral, headers));
    decoded(headers[0], "NHSD-Target-Identifier", text);
    assert_string_equal(
        text, "{\"value\":\"2000011147\",\"system\":\"https://fhir.nhs.uk/Id/dos-service-id\"}");
    decoded(headers[1], "NHSD-End-User-Organisation", text);
    assert_non_null(
        strstr(text, "\"value\":\"G82123\"}],\"name\":\"The \\\"Invented\\\" Practice"));
    decoded(headers[2], "NHSD-Requesting-Software", text);
    assert_string_equal(headers[4], "use-context: a5t1|referral|servicerequest-request|new");
    assert_int_equal(strlen(headers[6]), strlen("X-Correlation-Id: ") + 36);
    memcpy(request, headers[3], sizeof(request));
    assert_int_equal(strlen(request), strlen("X-Request-Id: ") + 36);
    delivery.attempts = 7;
    assert_true(bars_headers(&address, &delivery, referral, headers));
    assert_string_equal(headers[3], request); /* the same for each attempt */
    delivery.id[0] = '2';
    text_copy(delivery.correlation_id, sizeof(delivery.correlation_id), delivery.referral_id);
    text_copy(delivery.source_kind, sizeof(delivery.source_kind), "utc");
    assert_true(bars_headers(&address, &delivery, referral, headers));
    assert_string_not_equal(headers[3], request); /* another for another provider */
    assert_string_equal(headers[6], "");          /* the delivery's own is sent */
    assert_string_equal(headers[4],
                        "use-context: pharmacy-first|referral|servicerequest-request|new");
    record_free(referral);
}

/* ---- what the referrer is told */

static struct delivery notice_because(const char *reason)
{
    struct delivery notice = {.id = "22222222-2222-5222-8222-222222222222",
                              .referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
                              .pathway = "pharmacy-first",
                              .service = "minor-illness",
                              .source_kind = "gp-practice",
                              .source_ods = "G82123",
                              .destination = "G82123",
                              .notice = "returned",
                              .accepted_at_ms = 1795420980000,
                              .created_at_ms = 1795424580000,
                              .deadline_at_ms = 1795510980000};
    text_copy(notice.reason, sizeof(notice.reason), reason);
    return notice;
}

static struct json *told(const struct delivery *notice)
{
    struct buffer text;
    struct reason reason = {0};
    buffer_init(&text, 64 * 1024);
    assert_true(bars_append_notice(&text, &address, notice));
    struct json *bundle = json_parse((const char *)text.data, text.length, 64 * 1024, &reason);
    if (!bundle)
        fail_msg("%s: %s", reason.code, reason.detail);
    buffer_clear(&text);
    return bundle;
}

static void a_referrer_is_told_by_a_response_that_rejects_the_referral(void **state)
{
    (void)state;
    static const struct {
        const char *reason, *code;
    } rows[] = {{"no-provider-left", "RRNA"},
                {"no-provider-open", "RRNA"},
                {"no-provider", "RRNA"},
                {"returned-by-provider", "OTH"},
                {"gateway-not-met", "OTH"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct delivery notice = notice_because(rows[i].reason);
        struct json *bundle = told(&notice);
        const struct json *header = resource_at(bundle, 0);
        const struct json *response = json_member(header, "response");
        const struct json *rejection = resource_at(bundle, 3);
        const struct json *reason = json_item(json_member(rejection, "reasonCode"), 0);
        size_t encounters;
        check_references(bundle, bundle);
        assert_string_equal(json_member_text(header, "resourceType"), "MessageHeader");
        assert_string_equal(json_member_text(json_member(header, "eventCoding"), "code"),
                            "servicerequest-response");
        assert_string_equal(json_member_text(response, "identifier"), notice.referral_id);
        assert_string_equal(json_member_text(resource_of(bundle, "ServiceRequest", NULL), "status"),
                            "revoked");
        (void)resource_of(bundle, "Encounter", &encounters);
        assert_int_equal(encounters, 2);
        assert_string_equal(json_member_text(rejection, "status"), "cancelled");
        assert_string_equal(json_member_text(json_item(json_member(reason, "coding"), 0), "code"),
                            rows[i].code);
        assert_string_equal(json_member_text(reason, "text"), rows[i].reason);
        json_free(bundle);
    }
}

static void nothing_of_the_patient_goes_back(void **state)
{
    (void)state;
    const struct delivery notice = notice_because("no-provider-left");
    struct json *bundle = told(&notice);
    const struct json *patient = resource_of(bundle, "Patient", NULL);
    const struct json *member;
    const char *name;
    void *cursor = NULL;
    assert_non_null(patient);
    while (json_next_member(patient, &cursor, &name, &member))
        assert_true(text_equal(name, "resourceType") || text_equal(name, "meta"));
    assert_null(resource_of(bundle, "Appointment", NULL)); /* that would be a no-show */
    assert_null(resource_of(bundle, "Practitioner", NULL));
    json_free(bundle);
}

static void the_headers_of_a_notice_are_those_of_a_response(void **state)
{
    (void)state;
    static char headers[BARS_HEADERS][BARS_HEADER_SIZE], to_provider[BARS_HEADER_SIZE];
    char text[512];
    struct record *referral = pharmacy_referral(NULL, true);
    const struct delivery delivery = delivery_of("pharmacy-first", "minor-illness", referral);
    const struct delivery notice = notice_because("no-provider-left");
    assert_true(bars_headers(&address, &delivery, referral, headers));
    memcpy(to_provider, headers[6], sizeof(to_provider));
    assert_true(bars_headers(&address, &notice, NULL, headers));
    assert_string_equal(headers[4], "use-context: a5t1|referral|servicerequest-response|new");
    assert_string_equal(headers[6], to_provider); /* one conversation */
    decoded(headers[1], "NHSD-End-User-Organisation", text);
    assert_non_null(strstr(text, "\"value\":\"QKS\""));
    record_free(referral);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_of_every_pathway_becomes_a_whole_message),
        cmocka_unit_test(the_nhs_number_goes_along_only_where_its_status_allows_it),
        cmocka_unit_test(contacts_are_ranked_without_ties_and_the_first_has_a_phone),
        cmocka_unit_test(what_was_said_is_in_the_narrative_and_the_medicine_by_its_code),
        cmocka_unit_test(the_headers_say_for_whom_from_whom_and_what),
        cmocka_unit_test(a_referrer_is_told_by_a_response_that_rejects_the_referral),
        cmocka_unit_test(nothing_of_the_patient_goes_back),
        cmocka_unit_test(the_headers_of_a_notice_are_those_of_a_response),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
