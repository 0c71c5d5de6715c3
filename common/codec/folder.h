/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a folder, in the same order on every machine. */
#ifndef CODEC_FOLDER_H
#define CODEC_FOLDER_H

#include "base/reason.h"

#include <stddef.h>

#define FOLDER_PATH_SIZE 1024

struct folder {
    char **names; /* without those that start with a dot; sorted by their bytes */
    size_t count;
};

/* False with errno. */
bool folder_read(const char *path, struct folder *ret_folder);
void folder_clear(struct folder *folder);
bool folder_suffix(const char *name, const char *suffix);
/* "path/name". False, bad-name, if it is too long. */
bool folder_join(char joined[FOLDER_PATH_SIZE], const char *path, const char *name,
                 struct reason *reason);

#endif
