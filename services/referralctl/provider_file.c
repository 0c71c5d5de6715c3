// SPDX-License-Identifier: Apache-2.0
// A row of our CSV goes through a Provider record, so that the schema judges it; rows of ODS, and
// of a CSV of services, are laid over what is there already, because each knows a part only.
#include "provider_file.h"

#include "ods.h"
#include "progress.h"
#include "provider_rows.h"

#include "base/map.h"
#include "base/text.h"
#include "pathways/pathway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX ((size_t)CONTRACT_PATHWAYS_MAX * 16) // docs/pathways.md, Limits

// In which of two files a line is, is told where a field's place would be.
static void add_finding(struct provider_file *file, const struct reason *finding)
{
    if (file->findings_listed < PROVIDER_FINDINGS_MAX) {
        struct reason *listed = &file->findings[file->findings_listed++];
        *listed = *finding;
        if (file->second && !listed->pointer[0]) {
            text_copy(listed->pointer, sizeof listed->pointer, file->second);
        }
    }
    file->findings_total++;
}

static void leave_out(struct provider_file *file, const struct reason *finding)
{
    add_finding(file, finding);
    file->left_out++;
}

// Adopts the provider. False without memory. A row may say more of one that an earlier file named,
// but not of one that the same file did.
static bool add_provider_take(struct provider_file *file, struct provider *provider, size_t line)
{
    struct reason finding = {0};
    if (!provider) {
        return false;
    }
    size_t length = strlen(provider->ods_code);
    if (map_get(file->seen, provider->ods_code, length)) {
        reason_set(&finding, "same-code", NULL, "line %zu: %s stands on an earlier line; left out",
                   line, provider->ods_code);
        leave_out(file, &finding);
        provider_free(provider);
        return true;
    }
    if (!map_set(file->seen, provider->ods_code, length, file, NULL)) {
        provider_free(provider);
        return false;
    }
    return directory_put_take(file->wanted, provider);
}

// A row that names the services again, but not what they can take, does not forget that.
static void keep_figures(struct provider *provider, const struct provider *known,
                         const struct provider_columns *columns)
{
    for (size_t index = 0; index < provider->services_count; index++) {
        struct provider_service *service = &provider->services[index];
        const struct provider_service *before = provider_offers(known, service->service);
        if (before && columns->place[COLUMN_ACCEPTING] == CSV_FIELDS_MAX) {
            service->accepting = before->accepting;
        }
        if (before && columns->place[COLUMN_CAPACITY] == CSV_FIELDS_MAX) {
            service->capacity_per_day = before->capacity_per_day;
        }
    }
}

static const struct provider *known_provider(const struct provider_file *file,
                                             const struct directory *existing, const char *code)
{
    const struct provider *provider = directory_find(file->wanted, code);
    return provider ? provider : directory_find(existing, code);
}

struct map *services_known(const struct contract *contract)
{
    struct reason reason = {0};
    struct pathway_set *set = pathway_set_load(contract, &reason);
    struct map *services = map_new(SERVICES_MAX);
    bool done = services != NULL;
    for (size_t index = 0; set && index < pathway_count(set); index++) {
        const struct json *list = json_member(pathway_document(pathway_at(set, index)), "services");
        for (size_t item = 0; done && item < json_count(list); item++) {
            const char *name = json_member_text(json_item(list, item), "service");
            done = map_set(services, name, strlen(name), services, NULL);
        }
    }
    pathway_set_free(set);
    if (!done) {
        map_free(services, NULL);
        return NULL;
    }
    return services;
}

const char *service_unknown(const struct map *services, const struct provider *provider, size_t *at)
{
    while (map_count(services) > 0 && *at < provider->services_count) {
        const char *service = provider->services[(*at)++].service;
        if (!map_get(services, service, strlen(service))) {
            return service;
        }
    }
    return NULL;
}

static void find_unknown_services(struct provider_file *file, const struct provider *provider,
                                  size_t line)
{
    const char *service;
    for (size_t at = 0; (service = service_unknown(file->services, provider, &at));) {
        struct reason finding = {0};
        reason_set(&finding, "unknown-service", NULL,
                   "line %zu: no pathway has the service %s; taken all the same", line, service);
        add_finding(file, &finding);
    }
}

// What a file has no column for stays as it is; a file without names and kinds leaves what it has
// no word for as it is, too.
static bool take_csv_row(struct provider_file *file, const struct provider_columns *columns,
                         const struct csv_row *row, const struct places *places,
                         const struct directory *existing, struct record *record)
{
    struct reason finding = {0};
    const char *code = row->count > columns->place[COLUMN_ODS_CODE]
                           ? row->fields[columns->place[COLUMN_ODS_CODE]]
                           : "";
    const struct provider *known = known_provider(file, existing, code);
    record_reset(record);
    enum verdict verdict = REFUSED;
    if (!known && columns->adds) {
        reason_set(&finding, "unknown-provider", NULL,
                   "line %zu: %.12s is not in the directory, and this file has no name and kind",
                   row->line, code);
    } else if (known) {
        verdict = provider_row_add(columns, row, places, known, !columns->adds, record, &finding);
    } else {
        verdict = provider_row_read(columns, row, places, record, &finding);
    }
    if (verdict != DONE) {
        leave_out(file, &finding);
        return verdict != BROKEN;
    }
    struct provider *provider = provider_from_record(record, &finding);
    if (!provider) {
        struct reason inner = finding;
        reason_set(&finding, inner.code, inner.pointer, "line %zu: %s", row->line, inner.detail);
        leave_out(file, &finding);
        return true;
    }
    if (known) {
        keep_figures(provider, known, columns);
    }
    if (columns->place[COLUMN_SERVICES] != CSV_FIELDS_MAX) {
        find_unknown_services(file, provider, row->line);
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
    if (organisation->postcode[0] &&
        (moved || !provider->has_place || provider->placed_by_postcode) && places &&
        places_find(places, organisation->postcode, &easting, &northing)) {
        provider->has_place = provider->placed_by_postcode = true;
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
        file->left_out++;
        return true;
    case ODS_OTHER:
        file->others++;
        return true;
    case ODS_CLOSED:
        file->closed++;
        if (known) {
            struct provider *provider = provider_copy(known);
            if (provider && !provider->paused) {
                provider->paused = provider->paused_as_closed = true;
            }
            return add_provider_take(file, provider, row->line);
        }
        return true;
    case ODS_PROVIDER:
        break;
    }
    // Resumed by hand only: its services and hours are those of when it closed.
    if (known && known->paused_as_closed) {
        reason_set(&finding, "paused-here", NULL,
                   "line %zu: %s is active again, and was paused here when it closed: "
                   "providers resume %s",
                   row->line, known->ods_code, known->ods_code);
        add_finding(file, &finding);
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
    struct progress progress;
    bool first = true, ods = false;
    progress_start(&progress, "providers read");
    for (;;) {
        enum verdict verdict = csv_next(&reading->csv, &row, &finding);
        if (verdict == TRY_AGAIN) {
            progress_end(&progress);
            return DONE;
        }
        progress_show(&progress, reading->csv.position, reading->csv.length);
        if (verdict != DONE) {
            leave_out(file, &finding);
            continue;
        }
        bool header = false;
        if (first) {
            ods = is_ods(format, &row);
            file->ods = file->ods || ods;
            header = !ods;
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
        bool done =
            ods ? take_ods_row(file, &row, reading->places, reading->existing, reading->record)
                : take_csv_row(file, &reading->columns, &row, reading->places, reading->existing,
                               reading->record);
        if (!done) {
            return no_memory(reason);
        }
    }
}

static enum verdict add_file(struct provider_file *file, const char *path, const char *format,
                             const struct contract *contract, const struct places *places,
                             const struct directory *existing, struct reason *reason)
{
    struct reading reading = {.places = places, .existing = existing};
    size_t length = 0;
    enum verdict verdict = REFUSED;
    char *text = text_read_file(path, PROVIDER_FILE_SIZE_MAX, &length);
    if (!text) {
        reason_set(reason, "unreadable-file", path, "%s", strerror(errno));
        return REFUSED;
    }
    map_free(file->seen, NULL);
    file->seen = map_new(PROVIDERS_MAX);
    reading.record = record_new(contract_message(contract, "Provider"));
    if (!file->seen || !reading.record) {
        verdict = no_memory(reason);
        goto out;
    }
    const size_t before = file->rows + file->left_out;
    csv_init(&reading.csv, text, length);
    verdict = read_rows(file, format, &reading, reason);
    if (verdict == DONE && file->rows + file->left_out == before) {
        // an export that failed: with --replace it would remove everybody
        reason_set(reason, "nothing-taken", NULL, "no row of it is about a provider");
        verdict = REFUSED;
    }
    if (verdict == REFUSED && !reason->pointer[0]) {
        text_copy(reason->pointer, sizeof reason->pointer, path);
    }
out:
    record_free(reading.record);
    free(text);
    return verdict;
}

enum verdict provider_file_read(const char *path, const char *services_path, const char *format,
                                const struct contract *contract, const struct places *places,
                                const struct directory *existing, struct provider_file *ret_file,
                                struct reason *reason)
{
    *ret_file = (struct provider_file){0};
    ret_file->wanted = directory_new();
    ret_file->findings = calloc(PROVIDER_FINDINGS_MAX, sizeof *ret_file->findings);
    ret_file->seen = map_new(PROVIDERS_MAX);
    ret_file->services = services_known(contract);
    if (!ret_file->wanted || !ret_file->findings || !ret_file->seen || !ret_file->services) {
        return no_memory(reason);
    }
    enum verdict verdict = add_file(ret_file, path, format, contract, places, existing, reason);
    if (verdict == DONE && services_path) {
        ret_file->second = services_path;
        verdict = add_file(ret_file, services_path, "csv", contract, places, existing, reason);
    }
    return verdict;
}

void provider_file_clear(struct provider_file *file)
{
    directory_free(file->wanted);
    free(file->findings);
    if (file->seen) {
        map_free(file->seen, NULL);
    }
    map_free(file->services, NULL);
    *file = (struct provider_file){0};
}
