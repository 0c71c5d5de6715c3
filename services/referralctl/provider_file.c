// SPDX-License-Identifier: Apache-2.0
// A row of our CSV goes through a Provider record, so that the schema judges it; a row of ODS is
// laid over what is there already, because ODS knows nothing of services, hours and endpoints.
#include "provider_file.h"

#include "ods.h"
#include "provider_rows.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add_finding(struct provider_file *file, const struct reason *finding)
{
    if (file->findings_listed < PROVIDER_FINDINGS_MAX) {
        file->findings[file->findings_listed++] = *finding;
    }
    file->findings_total++;
}

// Adopts the provider. False without memory.
static bool add_provider_take(struct provider_file *file, struct provider *provider, size_t line)
{
    struct reason finding = {0};
    if (provider && directory_find(file->wanted, provider->ods_code)) {
        reason_set(&finding, "same-code", NULL, "line %zu: %s stands on an earlier line; left out",
                   line, provider->ods_code);
        add_finding(file, &finding);
        provider_free(provider);
        return true;
    }
    return provider && directory_put_take(file->wanted, provider);
}

// What the CSV has no column for stays as it is.
static bool keep_special_days(struct provider *provider, const struct provider *existing)
{
    size_t size = existing ? existing->special_days_count * sizeof *existing->special_days : 0;
    if (size == 0) {
        return true;
    }
    struct special_day *days = malloc(size);
    if (!days) {
        return false;
    }
    memcpy(days, existing->special_days, size);
    free(provider->special_days);
    provider->special_days = days;
    provider->special_days_count = existing->special_days_count;
    return true;
}

static bool take_csv_row(struct provider_file *file, const struct provider_columns *columns,
                         const struct csv_row *row, const struct places *places,
                         const struct directory *existing, struct record *record)
{
    struct reason finding = {0};
    record_reset(record);
    if (provider_row_read(columns, row, places, record, &finding) != DONE) {
        add_finding(file, &finding);
        return true;
    }
    struct provider *provider = provider_from_record(record, &finding);
    if (!provider) {
        struct reason inner = finding;
        reason_set(&finding, inner.code, inner.pointer, "line %zu: %s", row->line, inner.detail);
        add_finding(file, &finding);
        return true;
    }
    if (!keep_special_days(provider, directory_find(existing, provider->ods_code))) {
        provider_free(provider);
        return false;
    }
    return add_provider_take(file, provider, row->line);
}

static bool replace_text(char **text, const char *with)
{
    char *copy = strdup(with);
    if (copy) {
        free(*text);
        *text = copy;
    }
    return copy != NULL;
}

static struct provider *lay_over(const struct ods_organisation *organisation,
                                 const struct places *places, const struct provider *existing,
                                 struct record *record)
{
    struct reason reason = {0};
    record_reset(record);
    (void)record_set_text(record, "ods_code", organisation->code);
    (void)record_set_text(record, "name", organisation->name);
    (void)record_set_text(record, "kind", organisation->provider_kind);
    struct provider *provider =
        existing ? provider_copy(existing) : provider_from_record(record, &reason);
    if (!provider) {
        return NULL;
    }
    bool moved = !text_equal(provider->postcode, organisation->postcode);
    if (!replace_text(&provider->name, organisation->name) ||
        (organisation->postcode[0] && !replace_text(&provider->postcode, organisation->postcode))) {
        provider_free(provider);
        return NULL;
    }
    int32_t easting, northing;
    if (organisation->postcode[0] && (moved || !provider->has_place) && places &&
        places_find(places, organisation->postcode, &easting, &northing)) {
        provider->has_place = true;
        provider->easting = easting;
        provider->northing = northing;
    }
    return provider;
}

static bool take_ods_row(struct provider_file *file, const struct csv_row *row,
                         const struct places *places, const struct directory *existing,
                         struct record *record)
{
    struct ods_organisation organisation = {0};
    struct reason finding = {0};
    enum ods_kind kind = ods_read(row, &organisation, &finding);
    if (finding.code[0] != '\0') {
        add_finding(file, &finding);
    }
    const struct provider *known = directory_find(existing, organisation.code);
    switch (kind) {
    case ODS_HEADER:
        file->rows--;
        return true;
    case ODS_BAD:
        return true;
    case ODS_OTHER:
        file->others++;
        return true;
    case ODS_CLOSED:
        file->closed++;
        if (known) {
            struct provider *provider = provider_copy(known);
            if (provider) {
                provider->paused = true;
            }
            return add_provider_take(file, provider, row->line);
        }
        return true;
    case ODS_PROVIDER:
        break;
    }
    return add_provider_take(file, lay_over(&organisation, places, known, record), row->line);
}

static bool is_ods(const char *format, const struct csv_row *first)
{
    return text_equal(format, "ods") || (text_equal(format, "auto") && ods_looks_like(first));
}

struct reading {
    struct csv csv;
    struct provider_columns columns;
    const struct places *places;
    const struct directory *existing;
    struct record *record;
};

static enum verdict no_memory(struct reason *reason)
{
    reason_set(reason, "no-memory", NULL, "no memory for the providers");
    return BROKEN;
}

static enum verdict read_rows(struct provider_file *file, const char *format,
                              struct reading *reading, struct reason *reason)
{
    struct csv_row row;
    struct reason finding = {0};
    bool first = true;
    for (;;) {
        enum verdict verdict = csv_next(&reading->csv, &row, &finding);
        if (verdict == TRY_AGAIN) {
            return DONE;
        }
        if (verdict != DONE) {
            add_finding(file, &finding);
            continue;
        }
        bool header = false;
        if (first) {
            file->ods = is_ods(format, &row);
            header = !file->ods;
            first = false;
        }
        if (header) {
            verdict = provider_columns_read(&row, &reading->columns, reason);
            if (verdict != DONE) {
                return verdict;
            }
            continue;
        }
        file->rows++;
        bool done = file->ods ? take_ods_row(file, &row, reading->places, reading->existing,
                                             reading->record)
                              : take_csv_row(file, &reading->columns, &row, reading->places,
                                             reading->existing, reading->record);
        if (!done) {
            return no_memory(reason);
        }
    }
}

enum verdict provider_file_read(const char *path, const char *format,
                                const struct contract *contract, const struct places *places,
                                const struct directory *existing, struct provider_file *ret_file,
                                struct reason *reason)
{
    struct reading reading = {.places = places, .existing = existing};
    size_t length = 0;
    enum verdict verdict = REFUSED;
    *ret_file = (struct provider_file){0};
    char *text = text_read_file(path, PROVIDER_FILE_SIZE_MAX, &length);
    if (!text) {
        reason_set(reason, "unreadable-file", path, "%s", strerror(errno));
        return REFUSED;
    }
    ret_file->wanted = directory_new();
    ret_file->findings = calloc(PROVIDER_FINDINGS_MAX, sizeof *ret_file->findings);
    reading.record = record_new(contract_message(contract, "Provider"));
    if (!ret_file->wanted || !ret_file->findings || !reading.record) {
        verdict = no_memory(reason);
        goto out;
    }
    csv_init(&reading.csv, text, length);
    verdict = read_rows(ret_file, format, &reading, reason);
out:
    record_free(reading.record);
    free(text);
    return verdict;
}

void provider_file_clear(struct provider_file *file)
{
    directory_free(file->wanted);
    free(file->findings);
    *file = (struct provider_file){0};
}
