// SPDX-License-Identifier: Apache-2.0
// providers load|list|show|set|pause|resume. Loading compares the file with the topic and writes
// only what differs, so that the same file twice changes nothing, and a dry run shows exactly what
// would be written.
#include "command.h"

#include "provider_change.h"
#include "provider_file.h"
#include "provider_rows.h"
#include "provider_topic.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING_SIZE 2048

struct difference {
    struct provider_change *changes;
    size_t count;
    size_t added, changed, unchanged, removed;
    size_t kept;       // would be removed, if no row had been left out
    struct json *list; // of a dry run as JSON
};

// A dry run says what it would do.
static bool show(struct provider_topic *topic, const struct command_values *values,
                 struct difference *difference, const struct provider *before,
                 const struct provider *after)
{
    const char *what = before && after ? "change" : after ? "add" : "remove";
    const struct provider *named = after ? after : before;
    char fields[300] = "";
    if (!values->dry_run) {
        return true;
    }
    if (values->json) {
        return json_array_add_take(difference->list,
                                   provider_change_json(topic, what, before, after));
    }
    if (before && after && !provider_fields_changed(topic, before, after, fields, sizeof fields)) {
        return false;
    }
    return printf("%-6s %s  %s%s%s\n", what, named->ods_code, named->name, fields[0] ? ": " : "",
                  fields) > 0;
}

static bool add_wanted(struct provider_topic *topic, const struct provider_file *file,
                       struct difference *difference, const struct command_values *values)
{
    const struct provider *provider = NULL;
    bool done = true;
    for (size_t cursor = 0; done && directory_next(file->wanted, &cursor, &provider);) {
        const struct provider *existing = directory_find(topic->directory, provider->ods_code);
        if (existing && provider_topic_same(topic, existing, provider)) {
            difference->unchanged++;
            continue;
        }
        struct provider_change *change = &difference->changes[difference->count++];
        text_copy(change->ods_code, sizeof change->ods_code, provider->ods_code);
        change->provider = provider;
        difference->added += existing ? 0 : 1;
        difference->changed += existing ? 1 : 0;
        done = show(topic, values, difference, existing, provider);
    }
    return done;
}

// A row that was left out may be that of any provider which the file does not seem to name.
static bool add_removed(struct provider_topic *topic, const struct provider_file *file,
                        struct difference *difference, const struct command_values *values)
{
    const struct provider *provider = NULL;
    bool done = true;
    for (size_t cursor = 0; done && directory_next(topic->directory, &cursor, &provider);) {
        if (directory_find(file->wanted, provider->ods_code)) {
            continue;
        }
        if (file->left_out > 0) {
            difference->kept++;
            continue;
        }
        struct provider_change *change = &difference->changes[difference->count++];
        *change = (struct provider_change){.provider = NULL};
        text_copy(change->ods_code, sizeof change->ods_code, provider->ods_code);
        difference->removed++;
        done = show(topic, values, difference, provider, NULL);
    }
    return done;
}

static void print_findings(const struct provider_file *file)
{
    for (size_t index = 0; index < file->findings_listed; index++) {
        const struct reason *finding = &file->findings[index];
        fprintf(stderr, "%s%s%s: %s\n", finding->code, finding->pointer[0] ? " " : "",
                finding->pointer, finding->detail);
    }
    if (file->findings_total > file->findings_listed) {
        fprintf(stderr, "… and %zu more\n", file->findings_total - file->findings_listed);
    }
}

static bool print_loaded(const struct command_values *values, const struct provider_file *file,
                         struct difference *difference)
{
    if (!values->json) {
        char left[80] = "";
        if (file->ods) {
            text_format(left, sizeof left, "%zu closed, %zu other organisation%s, ", file->closed,
                        file->others, text_plural(file->others));
        }
        return printf("%s%zu row%s: %zu added, %zu changed, %zu unchanged, %zu removed, "
                      "%s%zu finding%s\n",
                      values->dry_run ? "dry run, nothing written: " : "", file->rows,
                      text_plural(file->rows), difference->added, difference->changed,
                      difference->unchanged, difference->removed, left, file->findings_total,
                      text_plural(file->findings_total)) > 0;
    }
    struct json *answer = json_new_object();
    const struct {
        const char *name;
        size_t number;
    } ROWS[] = {
        {"rows", file->rows},
        {"added", difference->added},
        {"changed", difference->changed},
        {"unchanged", difference->unchanged},
        {"removed", difference->removed},
        {"kept", difference->kept},
        {"closed", file->closed},
        {"others", file->others},
        {"findings", file->findings_total},
    };
    bool done = answer != NULL;
    for (size_t index = 0; done && index < sizeof ROWS / sizeof *ROWS; index++) {
        done = json_set_whole(answer, ROWS[index].name, (int64_t)ROWS[index].number);
    }
    done = done && json_set_boolean(answer, "dry_run", values->dry_run);
    if (done && values->dry_run) {
        done = json_set_take(answer, "changes", difference->list);
        difference->list = NULL;
    }
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static int load_file(struct provider_topic *topic, const struct command *command,
                     struct provider_file *file, struct reason *reason)
{
    const struct command_values *values = command->values;
    struct difference difference = {0};
    enum verdict verdict =
        provider_file_read(command->arguments[0], values->services, values->format, topic->contract,
                           topic->places, topic->directory, file, reason);
    if (verdict != DONE) {
        return command_fail_as(verdict, reason);
    }
    size_t changes_max = directory_count(file->wanted) + directory_count(topic->directory);
    difference.changes = calloc(changes_max + 1, sizeof *difference.changes);
    difference.list = json_new_array();
    bool done = difference.changes && difference.list &&
                add_wanted(topic, file, &difference, values) &&
                (!values->replace || add_removed(topic, file, &difference, values));
    if (done && !values->dry_run && difference.count > 0) {
        verdict = provider_topic_write(topic, difference.changes, difference.count, reason);
    }
    print_findings(file);
    if (values->replace && file->left_out > 0) {
        fprintf(
            stderr,
            "nobody-removed: %zu provider%s that the file does not name stay%s, because %zu row%s "
            "of it could not be taken: correct and load again\n",
            difference.kept, text_plural(difference.kept), difference.kept == 1 ? "s" : "",
            file->left_out, text_plural(file->left_out));
    }
    int exit_code = EXIT_FINDINGS;
    if (verdict != DONE) {
        exit_code = command_fail_as(verdict, reason);
    } else if (done && print_loaded(values, file, &difference)) {
        exit_code = file->left_out > 0 ? EXIT_FINDINGS : EXIT_WELL;
    }
    json_free(difference.list);
    free(difference.changes);
    return exit_code;
}

static int fail_open(enum verdict verdict, const struct reason *reason)
{
    return command_fail(verdict == TRY_AGAIN ? EXIT_UNAVAILABLE : EXIT_CONFIGURATION, reason);
}

// Opens the topic, hands it to `work`, closes it.
static int with_topic(const struct command *command,
                      int (*work)(struct provider_topic *topic, const struct command *command,
                                  struct reason *reason))
{
    struct provider_topic topic;
    struct reason reason = {0};
    enum verdict verdict =
        provider_topic_open(&topic, command->values->schemas_dir, command->registry, &reason);
    int exit_code = verdict == DONE ? work(&topic, command, &reason) : fail_open(verdict, &reason);
    provider_topic_close(&topic);
    return exit_code;
}

static int work_load(struct provider_topic *topic, const struct command *command,
                     struct reason *reason)
{
    struct provider_file file = {0};
    int exit_code = load_file(topic, command, &file, reason);
    provider_file_clear(&file);
    return exit_code;
}

static int run_load(const struct command *command)
{
    const char *const files[] = {command->arguments[0], command->values->services};
    for (size_t index = 0; index < sizeof files / sizeof *files; index++) {
        struct reason reason = {0};
        if (files[index] && !command_can_read(files[index], &reason)) {
            return command_fail(EXIT_FINDINGS, &reason);
        }
    }
    return with_topic(command, work_load);
}

static struct json *provider_json(struct provider_topic *topic, const struct provider *provider)
{
    struct record *record =
        codec_blank(topic->codec, contract_message(topic->contract, "Provider"));
    return record && provider_to_record(provider, record) ? record_to_json(record) : NULL;
}

static int compare_codes(const void *a, const void *b)
{
    const struct provider *const *first = a;
    const struct provider *const *second = b;
    for (size_t index = 0; index < ODS_CODE_SIZE; index++) {
        if ((*first)->ods_code[index] != (*second)->ods_code[index]) {
            return (*first)->ods_code[index] < (*second)->ods_code[index] ? -1 : 1;
        }
        if ((*first)->ods_code[index] == '\0') {
            break;
        }
    }
    return 0;
}

static bool list_json(struct provider_topic *topic, const struct provider **providers, size_t count)
{
    struct json *list = json_new_array();
    bool done = list != NULL;
    for (size_t index = 0; done && index < count; index++) {
        done = json_array_add_take(list, provider_json(topic, providers[index]));
    }
    struct json *answer = json_new_object();
    done = json_set_take(answer, "providers", list) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static int work_list(struct provider_topic *topic, const struct command *command,
                     struct reason *reason)
{
    size_t count = 0;
    const struct provider *provider = NULL;
    const struct provider **providers =
        calloc(directory_count(topic->directory) + 1, sizeof *providers);
    (void)reason;
    if (!providers) {
        return EXIT_FINDINGS;
    }
    for (size_t cursor = 0; directory_next(topic->directory, &cursor, &provider);) {
        providers[count++] = provider;
    }
    qsort(providers, count, sizeof *providers, compare_codes);
    bool done = true;
    if (command->values->json) {
        done = list_json(topic, providers, count);
    }
    for (size_t index = 0; !command->values->json && index < count; index++) {
        provider = providers[index];
        printf("%-8s %-18s %-8s %3zu service%-1s  %-28.28s  %s\n", provider->ods_code,
               provider->kind, provider->paused ? "paused" : "open", provider->services_count,
               text_plural(provider->services_count), provider->hcp, provider->name);
    }
    free(providers);
    return done ? EXIT_WELL : EXIT_FINDINGS;
}

static int run_list(const struct command *command)
{
    return with_topic(command, work_list);
}

static const struct provider *find(struct provider_topic *topic, const struct command *command,
                                   struct reason *reason)
{
    const struct provider *provider = directory_find(topic->directory, command->arguments[0]);
    if (!provider) {
        reason_set(reason, "unknown-provider", NULL, "the directory has no %.20s",
                   command->arguments[0]);
        (void)command_fail(EXIT_FINDINGS, reason);
    }
    return provider;
}

static int work_show(struct provider_topic *topic, const struct command *command,
                     struct reason *reason)
{
    const struct provider *provider = find(topic, command, reason);
    return provider && command_print_json_take(provider_json(topic, provider), JSON_INDENTED)
               ? EXIT_WELL
               : EXIT_FINDINGS;
}

static int run_show(const struct command *command)
{
    return with_topic(command, work_show);
}

// One provider, as the row says: FIELD=VALUE is a cell of the services file, an empty value empties
// it. A capacity is true as of now, unless a time is given.
static enum verdict read_settings(struct provider_topic *topic, const struct command *command,
                                  const struct provider *existing, struct record *record,
                                  struct reason *reason)
{
    static char now[INSTANT_TEXT_SIZE];
    char text[COMMAND_ARGUMENTS_MAX][SETTING_SIZE];
    struct csv_row header = {.line = 1}, row = {.line = 1};
    struct provider_columns columns;
    bool capacity = false, dated = false;
    header.fields[header.count++] = "ods_code";
    row.fields[row.count++] = existing->ods_code;
    for (size_t index = 1; index < command->arguments_count; index++) {
        char *cell = text[index];
        char *equals =
            text_copy(cell, SETTING_SIZE, command->arguments[index]) ? strchr(cell, '=') : NULL;
        if (!equals) {
            reason_set(reason, "usage", NULL, "\"%.60s\": expected FIELD=VALUE",
                       command->arguments[index]);
            return REFUSED;
        }
        *equals = '\0';
        const char *field = text_equal(cell, "endpoint") ? "endpoint_url" : cell;
        capacity = capacity || (text_equal(field, "capacity") && equals[1]);
        dated = dated || text_equal(field, "capacity_updated_at");
        header.fields[header.count++] = field;
        row.fields[row.count++] = equals + 1;
    }
    if (capacity && !dated) {
        instant_format(clock_now_ms(), now);
        header.fields[header.count++] = "capacity_updated_at";
        row.fields[row.count++] = now;
    }
    if (!provider_fields_known(&header, 1, reason)) {
        return REFUSED;
    }
    enum verdict verdict = provider_columns_read(&header, &columns, reason);
    if (verdict == DONE) {
        verdict = provider_row_add(&columns, &row, topic->places, existing, true, record, reason);
    }
    return verdict;
}

// "line 1" is true of a file only.
static int fail_setting(struct reason *reason)
{
    static const char LINE[] = "line 1";
    size_t skip = strncmp(reason->detail, LINE, sizeof LINE - 1) == 0 ? sizeof LINE - 1 : 0;
    struct reason plain = *reason;
    skip += strspn(reason->detail + skip, ":, ");
    text_copy(plain.detail, sizeof plain.detail, reason->detail + skip);
    return command_fail(text_equal(reason->code, "usage") ? EXIT_USAGE : EXIT_FINDINGS, &plain);
}

static void warn_unknown_services(const struct contract *contract, const struct provider *provider)
{
    struct map *services = services_known(contract);
    const char *unknown;
    for (size_t at = 0; services && (unknown = service_unknown(services, provider, &at));) {
        fprintf(stderr, "unknown-service: no pathway has the service %s; taken all the same\n",
                unknown);
    }
    map_free(services, NULL);
}

static int work_set(struct provider_topic *topic, const struct command *command,
                    struct reason *reason)
{
    const struct provider *existing = find(topic, command, reason);
    struct record *record =
        existing ? record_new(contract_message(topic->contract, "Provider")) : NULL;
    if (!record) {
        return EXIT_FINDINGS;
    }
    enum verdict verdict = read_settings(topic, command, existing, record, reason);
    struct provider *provider = verdict == DONE ? provider_from_record(record, reason) : NULL;
    record_free(record);
    if (!provider) {
        return fail_setting(reason);
    }
    warn_unknown_services(topic->contract, provider);
    struct provider_change change = {.provider = provider};
    text_copy(change.ods_code, sizeof change.ods_code, provider->ods_code);
    char fields[300] = "";
    bool same = provider_topic_same(topic, existing, provider);
    bool done = provider_fields_changed(topic, existing, provider, fields, sizeof fields);
    if (done && !same && !command->values->dry_run) {
        verdict = provider_topic_write(topic, &change, 1, reason);
    }
    provider_free(provider);
    if (verdict != DONE) {
        return command_fail_as(verdict, reason);
    }
    const char *outcome = command->values->dry_run ? "would change " : "changed ";
    printf("%s: %s%s\n", change.ods_code, same ? "is so already" : outcome, fields);
    return done ? EXIT_WELL : EXIT_FINDINGS;
}

static int set_paused(struct provider_topic *topic, const struct command *command, bool paused,
                      struct reason *reason)
{
    const struct provider *existing = find(topic, command, reason);
    if (!existing) {
        return EXIT_FINDINGS;
    }
    if (existing->paused == paused) {
        printf("%s is %s already\n", existing->ods_code, paused ? "paused" : "open");
        return EXIT_WELL;
    }
    struct provider *provider = provider_copy(existing);
    if (!provider) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return command_fail(EXIT_FINDINGS, reason);
    }
    provider->paused = paused;
    provider->paused_as_closed = false;
    struct provider_change change = {.provider = provider};
    text_copy(change.ods_code, sizeof change.ods_code, provider->ods_code);
    enum verdict verdict = provider_topic_write(topic, &change, 1, reason);
    provider_free(provider);
    if (verdict != DONE) {
        return command_fail_as(verdict, reason);
    }
    printf("%s is %s now\n", change.ods_code, paused ? "paused" : "open");
    return EXIT_WELL;
}

static int work_pause(struct provider_topic *topic, const struct command *command,
                      struct reason *reason)
{
    return set_paused(topic, command, true, reason);
}

static int work_resume(struct provider_topic *topic, const struct command *command,
                       struct reason *reason)
{
    return set_paused(topic, command, false, reason);
}

static int run_set(const struct command *command)
{
    return with_topic(command, work_set);
}

static int run_pause(const struct command *command)
{
    return with_topic(command, work_pause);
}

static int run_resume(const struct command *command)
{
    return with_topic(command, work_resume);
}

const struct verb VERBS_PROVIDERS[] = {
    {"providers load", "FILE", 1, 1, "take providers from our CSV or a file of NHS ODS",
     "json schemas-dir format services dry-run replace " TAKES_REGISTRY, run_load},
    {"providers list", "", 0, 0, "the directory, a line each", "json schemas-dir " TAKES_REGISTRY,
     run_list},
    {"providers show", "CODE", 1, 1, "one provider, as JSON", "json schemas-dir " TAKES_REGISTRY,
     run_show},
    {"providers set", "CODE FIELD=VALUE...", 2, COMMAND_ARGUMENTS_MAX - 1,
     "change capacity, accepting, hours, endpoint … of one", "schemas-dir dry-run " TAKES_REGISTRY,
     run_set},
    {"providers pause", "CODE", 1, 1, "send it nothing until it is resumed",
     "schemas-dir " TAKES_REGISTRY, run_pause},
    {"providers resume", "CODE", 1, 1, "send to it again", "schemas-dir " TAKES_REGISTRY,
     run_resume},
    {0},
};
