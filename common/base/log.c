/* SPDX-License-Identifier: Apache-2.0 */
/* A line is built in a buffer on the stack and leaves in one write(2): lines of two threads, or of
 * two processes on one pipe, never mix (4 KiB is what Linux writes to a pipe undivided). No heap,
 * so it works when memory has run out. */
#include "base/log.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096
#define LINE_TAIL 4 /* kept free for the closing quote, brace and line feed */

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* Set once before there are threads. */
static char service_name[32] = "-";
static enum log_level level_least = LOG_LEVEL_INFO;
static bool as_text;

struct line {
    char bytes[LINE_SIZE];
    size_t length;
};

void log_setup(const char *service, enum log_level level, enum log_format format)
{
    text_copy(service_name, sizeof(service_name), service);
    level_least = level;
    as_text = format == LOG_FORMAT_TEXT || (format == LOG_FORMAT_AUTO && isatty(STDERR_FILENO));
}

bool log_level_parse(const char *text, enum log_level *ret_level)
{
    for (size_t i = 0; text && i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool put(struct line *line, const char *bytes, size_t length)
{
    if (line->length + length > LINE_SIZE - LINE_TAIL)
        return false;
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
    return true;
}

static bool put_text(struct line *line, const char *text)
{
    return put(line, text, strlen(text));
}

/* How many bytes at `text` are one UTF-8 character (0: they are none). */
static size_t character_length(const char *text)
{
    size_t available = strnlen(text, 4);
    for (size_t length = 1; length <= available; length++)
        if (text_is_utf8(text, length))
            return length;
    return 0;
}

/* The text with JSON's escapes, as far as it fits; bytes that are no UTF-8 become U+FFFD. */
static void put_escaped(struct line *line, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    while (*text) {
        unsigned char byte = (unsigned char)*text;
        size_t step = character_length(text);
        bool fits;
        if (step == 0) {
            step = 1;
            fits = put_text(line, "\xEF\xBF\xBD");
        } else if (byte == '"' || byte == '\\') {
            char escape[2] = {'\\', (char)byte};
            fits = put(line, escape, sizeof(escape));
        } else if (byte < 0x20 || byte == 0x7F) {
            char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15u]};
            fits = put(line, escape, sizeof(escape));
        } else {
            fits = put(line, text, step);
        }
        if (!fits)
            return;
        text += step;
    }
}

static void put_json_pair(struct line *line, const char *name, const char *value)
{
    size_t before = line->length;
    if (!put_text(line, before == 0 ? "{\"" : ",\"") || !put_text(line, name) ||
        !put_text(line, "\":\"")) {
        line->length = before;
        return;
    }
    put_escaped(line, value);
    line->bytes[line->length++] = '"'; /* from the tail that put() keeps free */
}

static bool needs_quotes(const char *value)
{
    for (const char *at = value; *at; at++)
        if ((unsigned char)*at <= 0x20 || *at == '"' || *at == '\\' || *at == '=')
            return true;
    return *value == '\0';
}

static void put_text_pair(struct line *line, const char *name, const char *value)
{
    size_t before = line->length;
    bool quoted = needs_quotes(value);
    if (!put_text(line, " ") || !put_text(line, name) || !put_text(line, quoted ? "=\"" : "=")) {
        line->length = before;
        return;
    }
    put_escaped(line, value);
    if (quoted)
        line->bytes[line->length++] = '"';
}

static void put_head(struct line *line, enum log_level level, const char *what)
{
    char time[INSTANT_TEXT_SIZE];
    instant_format(clock_now_ms(), time);
    if (as_text) {
        put_text(line, time);
        put_text(line, " ");
        put_text(line, level_names[level]);
        put_text(line, " ");
        put_escaped(line, service_name);
        put_text(line, " ");
        put_escaped(line, what);
        return;
    }
    put_json_pair(line, "time", time);
    put_json_pair(line, "level", level_names[level]);
    put_json_pair(line, "service", service_name);
    put_json_pair(line, "fact", what);
}

void log_fact(enum log_level level, const char *what, ...)
{
    if (level < level_least)
        return;
    struct line line;
    line.length = 0;
    put_head(&line, level, what);
    va_list pairs;
    va_start(pairs, what);
    for (const char *name; (name = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        if (!value)
            continue;
        if (as_text)
            put_text_pair(&line, name, value);
        else
            put_json_pair(&line, name, value);
    }
    va_end(pairs);
    if (!as_text)
        line.bytes[line.length++] = '}';
    line.bytes[line.length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.bytes, line.length);
    (void)written; /* where would one say that saying failed? */
}
