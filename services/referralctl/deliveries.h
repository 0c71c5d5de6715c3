/* SPDX-License-Identifier: Apache-2.0 */
/* What is on its way, read from the topic `deliveries` itself: the parts of the family
 * `referralctl deliveries`. */
#ifndef REFERRALCTL_DELIVERIES_H
#define REFERRALCTL_DELIVERIES_H

#include "command.h"
#include "provider_topic.h"

#include "base/calendar.h"
#include "base/map.h"
#include "lifecycle/delivery.h"
#include "lifecycle/operation.h"

/* One that is not finished, without its payload. */
struct held_delivery {
    char id[UUID_TEXT_SIZE];
    char referral_id[UUID_TEXT_SIZE];
    char destination[ODS_CODE_SIZE];
    char pathway[PATHWAY_NAME_SIZE];
    char last_result[REASON_CODE_MAX];
    int32_t partition, hop, attempts;
    int64_t accepted_at_ms, created_at_ms, deadline_at_ms, next_attempt_at_ms;
};

struct deliveries {
    struct provider_topic topic; /* settings, codec, directory */
    struct kafka_admin *admin;
    int partitions;
    struct map *by_id;           /* struct held_delivery, owned */
    struct held_delivery **list; /* the same, by destination, then deadline */
    size_t count;
    size_t unreadable;
};

/* Opens all that is needed, and reads nothing yet. Close either way. */
__attribute__((warn_unused_result)) enum verdict deliveries_open(struct deliveries *deliveries,
                                                                 const struct command *command,
                                                                 struct reason *reason);
/* Reads the topic to its present end. REFUSED: more than ids_max are pending. */
__attribute__((warn_unused_result)) enum verdict
deliveries_read(struct deliveries *deliveries, size_t ids_max, struct reason *reason);
void deliveries_close(struct deliveries *deliveries);

/* The first of the list with that destination, and how many. */
size_t deliveries_of(const struct deliveries *deliveries, const char *destination,
                     size_t *ret_first);
/* False (unknown-destination) if nothing is pending for it and the directory has it not. */
bool deliveries_check_known(const struct deliveries *deliveries, const char *destination,
                            struct reason *reason);
/* By the delivery's own id or its referral's; NULL if it is not on its way. */
const struct held_delivery *deliveries_find(const struct deliveries *deliveries, const char *id);

/* ---- asking the dispatchers */

struct asked {
    struct delivery_operation said;   /* the question */
    struct delivery_operation answer; /* the latest; stage "" = none yet */
};

struct asking {
    struct deliveries *deliveries;
    struct kafka_reader *reader; /* of the answers, from before the first question on */
    struct asked *asked;
    size_t count, room;
    size_t heard; /* answers to these questions, the last and those on the way */
    struct destination_state *states; /* what looks have seen, one for each destination */
    size_t states_count, states_room;
};

/* Close either way. TRY_AGAIN: Kafka is away, or a topic is missing. */
__attribute__((warn_unused_result)) enum verdict
asking_open(struct asking *asking, struct deliveries *deliveries, struct reason *reason);
/* One more question, to be put to the owner of `said->partition`. */
__attribute__((warn_unused_result)) bool asking_add(struct asking *asking,
                                                    const struct delivery_operation *said);
/* Puts all of them and waits for their answers; for at most `wait_ms` without any news.
 * TRY_AGAIN: some have none (see `answer`). */
__attribute__((warn_unused_result)) enum verdict asking_go(struct asking *asking, int64_t wait_ms,
                                                           struct reason *reason);
void asking_close(struct asking *asking);

/* The common part of a question: a new id, who asks and why. */
__attribute__((warn_unused_result)) bool begin_question(const struct command_values *values,
                                                        enum operation_kind kind,
                                                        struct delivery_operation *ret_said,
                                                        struct reason *reason);

/* Is it fit to be kept with what was done: of a length that says something, no patient's number? */
bool deliveries_check_reason(const char *why, struct reason *reason);

/* ---- printing */
const char *or_dash(const char *text);
/* "-" and null for 0. */
const char *instant_or_dash(int64_t ms, char text[INSTANT_TEXT_SIZE]);
bool set_instant(struct json *object, const char *name, int64_t ms);

int run_deliveries_list(const struct command *command);
int run_deliveries_show(const struct command *command);

#endif
