/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway as a service: the front door over HTTP, the record on Kafka behind it. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "service/service.h"

/* Static; one per process. */
const struct service *gateway_service(void);

#endif
