/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in plain words, and what changed between two sets of them. Pure. */
#ifndef REFERRALCTL_PATHWAYS_H
#define REFERRALCTL_PATHWAYS_H

#include "base/buffer.h"
#include "base/json.h"

/* "30 min", "24 h", "10 d", from minutes. */
#define DURATION_SIZE 32
void duration_words(double minutes, char text[DURATION_SIZE]);
/* All of a pathway.json for people: head, services, rules in their order. */
bool pathway_words(const struct json *document, struct buffer *buffer);
/* Appends {"what", "change": added | removed | changed | reordered, "from", "to"} for each
 * difference of two pathway.json; rules and services are compared by their id and name. */
bool pathway_changes(const struct json *from, const struct json *to, struct json *list);

#endif
