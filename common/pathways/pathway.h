/* SPDX-License-Identifier: Apache-2.0 */
/* A pathway is data: its folder's pathway.json, compiled at load to a table of predicates. Pure
 * once loaded.
 *
 * pathway.json (described by schemas/pathway.schema.json, JSON Schema 2020-12; docs/pathways.md):
 *   name, title, version, clinical_owner, notes [texts for people], enabled {from, until} or false,
 * provider_kind, deadline_minutes, outcome_minutes, distance_most_km, retry {first_seconds,
 * most_seconds}, sources: [kinds that may refer], services: [{"service": "clinical-pathway",
 * "title", "when": PREDICATE, "deadline_minutes" (own, shorter)}] first match names the service
 * asked for no_distance_selling: PREDICATE      true = a distance-selling pharmacy can't do it
 *   rules: [{"id", "when": PREDICATE, "then": "return"|"fall-back"|"record", "service" (of a
 * fall-back), "reason", "words", "urgent": bool, "from", "until" (first and last day of effect)}]
 * first match wins; none = go on. An urgent record records what a later rule would record, and
 * returns with its "reason" what a gate or another rule would not; urgent either way. PREDICATE:
 * {"field": PATH, "equals": V} | {"field", "one_of": [V]} | {"field", "range": {"least","most"}} |
 *   {"field", "present": bool} | {"any_of": [P]} | {"all_of": [P]} | {"not": P} | true
 *   An absent field equals nothing and is in no range. A list of texts matches if one of its items
 * does; it is present if it has items. PATH: a field of the referral ("patient.sex",
 * "details.condition") or one of the derived: "age_years" (by date of birth on the day of the
 * referral, London), "service" (as chosen by `services` or by a fall-back), "day".
 *
 * Order: service; urgent rules (a red flag is never hidden by anything else); enabled, sources,
 * consent, a believable date of birth; the other rules. After a fall-back, which happens once at
 * most, all rules are judged again for the new service. */
#ifndef PATHWAYS_PATHWAY_H
#define PATHWAYS_PATHWAY_H

#include "base/calendar.h"
#include "base/finding.h"
#include "codec/contract.h"

struct pathway;
struct pathway_set; /* all pathways of a contract */

enum rules_outcome {
    RULES_ROUTE,  /* to a provider of `service` */
    RULES_RETURN, /* to the referrer, with `reason` */
    RULES_RECORD, /* a consultation already held: counted, not delivered */
};

struct rules_decision {
    enum rules_outcome outcome;
    const char *service;        /* borrowed from the pathway; "" if none matched */
    const char *rule_id;        /* the deciding rule, "" where none did */
    const char *reason;         /* code of a return or of the fall-back, "" otherwise */
    const char *words;          /* plain words for people */
    bool urgent;                /* urgent advice, with a return or a record */
    const char *fell_back_from; /* service asked for before a fall-back, NULL otherwise */
    bool no_distance_selling;   /* distance-selling pharmacies can't provide it */
    int64_t deadline_ms; /* from acceptance to delivery: the service's own, else the pathway's */
};

/* NULL on failure: the reason's pointer is the file, its detail has line and JSON pointer, what was
 * found and expected. Borrows the contract. */
__attribute__((warn_unused_result)) struct pathway_set *
pathway_set_load(const struct contract *contract, struct reason *reason);
/* One folder of the contract; NULL on failure, with the first error as the reason (as in
 * pathway_set_load) and, if `findings` is there, all of them told. Borrows the contract. */
__attribute__((warn_unused_result)) struct pathway *pathway_compile(const struct contract *contract,
                                                                    const char *name,
                                                                    const struct findings *findings,
                                                                    struct reason *reason);
void pathway_free(struct pathway *pathway);

void pathway_set_free(struct pathway_set *set);
size_t pathway_count(const struct pathway_set *set);
const struct pathway *pathway_at(const struct pathway_set *set, size_t index);
const struct pathway *pathway_find(const struct pathway_set *set, const char *name);

const char *pathway_name(const struct pathway *pathway);
const char *pathway_title(const struct pathway *pathway);
const char *pathway_version(const struct pathway *pathway);
const char *pathway_topic(const struct pathway *pathway); /* "referrals.<name>" */
/* pathway.json as it was read. */
const struct json *pathway_document(const struct pathway *pathway);
/* 16 hex digits over pathway.json and the referral's schema: two that decide alike have the same,
 * however their files are laid out. */
const char *pathway_digest(const struct pathway *pathway);
const char *
pathway_provider_kind(const struct pathway *pathway); /* "pharmacy", "community-provider" … */
int64_t pathway_deadline_ms(const struct pathway *pathway); /* from acceptance to delivery */
int64_t pathway_outcome_ms(const struct pathway *pathway);
int64_t pathway_distance_most_m(const struct pathway *pathway); /* 0 = no limit */
int64_t pathway_retry_first_ms(const struct pathway *pathway);
int64_t pathway_retry_most_ms(const struct pathway *pathway);

/* Judges a referral by the rules in force on `day` (its own day in London). Who may refer, enabled
 * dates and consent are judged here too (codes source-not-allowed, pathway-not-enabled, no-consent,
 * date-of-birth-not-credible, no-service). Words and codes tell nothing of the patient. Allocates
 * nothing; any number of threads may judge by the same pathway. */
void pathway_decide(const struct pathway *pathway, const struct record *referral, struct date day,
                    struct rules_decision *ret_decision);

#endif
