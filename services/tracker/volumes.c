/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are written straight into the answer's buffer: a month of all dimensions is a hundred
 * thousand rows, which as a tree of JSON values would be hundreds of megabytes. */
#include "volumes.h"

#include "base/json.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static enum verdict filter_text(const char *value, const char *pointer, char *to, size_t size,
                                struct reason *reason)
{
    if (text_copy(to, size, value))
        return DONE;
    reason_set(reason, "bad-filter", pointer, "longer than %zu bytes", size - 1);
    return REFUSED;
}

void volumes_list(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    if (name)
        text_format(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static enum verdict filter_stage(const char *value, char *to, size_t size, struct reason *reason)
{
    char list[REASON_DETAIL_MAX] = "";
    bool known = !value || !*value;
    for (int kind = 0; kind < EVENT_KINDS && !known; kind++) {
        const char *stage = event_word((enum event_kind)kind)->stage;
        known = text_equal(stage, value);
        volumes_list(list, sizeof(list), stage);
    }
    if (known && text_copy(to, size, value))
        return DONE;
    reason_set(reason, "bad-filter", "/stage", "expected one of %s", list);
    return REFUSED;
}

static enum verdict filter_date(const char *value, const char *pointer, struct date otherwise,
                                struct date *ret_date, struct reason *reason)
{
    *ret_date = otherwise;
    if (!value || date_parse(value, ret_date))
        return DONE;
    reason_set(reason, "bad-date", pointer, "not a date that exists, expected YYYY-MM-DD");
    return REFUSED;
}

enum verdict volumes_filter(const struct volumes_query *query, struct date today,
                            struct volume_filter *ret_filter, struct reason *reason)
{
    struct date from, to;
    struct volume_filter filter = {.from = ""};
    enum verdict verdict = filter_date(query->to, "/to", today, &to, reason);
    if (verdict != DONE)
        return verdict;
    int64_t first = date_to_days(to) - (VOLUMES_DAYS_DEFAULT - 1);
    int64_t earliest = date_to_days((struct date){1, 1, 1});
    verdict = filter_date(query->from, "/from", date_from_days(first > earliest ? first : earliest),
                          &from, reason);
    if (verdict != DONE)
        return verdict;
    if (date_compare(from, to) > 0) {
        reason_set(reason, "bad-range", "/from", "after `to`; both are inclusive");
        return REFUSED;
    }
    date_format(from, filter.from);
    date_format(to, filter.to);
    verdict =
        filter_text(query->pathway, "/pathway", filter.pathway, sizeof(filter.pathway), reason);
    if (verdict == DONE)
        verdict = filter_stage(query->stage, filter.stage, sizeof(filter.stage), reason);
    if (verdict == DONE)
        verdict = filter_text(query->hcp, "/hcp", filter.hcp, sizeof(filter.hcp), reason);
    if (verdict == DONE)
        *ret_filter = filter;
    return verdict;
}

static bool csv_text(struct buffer *buffer, const char *value)
{
    bool formula = value[0] != '\0' && strchr("=+-@\t\r", value[0]) != NULL;
    bool quoted = strpbrk(value, "\",\r\n") != NULL;
    if (quoted)
        buffer_append_text(buffer, "\"");
    if (formula)
        buffer_append_text(buffer, "'");
    for (const char *at = value; *at; at++) {
        if (*at == '"')
            buffer_append_text(buffer, "\"");
        buffer_append(buffer, at, 1);
    }
    if (quoted)
        buffer_append_text(buffer, "\"");
    return buffer_append_text(buffer, ",");
}

bool volumes_csv_begin(struct buffer *buffer)
{
    return buffer_append_text(
        buffer, "period,pathway,service,source_kind,hcp,pcn,provider,stage,count\r\n");
}

bool volumes_csv_row(struct buffer *buffer, const struct volume *volume)
{
    const char *const texts[] = {volume->period,      volume->pathway, volume->service,
                                 volume->source_kind, volume->hcp,     volume->pcn,
                                 volume->provider,    volume->stage};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        csv_text(buffer, texts[i]);
    return buffer_append_format(buffer, "%lld\r\n", (long long)volume->count) && !buffer->failed;
}

bool volumes_json_begin(struct buffer *buffer, const struct volume_filter *filter)
{
    return buffer_append_format(buffer, "{\"from\":\"%s\",\"to\":\"%s\",\"volumes\":[",
                                filter->from, filter->to);
}

static bool append_json(struct buffer *buffer, struct json *json)
{
    char *printed = json_print(json, JSON_COMPACT);
    bool fits = printed && buffer_append_text(buffer, printed);
    free(printed);
    return fits;
}

bool volumes_json_row(struct buffer *buffer, const struct volume *volume, bool first)
{
    struct json *row = json_new_object();
    bool well = row && json_set_text(row, "period", volume->period) &&
                json_set_text(row, "pathway", volume->pathway) &&
                json_set_text(row, "service", volume->service) &&
                json_set_text(row, "source_kind", volume->source_kind) &&
                json_set_text(row, "hcp", volume->hcp) && json_set_text(row, "pcn", volume->pcn) &&
                json_set_text(row, "provider", volume->provider) &&
                json_set_text(row, "stage", volume->stage) &&
                json_set_whole(row, "count", volume->count) &&
                (first || buffer_append_text(buffer, ",")) && append_json(buffer, row);
    json_free(row);
    return well;
}

bool volumes_json_end(struct buffer *buffer)
{
    return buffer_append_text(buffer, "]}\n");
}
