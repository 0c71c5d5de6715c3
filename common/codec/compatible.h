/* SPDX-License-Identifier: Apache-2.0 */
/* Can what was written with one schema be read with another? Avro 1.11, "Schema Resolution". */
#ifndef CODEC_COMPATIBLE_H
#define CODEC_COMPATIBLE_H

#include "codec/schema.h"

/* True if `reader` reads everything that `writer` can write. Else incompatible-schema with the
 * pointer of the field (by names: "/patient/postcode"). */
bool schema_reads(const struct schema *reader, const struct schema *writer, struct reason *reason);

#endif
