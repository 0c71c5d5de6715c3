/* SPDX-License-Identifier: Apache-2.0 */
/* What the levels of `referralctl validate` look at; each tells its findings. */
#ifndef REFERRALCTL_VALIDATE_H
#define REFERRALCTL_VALIDATE_H

#include "command.h"

#include "codec/contract.h"

/* Is each file what its name says: JSON, or lines of cases? Nothing is compared with another file.
 * How many files were looked at goes to *ret_files. */
void validate_syntax(const char *dir, const struct findings *findings, size_t *ret_files);
/* Are there enough cases to hold the rules to? */
void validate_cases(const struct contract *contract, const char *pathway, size_t count,
                    const struct findings *findings);
/* Are the examples of one pathway taken, and refused, as their names say, and are there enough? */
void validate_examples(const struct contract *contract, const char *pathway,
                       const struct findings *findings);
/* Is every schema of today among its own versions, so that what it writes stays readable when it
 * changes? */
void validate_versions(const struct contract *contract, const struct findings *findings);
/* Are the topics there with their partitions; does the registry of SCHEMA_REGISTRY_URL answer?
 * TRY_AGAIN: Kafka or the registry is away. BROKEN: a setting is wrong. */
__attribute__((warn_unused_result)) enum verdict
validate_connections(const struct contract *contract, const struct command_values *values,
                     const struct findings *findings, struct reason *reason);

#endif
