/* SPDX-License-Identifier: Apache-2.0 */
/* The names and titles of the pathways, as the folders say at this moment: a folder added to a
 * running system has its row on the page at once. */
#ifndef TRACKER_TITLES_H
#define TRACKER_TITLES_H

#include "page.h"

/* Adds every folder of schemas_dir/pathways that has a pathway.json; its title, or its name
 * where the file cannot be read. */
void titles_add(const char *schemas_dir, struct page *page);

#endif
