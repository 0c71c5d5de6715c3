/* SPDX-License-Identifier: Apache-2.0 */
/* A schema of ours against what is known of it elsewhere: its own released versions, and the
 * versions under its subject in a registry. */
#ifndef REFERRALCTL_SCHEMA_REGISTRY_H
#define REFERRALCTL_SCHEMA_REGISTRY_H

#include "codec/contract.h"
#include "registry/client.h"
#include "registry/request.h"

#define SCHEMA_LEVEL "FULL_TRANSITIVE"
#define SCHEMA_FINDINGS_MAX 256

enum subject_state {
    SUBJECT_UNASKED,    /* there is no registry */
    SUBJECT_NEW,        /* the registry has no such subject */
    SUBJECT_CHANGED,    /* it has, but not this schema */
    SUBJECT_REGISTERED, /* it has this schema */
};

struct subject {
    char name[REGISTRY_SUBJECT_SIZE];
    const struct schema *schema;
    enum subject_state state;
    int32_t id, version; /* of a registered one */
    bool level_set;      /* its level is SCHEMA_LEVEL */
};

struct schema_finding {
    char subject[REGISTRY_SUBJECT_SIZE];
    struct reason reason;
};

struct schema_findings {
    struct schema_finding list[SCHEMA_FINDINGS_MAX];
    size_t count; /* may be more than are listed */
};

/* Both directions against every version in the contract's folders. */
void subject_check_versions(const struct contract *contract, const struct subject *subject,
                            struct schema_findings *findings);
/* Fills the subject's state, and checks against all versions that the registry has: in its words
 * and in ours, whatever level it is set to. TRY_AGAIN if it is away. */
__attribute__((warn_unused_result)) enum verdict
subject_check_registry(struct registry_line *line, struct subject *subject,
                       struct schema_findings *findings, struct reason *reason);
/* Sets the level and registers what is not there. REFUSED if the registry does not take it. */
__attribute__((warn_unused_result)) enum verdict
subject_register(struct registry_line *line, struct subject *subject, struct reason *reason);

#endif
