/* SPDX-License-Identifier: Apache-2.0 */
/* From a referral to a decision: its own day, the rules of that day, where the patient is, who
 * takes it. Nothing here asks the clock or the network, so the router, a re-route and `referralctl
 * route --explain` come to the same answer. */
#include "directory/route.h"

#include "base/text.h"

#include <string.h>

#define DAY_MS (24 * INT64_C(3600000))
#define AUTHORED_EARLIER_MAX_MS (7 * DAY_MS)
#define AUTHORED_LATER_MAX_MS (5 * INT64_C(60000))

/* Referrers' clocks err, and rules have dates: what the referrer wrote counts only if it can be
 * true. */
static struct date day_of(const struct record *referral, int64_t accepted_at_ms,
                          bool *ret_clock_skewed)
{
    const char *authored = record_text(referral, "authored_at");
    int64_t authored_at_ms;
    *ret_clock_skewed = false;
    if (authored == NULL)
        return london_date(accepted_at_ms);
    if (instant_parse(authored, &authored_at_ms) &&
        authored_at_ms >= accepted_at_ms - AUTHORED_EARLIER_MAX_MS &&
        authored_at_ms <= accepted_at_ms + AUTHORED_LATER_MAX_MS)
        return london_date(authored_at_ms);
    *ret_clock_skewed = true;
    return london_date(accepted_at_ms);
}

/* The patient's postcode, else the registered practice's place, as the places or the directory know
 * it. */
static void locate(const struct route_world *world, const struct record *referral,
                   struct provider_wish *wish)
{
    const char *practice = record_text(referral, "patient.gp_practice");
    wish->has_place = places_find(world->places, record_text(referral, "patient.postcode"),
                                  &wish->easting, &wish->northing);
    if (wish->has_place || practice == NULL)
        return;
    wish->has_place = places_find_code(world->places, practice, &wish->easting, &wish->northing);
    const struct provider *known = directory_find(world->directory, practice);
    if (!wish->has_place && known != NULL && known->has_place) {
        wish->has_place = true;
        wish->easting = known->easting;
        wish->northing = known->northing;
    }
}

static int age_on(const struct record *referral, struct date day)
{
    struct date birth;
    const char *text = record_text(referral, "patient.date_of_birth");
    return text != NULL && date_parse(text, &birth) ? age_years_on(birth, day) : -1;
}

bool route_decide(const struct route_world *world, const char *pathway_name_text,
                  const struct record *referral, int64_t accepted_at_ms, int64_t now_ms,
                  const struct tried_provider *tried, size_t tried_count,
                  struct route_decision *ret_decision)
{
    const struct pathway *pathway = pathway_find(world->pathways, pathway_name_text);
    const char *id = record_text(referral, "id");
    if (pathway == NULL || id == NULL)
        return false;
    struct route_decision *decision = ret_decision;
    decision->reason = "";
    decision->accepted_at_replaced = false;
    decision->choice =
        (struct provider_choice){.how = "", .reason = "", .distance_m = -1, .spare = SPARE_UNKNOWN};
    struct date day = day_of(referral, accepted_at_ms, &decision->clock_skewed);
    pathway_decide(pathway, referral, day, &decision->rules);
    decision->deadline_at_ms = accepted_at_ms + decision->rules.deadline_ms;
    if (decision->rules.outcome == RULES_RETURN)
        decision->reason = decision->rules.reason;
    if (decision->rules.outcome != RULES_ROUTE)
        return true;
    if (decision->deadline_at_ms <= now_ms) {
        decision->reason = "deadline-passed";
        return true;
    }
    struct provider_wish wish = {
        .referral_id = id,
        .service = decision->rules.service,
        .provider_kind = pathway_provider_kind(pathway),
        .nominated = record_text(referral, "nominated_provider"),
        .hcp = record_text(referral, "source.hcp"),
        .age_years = age_on(referral, day),
        .no_distance_selling = decision->rules.no_distance_selling,
        .now_ms = now_ms,
        .deadline_ms = decision->deadline_at_ms,
        .distance_most_m = pathway_distance_most_m(pathway),
        .tried = tried,
        .tried_count = tried_count,
    };
    locate(world, referral, &wish);
    directory_choose(world->directory, &wish, &decision->choice);
    decision->reason = decision->choice.reason;
    return true;
}

/* ---- the explanation: JSON written straight into the caller's text, for there is one for each
 * referral */

struct writer {
    char *text;
    size_t size, length;
    bool full;
};

static void put(struct writer *writer, const char *bytes, size_t length)
{
    if (writer->full || writer->size - writer->length <= length) {
        writer->full = true;
        return;
    }
    memcpy(writer->text + writer->length, bytes, length);
    writer->length += length;
    writer->text[writer->length] = '\0';
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

static void put_quoted(struct writer *writer, const char *text)
{
    put(writer, "\"", 1);
    for (; *text != '\0'; text++) {
        size_t plain = strcspn(text, "\"\\\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
                                     "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a"
                                     "\x1b\x1c\x1d\x1e\x1f");
        put(writer, text, plain);
        text += plain;
        if (*text == '\0')
            break;
        char escape[8];
        text_format(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*text);
        put_text(writer, escape);
    }
    put(writer, "\"", 1);
}

static void put_name(struct writer *writer, const char *name)
{
    put_text(writer, writer->length > 1 ? "," : "");
    put_quoted(writer, name);
    put_text(writer, ":");
}

/* Left out where there is nothing to say. */
static void put_member(struct writer *writer, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    put_name(writer, name);
    put_quoted(writer, text);
}

static void put_true(struct writer *writer, const char *name, bool value)
{
    if (!value)
        return;
    put_name(writer, name);
    put_text(writer, "true");
}

static void put_number(struct writer *writer, const char *name, int64_t number)
{
    char text[24];
    text_format(text, sizeof text, "%lld", (long long)number);
    put_name(writer, name);
    put_text(writer, text);
}

static void put_choice(struct writer *writer, const struct provider_choice *choice)
{
    put_member(writer, "how", choice->how);
    if (choice->provider != NULL)
        put_member(writer, "provider", choice->provider->ods_code);
    if (choice->distance_m >= 0) /* whole kilometres: metres would give the patient's place away */
        put_number(writer, "within_km", choice->distance_m / 1000 + 1);
    if (choice->spare >= 0)
        put_number(writer, "spare", choice->spare);
    if (choice->passed_over_total == 0)
        return;
    put_number(writer, "passed_over_total", (int64_t)choice->passed_over_total);
    put_name(writer, "passed_over");
    put_text(writer, "[");
    for (size_t i = 0; i < choice->passed_over_count; i++) {
        put_text(writer, i == 0 ? "[" : ",[");
        put_quoted(writer, choice->passed_over[i].ods_code);
        put_text(writer, ",");
        put_quoted(writer, choice->passed_over[i].why);
        put_text(writer, "]");
    }
    put_text(writer, "]");
}

/* Where nobody takes a referral that the rules would route, the words are about that: those of a
 * fall-back would promise a consultation. */
const char *route_words(const struct route_decision *decision)
{
    static const char *const words[][2] = {
        {"no-provider", "No provider that could take this referral was found. Arrange it with "
                        "the patient another way."},
        {"no-provider-open", "No provider of this service is open in time. Arrange it with the "
                             "patient another way, or refer again later."},
        {"no-provider-with-room", "All providers of this service that are near enough have as many "
                                  "referrals as they can take today. Arrange it with the patient "
                                  "another way, or refer again tomorrow."},
        {"no-provider-in-range", "No provider of this service is near enough. Ask the patient "
                                 "about one further away, and nominate it."},
        {"returned-by-provider", "The provider sent this referral back, and no other that could "
                                 "take it was found. Arrange it with the patient another way."},
        {"no-provider-left", "The providers that could take this referral could not be reached in "
                             "time. Arrange it with the patient another way."},
        {"deadline-passed", "The time for this referral had passed before a provider could be "
                            "found. Speak to the patient, and refer again if it is still needed."},
    };
    if (decision->rules.outcome != RULES_ROUTE || decision->reason[0] == '\0')
        return decision->rules.words;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i][0], decision->reason) == 0)
            return words[i][1];
    return words[0][1];
}

bool route_explain(const struct route_world *world, const struct route_decision *decision,
                   const char *rules_version, char *text, size_t size)
{
    if (size == 0)
        return false;
    struct writer writer = {.text = text, .size = size};
    text[0] = '\0';
    put_text(&writer, "{");
    put_member(&writer, "rule", decision->rules.rule_id);
    put_member(&writer, "service", decision->rules.service);
    put_member(&writer, "fell_back_from", decision->rules.fell_back_from);
    put_member(&writer, "rules_reason", decision->rules.reason);
    put_member(&writer, "reason", decision->reason);
    put_member(&writer, "words", route_words(decision));
    put_true(&writer, "urgent", decision->rules.urgent);
    put_choice(&writer, &decision->choice);
    put_true(&writer, "clock_skewed", decision->clock_skewed);
    put_true(&writer, "accepted_at_replaced", decision->accepted_at_replaced);
    put_member(&writer, "rules_version", rules_version);
    put_member(&writer, "directory_version", directory_version(world->directory));
    put_text(&writer, "}");
    return !writer.full;
}
