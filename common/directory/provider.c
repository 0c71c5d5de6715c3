/* SPDX-License-Identifier: Apache-2.0 */
/* A provider between the topic's record and the struct that decisions read. What comes in is
 * checked here once, so that choosing never meets a half-made entry. */
#include "directory/directory.h"

#include "base/calendar.h"
#include "base/text.h"
#include "codec/record.h"

#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX 64
#define PATH_SIZE 48

void provider_free(struct provider *provider)
{
    if (provider == NULL)
        return;
    free(provider->name);
    free(provider->hcp);
    free(provider->pcn);
    free(provider->postcode);
    free(provider->url);
    free(provider->secret);
    free(provider->certificate);
    free(provider->services);
    free(provider->hours);
    free(provider->special_days);
    free(provider);
}

static bool copy_text(char **ret_copy, const char *text, bool may_lack)
{
    if (text == NULL && may_lack) {
        *ret_copy = NULL;
        return true;
    }
    *ret_copy = strdup(text == NULL ? "" : text);
    return *ret_copy != NULL;
}

static bool copy_rows(void *ret_rows, const void *rows, size_t count, size_t size)
{
    void *copy = NULL;
    if (count > 0) {
        copy = calloc(count, size);
        if (copy == NULL)
            return false;
        memcpy(copy, rows, count * size);
    }
    memcpy(ret_rows, &copy, sizeof copy);
    return true;
}

struct provider *provider_copy(const struct provider *provider)
{
    struct provider *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *provider;
    copy->name = copy->hcp = copy->pcn = copy->postcode = copy->url = NULL;
    copy->secret = copy->certificate = NULL;
    copy->services = NULL;
    copy->hours = NULL;
    copy->special_days = NULL;
    if (!copy_text(&copy->name, provider->name, false) ||
        !copy_text(&copy->hcp, provider->hcp, false) ||
        !copy_text(&copy->pcn, provider->pcn, false) ||
        !copy_text(&copy->postcode, provider->postcode, false) ||
        !copy_text(&copy->url, provider->url, true) ||
        !copy_text(&copy->secret, provider->secret, true) ||
        !copy_text(&copy->certificate, provider->certificate, true) ||
        !copy_rows(&copy->services, provider->services, provider->services_count,
                   sizeof *provider->services) ||
        !copy_rows(&copy->hours, provider->hours, provider->hours_count, sizeof *provider->hours) ||
        !copy_rows(&copy->special_days, provider->special_days, provider->special_days_count,
                   sizeof *provider->special_days)) {
        provider_free(copy);
        return NULL;
    }
    return copy;
}

static const char *item_path(char path[PATH_SIZE], const char *array, size_t index,
                             const char *field)
{
    text_format(path, PATH_SIZE, "%s.%zu.%s", array, index, field);
    return path;
}

static void *rows_new(const struct record *record, const char *array, size_t most, size_t size,
                      size_t *ret_count, struct reason *reason)
{
    size_t count = record_count(record, array);
    if (count > most) {
        reason_set(reason, "too-many", NULL, "%s: at most %zu", array, most);
        return NULL;
    }
    void *rows = calloc(count == 0 ? 1 : count, size);
    if (rows == NULL)
        reason_set(reason, "no-memory", NULL, "memory ran out");
    *ret_count = rows == NULL ? 0 : count;
    return rows;
}

static bool read_services(const struct record *record, struct provider *provider,
                          struct reason *reason)
{
    provider->services = rows_new(record, "services", PROVIDER_SERVICES_MAX,
                                  sizeof *provider->services, &provider->services_count, reason);
    if (provider->services == NULL)
        return false;
    for (size_t i = 0; i < provider->services_count; i++) {
        struct provider_service *service = &provider->services[i];
        char path[PATH_SIZE];
        const char *name = record_text(record, item_path(path, "services", i, "service"));
        text_copy(service->service, sizeof service->service, name);
        int64_t accepting = record_whole_or(record, item_path(path, "services", i, "accepting"), 1);
        service->accepting = accepting != 0;
        service->age_least =
            (int16_t)record_whole_or(record, item_path(path, "services", i, "age_least"), -1);
        service->age_most =
            (int16_t)record_whole_or(record, item_path(path, "services", i, "age_most"), -1);
        service->capacity_per_day = (int32_t)record_whole_or(
            record, item_path(path, "services", i, "capacity_per_day"), -1);
    }
    return true;
}

static bool span_is_sound(int64_t opens, int64_t closes, struct reason *reason)
{
    if (opens >= 0 && closes <= 24 * 60 && opens <= closes)
        return true;
    reason_set(reason, "bad-session", NULL,
               "a session opens and closes on one day, in minutes from 0 to 1440");
    return false;
}

static bool read_hours(const struct record *record, struct provider *provider,
                       struct reason *reason)
{
    provider->hours = rows_new(record, "hours", SESSIONS_MAX, sizeof *provider->hours,
                               &provider->hours_count, reason);
    if (provider->hours == NULL)
        return false;
    for (size_t i = 0; i < provider->hours_count; i++) {
        char path[PATH_SIZE];
        int64_t weekday = record_whole_or(record, item_path(path, "hours", i, "weekday"), -1);
        int64_t opens = record_whole_or(record, item_path(path, "hours", i, "opens"), -1);
        int64_t closes = record_whole_or(record, item_path(path, "hours", i, "closes"), -1);
        if (weekday < 0 || weekday > 7) {
            reason_set(reason, "bad-session", NULL, "a weekday from 0 to 7 expected");
            return false;
        }
        if (!span_is_sound(opens, closes, reason))
            return false;
        provider->hours[i] = (struct session){(int8_t)weekday, (int16_t)opens, (int16_t)closes};
    }
    return true;
}

static bool read_special_days(const struct record *record, struct provider *provider,
                              struct reason *reason)
{
    provider->special_days =
        rows_new(record, "special_days", SESSIONS_MAX, sizeof *provider->special_days,
                 &provider->special_days_count, reason);
    if (provider->special_days == NULL)
        return false;
    for (size_t i = 0; i < provider->special_days_count; i++) {
        char path[PATH_SIZE];
        struct date date;
        const char *text = record_text(record, item_path(path, "special_days", i, "date"));
        if (text == NULL || !date_parse(text, &date)) {
            reason_set(reason, "bad-format", NULL, "a special day needs a date YYYY-MM-DD");
            return false;
        }
        int64_t opens = record_whole_or(record, item_path(path, "special_days", i, "opens"), -1);
        int64_t closes = record_whole_or(record, item_path(path, "special_days", i, "closes"), -1);
        if (!span_is_sound(opens, closes, reason))
            return false;
        provider->special_days[i] =
            (struct special_day){(int32_t)date_to_days(date), (int16_t)opens, (int16_t)closes};
    }
    return true;
}

static bool read_plain(const struct record *record, struct provider *provider,
                       struct reason *reason)
{
    int64_t easting = 0, northing = 0;
    provider->has_place =
        record_whole(record, "easting", &easting) && record_whole(record, "northing", &northing);
    provider->easting = (int32_t)easting;
    provider->northing = (int32_t)northing;
    provider->distance_selling = record_is_true(record, "distance_selling");
    provider->placed_by_postcode = record_is_true(record, "placed_by_postcode");
    provider->paused = record_is_true(record, "paused");
    provider->paused_as_closed = record_is_true(record, "paused_as_closed");
    provider->capacity_updated_at_ms = record_whole_or(record, "capacity_updated_at", 0);
    text_copy(provider->format, sizeof provider->format, record_text(record, "endpoint.format"));
    provider->dos_service_id = record_whole_or(record, "endpoint.dos_service_id", 0);
    if (!text_copy(provider->ods_code, sizeof provider->ods_code,
                   record_text(record, "ods_code")) ||
        !text_copy(provider->kind, sizeof provider->kind, record_text(record, "kind"))) {
        reason_set(reason, "too-long", NULL, "ods_code or kind");
        return false;
    }
    if (!copy_text(&provider->name, record_text(record, "name"), false) ||
        !copy_text(&provider->hcp, record_text(record, "hcp"), false) ||
        !copy_text(&provider->pcn, record_text(record, "pcn"), false) ||
        !copy_text(&provider->postcode, record_text(record, "postcode"), false) ||
        !copy_text(&provider->url, record_text(record, "endpoint.url"), true) ||
        !copy_text(&provider->secret, record_text(record, "endpoint.secret"), true) ||
        !copy_text(&provider->certificate, record_text(record, "endpoint.certificate"), true)) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return false;
    }
    return true;
}

struct provider *provider_from_record(const struct record *record, struct reason *reason)
{
    if (record_check(record, reason) != DONE)
        return NULL;
    struct provider *provider = calloc(1, sizeof *provider);
    if (provider == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return NULL;
    }
    if (!read_plain(record, provider, reason) || !read_services(record, provider, reason) ||
        !read_hours(record, provider, reason) || !read_special_days(record, provider, reason)) {
        provider_free(provider);
        return NULL;
    }
    return provider;
}

static void write_rows(const struct provider *provider, struct record *record)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < provider->services_count; i++) {
        const struct provider_service *service = &provider->services[i];
        record_add(record, "services");
        record_set_text(record, item_path(path, "services", i, "service"), service->service);
        record_set_boolean(record, item_path(path, "services", i, "accepting"), service->accepting);
        if (service->age_least >= 0)
            record_set_whole(record, item_path(path, "services", i, "age_least"),
                             service->age_least);
        if (service->age_most >= 0)
            record_set_whole(record, item_path(path, "services", i, "age_most"), service->age_most);
        if (service->capacity_per_day >= 0)
            record_set_whole(record, item_path(path, "services", i, "capacity_per_day"),
                             service->capacity_per_day);
    }
    for (size_t i = 0; i < provider->hours_count; i++) {
        record_add(record, "hours");
        record_set_whole(record, item_path(path, "hours", i, "weekday"),
                         provider->hours[i].weekday);
        record_set_whole(record, item_path(path, "hours", i, "opens"), provider->hours[i].opens);
        record_set_whole(record, item_path(path, "hours", i, "closes"), provider->hours[i].closes);
    }
    for (size_t i = 0; i < provider->special_days_count; i++) {
        char date[DATE_TEXT_SIZE];
        date_format(date_from_days(provider->special_days[i].day), date);
        record_add(record, "special_days");
        record_set_text(record, item_path(path, "special_days", i, "date"), date);
        record_set_whole(record, item_path(path, "special_days", i, "opens"),
                         provider->special_days[i].opens);
        record_set_whole(record, item_path(path, "special_days", i, "closes"),
                         provider->special_days[i].closes);
    }
}

static const char *null_if_empty(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

bool provider_to_record(const struct provider *provider, struct record *record)
{
    record_reset(record);
    record_set_text(record, "ods_code", provider->ods_code);
    record_set_text(record, "name", provider->name);
    record_set_text(record, "kind", provider->kind);
    record_set_text(record, "hcp", null_if_empty(provider->hcp));
    record_set_text(record, "pcn", null_if_empty(provider->pcn));
    record_set_text(record, "postcode", null_if_empty(provider->postcode));
    if (provider->has_place) {
        record_set_whole(record, "easting", provider->easting);
        record_set_whole(record, "northing", provider->northing);
    }
    record_set_boolean(record, "distance_selling", provider->distance_selling);
    record_set_boolean(record, "placed_by_postcode", provider->placed_by_postcode);
    record_set_boolean(record, "paused", provider->paused);
    record_set_boolean(record, "paused_as_closed", provider->paused_as_closed);
    if (provider->capacity_updated_at_ms > 0)
        record_set_whole(record, "capacity_updated_at", provider->capacity_updated_at_ms);
    if (provider->url != NULL) {
        record_set_text(record, "endpoint.url", provider->url);
        record_set_text(record, "endpoint.format",
                        provider->format[0] == '\0' ? "json" : provider->format);
        record_set_text(record, "endpoint.secret", provider->secret);
        record_set_text(record, "endpoint.certificate", provider->certificate);
        if (provider->dos_service_id)
            record_set_whole(record, "endpoint.dos_service_id", provider->dos_service_id);
    }
    write_rows(provider, record);
    return !record_failed(record);
}

const struct provider_service *provider_offers(const struct provider *provider, const char *service)
{
    for (size_t i = 0; i < provider->services_count; i++)
        if (strcmp(provider->services[i].service, service) == 0)
            return &provider->services[i];
    return NULL;
}
