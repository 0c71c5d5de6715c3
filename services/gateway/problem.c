/* SPDX-License-Identifier: Apache-2.0 */
#include "problem.h"

#include "base/text.h"

static const struct problem PROBLEMS[] = {
    {"not-json", 400, "The body is not JSON"},
    {"not-utf8", 400, "The body is not UTF-8"},
    {"too-deep", 400, "The JSON is nested too deeply"},
    {"duplicate-member", 400, "The JSON names a member twice"},
    {"not-an-object", 400, "The body is not a JSON object"},
    {"bad-idempotency-key", 400, "The Idempotency-Key cannot be used"},
    {"unknown-path", 404, "There is nothing at this path"},
    {"wrong-method", 405, "The path does not take this method"},
    {"in-flight", 409, "The same request is still under way"},
    {"too-large", 413, "The body is too large"},
    {"wrong-content-type", 415, "The content type is not application/json"},
    {"wrong-content-encoding", 415, "The content encoding is not taken"},
    {"unknown-pathway", 422, "The pathway is not known"},
    {"unknown-field", 422, "A field is not known"},
    {"missing-field", 422, "A field is missing"},
    {"wrong-type", 422, "A field is of the wrong type"},
    {"bad-format", 422, "A field has the wrong format"},
    {"too-long", 422, "A field is too long"},
    {"too-many", 422, "A list has too many items"},
    {"out-of-range", 422, "A number is out of range"},
    {"not-allowed", 422, "A field has a value that is not allowed"},
    {"key-reused", 422, "The Idempotency-Key was used for another body"},
    {"kafka-unavailable", 503, "The referral could not be stored"},
    {"topic-missing", 503, "The pathway's topic does not exist yet"},
    {"queue-full", 503, "Too many referrals wait to be stored"},
    {"overloaded", 503, "Too many requests are under way"},
    {"draining", 503, "The service is stopping"},
};
static const struct problem INTERNAL = {"internal", 500, "The request could not be handled"};

const struct problem *problem_at(size_t index)
{
    return index < sizeof PROBLEMS / sizeof *PROBLEMS ? &PROBLEMS[index] : NULL;
}

const struct problem *problem_find(const char *code)
{
    for (size_t index = 0; index < sizeof PROBLEMS / sizeof *PROBLEMS; index++) {
        if (text_equal(PROBLEMS[index].code, code)) {
            return &PROBLEMS[index];
        }
    }
    return &INTERNAL;
}
