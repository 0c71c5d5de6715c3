/* SPDX-License-Identifier: Apache-2.0 */
/* The resources stand here as templates, so that they can be held against NHS England's examples by
 * eye: ' is a quote, <name> a value that is put in as a JSON text. Elements and codes: the BaRS
 * implementation guide, application 5 (referrals into pharmacy), and its MessageDefinition. */
#include "wire/bars.h"

#include "base/calendar.h"
#include "base/digest.h"
#include "base/text.h"
#include "wire/bars_parts.h"

#include <string.h>

#define NARRATIVE_MAX (96 * 1024)

/* ---- what is spoken of by which code */

static const struct {
    const char *service, *code, *display;
} tasks[] = {
    {"clinical-pathway", "2140231000000104",
     "Referral to Community Pharmacy Pharmacy First Service (procedure)"},
    {"minor-illness", "1577041000000109",
     "Community Pharmacist Consultation Service for minor illness (procedure)"},
    {"blood-pressure-check", "1659111000000107",
     "Community Pharmacy Blood Pressure Check Service (procedure)"},
    {"ambulatory-monitoring", "824421000000101",
     "Referral for ambulatory blood pressure monitoring (procedure)"},
    {"contraception", "1659121000000101", "Community Pharmacy Contraception Service (procedure)"},
};

static const char *organisation_type(const char *source_kind)
{
    static const char *const names[][2] = {{"gp-practice", "General practice service"},
                                           {"utc", "Urgent treatment centre"},
                                           {"nhs-111", "NHS 111"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (text_equal(source_kind, names[i][0]))
            return names[i][1];
    return "Integrated care board, for a patient who refers themself";
}

/* ---- headers */

static bool encoded_header(char header[BARS_HEADER_SIZE], const char *name, const char *template,
                           const struct bars_value *values)
{
    char encoded[BARS_HEADER_SIZE - 40];
    struct buffer json;
    buffer_init(&json, sizeof(encoded) / 4 * 3);
    bool well = bars_put(&json, template, values) &&
                base64_encode(json.data, json.length, encoded, sizeof(encoded)) &&
                text_format(header, BARS_HEADER_SIZE, "%s: %s", name, encoded);
    buffer_clear(&json);
    return well;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text && text[0] ? text : otherwise;
}

static const char *sender_name(const struct delivery *delivery, const struct record *referral)
{
    return text_or(record_text(referral, "source.organisation"),
                   delivery->source_ods[0] ? delivery->source_ods : BARS_ICB_NAME);
}

bool bars_headers(const struct bars_address *address, const struct delivery *delivery,
                  const struct record *referral, char headers[BARS_HEADERS][BARS_HEADER_SIZE])
{
    const bool notice = delivery->notice[0];
    char target[24], request[UUID_TEXT_SIZE], correlation[UUID_TEXT_SIZE];
    struct uuid of_referral = uuid_of("bars", delivery->referral_id, "correlation", NULL);
    bars_id(delivery, "request", request);
    uuid_format(&of_referral, correlation);
    (void)text_format(target, sizeof(target), "%lld", (long long)address->receiver_id);
    const struct bars_value values[] = {
        {"target", target},
        {"ods", notice ? BARS_ICB_CODE : text_or(delivery->source_ods, BARS_ICB_CODE)},
        {"name", notice ? BARS_ICB_NAME : sender_name(delivery, referral)},
        {NULL, NULL}};
    headers[6][0] = '\0';
    return encoded_header(headers[0], "NHSD-Target-Identifier",
                          "{'value':<target>,'system':'" BARS_DOS_SERVICE_ID "'}", values) &&
           encoded_header(headers[1], "NHSD-End-User-Organisation",
                          "{'resourceType':'Organization','identifier':[{'system':'" BARS_ODS_CODE
                          "','value':<ods>}],'name':<name>}",
                          values) &&
           encoded_header(headers[2], "NHSD-Requesting-Software",
                          "{'resourceType':'Device','identifier':[{'system':'urn:nhs-kent-and-"
                          "medway:software','value':'referral-router'}],'deviceName':[{'name':"
                          "'Referral router','type':'user-friendly-name'}],'version':[{'value':"
                          "'" PROJECT_VERSION "'}]}",
                          values) &&
           text_format(headers[3], BARS_HEADER_SIZE, "X-Request-Id: %s", request) &&
           text_format(headers[4], BARS_HEADER_SIZE,
                       "use-context: %s|referral|servicerequest-%s|new",
                       bars_use_case(delivery).code, notice ? "response" : "request") &&
           text_format(headers[5], BARS_HEADER_SIZE, "Accept: " BARS_MEDIA_TYPE) &&
           (delivery->correlation_id[0] ||
            text_format(headers[6], BARS_HEADER_SIZE, "X-Correlation-Id: %s", correlation));
}

/* ---- the bundle */

/* clang-format off: a template breaks where FHIR does */
static const char start[] =
    "{'resourceType':'Bundle','id':<bundle_id>,'meta':{'versionId':'" BARS_APPLICATION_VERSION "',"
    "'lastUpdated':<now>,'profile':['https://fhir.nhs.uk/StructureDefinition/BARSBundleMessage']}"
    ",'type':'message','timestamp':<now>,'entry':[";

static const char header[] =
    "{'fullUrl':<header>,'resource':{'resourceType':'MessageHeader','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.nhs.uk/StructureDefinition/BARSMessageHeader-servicerequest-request"
    "']},'eventCoding':{'system':'https://fhir.nhs.uk/CodeSystem/message-events-bars','code':"
    "'servicerequest-request'},'destination':[{'endpoint':<destination>,'receiver':{'reference':"
    "<receiver>}}],'sender':{'reference':<sender>},'source':{'name':<sender_name>,'software':"
    "'Referral router','version':'" PROJECT_VERSION "','endpoint':<source>},'reason':{'coding':[{"
    "'system':'https://fhir.nhs.uk/CodeSystem/message-reason-bars','code':'new'}]},'focus':[{"
    "'reference':<request>}],'definition':'https://fhir.nhs.uk/MessageDefinition/bars-message-ser"
    "vicerequest-request-referral'}},";

static const char request[] =
    "{'fullUrl':<request>,'resource':{'resourceType':'ServiceRequest','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.nhs.uk/StructureDefinition/BARSServiceRequest-request-referra"
    "l']},'basedOn':[{'reference':<plan>}],'status':'active','intent':'plan','category':[{"
    "'coding':[{'system':'https://fhir.nhs.uk/CodeSystem/message-category-servicerequest','code':"
    "'referral','display':'Transfer of Care'},{'system':<use_system>,'code':<use_code>,'display':"
    "<use_display>}]}],'subject':{'reference':<patient>},'encounter':{'reference':<encounter>},"
    "'occurrencePeriod':{'start':<accepted>,'end':<deadline>},'authoredOn':<authored>,"
    "'requester':{'reference':<practitioner>},'performer':[{'reference':<service>}]}},";

static const char encounter[] =
    "{'fullUrl':<encounter>,'resource':{'resourceType':'Encounter','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Encounter']},'identifier':[{"
    "'system':'urn:ietf:rfc:3986','value':<referral>}],'status':'finished','class':{'system':"
    "'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'EMER','display':'emergency'},"
    "'subject':{'reference':<patient>},'episodeOfCare':[{'reference':<journey>}],'period':{"
    "'start':<authored>}}},";

static const char plan[] =
    "{'fullUrl':<plan>,'resource':{'resourceType':'CarePlan','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-CarePlan']},'status':"
    "'completed','intent':'plan','subject':{'reference':<patient>},'encounter':{'reference':"
    "<encounter>},'period':{'start':<authored>},'addresses':[{'reference':<condition>}],"
    "'activity':[{'outcomeCodeableConcept':[{'text':<narrative>}],'reference':{'reference':"
    "<task>}}]}},";

static const char condition[] =
    "{'fullUrl':<condition>,'resource':{'resourceType':'Condition','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Condition']},"
    "'clinicalStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/condition-clini"
    "cal','code':'active'}]},'verificationStatus':{'coding':[{'system':"
    "'http://terminology.hl7.org/CodeSystem/condition-ver-status','code':'provisional'}]},"
    "'category':[{'coding':[{'system':'http://snomed.info/sct','code':'33962009','display':"
    "'Presenting complaint'}]}],'code':{'text':<complaint>},'subject':{'reference':<patient>},"
    "'encounter':{'reference':<encounter>}}},";

static const char task_begins[] =
    "{'fullUrl':<task>,'resource':{'resourceType':'Task','meta':{'lastUpdated':<now>,'profile':["
    "'https://fhir.hl7.org.uk/StructureDefinition/UKCore-Task']},'status':'requested','intent':"
    "'order','code':{";

static const char task_code[] =
    "'coding':[{'system':'http://snomed.info/sct','code':<task_code>,'display':<task_display>}],";

static const char task_ends[] =
    "'text':<service_name>},'description':<description>,'for':{'reference':<patient>},"
    "'authoredOn':<authored>,'restriction':{'period':{'end':<deadline>}}}},";

static const char sender_begins[] =
    "{'fullUrl':<sender>,'resource':{'resourceType':'Organization','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Organization']},'identifier':"
    "[{'system':'" BARS_ODS_CODE "','value':<sender_ods>}],'type':[";

static const char practice_type[] =
    "{'coding':[{'system':'http://snomed.info/sct','code':'788007007','display':"
    "'General practice service'}]}";

static const char other_type[] = "{'text':<sender_type>}";

static const char sender_ends[] = "],'name':<sender_name>}},";

static const char receiver[] =
    "{'fullUrl':<receiver>,'resource':{'resourceType':'Organization','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Organization']},'identifier':"
    "[{'system':'" BARS_ODS_CODE "','value':<receiver_ods>}]}},";

static const char practitioner[] =
    "{'fullUrl':<practitioner>,'resource':{'resourceType':'Practitioner','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Practitioner']},'name':"
    "[{'text':<person>}]}},";

static const char role[] =
    "{'fullUrl':<role>,'resource':{'resourceType':'PractitionerRole','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-PractitionerRole']},"
    "'practitioner':{'reference':<practitioner>},'organization':{'reference':<sender>}}},";

static const char service[] =
    "{'fullUrl':<service>,'resource':{'resourceType':'HealthcareService','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-HealthcareService']},"
    "'identifier':[{'system':'" BARS_DOS_SERVICE_ID "','value':<receiver_id>}],'active':true,"
    "'providedBy':{'reference':<receiver>},'name':<service_name>}},";

static const char consent[] =
    "{'fullUrl':<consent>,'resource':{'resourceType':'Consent','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Consent']},'status':'active',"
    "'scope':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/consentscope','code':"
    "'patient-privacy'}]},'category':[{'coding':[{'system':'https://fhir.nhs.uk/CodeSystem/consen"
    "t-categories-bars','code':'DRC','display':'Direct Care'}]}],'patient':{'reference':"
    "<patient>},'dateTime':<authored>,'policyRule':{'coding':[{'system':"
    "'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'IMPLIED'}]}}}";

static const char practice[] =
    ",{'fullUrl':<practice>,'resource':{'resourceType':'Organization','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Organization']},"
    "'identifier':[{'system':'" BARS_ODS_CODE "','value':<practice_ods>}]}}";

static const char medicine[] =
    ",{'fullUrl':<medicine>,'resource':{'resourceType':'MedicationStatement','meta':{"
    "'lastUpdated':<now>,'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Medicatio"
    "nStatement']},'status':'active','medicationCodeableConcept':{";

static const char medicine_code[] = "'coding':[{'system':'https://dmd.nhs.uk','code':<dmd>}],";

static const char medicine_ends[] =
    "'text':<medicine_name>},'subject':{'reference':<patient>},'context':{'reference':"
    "<encounter>},'dateAsserted':<authored>}}";

static const char pressure_begins[] =
    ",{'fullUrl':<observation>,'resource':{'resourceType':'Observation','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation']},"
    "'status':'final','category':[{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/obs"
    "ervation-category','code':'vital-signs'}]}],'code':{'coding':[{'system':"
    "'http://snomed.info/sct','code':'75367002','display':"
    "'Blood pressure (observable entity)'}]},'subject':{'reference':<patient>},'encounter':{"
    "'reference':<encounter>},'effectiveDateTime':<authored>,'component':[{'code':{'coding':[{"
    "'system':'http://snomed.info/sct','code':'271649006','display':'Systolic blood pressure'}]},"
    "'valueQuantity':{'unit':'millimeter of mercury','system':'http://unitsofmeasure.org','code':"
    "'mm[Hg]','value':";

static const char pressure_goes_on[] =
    "}},{'code':{'coding':[{'system':'http://snomed.info/sct','code':'271650006','display':"
    "'Diastolic blood pressure'}]},'valueQuantity':{'unit':'millimeter of mercury','system':"
    "'http://unitsofmeasure.org','code':'mm[Hg]','value':";

static const char pressure_ends[] = "}}]}}";

/* clang-format on */

/* ---- the bundle, put together */

/* Ids by which the resources refer to each other. */
static const char *const parts[] = {"header",    "request",  "encounter",    "plan",
                                    "condition", "task",     "patient",      "sender",
                                    "practice",  "receiver", "practitioner", "role",
                                    "service",   "consent",  "observation",  "medicine"};
#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PARTS COUNT(parts)
#define VALUES_MAX (PARTS + 32)

struct bundle {
    struct bars_value values[VALUES_MAX];
    size_t count;
    char urns[PARTS][UUID_TEXT_SIZE + 9];
    char id[UUID_TEXT_SIZE], referral[UUID_TEXT_SIZE + 9], journey[UUID_TEXT_SIZE + 14];
    char now[INSTANT_TEXT_SIZE], accepted[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    char receiver_id[24], destination[64], source[64], description[80];
    struct buffer narrative;
};

/* The last one stays empty: it ends the list. */
static void add(struct bundle *bundle, const char *name, const char *text)
{
    if (bundle->count + 1 < VALUES_MAX)
        bundle->values[bundle->count++] = (struct bars_value){name, text};
}

static void add_ids(struct bundle *bundle, const struct bars_address *address,
                    const struct delivery *delivery)
{
    char text[UUID_TEXT_SIZE];
    for (size_t i = 0; i < PARTS; i++) {
        bars_id(delivery, parts[i], text);
        (void)text_format(bundle->urns[i], sizeof(bundle->urns[i]), "urn:uuid:%s", text);
        add(bundle, parts[i], bundle->urns[i]);
    }
    bars_id(delivery, "bundle", bundle->id);
    (void)text_format(bundle->referral, sizeof(bundle->referral), "urn:uuid:%s",
                      delivery->referral_id);
    (void)text_format(bundle->journey, sizeof(bundle->journey), "EpisodeOfCare/%s",
                      text_or(delivery->correlation_id, delivery->referral_id));
    (void)text_format(bundle->receiver_id, sizeof(bundle->receiver_id), "%lld",
                      (long long)address->receiver_id);
    (void)text_format(bundle->destination, sizeof(bundle->destination), BARS_DOS_SERVICE_ID "|%lld",
                      (long long)address->receiver_id);
    (void)text_format(bundle->source, sizeof(bundle->source), BARS_DOS_SERVICE_ID "|%lld",
                      (long long)address->sender_id);
    add(bundle, "bundle_id", bundle->id);
    add(bundle, "referral", bundle->referral);
    add(bundle, "journey", bundle->journey);
    add(bundle, "receiver_id", bundle->receiver_id);
    add(bundle, "destination", bundle->destination);
    add(bundle, "source", bundle->source);
}

static void add_times(struct bundle *bundle, const struct delivery *delivery,
                      const struct record *referral)
{
    instant_format(delivery->created_at_ms, bundle->now);
    instant_format(delivery->accepted_at_ms, bundle->accepted);
    instant_format(delivery->deadline_at_ms, bundle->deadline);
    (void)text_format(bundle->description, sizeof(bundle->description),
                      "The patient expects to be seen before %s.", bundle->deadline);
    add(bundle, "now", bundle->now);
    add(bundle, "accepted", bundle->accepted);
    add(bundle, "deadline", bundle->deadline);
    add(bundle, "authored", text_or(record_text(referral, "authored_at"), bundle->accepted));
    add(bundle, "description", bundle->description);
}

static void add_facts(struct bundle *bundle, const struct delivery *delivery,
                      const struct record *referral)
{
    const struct bars_use_case use_case = bars_use_case(delivery);
    const char *complaint = record_text(referral, "details.presenting_complaint");
    if (!complaint)
        complaint = record_text(referral, "details.reason_for_request");
    add(bundle, "use_system", use_case.system);
    add(bundle, "use_code", use_case.code);
    add(bundle, "use_display", use_case.display);
    add(bundle, "sender_ods", text_or(delivery->source_ods, BARS_ICB_CODE));
    add(bundle, "sender_name", sender_name(delivery, referral));
    add(bundle, "sender_type", organisation_type(delivery->source_kind));
    add(bundle, "receiver_ods", delivery->destination);
    add(bundle, "person", text_or(record_text(referral, "source.person"), "Not stated"));
    add(bundle, "service_name", delivery->service);
    add(bundle, "complaint", text_or(complaint, delivery->service));
    add(bundle, "narrative", buffer_text(&bundle->narrative));
    add(bundle, "practice_ods", record_text(referral, "patient.gp_practice"));
    add(bundle, "medicine_name", record_text(referral, "details.medicine.name"));
    add(bundle, "dmd", record_text(referral, "details.medicine.dmd_code"));
    for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++)
        if (text_equal(delivery->service, tasks[i].service)) {
            add(bundle, "task_code", tasks[i].code);
            add(bundle, "task_display", tasks[i].display);
        }
}

static bool put_task(struct buffer *buffer, const struct bundle *bundle, const char *name)
{
    bool coded = false;
    for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++)
        coded = coded || text_equal(name, tasks[i].service);
    return bars_put(buffer, task_begins, bundle->values) &&
           (!coded || bars_put(buffer, task_code, bundle->values)) &&
           bars_put(buffer, task_ends, bundle->values);
}

static bool put_all(struct buffer *buffer, const struct bundle *bundle,
                    const char *const *templates, size_t count)
{
    bool well = true;
    for (size_t i = 0; well && i < count; i++)
        well = bars_put(buffer, templates[i], bundle->values);
    return well;
}

static bool put_optional(struct buffer *buffer, const struct bundle *bundle,
                         const struct record *referral)
{
    int64_t systolic, diastolic;
    const struct bars_value *values = bundle->values;
    if (record_has(referral, "patient.gp_practice") && !bars_put(buffer, practice, values))
        return false;
    if (record_text(referral, "details.medicine.name") &&
        !(bars_put(buffer, medicine, values) &&
          (!record_text(referral, "details.medicine.dmd_code") ||
           bars_put(buffer, medicine_code, values)) &&
          bars_put(buffer, medicine_ends, values)))
        return false;
    return !record_whole(referral, "details.reading.systolic", &systolic) ||
           !record_whole(referral, "details.reading.diastolic", &diastolic) ||
           (bars_put(buffer, pressure_begins, values) &&
            buffer_append_format(buffer, "%lld", (long long)systolic) &&
            bars_put(buffer, pressure_goes_on, values) &&
            buffer_append_format(buffer, "%lld", (long long)diastolic) &&
            bars_put(buffer, pressure_ends, values));
}

bool bars_append(struct buffer *buffer, const struct bars_address *address,
                 const struct delivery *delivery, const struct record *referral)
{
    static const char *const before_task[] = {start, header, request, encounter, plan, condition};
    const bool of_practice = text_equal(delivery->source_kind, "gp-practice");
    const char *const after_patient[] = {sender_begins, of_practice ? practice_type : other_type,
                                         sender_ends,   receiver,
                                         practitioner,  role,
                                         service,       consent};
    struct bundle bundle = {.count = 0};
    buffer_init(&bundle.narrative, NARRATIVE_MAX);
    bool well = bars_narrate(&bundle.narrative, referral);
    add_ids(&bundle, address, delivery);
    add_times(&bundle, delivery, referral);
    add_facts(&bundle, delivery, referral);
    well = well && put_all(buffer, &bundle, before_task, COUNT(before_task)) &&
           put_task(buffer, &bundle, delivery->service) &&
           bars_put_patient(buffer, referral, bundle.values) &&
           put_all(buffer, &bundle, after_patient, COUNT(after_patient)) &&
           put_optional(buffer, &bundle, referral) && buffer_append_text(buffer, "]}");
    if (bundle.narrative.length)
        explicit_bzero(bundle.narrative.data, bundle.narrative.length);
    buffer_clear(&bundle.narrative);
    return well;
}
