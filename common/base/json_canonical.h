/* SPDX-License-Identifier: Apache-2.0 */
/* JSON_SORTED of json_print; for json.c alone. */
#ifndef BASE_JSON_CANONICAL_H
#define BASE_JSON_CANONICAL_H

#include "base/buffer.h"
#include "base/json.h"

/* Compact, members sorted by the bytes of their names, only what must be escaped is. Free with
 * free(); NULL if memory ran out. */
char *json_print_canonical(const struct json *json);

#endif
