/* SPDX-License-Identifier: Apache-2.0 */
/* cases.tsv: the decisions that a pathway's rules are held to, in words that a clinician can check
 * (docs/pathways.md). */
#ifndef PATHWAYS_CASES_H
#define PATHWAYS_CASES_H

#include "pathways/pathway.h"

#define CASE_DECISION_SIZE 160
#define CASE_LINE_SIZE 1024
#define CASES_MAX 2000
#define CASES_LEAST 15   /* of a pathway that is fit for use */
#define EXAMPLES_LEAST 2 /* of each kind */

struct pathway_cases;

/* The folder's lines, each applied to its examples/valid-1…; NULL if there is nothing to judge by:
 * no such file, no such example, no memory. Lines that can't be read are told, and left out.
 * Borrows the contract. */
__attribute__((warn_unused_result)) struct pathway_cases *
pathway_cases_load(const struct contract *contract, const char *pathway,
                   const struct findings *findings, struct reason *reason);
void pathway_cases_free(struct pathway_cases *cases);
size_t pathway_cases_count(const struct pathway_cases *cases);
size_t pathway_cases_line(const struct pathway_cases *cases, size_t index);
struct date pathway_cases_day(const struct pathway_cases *cases, size_t index);
const struct record *pathway_cases_referral(const struct pathway_cases *cases, size_t index);
/* True if the pathway decides as the line says. What it decides goes to `decided`, in the words of
 * cases.tsv; by which rule, to *ret_rule_id. */
bool pathway_cases_judge(const struct pathway_cases *cases, size_t index,
                         const struct pathway *pathway, char decided[CASE_DECISION_SIZE],
                         const char **ret_rule_id);
/* Tells each line that is decided otherwise, and each rule that decides no line. False if there was
 * any. */
bool pathway_cases_check(const struct pathway_cases *cases, const struct pathway *pathway,
                         const struct findings *findings);

#endif
