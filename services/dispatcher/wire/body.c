/* SPDX-License-Identifier: Apache-2.0 */
/* The referral's own members are printed from its bytes; only the frame is written here, without
 * a JSON tree, which would cost more than the send. */
#include "wire/body.h"

#include "base/calendar.h"
#include "base/text.h"

#include <string.h>

/* Members of the posted referral that are passed on as they are. */
static const char *const passed_on[] = {"source",  "patient", "consent",
                                        "urgency", "notes",   "details"};
#define PASSED_ON (sizeof(passed_on) / sizeof(*passed_on))

static bool append_name(struct buffer *buffer, const char *name)
{
    return json_text_append(buffer, name, strlen(name)) && buffer_append(buffer, ":", 1);
}

static bool append_text(struct buffer *buffer, const char *name, const char *value)
{
    return append_name(buffer, name) && json_text_append(buffer, value, strlen(value)) &&
           buffer_append(buffer, ",", 1);
}

static bool is_passed_on(const char *name)
{
    size_t i = 0;
    while (i < PASSED_ON && !text_same_name(passed_on[i], name))
        i++;
    return i < PASSED_ON;
}

static bool append_member(struct buffer *buffer, const struct record_field *field)
{
    return flat_is_null(field) || !is_passed_on(field->name) ||
           (buffer_append(buffer, ",", 1) && append_name(buffer, field->name) &&
            flat_write_json(field, buffer));
}

bool body_append(struct buffer *buffer, const struct delivery *delivery,
                 const struct record_field *referral, size_t fields_count)
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
    char hop[WHOLE_TEXT_SIZE];
    bool well = buffer_append_text(buffer, "{\"type\":\"referral.created\",\"timestamp\":\"") &&
                buffer_append_text(buffer, created) && buffer_append_text(buffer, "\",\"data\":{");
    for (size_t i = 0; well && i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].value[0])
            well = append_text(buffer, texts[i].name, texts[i].value);
    well = well && buffer_append_text(buffer, "\"hop\":") &&
           buffer_append(buffer, hop, text_of_whole(delivery->hop, hop));
    for (size_t i = 0; well && i < fields_count; i++)
        well = append_member(buffer, &referral[i]);
    return well && buffer_append_text(buffer, "}}");
}

bool body_append_notice(struct buffer *buffer, const struct delivery *notice)
{
    char created[INSTANT_TEXT_SIZE], accepted[INSTANT_TEXT_SIZE];
    instant_format(notice->created_at_ms, created);
    instant_format(notice->accepted_at_ms, accepted);
    bool well =
        buffer_append_format(buffer, "{\"type\":\"referral.%s\",\"timestamp\":\"%s\",\"data\":{",
                             notice->notice, created) &&
        append_text(buffer, "notice_id", notice->id) &&
        append_text(buffer, "referral_id", notice->referral_id) &&
        append_text(buffer, "pathway", notice->pathway) &&
        append_text(buffer, "reason", notice->reason);
    if (well && notice->correlation_id[0])
        well = append_text(buffer, "correlation_id", notice->correlation_id);
    return well && append_name(buffer, "accepted_at") &&
           json_text_append(buffer, accepted, strlen(accepted)) && buffer_append_text(buffer, "}}");
}
