/* SPDX-License-Identifier: Apache-2.0 */
/* Read anew for each page: a dozen small files cost less than keeping a copy right. */
#include "titles.h"

#include "base/json.h"
#include "base/text.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 1024
#define FILE_SIZE_MAX (1024 * 1024)

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_pathway(const char *schemas_dir, const char *name, struct page *page)
{
    char path[PATH_SIZE];
    if (!text_format(path, sizeof(path), "%s/pathways/%s/pathway.json", schemas_dir, name) ||
        access(path, R_OK) != 0)
        return;
    struct json *json = json_parse_file(path, FILE_SIZE_MAX, NULL);
    (void)page_add_pathway(page, name, json_member_text(json, "title"));
    json_free(json);
}

void titles_add(const char *schemas_dir, struct page *page)
{
    char path[PATH_SIZE];
    struct dirent **entries = NULL;
    if (!text_format(path, sizeof(path), "%s/pathways", schemas_dir))
        return;
    int count = scandir(path, &entries, is_name, alphasort);
    for (int i = 0; i < count; i++) {
        add_pathway(schemas_dir, entries[i]->d_name, page);
        free(entries[i]);
    }
    free(entries);
}
