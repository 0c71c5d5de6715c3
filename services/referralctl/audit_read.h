/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds the ledger from Kafka, in the order that makes a cut through a running system consistent.
 */
#ifndef REFERRALCTL_AUDIT_READ_H
#define REFERRALCTL_AUDIT_READ_H

#include "ledger.h"

#include "kafka/kafka.h"

struct audit {
    const struct kafka_settings *settings;
    const struct contract *contract;
    struct kafka_admin *admin;
    struct codec *codec;
    struct ledger *ledger;
    int64_t records; /* read in all */
};

/* TRY_AGAIN: Kafka is away or a read stalled. REFUSED: a record that can't be read, or more than
 * the ledger holds. */
__attribute__((warn_unused_result)) enum verdict audit_read(struct audit *audit,
                                                            struct reason *reason);

#endif
