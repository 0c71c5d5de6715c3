/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP outcome -> meaning, as one table, first match wins. The body of a 409 is scanned rather than
 * parsed, because only its beginning is kept: a quoted name directly followed by its value can't be
 * imitated by text inside a string, where the quotes would be escaped. */
#include "core/classify.h"

#include "base/text.h"

#include <string.h>

static const struct {
    int from, to;
    enum answer_meaning meaning;
    bool unwell;
} meanings[] = {
    {200, 299, ANSWER_DELIVERED, false}, /* */
    {408, 408, ANSWER_AGAIN, true},      /* request timeout */
    {410, 410, ANSWER_GONE, false},      /* gone */
    {425, 425, ANSWER_AGAIN, false},     /* too early: our first try is still being worked on */
    {429, 429, ANSWER_AGAIN, true},      /* too many requests */
    {400, 499, ANSWER_RETURNED, false},  /* */
    {500, 599, ANSWER_AGAIN, true},      /* */
    {100, 999, ANSWER_AGAIN, true}, /* redirects are not followed; 1xx and 6xx on are no answers */
};

/* The text behind `"name"`, blanks, `:`, blanks, `"`; its length in *ret_length. NULL if there is
 * none here. */
static const char *value_at(const char *at, const char *end, size_t name_length, size_t *ret_length)
{
    at += name_length;
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    if (at == end || *at++ != ':')
        return NULL;
    while (at < end && strchr(" \t\r\n", *at))
        at++;
    if (at == end || *at++ != '"')
        return NULL;
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote)
        return NULL;
    *ret_length = (size_t)(quote - at);
    return at;
}

struct value {
    const char *name; /* "code" or "type" */
    const char *text; /* not terminated */
    size_t length;
};

/* The next value of a member `code` or `type` from *at on, in the order of the body; moves *at. */
static bool next_value(const char **at, const char *end, struct value *ret_value)
{
    static const char *const names[] = {"\"code\"", "\"type\""};
    const size_t quoted = strlen(names[0]);
    while (*at < end) {
        const char *quote = memchr(*at, '"', (size_t)(end - *at));
        if (!quote || (size_t)(end - quote) < quoted)
            return false;
        *at = quote + 1;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
            if (memcmp(quote, names[i], quoted) != 0)
                continue;
            ret_value->name = i == 0 ? "code" : "type";
            ret_value->text = value_at(quote, end, quoted, &ret_value->length);
            if (ret_value->text)
                return true;
        }
    }
    return false;
}

bool classify_says_duplicate(const char *body, size_t length)
{
    static const char word[] = "duplicate";
    const size_t word_length = sizeof(word) - 1;
    struct value value;
    const char *at = body;
    while (body && next_value(&at, body + length, &value)) {
        const bool ending = strcmp(value.name, "type") == 0; /* of a URI is enough */
        if (value.length >= word_length && (value.length == word_length || ending) &&
            memcmp(value.text + value.length - word_length, word, word_length) == 0)
            return true;
    }
    return false;
}

static size_t row_of(int status)
{
    size_t row = 0;
    while (row + 1 < sizeof(meanings) / sizeof(*meanings) &&
           (status < meanings[row].from || status > meanings[row].to))
        row++;
    return row;
}

static bool holds(const struct answer *answer, const char *text)
{
    return answer->excerpt && memmem(answer->excerpt, answer->excerpt_length, text, strlen(text));
}

enum answer_meaning classify(const struct answer *answer)
{
    if (answer->unsendable)
        return ANSWER_UNSENT;
    if (!answer->status)
        return ANSWER_AGAIN;
    if (answer->bars && answer->status >= 400 && answer->status != 410 &&
        !holds(answer, "\"OperationOutcome\""))
        return ANSWER_AGAIN; /* somebody in between has answered, not the receiver */
    if (answer->status == 409 && classify_says_duplicate(answer->excerpt, answer->excerpt_length))
        return ANSWER_DELIVERED;
    return meanings[row_of(answer->status)].meaning;
}

bool classify_telling(const struct answer *answer)
{
    return !answer->unsendable &&
           (answer->status || !text_equal(answer->error, "stale-connection"));
}

bool classify_unwell(const struct answer *answer)
{
    return classify_telling(answer) && (!answer->status || meanings[row_of(answer->status)].unwell);
}

bool classify_unreached(const struct answer *answer)
{
    static const char *const unreached[] = {"timeout",         "unknown-host", "refused-connection",
                                            "connection-lost", "tls-failed",   "tls-untrusted",
                                            "network-error"};
    for (size_t i = 0; !answer->status && i < sizeof(unreached) / sizeof(*unreached); i++)
        if (text_equal(answer->error, unreached[i]))
            return true;
    return false;
}

void classify_result(int status, const char *error, char result[RESULT_SIZE])
{
    char number[WHOLE_TEXT_SIZE];
    (void)text_of_whole(status, number);
    (void)text_copy(result, RESULT_SIZE, status ? "http-" : error ? error : "no-answer");
    if (status)
        (void)text_copy(result + strlen("http-"), RESULT_SIZE - strlen("http-"), number);
}
