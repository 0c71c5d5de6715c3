// SPDX-License-Identifier: Apache-2.0
// Fields are unquoted in place: a field never grows by unquoting, so no memory is needed. A broken
// row ends at the line end behind the fault, so that one bad quote does not swallow the rest of the
// file.
#include "csv.h"

#include <string.h>

void csv_init(struct csv *csv, char *text, size_t length)
{
    static const char BYTE_ORDER_MARK[] = "\xEF\xBB\xBF";
    csv->text = text;
    csv->length = length;
    csv->line = 1;
    csv->position = length >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
}

static void skip_line(struct csv *csv)
{
    while (csv->position < csv->length && csv->text[csv->position] != '\n') {
        csv->position++;
    }
    if (csv->position < csv->length) {
        csv->position++;
        csv->line++;
    }
}

static bool at_line_end(const struct csv *csv)
{
    return csv->position >= csv->length || csv->text[csv->position] == '\n' ||
           (csv->text[csv->position] == '\r' &&
            (csv->position + 1 >= csv->length || csv->text[csv->position + 1] == '\n'));
}

// Position is behind the opening quote. False if the quote is never closed or something follows it.
static bool quoted_field(struct csv *csv, const char **ret_field, size_t *ret_end)
{
    size_t to = csv->position;
    *ret_field = csv->text + to;
    while (csv->position < csv->length) {
        char byte = csv->text[csv->position];
        if (byte == '\n') {
            csv->line++;
        }
        if (byte == '"') {
            if (csv->position + 1 >= csv->length || csv->text[csv->position + 1] != '"') {
                csv->position++;
                *ret_end = to;
                return at_line_end(csv) || csv->text[csv->position] == ',';
            }
            csv->position++;
        }
        csv->text[to++] = byte;
        csv->position++;
    }
    return false;
}

// A quote inside an unquoted field is data, as in the files that NHS ODS issues.
static void plain_field(struct csv *csv, const char **ret_field, size_t *ret_end)
{
    *ret_field = csv->text + csv->position;
    while (!at_line_end(csv) && csv->text[csv->position] != ',') {
        csv->position++;
    }
    *ret_end = csv->position;
}

enum verdict csv_next(struct csv *csv, struct csv_row *ret_row, struct reason *reason)
{
    while (csv->position < csv->length && at_line_end(csv)) {
        skip_line(csv);
    }
    if (csv->position >= csv->length) {
        return TRY_AGAIN;
    }
    size_t line = csv->line;
    size_t count = 0;
    for (;;) {
        const char *field;
        size_t end;
        size_t begin = csv->position;
        if (count == CSV_FIELDS_MAX) {
            skip_line(csv);
            reason_set(reason, "bad-csv", NULL, "line %zu has more than %d fields", line,
                       CSV_FIELDS_MAX);
            return REFUSED;
        }
        if (csv->position < csv->length && csv->text[csv->position] == '"') {
            csv->position++;
            if (!quoted_field(csv, &field, &end)) {
                if (csv->position >= csv->length) { // never closed: only this line is lost
                    csv->position = begin;
                    csv->line = line;
                }
                skip_line(csv);
                reason_set(reason, "bad-csv", NULL,
                           "line %zu, field %zu: the quote is not closed before the comma or the "
                           "line's end",
                           line, count + 1);
                return REFUSED;
            }
        } else {
            plain_field(csv, &field, &end);
        }
        ret_row->fields[count++] = field;
        bool more = !at_line_end(csv);
        size_t next = csv->position + (more ? 1 : 0);
        if (!more) {
            skip_line(csv);
        } else {
            csv->position = next;
        }
        csv->text[end] =
            '\0'; // behind the field: its comma, its quote or its line end, already read
        if (!more) {
            break;
        }
    }
    ret_row->line = line;
    ret_row->count = count;
    return DONE;
}
