/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema registry's answer means. Pure: a status and bytes in, a decision out. The registry
 * is a stranger like any other: only its own words for "no such thing" count as that, so that a
 * proxy's error page never turns a referral into garbage. */
#ifndef REGISTRY_ANSWER_H
#define REGISTRY_ANSWER_H

#include "base/reason.h"
#include "codec/schema.h"

#include <stdint.h>

#define REGISTRY_ANSWER_MAX (2 * SCHEMA_SIZE_MAX)
#define REGISTRY_VERSIONS_MAX 1024

enum registry_outcome {
    REGISTRY_FOUND,
    REGISTRY_ABSENT, /* 404 in the registry's own words: 40401, 40402, 40403 (unknown-schema-id) */
    REGISTRY_UNUSABLE, /* it is there, and nothing for us: not Avro, with references, not to be
                          parsed (unusable-schema); 422 to a schema of ours (invalid-schema) */
    REGISTRY_CONFLICT, /* 409: incompatible (incompatible-schema) */
    REGISTRY_AWAY,     /* everything else (registry-away): no answer, 5xx, 401, garbage */
};

struct registry_reply {
    long status; /* 0: there was no answer */
    const char *bytes;
    size_t length;
};

/* GET /schemas/ids/{id} and /subjects/{subject}/versions/{version}. */
enum registry_outcome registry_answer_schema(const struct registry_reply *reply,
                                             struct schema **ret_schema, struct reason *reason);
/* POST /subjects/{subject} (look up) and /subjects/{subject}/versions (register). *ret_version is 0
 * where the answer does not tell it. */
enum registry_outcome registry_answer_id(const struct registry_reply *reply, int32_t *ret_id,
                                         int32_t *ret_version, struct reason *reason);
/* GET /subjects/{subject}/versions: at most REGISTRY_VERSIONS_MAX numbers. */
enum registry_outcome registry_answer_versions(const struct registry_reply *reply,
                                               int32_t versions[REGISTRY_VERSIONS_MAX],
                                               size_t *ret_count, struct reason *reason);
/* POST /compatibility/subjects/{subject}/versions: CONFLICT if it says that it is not. */
enum registry_outcome registry_answer_compatible(const struct registry_reply *reply,
                                                 struct reason *reason);
/* PUT and GET /config/{subject}: FOUND, with the level's name (or "" if it told none). */
#define REGISTRY_LEVEL_SIZE 32
enum registry_outcome registry_answer_level(const struct registry_reply *reply,
                                            char ret_level[REGISTRY_LEVEL_SIZE],
                                            struct reason *reason);

#endif
