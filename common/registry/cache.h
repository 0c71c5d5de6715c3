/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ids in a file, so that a process that starts while the registry is away can read
 * what was written before: a line {"id": …, "schema": "…"} each. It is a cache: what can't be read
 * is left out, and a write that fails is tried again with the next change. */
#ifndef REGISTRY_CACHE_H
#define REGISTRY_CACHE_H

#include "codec/contract.h"

/* Returns how many ids were read; 0 if there is no such file. */
size_t registry_cache_load(const char *path, struct registry *registry);
/* Replaces the file as a whole. REFUSED with the reason if it can't be written. */
__attribute__((warn_unused_result)) enum verdict
registry_cache_save(const char *path, struct registry *registry, struct reason *reason);

#endif
