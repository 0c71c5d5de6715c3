/* SPDX-License-Identifier: Apache-2.0 */
/* The referral's own members are printed from its record; only the frame is written here, since a
 * second JSON tree for every send would cost more than the send. */
#include "body.h"

#include "base/calendar.h"

#include <stdlib.h>

/* Members of the posted referral that are passed on as they are. */
static const char *const passed_on[] = {"source",  "patient", "consent",
                                        "urgency", "notes",   "details"};

static bool append_text(struct buffer *buffer, const char *name, const char *value)
{
    if (!buffer_append_format(buffer, "\"%s\":\"", name))
        return false;
    for (const char *at = value; *at; at++) {
        bool escaped = *at == '"' || *at == '\\' || (unsigned char)*at < 0x20;
        if (escaped ? !buffer_append_format(buffer, "\\u%04x", (unsigned)(unsigned char)*at)
                    : !buffer_append(buffer, at, 1))
            return false;
    }
    return buffer_append_text(buffer, "\",");
}

static bool append_member(struct buffer *buffer, const struct json *referral, const char *name)
{
    const struct json *value = json_member(referral, name);
    if (!value)
        return true;
    char *text = json_print(value, JSON_COMPACT);
    bool well =
        text && buffer_append_format(buffer, ",\"%s\":", name) && buffer_append_text(buffer, text);
    free(text);
    return well;
}

bool body_append(struct buffer *buffer, const struct delivery *delivery,
                 const struct record *referral)
{
    char created[INSTANT_TEXT_SIZE], accepted[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    instant_format(delivery->created_at_ms, created);
    instant_format(delivery->accepted_at_ms, accepted);
    instant_format(delivery->deadline_at_ms, deadline);
    const struct {
        const char *name, *value;
    } texts[] = {
        {"delivery_id", delivery->id},
        {"referral_id", delivery->referral_id},
        {"correlation_id", delivery->correlation_id},
        {"pathway", delivery->pathway},
        {"service", delivery->service},
        {"deadline_at", deadline},
        {"accepted_at", accepted},
    };
    struct json *json = record_to_json(referral);
    bool well =
        json &&
        buffer_append_format(
            buffer, "{\"type\":\"referral.created\",\"timestamp\":\"%s\",\"data\":{", created);
    for (size_t i = 0; well && i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].value[0])
            well = append_text(buffer, texts[i].name, texts[i].value);
    well = well && buffer_append_format(buffer, "\"hop\":%d", delivery->hop);
    for (size_t i = 0; well && i < sizeof(passed_on) / sizeof(*passed_on); i++)
        well = append_member(buffer, json, passed_on[i]);
    json_free(json);
    return well && buffer_append_text(buffer, "}}");
}
