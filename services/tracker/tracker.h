/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's shell: the projection of two topics into SQL, and the API over it. */
#ifndef TRACKER_TRACKER_H
#define TRACKER_TRACKER_H

#include "service/service.h"

/* The whole service; it lives as long as the process. */
const struct service *tracker_service(void);

#endif
