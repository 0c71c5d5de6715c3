/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long piece of work has come, on standard error: a bar on a terminal, a line every few
 * seconds otherwise; nothing for what is over in a moment. */
#ifndef REFERRALCTL_PROGRESS_H
#define REFERRALCTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *what; /* "postcodes read"; borrowed */
    bool terminal;
    bool shown;
    int64_t due_ms; /* monotonic */
};

void progress_start(struct progress *progress, const char *what);
/* Cheap enough to be called for every row. `total` 0 = not known. */
void progress_show(struct progress *progress, size_t done, size_t total);
/* Ends the bar's line, if there is one. */
void progress_end(struct progress *progress);
/* The bar's line without its carriage return, for progress_show and its test. */
void progress_format(const char *what, size_t done, size_t total, bool terminal, char *text,
                     size_t size);

#endif
