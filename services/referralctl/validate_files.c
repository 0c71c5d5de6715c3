// SPDX-License-Identifier: Apache-2.0
// The files of a schemas folder one by one: their form, and what the examples' names promise.
#include "validate.h"

#include "base/path.h"
#include "base/text.h"
#include "codec/folder.h"
#include "pathways/body.h"
#include "pathways/cases.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE_MAX (1 << 20)

static void tell(const struct findings *findings, const char *file, size_t line,
                 const char *pointer, const char *found, const char *expected)
{
    findings->tell(findings->context, &(struct finding){.code = "bad-file",
                                                        .file = file,
                                                        .line = line,
                                                        .pointer = pointer,
                                                        .found = found,
                                                        .expected = expected});
}

static void check_json(const char *path, const struct findings *findings)
{
    struct reason reason = {0};
    struct json *json = json_parse_file(path, FILE_SIZE_MAX, &reason);
    if (!json) {
        findings_tell(findings, &reason);
    }
    json_free(json);
}

static bool is_decision(const char *text, size_t length)
{
    static const char *const words[] = {"route ", "fall-back ", "return ", "record "};
    for (size_t index = 0; index < sizeof words / sizeof *words; index++) {
        size_t width = strlen(words[index]);
        if (length > width && strncmp(text, words[index], width) == 0) {
            return true;
        }
    }
    return false;
}

// One line of cases.tsv; it is cut into pieces.
static void check_case(const char *path, size_t number, char *line, const struct findings *findings)
{
    const char *tab = strchr(line, '\t');
    if (!tab || !is_decision(line, (size_t)(tab - line))) {
        tell(
            findings, path, number, "", tab ? "another decision" : "a line without a tab",
            "route SERVICE, fall-back SERVICE REASON, return REASON or record SERVICE, then a tab");
        return;
    }
    for (const char *input = tab + 1; input;) {
        const char *next = strstr(input, "; ");
        const char *equals = strchr(input, '=');
        if (!equals || equals == input || (next && equals > next)) {
            tell(findings, path, number, "", "inputs of another form", "path=value; path=value");
            return;
        }
        input = next ? next + 2 : NULL;
    }
}

static void check_cases(const char *path, const struct findings *findings)
{
    size_t length = 0, number = 0;
    char *text = text_read_file(path, FILE_SIZE_MAX, &length);
    if (!text) {
        tell(findings, path, 0, "", strerror(errno), "the cases of the pathway");
        return;
    }
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
        }
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (*line != '\0' && *line != '#') {
            check_case(path, number, line, findings);
        }
        line = end ? end + 1 : NULL;
    }
    free(text);
}

// Every .avsc, .json and cases.tsv below `dir`, as deep as pathways/<name>/examples.
static void check_folder(const char *dir, int depth, const struct findings *findings, size_t *files)
{
    struct folder folder;
    if (!folder_read(dir, &folder)) {
        tell(findings, dir, 0, "", strerror(errno), "a folder of schemas");
        return;
    }
    for (size_t index = 0; index < folder.count; index++) {
        char path[FOLDER_PATH_SIZE];
        struct reason reason = {0};
        const char *name = folder.names[index];
        if (!folder_join(path, dir, name, &reason)) {
            findings_tell(findings, &reason);
        } else if (path_is_folder(path)) {
            if (depth > 0) {
                check_folder(path, depth - 1, findings, files);
            }
        } else if (folder_suffix(name, ".avsc") || folder_suffix(name, ".json")) {
            check_json(path, findings);
            ++*files;
        } else if (text_equal(name, "cases.tsv")) {
            check_cases(path, findings);
            ++*files;
        }
    }
    folder_clear(&folder);
}

void validate_syntax(const char *dir, const struct findings *findings, size_t *ret_files)
{
    *ret_files = 0;
    check_folder(dir, 3, findings, ret_files);
}

// Posted, it would be taken for the pathway that it names: that of a folder it was copied from,
// say.
static void check_example_pathway(const struct json *body, const char *pathway, const char *path,
                                  const struct findings *findings)
{
    char found[FINDING_FOUND_SIZE], expected[FINDING_FOUND_SIZE];
    const struct json *named = json_member(body, "pathway");
    if (!text_equal(json_member_text(body, "pathway"), pathway)) {
        finding_describe(named, found);
        text_format(expected, sizeof expected, "the name of its folder, \"%s\"", pathway);
        tell(findings, path, json_file_line(path, BODY_SIZE_MAX, named ? "/pathway" : ""),
             "/pathway", found, expected);
    }
}

static void check_example(struct record *record, const char *pathway, const char *path, bool valid,
                          const struct findings *findings)
{
    struct reason reason = {0};
    struct json *body = json_parse_file(path, BODY_SIZE_MAX, &reason);
    if (!body) {
        findings_tell(findings, &reason);
        return;
    }
    check_example_pathway(body, pathway, path, findings);
    bool taken = body_record(record, body, &reason) == DONE;
    if (taken && !valid) {
        tell(findings, path, 0, "", "a body that is taken", "a refusal: the name says invalid");
    } else if (!taken && valid) {
        char found[FINDING_FOUND_SIZE];
        const char *expected = strstr(reason.detail, "expected ");
        finding_describe(json_at(body, reason.pointer), found);
        tell(findings, path, json_file_line(path, BODY_SIZE_MAX, reason.pointer), reason.pointer,
             found, expected ? expected + strlen("expected ") : reason.detail);
    }
    json_free(body);
}

static void tell_few(const struct findings *findings, const char *file, size_t count,
                     const char *what, size_t least)
{
    char found[FINDING_FOUND_SIZE], expected[FINDING_FOUND_SIZE];
    if (count >= least) {
        return;
    }
    text_format(found, sizeof found, "%zu %s", count, what);
    text_format(expected, sizeof expected, "at least %zu", least);
    tell(findings, file, 0, "", found, expected);
}

void validate_cases(const struct contract *contract, const char *pathway, size_t count,
                    const struct findings *findings)
{
    char file[FOLDER_PATH_SIZE];
    text_format(file, sizeof file, "%s/pathways/%s/cases.tsv", contract_dir(contract), pathway);
    tell_few(findings, file, count, "cases", CASES_LEAST);
}

void validate_versions(const struct contract *contract, const struct findings *findings)
{
    const struct schema *schema = NULL;
    const char *pathway = NULL;
    for (size_t index = 0; (schema = contract_at(contract, index, &pathway)) != NULL; index++) {
        char path[FOLDER_PATH_SIZE];
        const bool fits =
            text_format(path, sizeof path, "%s%s%s/versions/%s.%016" PRIx64 ".avsc",
                        contract_dir(contract), pathway ? "/pathways/" : "", pathway ? pathway : "",
                        schema_short_name(schema), schema_fingerprint(schema));
        if (!fits || access(path, F_OK) != 0) {
            tell(findings, path, 0, "", fits ? "no such version" : "a path that is too long",
                 "the schema as it is today; .deps/venv/bin/python tests/lint/versions.py --keep "
                 "writes it, or --release X.Y.Z before its first use");
        }
    }
}

void validate_examples(const struct contract *contract, const char *pathway,
                       const struct findings *findings)
{
    char dir[FOLDER_PATH_SIZE], path[FOLDER_PATH_SIZE];
    struct folder folder;
    struct record *record = record_new(contract_referral(contract, pathway));
    if (!record ||
        !text_format(dir, sizeof dir, "%s/pathways/%s/examples", contract_dir(contract), pathway)) {
        tell(findings, pathway, 0, "", "no memory", "a path that is not too long");
    } else if (!folder_read(dir, &folder)) {
        tell(findings, dir, 0, "", strerror(errno), "examples: valid-*.json, invalid-*.json");
    } else {
        size_t counts[2] = {0, 0};
        for (size_t index = 0; index < folder.count; index++) {
            const char *name = folder.names[index];
            bool valid = strncmp(name, "valid-", 6) == 0;
            struct reason reason;
            if ((valid || strncmp(name, "invalid-", 8) == 0) && folder_suffix(name, ".json") &&
                folder_join(path, dir, name, &reason)) {
                check_example(record, pathway, path, valid, findings);
                counts[valid]++;
            }
        }
        tell_few(findings, dir, counts[true], "examples valid-*.json", EXAMPLES_LEAST);
        tell_few(findings, dir, counts[false], "examples invalid-*.json", EXAMPLES_LEAST);
        folder_clear(&folder);
    }
    record_free(record);
}
