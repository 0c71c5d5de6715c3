/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for tables that are touched at random all over: on huge pages, where the system has them,
 * that costs half. */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include <stddef.h>

/* Zeroed, to be freed by free(); NULL without memory. `size` is a power of two. */
void *large_zeroed(size_t size);

#endif
