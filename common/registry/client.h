/* SPDX-License-Identifier: Apache-2.0 */
/* The client of a schema registry: keeps the codec's table of ids (codec/contract.h) filled. One
 * thread asks; those who read and write records never wait for the network, but for an id that
 * nobody has seen yet, and then not for long.
 *
 *   ids of our own schemas    asked for at the start, again when the registry was away, and every
 * few seconds while it does not have them: until one is known its records are written in
 * single-object encoding ids that we read          asked for when the first record comes, then kept
 * for good. Not known to the registry: refused, and asked again after half a minute the registry is
 * away      asked again after 0.5 s, growing to 5 s; a record with an id that is not known waits
 * (TRY_AGAIN), never is it refused */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include "codec/contract.h"
#include "service/metrics.h"
#include "service/registry_options.h"

#define REGISTRY_SUBJECT_SIZE 256

struct registry_client;

/* Everything that needs no network, for --check. BROKEN with bad-option. */
enum verdict registry_check(const struct registry_options *options, struct reason *reason);
/* *ret_client is NULL if there is no registry: all functions take that. BROKEN with the reason. The
 * options and the metrics (may be NULL) are borrowed. */
__attribute__((warn_unused_result)) enum verdict
registry_open(const struct registry_options *options, struct metrics *metrics,
              struct registry_client **ret_client, struct reason *reason);
/* Which schemas are written from now on; copies what it needs. Waits for their ids as long as the
 * registry answers, at most 2 s. False without memory. */
__attribute__((warn_unused_result)) bool registry_use(struct registry_client *client,
                                                      const struct contract *contract);
struct registry *registry_table(struct registry_client *client);
void registry_close(struct registry_client *client);

/* The subject under which a schema of the contract is registered ("<topic>-value"), by
 * contract_at's pathway; NULL `pathway`: by the message's name. False: it is on no topic. A message
 * that is on several topics has several: `number` 0, 1 … */
bool registry_subject(const char *message, const char *pathway, size_t number,
                      char ret_subject[REGISTRY_SUBJECT_SIZE]);

#endif
