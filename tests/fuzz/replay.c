/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over its corpus without a fuzzer: the ordinary test run replays what was once
 * found, under whatever sanitizers the build has. To search for more, leave this file out:
 *   clang -fsanitize=fuzzer,address,undefined -std=c17 -D_GNU_SOURCE -Icommon
 * tests/fuzz/json_fuzz.c \ common/base/[a-z]*.c common/ids/[a-z]*.c common/codec/[a-z]*.c -lavro
 * -ljansson -lcrypto -lm -o json_fuzz */
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1024 * 1024)

static int run(const char *path)
{
    size_t length = 0;
    char *content = text_read_file(path, INPUT_MAX, &length);
    if (!content) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    /* exactly as long as the input, for the sanitizers' sake */
    char *exact = realloc(content, length > 0 ? length : 1);
    LLVMFuzzerTestOneInput((const uint8_t *)(exact ? exact : content), length);
    free(exact ? exact : content);
    return 0;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", arguments[0]);
        return 2;
    }
    DIR *folder = opendir(arguments[1]);
    if (!folder) {
        fprintf(stderr, "%s: %s\n", arguments[1], strerror(errno));
        return 1;
    }
    int failed = 0;
    size_t inputs = 0;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        failed |= !text_format(path, sizeof(path), "%s/%s", arguments[1], entry->d_name) ||
                  run(path) != 0;
        inputs++;
    }
    closedir(folder);
    printf("%zu inputs\n", inputs);
    return failed || inputs == 0;
}
