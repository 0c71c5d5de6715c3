/* SPDX-License-Identifier: Apache-2.0 */
/* scandir with strcmp: alphasort would follow the locale, and with it the order in which faults are
 * found. */
#include "codec/folder.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

bool folder_read(const char *path, struct folder *ret_folder)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_shown, by_bytes);
    if (count < 0)
        return false;
    struct folder folder = {.names = calloc((size_t)count + 1, sizeof(char *))};
    bool done = folder.names != NULL;
    for (int i = 0; i < count; i++) {
        char *name = done ? strdup(entries[i]->d_name) : NULL;
        if (name)
            folder.names[folder.count++] = name;
        done = done && name;
        free(entries[i]);
    }
    free(entries);
    if (done) {
        *ret_folder = folder;
        return true;
    }
    folder_clear(&folder);
    errno = ENOMEM;
    return false;
}

void folder_clear(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        free(folder->names[i]);
    free(folder->names);
    *folder = (struct folder){0};
}

bool folder_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t suffix_length = strlen(suffix);
    return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

bool folder_join(char joined[FOLDER_PATH_SIZE], const char *path, const char *name,
                 struct reason *reason)
{
    if (text_format(joined, FOLDER_PATH_SIZE, "%s/%s", path, name))
        return true;
    reason_set(reason, "bad-name", path, "the path is too long");
    return false;
}
