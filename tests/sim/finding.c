/* SPDX-License-Identifier: Apache-2.0 */
#include "finding.h"

#include <stdarg.h>
#include <stdio.h>

void finding_set(struct finding *finding, int64_t at_ms, const char *promise, const char *format,
                 ...)
{
    va_list arguments;
    if (finding->promise)
        return;
    finding->promise = promise;
    finding->at_ms = at_ms;
    va_start(arguments, format);
    (void)vsnprintf(finding->detail, sizeof(finding->detail), format, arguments);
    va_end(arguments);
}
