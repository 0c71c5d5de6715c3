/* SPDX-License-Identifier: Apache-2.0 */
/* Pointers of a composed schema start with those of the envelope; people have the files. */
#include "codec/blame.h"

#include "codec/schema.h"

#include <string.h>

struct telling {
    const struct blame *blame;
    const struct json *json;
    const struct findings *findings;
    size_t count;
};

/* The file that a pointer leads to, and the pointer within it. */
static const char *file_of(const struct blame *blame, const char **pointer)
{
    size_t length = strlen(blame->prefix);
    if (!blame->rest_file)
        return blame->file;
    if (strncmp(*pointer, blame->prefix, length) != 0 ||
        ((*pointer)[length] != '/' && (*pointer)[length] != '\0'))
        return blame->rest_file;
    *pointer += length;
    if (strncmp(*pointer, "/type", 5) == 0)
        *pointer += 5;
    return blame->file;
}

static void tell_fault(void *context, const struct reason *fault)
{
    struct telling *telling = context;
    const char *pointer = fault->pointer;
    const char *file = file_of(telling->blame, &pointer);
    const char *expected = strstr(fault->detail, "expected ");
    char found[FINDING_FOUND_SIZE];
    telling->count++;
    finding_describe(json_at(telling->json, fault->pointer), found);
    telling->findings->tell(telling->findings->context,
                            &(struct finding){
                                .code = fault->code,
                                .file = file,
                                .pointer = pointer,
                                .line = json_file_line(file, SCHEMA_SIZE_MAX, pointer),
                                .found = found,
                                .expected = expected ? expected + 9 : fault->detail,
                            });
}

void blame_schema(const struct blame *blame, const struct json *json, const struct reason *inner,
                  const struct findings *findings, struct reason *reason)
{
    struct telling telling = {.blame = blame, .json = json, .findings = findings};
    if (findings && json)
        schema_faults(json, tell_fault, &telling);
    if (telling.count > 0) {
        *reason = (struct reason){0};
        return;
    }
    const char *pointer = inner->pointer;
    const char *file = file_of(blame, &pointer);
    reason_set(reason, inner->code, file, "line %zu: %s%s%s",
               json_file_line(file, SCHEMA_SIZE_MAX, pointer), pointer, *pointer ? ": " : "",
               inner->detail);
}
