/* SPDX-License-Identifier: Apache-2.0 */
/* Masking by a list of what may pass, not of what may not: a name, a number, a postcode, a
 * diagnosis are unknown words in every language and spelling. What is written is the list's own
 * text. Words that are common names are not on it, useful as they might be ("field", "long",
 * "may", "page"). */
#include "core/excerpt.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Sorted without regard to case. The codes of FHIR's issue types, of BaRS, of problem details, and
 * what servers, proxies and parsers say of themselves. */
static const char *const words[] = {
    "accepted",
    "already",
    "api",
    "application",
    "authentication",
    "authorisation",
    "authorization",
    "backend",
    "bad",
    "business-rule",
    "certificate",
    "client",
    "closed",
    "code",
    "code-invalid",
    "coding",
    "conflict",
    "connection",
    "content",
    "content-type",
    "correlation",
    "credentials",
    "database",
    "deleted",
    "denied",
    "detail",
    "details",
    "diagnostics",
    "disabled",
    "display",
    "duplicate",
    "empty",
    "endpoint",
    "error",
    "errors",
    "exceeded",
    "exception",
    "exists",
    "expected",
    "expired",
    "expression",
    "extension",
    "failed",
    "failure",
    "false",
    "fatal",
    "forbidden",
    "found",
    "gateway",
    "gone",
    "header",
    "html",
    "http",
    "identifier",
    "incomplete",
    "informational",
    "instance",
    "internal",
    "invalid",
    "invariant",
    "issue",
    "json",
    "limit",
    "limited",
    "location",
    "lock-error",
    "login",
    "maintenance",
    "malformed",
    "message",
    "MessageHeader",
    "missing",
    "multiple-matches",
    "no-store",
    "not",
    "not-found",
    "not-supported",
    "null",
    "offline",
    "operation",
    "OperationOutcome",
    "parameter",
    "parse",
    "patient",
    "payload",
    "permission",
    "processed",
    "processing",
    "proxy",
    "rate",
    "REC_BAD_REQUEST",
    "REC_CONFLICT",
    "REC_FORBIDDEN",
    "REC_METHOD_NOT_ALLOWED",
    "REC_NOT_ACCEPTABLE",
    "REC_NOT_FOUND",
    "REC_NOT_IMPLEMENTED",
    "REC_SERVER_ERROR",
    "REC_SERVICE_UNAVAILABLE",
    "REC_TIMEOUT",
    "REC_TOO_EARLY",
    "REC_TOO_MANY_REQUESTS",
    "REC_UNAUTHORIZED",
    "REC_UNAVAILABLE",
    "REC_UNPROCESSABLE_ENTITY",
    "received",
    "referral",
    "refused",
    "rejected",
    "request",
    "requests",
    "required",
    "resource",
    "resourceType",
    "response",
    "schema",
    "security",
    "SEND_ERROR",
    "SEND_FORBIDDEN",
    "server",
    "service",
    "session",
    "severity",
    "signature",
    "status",
    "structure",
    "supported",
    "suppressed",
    "syntax",
    "system",
    "temporarily",
    "text",
    "throttled",
    "timed",
    "timeout",
    "title",
    "token",
    "too",
    "too-costly",
    "too-long",
    "transient",
    "true",
    "type",
    "unable",
    "unauthorised",
    "unauthorized",
    "unavailable",
    "unexpected",
    "unknown",
    "unprocessable",
    "unsupported",
    "upstream",
    "valid",
    "validation",
    "value",
    "version",
    "warning",
    "webhook",
    "xml",
};

static int compare(const void *key, const void *entry)
{
    return strcasecmp(key, *(const char *const *)entry);
}

static const char *known(const char *word)
{
    const char *const *found =
        bsearch(word, words, sizeof(words) / sizeof(*words), sizeof(*words), compare);
    return found ? *found : NULL;
}

bool excerpt_knows(const char *word)
{
    return known(word);
}

bool excerpt_sorted(void)
{
    for (size_t i = 1; i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(words[i - 1], words[i]) >= 0)
            return false;
    return true;
}

/* Any byte past ASCII is part of a word, in whatever encoding. */
static bool in_word(char byte)
{
    const unsigned char c = (unsigned char)byte;
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == '-' || c == '_' || c == '\'';
}

static bool gives_shape(char byte)
{
    return byte && strchr("{}[]:,\"", byte);
}

/* The next piece of the body: a word, a sign that gives shape, or NULL for what is left out. */
static const char *next_piece(const char **at, const char *end, char sign[2])
{
    const char *start = *at;
    if (!in_word(*start)) {
        ++*at;
        sign[0] = *start;
        sign[1] = '\0';
        return gives_shape(*start) ? sign : NULL;
    }
    while (*at < end && in_word(**at))
        ++*at;
    char word[EXCERPT_WORD_MAX + 1];
    const char *ours =
        text_copy_bytes(word, sizeof(word), start, (size_t)(*at - start)) ? known(word) : NULL;
    return ours ? ours : "*";
}

void excerpt_of(const char *body, size_t length, char text[EXCERPT_SIZE])
{
    size_t used = 0;
    bool blank = false, any = false;
    char sign[2];
    const char *at = body, *end = body ? body + length : NULL;
    while (at < end) {
        const char *piece = next_piece(&at, end, sign);
        if (!piece) {
            blank = used > 0;
            continue;
        }
        const bool mask = piece[0] == '*';
        if (mask && used > 0 && text[used - 1] == '*') {
            blank = false;
            continue;
        }
        const size_t size = strlen(piece), room = EXCERPT_SIZE - 1 - used;
        if (blank + size > room)
            break;
        if (blank)
            text[used++] = ' ';
        memcpy(text + used, piece, size);
        used += size;
        blank = false;
        any |= !mask && piece != sign;
    }
    text[any ? used : 0] = '\0';
}

struct attempt *attempt_new(const struct answer *answer)
{
    char excerpt[EXCERPT_SIZE];
    excerpt_of(answer->excerpt, answer->excerpt_length, excerpt);
    const size_t size = strlen(excerpt) + 1;
    struct attempt *attempt = malloc(sizeof(*attempt) + size);
    if (!attempt)
        return NULL;
    const int64_t duration_ms = answer->duration_ms > 0 ? answer->duration_ms : 1;
    attempt->duration_ms = duration_ms < INT32_MAX ? (int32_t)duration_ms : INT32_MAX;
    (void)text_copy(attempt->address, sizeof(attempt->address), answer->address);
    memcpy(attempt->excerpt, excerpt, size);
    return attempt;
}
