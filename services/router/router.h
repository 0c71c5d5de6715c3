/* SPDX-License-Identifier: Apache-2.0 */
/* The router's shell: Kafka, the directory and the pathways around the core in take.h. */
#ifndef ROUTER_ROUTER_H
#define ROUTER_ROUTER_H

#include "service/service.h"

const struct service *router_service(void);

#endif
