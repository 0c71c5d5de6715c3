/* SPDX-License-Identifier: Apache-2.0 */
/* A pathway is data, so nothing here knows its fields: the narrative is made of whatever there is.
 */
#include "wire/bars_parts.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/flat.h"
#include "ids/formats.h"

#include <string.h>

#define CONTACTS_MAX 6
#define NAME_MAX 120

static const char *value_of(const struct bars_value *values, const char *name, size_t length)
{
    for (; values->name; values++)
        if (strncmp(values->name, name, length) == 0 && !values->name[length])
            return values->text;
    return NULL;
}

bool bars_put(struct buffer *buffer, const char *template, const struct bars_value *values)
{
    for (const char *at = template; *at;) {
        size_t plain = strcspn(at, "'<");
        if (!buffer_append(buffer, at, plain))
            return false;
        at += plain;
        if (*at == '\'') {
            if (!buffer_append(buffer, "\"", 1))
                return false;
            at++;
        } else if (*at == '<') {
            size_t length = strcspn(at + 1, ">");
            const char *text = value_of(values, at + 1, length);
            if (!text || !json_text_append(buffer, text, strlen(text)))
                return false;
            at += length + 2;
        }
    }
    return true;
}

/* ---- what every message has */

struct bars_use_case bars_use_case(const struct delivery *delivery)
{
    if (text_equal(delivery->pathway, "pharmacy-first") &&
        text_equal(delivery->source_kind, "gp-practice"))
        return (struct bars_use_case){"https://fhir.nhs.uk/CodeSystem/usecases-categories-bars",
                                      "a5t1", "Primary Care to Community Pharmacy"};
    return (struct bars_use_case){"urn:nhs-kent-and-medway:referral-pathways", delivery->pathway,
                                  "Local use case, not nationally assured"};
}

void bars_id(const struct delivery *delivery, const char *part, char text[UUID_TEXT_SIZE])
{
    struct uuid id = uuid_of("bars", delivery->id, part, NULL);
    uuid_format(&id, text);
}

/* ---- the patient */

static const char *contact_text(const struct record *referral, size_t index, const char *name)
{
    char path[64];
    return text_format(path, sizeof(path), "patient.contacts.%zu.%s", index, name)
               ? record_text(referral, path)
               : NULL;
}

static bool number_may_be_sent(const char *status)
{
    return text_equal(status, "number-present-and-verified") ||
           text_equal(status, "number-present-but-not-traced");
}

static bool put_identifier(struct buffer *buffer, const struct record *referral)
{
    char number[NHS_NUMBER_SIZE];
    const char *posted = record_text(referral, "patient.nhs_number");
    const struct bars_value values[] = {
        {"number", nhs_number_parse(posted, number) ? number : NULL},
        {"status", record_text(referral, "patient.nhs_number_status")},
        {NULL, NULL}};
    return !values[0].text || !number_may_be_sent(values[1].text) ||
           bars_put(buffer,
                    ",'identifier':[{'extension':[{'url':'https://fhir.hl7.org.uk/"
                    "StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus',"
                    "'valueCodeableConcept':{'coding':[{'system':'https://fhir.hl7.org.uk/"
                    "CodeSystem/UKCore-NHSNumberVerificationStatus','code':<status>}]}}],"
                    "'system':'https://fhir.nhs.uk/Id/nhs-number','value':<number>}]",
                    values);
}

static bool put_name(struct buffer *buffer, const struct record *referral)
{
    const struct bars_value values[] = {{"given", record_text(referral, "patient.given_name")},
                                        {"family", record_text(referral, "patient.family_name")},
                                        {NULL, NULL}};
    if (!values[0].text && !values[1].text)
        return true; /* a patient who is not known */
    return bars_put(buffer, ",'name':[{'use':'official'", values) &&
           (!values[1].text || bars_put(buffer, ",'family':<family>", values)) &&
           (!values[0].text || bars_put(buffer, ",'given':[<given>]", values)) &&
           bars_put(buffer, "}]", values);
}

/* Those that can be reached at all, by phone first, then by their ranks: the guide wants a phone in
 * the first place, and ranks without gaps or ties. */
static size_t rank_contacts(const struct record *referral, size_t order[CONTACTS_MAX])
{
    static const char *const methods[] = {"phone", "email"};
    size_t count = record_count(referral, "patient.contacts"), used = 0;
    if (!record_is_true(referral, "consent.contact"))
        return 0;
    if (count > CONTACTS_MAX)
        count = CONTACTS_MAX;
    for (size_t method = 0; method < 2; method++)
        for (int64_t rank = 1; rank <= 9; rank++)
            for (size_t i = 0; i < count; i++) {
                char path[64];
                if (text_format(path, sizeof(path), "patient.contacts.%zu.rank", i) &&
                    record_whole_or(referral, path, 1) == rank &&
                    contact_text(referral, i, methods[method]) &&
                    (method == 0 || !contact_text(referral, i, methods[0])))
                    order[used++] = i;
            }
    return used;
}

static const char *role_of(const char *relationship)
{
    static const char *const codes[][2] = {{"patient", "ONESELF"},
                                           {"parent", "PRN"},
                                           {"guardian", "GUARD"},
                                           {"partner", "SIGOTHR"},
                                           {"relative", "FAMMEMB"}};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (text_equal(relationship, codes[i][0]))
            return codes[i][1];
    return NULL;
}

static bool put_contact(struct buffer *buffer, const struct record *referral, size_t index,
                        size_t rank)
{
    const char *relationship = contact_text(referral, index, "relationship");
    const struct bars_value values[] = {{"relationship", relationship ? relationship : "patient"},
                                        {"role", role_of(relationship ? relationship : "patient")},
                                        {"name", contact_text(referral, index, "name")},
                                        {"phone", contact_text(referral, index, "phone")},
                                        {"email", contact_text(referral, index, "email")},
                                        {NULL, NULL}};
    const bool phone = values[3].text, email = values[4].text;
    return buffer_append_text(buffer, rank == 1 ? ",\"contact\":[" : ",") &&
           bars_put(buffer,
                    "{'extension':[{'url':'https://fhir.hl7.org.uk/StructureDefinition/"
                    "Extension-UKCore-ContactRank','valuePositiveInt':",
                    values) &&
           buffer_append_format(buffer, "%zu}],", rank) &&
           bars_put(buffer, "'relationship':[{", values) &&
           (!values[1].text ||
            bars_put(buffer,
                     "'coding':[{'system':'http://terminology.hl7.org/CodeSystem/v3-RoleCode',"
                     "'code':<role>}],",
                     values)) &&
           bars_put(buffer, "'text':<relationship>}],", values) &&
           (!values[2].text || bars_put(buffer, "'name':{'text':<name>},", values)) &&
           bars_put(buffer, "'telecom':[", values) &&
           (!phone || bars_put(buffer, "{'system':'phone','value':<phone>,'rank':1}", values)) &&
           (!phone || !email || buffer_append_text(buffer, ",")) &&
           (!email || (bars_put(buffer, "{'system':'email','value':<email>,'rank':", values) &&
                       buffer_append_format(buffer, "%d}", phone ? 2 : 1))) &&
           bars_put(buffer, "]}", values);
}

static bool put_contacts(struct buffer *buffer, const struct record *referral)
{
    size_t order[CONTACTS_MAX];
    size_t count = rank_contacts(referral, order);
    bool well = true;
    for (size_t i = 0; well && i < count; i++)
        well = put_contact(buffer, referral, order[i], i + 1);
    return well && (!count || buffer_append_text(buffer, "]"));
}

bool bars_put_patient(struct buffer *buffer, const struct record *referral,
                      const struct bars_value *values)
{
    char postcode[POSTCODE_SIZE];
    const char *posted = record_text(referral, "patient.postcode");
    const struct bars_value own[] = {
        {"born", record_text(referral, "patient.date_of_birth")},
        {"sex", record_text(referral, "patient.sex")}, /* FHIR has the same four words */
        {"postcode", postcode_canonical(posted, postcode) ? postcode : NULL},
        {"language", record_text(referral, "patient.interpreter_language")},
        {NULL, NULL}};
    return bars_put(buffer,
                    "{'fullUrl':<patient>,'resource':{'resourceType':'Patient','meta':"
                    "{'lastUpdated':<now>,'profile':["
                    "'https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient']}",
                    values) &&
           put_identifier(buffer, referral) && put_name(buffer, referral) &&
           bars_put(buffer, ",'gender':<sex>,'birthDate':<born>", own) &&
           (!own[2].text ||
            bars_put(buffer, ",'address':[{'use':'home','postalCode':<postcode>}]", own)) &&
           put_contacts(buffer, referral) &&
           (!own[3].text ||
            bars_put(buffer, ",'communication':[{'language':{'text':<language>}}]", own)) &&
           (!record_has(referral, "patient.gp_practice") ||
            bars_put(buffer, ",'generalPractitioner':[{'reference':<practice>}]", values)) &&
           buffer_append_text(buffer, "}},");
}

/* ---- the narrative */

/* "symptoms 1 name: earache" */
static bool narrate_line(struct buffer *text, const char *name, const char *value)
{
    return buffer_append_format(text, "%s: %s\n", name, value);
}

static bool narrate_value(struct buffer *text, const char *name, const struct json *value);

static bool narrate_inner(struct buffer *text, const char *name, const char *inner,
                          const struct json *value)
{
    char whole[NAME_MAX];
    if (!text_format(whole, sizeof(whole), "%s%s%s", name, name[0] ? " " : "", inner))
        return false;
    for (char *at = whole; *at; at++)
        if (*at == '_')
            *at = ' ';
    return narrate_value(text, whole, value);
}

static bool narrate_value(struct buffer *text, const char *name, const struct json *value)
{
    const enum json_kind kind = json_kind_of(value);
    const struct json *member;
    const char *inner;
    void *cursor = NULL;
    char number[32];
    bool well = true;
    if (kind == JSON_IS_TEXT)
        return narrate_line(text, name, json_text(value));
    if (kind == JSON_IS_BOOLEAN)
        return narrate_line(text, name, json_is_true(value) ? "yes" : "no");
    if (kind == JSON_IS_WHOLE || kind == JSON_IS_REAL)
        return text_format(number, sizeof(number), "%.10g", json_number(value, 0)) &&
               narrate_line(text, name, number);
    while (well && kind == JSON_IS_OBJECT && json_next_member(value, &cursor, &inner, &member))
        well = narrate_inner(text, name, inner, member);
    for (size_t i = 0; well && kind == JSON_IS_ARRAY && i < json_count(value); i++)
        well = text_format(number, sizeof(number), "%zu", i + 1) &&
               narrate_inner(text, name, number, json_item(value, i));
    return well;
}

static bool narrate_details(struct buffer *text, const struct record *referral)
{
    struct json *json = record_to_json(referral);
    bool well = json && narrate_value(text, "", json_member(json, "details"));
    json_free(json);
    return well;
}

bool bars_narrate(struct buffer *text, const struct record *referral)
{
    static const char *const fields[][2] = {
        {"urgency", "urgency"}, {"patient.pregnancy", "pregnancy"}, {"notes", "notes"}};
    bool well = narrate_details(text, referral);
    for (size_t i = 0; well && i < sizeof(fields) / sizeof(*fields); i++) {
        const char *value = record_text(referral, fields[i][0]);
        well = !value || narrate_line(text, fields[i][1], value);
    }
    for (size_t i = 0; well && i < record_count(referral, "patient.access_needs"); i++) {
        char path[64];
        const char *need = text_format(path, sizeof(path), "patient.access_needs.%zu", i)
                               ? record_text(referral, path)
                               : NULL;
        well = need && narrate_line(text, "access need", need);
    }
    return well &&
           (record_is_true(referral, "consent.contact") ||
            narrate_line(text, "contact", "the patient does not wish to be contacted")) &&
           (record_is_true(referral, "consent.inform_gp") ||
            narrate_line(text, "practice", "is not to be told the outcome"));
}
