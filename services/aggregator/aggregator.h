/* SPDX-License-Identifier: Apache-2.0 */
/* The aggregator's shell: referral.events in, volumes.daily out, one transaction per batch. */
#ifndef AGGREGATOR_AGGREGATOR_H
#define AGGREGATOR_AGGREGATOR_H

#include "service/service.h"

/* The whole service; it lives as long as the process. */
const struct service *aggregator_service(void);

#endif
