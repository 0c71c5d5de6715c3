/* SPDX-License-Identifier: Apache-2.0 */
/* One line per fact on standard error: JSON, or key=value on a terminal. Never patient data: values
 * are ids, codes, numbers and names of fields. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

void log_setup(const char *service, enum log_level level, enum log_format format);
bool log_level_parse(const char *text, enum log_level *ret_level);
/* `what` is a stable short name of the fact; then pairs of name, value (both const char *), ended
 * by NULL. A NULL value leaves the pair out. One write per line, at most 4 KiB, longer values are
 * cut. Thread-safe. */
void log_fact(enum log_level level, const char *what, ...) __attribute__((sentinel));

#endif
