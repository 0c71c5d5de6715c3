/* SPDX-License-Identifier: Apache-2.0 */
/* One thing that is wrong in a file: what `referralctl validate` prints. Where a service stops at
 * the first and keeps it as a reason, the command wants them all. Never patient data: the files are
 * schemas, rules and invented examples. */
#ifndef BASE_FINDING_H
#define BASE_FINDING_H

#include "base/json.h"

struct finding {
    const char *code, *file;
    const char *pointer; /* RFC 6901, "" for the whole file */
    size_t line;         /* of the pointer's place, from 1; 0 if there is none */
    const char *found, *expected;
};

/* Called for each finding; what it points to is gone afterwards. */
struct findings {
    void (*tell)(void *context, const struct finding *finding);
    void *context;
};

#define FINDING_FOUND_SIZE 80

/* Tells a reason whose pointer is a file and whose detail starts with "line N" and, after that, a
 * JSON pointer, either of which may be absent. `findings` may be NULL. */
void findings_tell(const struct findings *findings, const struct reason *reason);

/* The line of a JSON text at which the pointer's member or item starts, from 1. Where the pointer
 * leads to nothing, the line of the last part of it that is there. The text must be JSON. */
size_t json_line(const char *bytes, size_t length, const char *pointer);
/* The same for a file; 0 if it can't be read. */
size_t json_file_line(const char *path, size_t size_max, const char *pointer);
/* The value at a pointer; NULL if there is none. */
const struct json *json_at(const struct json *json, const char *pointer);
/* A value in a few words: "text", 8, true, a list, nothing. */
void finding_describe(const struct json *found, char text[FINDING_FOUND_SIZE]);

#endif
