/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with a request, as one table: the code of a reason -> HTTP status and title
 * (RFC 9457). The rule: 400 cannot be read as JSON, 413 and 415 by HTTP's own meaning, 422 is JSON
 * that breaks the contract or reuses a key, 409 is still under way, 503 is our side's fault and
 * worth repeating. docs/openapi.yaml lists the same codes. */
#ifndef GATEWAY_PROBLEM_H
#define GATEWAY_PROBLEM_H

#include <stddef.h>

struct problem {
    const char *code;
    int status;
    const char *title;
};

/* Never NULL: a code that the table does not know is the row "internal" (500). */
const struct problem *problem_find(const char *code);
const struct problem *problem_at(size_t index); /* NULL past the last */

#endif
