/* SPDX-License-Identifier: Apache-2.0 */
/* Posted bodies as a pathway's folder tells them: an example, with "path=value" on top. Read into
 * records by the functions that the gateway uses; for cases.tsv, for examples/ and for tests. */
#ifndef PATHWAYS_BODY_H
#define PATHWAYS_BODY_H

#include "base/json.h"
#include "codec/record.h"

#define BODY_SIZE_MAX 65536

/* A copy of `object` with the member at a dotted path set to `value` (adopted; NULL = left out).
 * NULL if memory ran out or the path is none. */
struct json *body_with_take(const struct json *object, const char *path, struct json *value);
/* `text` as JSON where it is JSON (8, true, a list), else as the text that it is; NULL for null. */
struct json *body_value(const char *text);
/* The record of a body, with the fields that the gateway sets, checked as the gateway does: DONE,
 * or REFUSED with the gateway's reason. */
__attribute__((warn_unused_result)) enum verdict
body_record(struct record *record, const struct json *body, struct reason *reason);

#endif
