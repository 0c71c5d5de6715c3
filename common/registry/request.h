/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the schema registry and its whole answer, behind which stands libcurl: bounded in
 * time and size, TLS verified, no redirects followed. One thread at a time. */
#ifndef REGISTRY_REQUEST_H
#define REGISTRY_REQUEST_H

#include "base/buffer.h"
#include "registry/answer.h"
#include "service/registry_options.h"

#include <stdatomic.h>

struct registry_line;

/* False, bad-option: the URL, both kinds of credentials, or credentials that would go over a
 * network in the clear; or the CA file can't be read. Touches no network. */
__attribute__((warn_unused_result)) bool
registry_options_usable(const struct registry_options *options, struct reason *reason);
/* The options are borrowed. `stop` (may be NULL) ends a request that is under way. NULL with the
 * reason. */
struct registry_line *registry_line_open(const struct registry_options *options,
                                         const atomic_bool *stop, struct reason *reason);
void registry_line_close(struct registry_line *line);
/* `body` NULL: GET; else POST, or PUT if `put`. The reply is borrowed until the next call; status 0
 * if there is no answer: see registry_line_trouble. */
struct registry_reply registry_ask(struct registry_line *line, const char *path, const char *body,
                                   bool put);
/* Words for why there was no answer to the last request. */
const char *registry_line_trouble(const struct registry_line *line);

#endif
