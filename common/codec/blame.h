/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a fault of a schema is in. A composed schema comes from two. */
#ifndef CODEC_BLAME_H
#define CODEC_BLAME_H

#include "base/finding.h"

struct blame {
    const char *file;      /* of the schema, or of the part that was put in at `prefix` */
    const char *rest_file; /* of all else; NULL: there is nothing else */
    char prefix[64];       /* a JSON pointer to the field */
};

/* `inner` is why schema_from_json did not take `json` (NULL: memory ran out before). With findings:
 * tells every fault, and empties the reason if there was one to tell. Else the reason names the
 * file, with line and pointer. */
void blame_schema(const struct blame *blame, const struct json *json, const struct reason *inner,
                  const struct findings *findings, struct reason *reason);

#endif
