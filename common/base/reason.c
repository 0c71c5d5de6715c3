/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons are filled by way of a copy, so that a caller may wrap an old reason's own text in a new
 * detail. */
#include "base/reason.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void reason_set(struct reason *reason, const char *code, const char *pointer, const char *format,
                ...)
{
    if (!reason)
        return;
    char detail[REASON_DETAIL_MAX +
                8]; /* longer than the field, so that a cut falls between letters */
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(detail, sizeof(detail), format, arguments) < 0)
        detail[0] = '\0';
    va_end(arguments);
    struct reason filled;
    text_copy(filled.code, sizeof(filled.code), code);
    text_copy(filled.pointer, sizeof(filled.pointer), pointer);
    text_copy(filled.detail, sizeof(filled.detail), detail);
    *reason = filled;
}

const char *verdict_name(enum verdict verdict)
{
    switch (verdict) {
    case DONE:
        return "done";
    case TRY_AGAIN:
        return "try-again";
    case REFUSED:
        return "refused";
    case BROKEN:
        return "broken";
    }
    return "unknown";
}
