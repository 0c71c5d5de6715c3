/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: posted bodies from schemas/pathways/<name>/examples. */
#ifndef TEST_BODIES_H
#define TEST_BODIES_H

#include "base/json.h"
#include "base/text.h"
#include "pathways/body.h"
#include "pathways/pathway.h"

#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FILES_MAX 64
#define FILE_NAME_SIZE 128

/* Names of the files of examples/ that start with `prefix`, sorted. */
static inline size_t example_files(const char *pathway, const char *prefix,
                                   char names[FILES_MAX][FILE_NAME_SIZE])
{
    char path[512];
    assert_true(
        text_format(path, sizeof(path), SOURCE_DIR "/schemas/pathways/%s/examples", pathway));
    struct dirent **entries;
    int found = scandir(path, &entries, NULL, alphasort);
    assert_true(found >= 0);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        if (strncmp(entries[i]->d_name, prefix, strlen(prefix)) == 0) {
            assert_true(count < FILES_MAX);
            assert_true(text_copy(names[count++], FILE_NAME_SIZE, entries[i]->d_name));
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

static inline struct json *example_body(const char *pathway, const char *file)
{
    char path[512];
    struct reason reason = {.detail = ""};
    assert_true(text_format(path, sizeof(path), SOURCE_DIR "/schemas/pathways/%s/examples/%s",
                            pathway, file));
    struct json *body = json_parse_file(path, BODY_SIZE_MAX, &reason);
    if (!body)
        fail_msg("%s: %s %s", path, reason.code, reason.detail);
    return body;
}

#endif
