/* SPDX-License-Identifier: Apache-2.0 */
/* The page at "/": volumes by pathway and stage, the events' counts, how fresh. Plain HTML: no
 * script, no other host, and every text escaped. Pure. */
#ifndef TRACKER_PAGE_H
#define TRACKER_PAGE_H

#include "store.h"

#include "base/buffer.h"
#include "base/calendar.h"

#define PAGE_PATHWAYS_MAX 80
#define PAGE_COLUMNS 10
#define PAGE_TITLE_SIZE 96
#define PAGE_UNDER_WAY "under-way" /* beside the stages: received, and no end yet */

struct page_pathway {
    char name[PATHWAY_NAME_SIZE];
    char title[PAGE_TITLE_SIZE];
    int64_t today[PAGE_COLUMNS];
    int64_t week[PAGE_COLUMNS];
};
struct page_count {
    int64_t count, newest_ms;
};

/* What the page shows; filled by page_add_…, then written. */
struct page {
    struct page_pathway pathways[PAGE_PATHWAYS_MAX]; /* by title */
    size_t pathways_count;
    struct page_count events[EVENT_KINDS];
    struct page_count told, left_to_a_person; /* what became of notices */
    int64_t now_ms;
};

void page_init(struct page *page, int64_t now_ms);
/* Shown even when nothing was counted yet. False when full. */
bool page_add_pathway(struct page *page, const char *name, const char *title);
/* A sum of `week` (the last 7 days, today included) or of today, of a stage or PAGE_UNDER_WAY. An
 * unknown pathway becomes a row of its own. */
void page_add_sum(struct page *page, bool today_only, const struct volume *sum);
void page_add_count(struct page *page, const struct stored_count *count);
/* `kind` is the reason why nobody was told, or "". */
void page_add_notices(struct page *page, const struct stored_count *count);
bool page_write(const struct page *page, struct buffer *buffer);
/* The style sheet, at "/style.css". */
extern const char page_style[];

#endif
