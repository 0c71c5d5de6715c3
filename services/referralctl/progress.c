// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define BAR_EVERY_MS 100
#define LINE_EVERY_MS 5000
#define FIRST_MS 1000 // what takes less says nothing

void progress_start(struct progress *progress, const char *what)
{
    *progress = (struct progress){.what = what, .terminal = isatty(STDERR_FILENO) != 0};
    progress->due_ms = clock_monotonic_ms() + (progress->terminal ? FIRST_MS : LINE_EVERY_MS);
}

void progress_format(const char *what, size_t done, size_t total, bool terminal, char *text,
                     size_t size)
{
    size_t percent = total > 0 && done < total ? done * 100 / total : total > 0 ? 100 : 0;
    if (total == 0) {
        text_format(text, size, "%s: %zu", what, done);
    } else if (terminal) {
        char bar[BAR_WIDTH + 1];
        size_t filled = percent * BAR_WIDTH / 100;
        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '#', filled);
        bar[BAR_WIDTH] = '\0';
        text_format(text, size, "%s [%s] %3zu %%", what, bar, percent);
    } else {
        text_format(text, size, "%s: %zu %%", what, percent);
    }
}

void progress_show(struct progress *progress, size_t done, size_t total)
{
    char line[120];
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < progress->due_ms) {
        return;
    }
    progress->due_ms = now_ms + (progress->terminal ? BAR_EVERY_MS : LINE_EVERY_MS);
    progress->shown = true;
    progress_format(progress->what, done, total, progress->terminal, line, sizeof line);
    fprintf(stderr, progress->terminal ? "\r%s" : "%s\n", line);
}

void progress_end(struct progress *progress)
{
    if (progress->shown && progress->terminal) {
        fputs("\r\033[K", stderr);
    }
    progress->shown = false;
}
