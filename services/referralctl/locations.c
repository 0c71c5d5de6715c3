// SPDX-License-Identifier: Apache-2.0
// locations load: the table from which router and dispatcher know where patients are, made from the
// files that Ordnance Survey, ONS and NHS ODS issue. It is a file beside the small one that ships;
// the services take it at their next start or SIGHUP.
#include "command.h"

#include "location_file.h"

#include "base/path.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 480

static enum verdict load_folder(struct location_load *load, const char *folder,
                                const struct places *known, struct reason *reason)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, NULL, alphasort);
    enum verdict verdict = count < 0 ? REFUSED : DONE;
    if (count < 0) {
        reason_set(reason, "unreadable-file", folder, "%s", strerror(errno));
    }
    for (int index = 0; index < count; index++) {
        const char *name = files[index]->d_name;
        size_t length = strlen(name);
        char path[PATH_SIZE];
        if (verdict == DONE && length > 4 && strcasecmp(name + length - 4, ".csv") == 0) {
            verdict = text_format(path, sizeof path, "%s/%s", folder, name)
                          ? location_load_file(load, path, known, reason)
                          : REFUSED;
        }
        free(files[index]);
    }
    free(files);
    return verdict;
}

static enum verdict load_path(struct location_load *load, const char *path,
                              const struct places *known, struct reason *reason)
{
    if (path_is_folder(path)) {
        return load_folder(load, path, known, reason);
    }
    return location_load_file(load, path, known, reason);
}

static void print_findings(const struct location_load *load)
{
    for (size_t index = 0; index < load->findings_listed; index++) {
        fprintf(stderr, "%s: %s\n", load->findings[index].code, load->findings[index].detail);
    }
    if (load->findings_total > load->findings_listed) {
        fprintf(stderr, "… and %zu more\n", load->findings_total - load->findings_listed);
    }
}

static bool print_loaded(const struct command_values *values, const struct location_load *load,
                         const char *path)
{
    if (!values->json) {
        return printf(
                   "%zu rows: %zu taken, %zu districts, %zu no longer in use, %zu without a place, "
                   "%zu other organisations, %zu twice, %zu findings\n",
                   load->rows, load->taken, load->districts_count, load->old, load->nowhere,
                   load->others, load->repeated, load->findings_total) > 0 &&
               printf(values->dry_run ? "dry run: %s is as it was\n"
                                      : "%s written; router and dispatcher take it at SIGHUP\n",
                      path) > 0;
    }
    const struct {
        const char *name;
        size_t number;
    } ROWS[] = {
        {"rows", load->rows},         {"taken", load->taken},
        {"old", load->old},           {"districts", load->districts_count},
        {"nowhere", load->nowhere},   {"others", load->others},
        {"repeated", load->repeated}, {"findings", load->findings_total},
    };
    struct json *answer = json_new_object();
    bool done =
        json_set_text(answer, "file", path) && json_set_boolean(answer, "dry_run", values->dry_run);
    for (size_t index = 0; done && index < sizeof ROWS / sizeof *ROWS; index++) {
        done = json_set_whole(answer, ROWS[index].name, (int64_t)ROWS[index].number);
    }
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

// Where the table goes: a name of its own for postcodes and for practices, which are loaded apart.
static bool target_path(const struct command_values *values, const struct location_load *load,
                        char path[PATH_SIZE])
{
    const char *name =
        load->format == LOCATION_PRACTICES ? "practices-loaded.csv" : "postcodes-loaded.csv";
    return values->places_dir
               ? text_format(path, PATH_SIZE, "%s/%s", values->places_dir, name)
               : text_format(path, PATH_SIZE, "%s/places/%s", values->schemas_dir, name);
}

static enum verdict load_all(const struct command *command, struct location_load *load,
                             const struct places *known, char path[PATH_SIZE],
                             struct reason *reason)
{
    enum verdict verdict = load_path(load, command->arguments[0], known, reason);
    if (verdict == DONE) {
        verdict = location_load_settle(load, reason);
    }
    if (verdict == DONE && load->taken == 0) {
        reason_set(reason, "nothing-taken", command->arguments[0],
                   "no row of it says where anything is; the table stays as it was");
        verdict = REFUSED;
    }
    if (verdict == DONE && !target_path(command->values, load, path)) {
        reason_set(reason, "too-long", NULL, "the path of the table");
        verdict = REFUSED;
    }
    return verdict == DONE && !command->values->dry_run ? location_load_write(load, path, reason)
                                                        : verdict;
}

static int run_load(const struct command *command)
{
    struct reason reason = {0};
    struct location_load *load = calloc(1, sizeof *load);
    char path[PATH_SIZE] = "";
    struct places *known = places_load(command->values->schemas_dir, &reason);
    if (!known || !load || !location_load_init(load)) {
        if (known) {
            reason_set(&reason, "no-memory", NULL, "memory ran out");
        }
        places_free(known);
        free(load);
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    enum verdict verdict = load_all(command, load, known, path, &reason);
    print_findings(load);
    int exit_code = EXIT_WELL;
    if (verdict != DONE) {
        exit_code = command_fail_as(verdict, &reason);
    } else if (!print_loaded(command->values, load, path)) {
        exit_code = EXIT_FINDINGS;
    }
    location_load_clear(load);
    free(load);
    places_free(known);
    return exit_code;
}

const struct verb VERBS_LOCATIONS[] = {
    {"locations load", "FILE", 1, 1,
     "make the table of places from OS Code-Point Open, ONSPD or epraccur",
     "json schemas-dir places-dir dry-run ", run_load},
    {0},
};
