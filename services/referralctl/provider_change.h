/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between a provider on the topic and one that is wanted, for people. */
#ifndef REFERRALCTL_PROVIDER_CHANGE_H
#define REFERRALCTL_PROVIDER_CHANGE_H

#include "provider_topic.h"

/* The names of the fields whose values differ, separated by ", "; cut if there is no room. False
 * without memory. */
__attribute__((warn_unused_result)) bool provider_fields_changed(struct provider_topic *topic,
                                                                 const struct provider *before,
                                                                 const struct provider *after,
                                                                 char *names, size_t size);
/* {"what": "add|change|remove", "ods_code", "name", "fields": [..]}. NULL without memory. */
struct json *provider_change_json(struct provider_topic *topic, const char *what,
                                  const struct provider *before, const struct provider *after);

#endif
