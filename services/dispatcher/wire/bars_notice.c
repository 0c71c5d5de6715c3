/* SPDX-License-Identifier: Apache-2.0 */
/* What a referrer that speaks BaRS is told when its referral comes back. Application 5 has no
 * message for it; the nearest is how other applications reject a referral: a
 * servicerequest-response whose ServiceRequest is revoked and whose second Encounter, the one that
 * did not take place, is cancelled with a coded reason. That Encounter, and no Appointment, tell it
 * from a response that says that the patient did not attend. The definition asks for a Patient:
 * ours has nothing in it, for the referrer knows the referral by its id. */
#include "wire/bars.h"
#include "wire/bars_parts.h"
#include "base/calendar.h"
#include "base/text.h"

#include <string.h>

#define VALUES_COUNT 17 /* that are no ids of resources */
#define WORDS_SIZE 160

/* clang-format off: a template breaks where FHIR does */
static const char bundle[] =
    "{'resourceType':'Bundle','id':<bundle>,'meta':{'versionId':'" BARS_APPLICATION_VERSION "',"
    "'lastUpdated':<now>,'profile':['https://fhir.nhs.uk/StructureDefinition/BARSBundleMessage']}"
    ",'type':'message','timestamp':<now>,'entry':[";

static const char header[] =
    "{'fullUrl':<header>,'resource':{'resourceType':'MessageHeader','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.nhs.uk/StructureDefinition/BARSMessageHeader-servicerequest-respons"
    "e']},'eventCoding':{'system':'https://fhir.nhs.uk/CodeSystem/message-events-bars','code':"
    "'servicerequest-response'},'destination':[{'endpoint':<destination>,'receiver':{'reference':"
    "<receiver>}}],'sender':{'reference':<sender>},'source':{'name':'" BARS_ICB_NAME "',"
    "'software':'Referral router','version':'" PROJECT_VERSION "','endpoint':<source>},'reason':{"
    "'coding':[{'system':'https://fhir.nhs.uk/CodeSystem/message-reason-bars','code':'new'}]},"
    "'response':{'identifier':<referral_id>,'code':'ok'},'focus':[{'reference':<request>}],"
    "'definition':'https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-response-ref"
    "erral'}},";

static const char request[] =
    "{'fullUrl':<request>,'resource':{'resourceType':'ServiceRequest','meta':{'lastUpdated':"
    "<now>,'profile':['https://fhir.nhs.uk/StructureDefinition/BARSServiceRequest-request-referra"
    "l']},'status':'revoked','intent':'plan','category':[{'coding':[{'system':"
    "'https://fhir.nhs.uk/CodeSystem/message-category-servicerequest','code':'referral',"
    "'display':'Transfer of Care'},{'system':<use_system>,'code':<use_code>,'display':"
    "<use_display>}]}],'subject':{'reference':<patient>},'encounter':{'reference':<encounter>},"
    "'occurrencePeriod':{'start':<accepted>},'authoredOn':<accepted>,'requester':{'reference':"
    "<receiver>},'performer':[{'reference':<sender>}],'reasonCode':[{'text':<words>}]}},";

static const char encounter[] =
    "{'fullUrl':<encounter>,'resource':{'resourceType':'Encounter','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Encounter']},'identifier':[{"
    "'system':'urn:ietf:rfc:3986','value':<referral>}],'status':'finished','class':{'system':"
    "'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'EMER','display':'emergency'},"
    "'subject':{'reference':<patient>},'episodeOfCare':[{'reference':<journey>}],'period':{"
    "'start':<accepted>}}},";

static const char rejection[] =
    "{'fullUrl':<rejection>,'resource':{'resourceType':'Encounter','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Encounter']},'identifier':[{"
    "'system':'urn:ietf:rfc:3986','value':<notice>}],'status':'cancelled','class':{'system':"
    "'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'EMER','display':'emergency'},"
    "'subject':{'reference':<patient>},'episodeOfCare':[{'reference':<journey>}],'period':{"
    "'start':<accepted>,'end':<now>},'reasonCode':[{'coding':[{'system':"
    "'https://fhir.nhs.uk/CodeSystem/rejected-reasons-bars','code':<reject_code>,'display':"
    "<reject_display>}],'text':<reason>}]}},";

static const char patient[] =
    "{'fullUrl':<patient>,'resource':{'resourceType':'Patient','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient']}}},";

static const char organisations[] =
    "{'fullUrl':<sender>,'resource':{'resourceType':'Organization','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Organization']},'identifier':"
    "[{'system':'" BARS_ODS_CODE "','value':'" BARS_ICB_CODE "'}],'name':'" BARS_ICB_NAME "'}},"
    "{'fullUrl':<receiver>,'resource':{'resourceType':'Organization','meta':{'lastUpdated':<now>,"
    "'profile':['https://fhir.hl7.org.uk/StructureDefinition/UKCore-Organization']},'identifier':"
    "[{'system':'" BARS_ODS_CODE "','value':<receiver_ods>}]}}]}";
/* clang-format on */

struct rejected {
    const char *code, *display;
};

static struct rejected rejected_of(const char *reason)
{
    return strncmp(reason, "no-provider", 11) == 0
               ? (struct rejected){"RRNA", "Requested resource not available within timescale"}
               : (struct rejected){"OTH", "Other"};
}

#define URN_SIZE (UUID_TEXT_SIZE + 9)

static void urn_of(const char *id, char urn[URN_SIZE])
{
    (void)text_format(urn, URN_SIZE, "urn:uuid:%s", id);
}

static void endpoint_of(int64_t service_id, char endpoint[64])
{
    (void)text_format(endpoint, 64, BARS_DOS_SERVICE_ID "|%lld", (long long)service_id);
}

bool bars_append_notice(struct buffer *buffer, const struct bars_address *address,
                        const struct delivery *notice)
{
    /* Ids by which the resources refer to each other. */
    static const char *const parts[] = {"header",  "request", "encounter", "rejection",
                                        "patient", "sender",  "receiver"};
    static const char *const templates[] = {bundle,    header,  request,      encounter,
                                            rejection, patient, organisations};
    enum { PARTS = sizeof(parts) / sizeof(*parts) };
    const struct bars_use_case use_case = bars_use_case(notice);
    const struct rejected rejected = rejected_of(notice->reason);
    char bundle_id[UUID_TEXT_SIZE], urns[PARTS][URN_SIZE], referral[URN_SIZE], own[URN_SIZE];
    char now[INSTANT_TEXT_SIZE], accepted[INSTANT_TEXT_SIZE], destination[64], source[64];
    char journey[UUID_TEXT_SIZE + 14], words[WORDS_SIZE];
    const char *correlation_id =
        notice->correlation_id[0] ? notice->correlation_id : notice->referral_id;
    struct bars_value values[VALUES_COUNT + PARTS + 1] = {
        {"bundle", bundle_id},
        {"now", now},
        {"accepted", accepted},
        {"referral", referral},
        {"referral_id", notice->referral_id},
        {"notice", own},
        {"journey", journey},
        {"destination", destination},
        {"source", source},
        {"receiver_ods", notice->destination},
        {"reason", notice->reason},
        {"words", words},
        {"reject_code", rejected.code},
        {"reject_display", rejected.display},
        {"use_system", use_case.system},
        {"use_code", use_case.code},
        {"use_display", use_case.display},
    };
    instant_format(notice->created_at_ms, now);
    instant_format(notice->accepted_at_ms, accepted);
    urn_of(notice->referral_id, referral);
    urn_of(notice->id, own);
    endpoint_of(address->receiver_id, destination);
    endpoint_of(address->sender_id, source);
    (void)text_format(journey, sizeof(journey), "EpisodeOfCare/%s", correlation_id);
    (void)text_format(words, sizeof(words),
                      "The referral has come back to its referrer (%s); nobody else has it.",
                      notice->reason);
    for (size_t i = 0; i < PARTS; i++) {
        bars_id(notice, parts[i], bundle_id);
        urn_of(bundle_id, urns[i]);
        values[VALUES_COUNT + i] = (struct bars_value){parts[i], urns[i]};
    }
    bars_id(notice, "bundle", bundle_id);
    bool well = true;
    for (size_t i = 0; well && i < sizeof(templates) / sizeof(*templates); i++)
        well = bars_put(buffer, templates[i], values);
    return well;
}
