// SPDX-License-Identifier: Apache-2.0
// A pathway.json that has been loaded, in words: what a clinician signs should be readable without
// knowing JSON. Structure that the loader has checked is not checked again.
#include "pathways.h"

#include "base/text.h"

#include <string.h>

void duration_words(double minutes, char text[DURATION_SIZE])
{
    if (minutes >= 2880) {
        text_format(text, DURATION_SIZE, "%g d", minutes / 1440);
    } else if (minutes >= 60) {
        text_format(text, DURATION_SIZE, "%g h", minutes / 60);
    } else {
        text_format(text, DURATION_SIZE, "%g min", minutes);
    }
}

static bool put_value(struct buffer *buffer, const struct json *value)
{
    char number[40];
    if (json_text(value)) {
        return buffer_append_text(buffer, json_text(value));
    }
    if (json_kind_of(value) == JSON_IS_BOOLEAN) {
        return buffer_append_text(buffer, json_is_true(value) ? "true" : "false");
    }
    return text_format(number, sizeof number, "%g", json_number(value, 0)) &&
           buffer_append_text(buffer, number);
}

static bool put_values(struct buffer *buffer, const struct json *list, const char *between)
{
    bool done = true;
    for (size_t index = 0; done && index < json_count(list); index++) {
        done = buffer_append_text(buffer, index > 0 ? between : "") &&
               put_value(buffer, json_item(list, index));
    }
    return done;
}

// "is from 16 to 64", "is 16 or more", "is below 16 or not known".
static bool put_range(struct buffer *buffer, const struct json *range, bool negated)
{
    const struct json *least = json_member(range, "least"), *most = json_member(range, "most");
    bool done = buffer_append_text(buffer, negated ? " is not known or " : " is ");
    if (least && most) {
        return done && buffer_append_text(buffer, negated ? "not from " : "from ") &&
               put_value(buffer, least) && buffer_append_text(buffer, " to ") &&
               put_value(buffer, most);
    }
    if (negated) {
        return done && buffer_append_text(buffer, least ? "below " : "above ") &&
               put_value(buffer, least ? least : most);
    }
    return done && put_value(buffer, least ? least : most) &&
           buffer_append_text(buffer, least ? " or more" : " or less");
}

static bool put_test(struct buffer *buffer, const struct json *test, bool negated)
{
    const struct json *equals = json_member(test, "equals"), *one_of = json_member(test, "one_of");
    const struct json *range = json_member(test, "range");
    bool done = buffer_append_text(buffer, json_member_text(test, "field"));
    if (equals) {
        return done && buffer_append_text(buffer, negated ? " is not " : " is ") &&
               put_value(buffer, equals);
    }
    if (one_of) {
        return done && buffer_append_text(buffer, negated ? " is none of " : " is ") &&
               put_values(buffer, one_of, negated ? ", " : " or ");
    }
    if (range) {
        return done && put_range(buffer, range, negated);
    }
    bool present = json_is_true(json_member(test, "present")) != negated;
    return done && buffer_append_text(buffer, present ? " is given" : " is not given");
}

static bool put_predicate(struct buffer *buffer, const struct json *predicate, int depth,
                          bool negated);

static bool put_group(struct buffer *buffer, const struct json *list, const char *words, int depth)
{
    bool done = buffer_append_text(buffer, words);
    for (size_t index = 0; done && index < json_count(list); index++) {
        done = buffer_append_format(buffer, "\n%*s- ", depth * 2 + 4, "") &&
               put_predicate(buffer, json_item(list, index), depth + 1, false);
    }
    return done;
}

static bool put_predicate(struct buffer *buffer, const struct json *predicate, int depth,
                          bool negated)
{
    const struct json *all = json_member(predicate, "all_of");
    const struct json *any = json_member(predicate, "any_of");
    const struct json *inner = json_member(predicate, "not");
    if (json_kind_of(predicate) == JSON_IS_BOOLEAN) {
        return buffer_append_text(buffer, negated ? "never" : "always");
    }
    if (all) {
        return put_group(buffer, all, negated ? "not all of" : "all of", depth);
    }
    if (any) {
        return put_group(buffer, any, negated ? "none of" : "any of", depth);
    }
    if (inner) {
        return put_predicate(buffer, inner, depth, !negated);
    }
    return put_test(buffer, predicate, negated);
}

static bool put_days(struct buffer *buffer, const struct json *of)
{
    const char *from = json_member_text(of, "from"), *until = json_member_text(of, "until");
    return (!from || buffer_append_format(buffer, " from %s", from)) &&
           (!until || buffer_append_format(buffer, " until %s", until));
}

static bool put_rule(struct buffer *buffer, size_t number, const struct json *rule)
{
    const char *then = json_member_text(rule, "then");
    const char *service = json_member_text(rule, "service");
    const char *reason = json_member_text(rule, "reason");
    bool urgent = json_is_true(json_member(rule, "urgent"));
    return buffer_append_format(buffer, "\n%zu. %s%s", number, json_member_text(rule, "id"),
                                urgent ? " (urgent)" : "") &&
           put_days(buffer, rule) && buffer_append_text(buffer, "\n   when ") &&
           put_predicate(buffer, json_member(rule, "when"), 1, false) &&
           buffer_append_format(buffer, "\n   then %s%s%s%s%s\n   \"%s\"\n", then,
                                service ? " to " : "", service ? service : "",
                                reason ? ", reason " : "", reason ? reason : "",
                                json_member_text(rule, "words"));
}

static bool put_service(struct buffer *buffer, const struct json *service, double deadline)
{
    char within[DURATION_SIZE];
    duration_words(json_number(json_member(service, "deadline_minutes"), deadline), within);
    return buffer_append_format(buffer, "  %s, \"%s\", within %s: when ",
                                json_member_text(service, "service"),
                                json_member_text(service, "title"), within) &&
           put_predicate(buffer, json_member(service, "when"), 1, false) &&
           buffer_append_text(buffer, "\n");
}

static bool put_head(struct buffer *buffer, const struct json *document, double deadline)
{
    char within[DURATION_SIZE], outcome[DURATION_SIZE];
    const struct json *enabled = json_member(document, "enabled");
    duration_words(deadline, within);
    duration_words(json_number(json_member(document, "outcome_minutes"), 0), outcome);
    bool done =
        buffer_append_format(
            buffer,
            "%s (%s), version %s\nclinical owner: %s\ntaken:", json_member_text(document, "title"),
            json_member_text(document, "name"), json_member_text(document, "version"),
            json_member_text(document, "clinical_owner")) &&
        (json_kind_of(enabled) == JSON_IS_OBJECT ? put_days(buffer, enabled)
                                                 : buffer_append_text(buffer, " not at all"));
    return done && buffer_append_text(buffer, "\nfrom: ") &&
           put_values(buffer, json_member(document, "sources"), ", ") &&
           buffer_append_format(buffer, "\nto: %s, delivered within %s, outcome within %s\n",
                                json_member_text(document, "provider_kind"), within, outcome);
}

bool pathway_words(const struct json *document, struct buffer *buffer)
{
    const struct json *services = json_member(document, "services");
    const struct json *rules = json_member(document, "rules");
    const struct json *notes = json_member(document, "notes");
    const struct json *no_selling = json_member(document, "no_distance_selling");
    double deadline = json_number(json_member(document, "deadline_minutes"), 0);
    bool done = put_head(buffer, document, deadline);
    for (size_t index = 0; done && index < json_count(notes); index++) {
        done = buffer_append_format(buffer, "note: %s\n", json_text(json_item(notes, index)));
    }
    done = done && buffer_append_text(buffer, "services, the first that fits:\n");
    for (size_t index = 0; done && index < json_count(services); index++) {
        done = put_service(buffer, json_item(services, index), deadline);
    }
    if (done && no_selling) {
        done = buffer_append_text(buffer, "no distance-selling pharmacy when ") &&
               put_predicate(buffer, no_selling, 0, false) && buffer_append_text(buffer, "\n");
    }
    for (size_t index = 0; done && index < json_count(rules); index++) {
        done = put_rule(buffer, index + 1, json_item(rules, index));
    }
    return done;
}
