/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the files that NHS ODS issues, edispensary and epraccur: 27 columns, no header (a header
 * row is skipped), with the old coding of status and prescribing setting (A, 4) or the new one
 * (ACTIVE, RO76). Pure. Source: DOMAIN.md 4.2. */
#ifndef REFERRALCTL_ODS_H
#define REFERRALCTL_ODS_H

#include "csv.h"

#include "ids/formats.h"

#define ODS_COLUMNS 27
#define ODS_NAME_SIZE 121

enum ods_kind {
    ODS_HEADER,
    ODS_BAD,    /* left out; the finding says why */
    ODS_OTHER,  /* an organisation that takes no referrals here: a practice, an appliance contractor
                   … */
    ODS_CLOSED, /* a provider that is closed, dormant or only proposed */
    ODS_PROVIDER, /* a provider; a finding may say that its postcode is left out */
};

struct ods_organisation {
    char code[ODS_CODE_SIZE];
    char name[ODS_NAME_SIZE];
    char postcode[POSTCODE_SIZE]; /* "" if it can't be used */
    const char *provider_kind;    /* "pharmacy", "community-provider", "optometrist" */
};

/* `finding` has a code if there is something to report; its detail starts with "line N". */
enum ods_kind ods_read(const struct csv_row *row, struct ods_organisation *ret_organisation,
                       struct reason *finding);
/* Of a row of ODS_COLUMNS: is it open? False for a status in neither coding. */
__attribute__((warn_unused_result)) bool ods_active(const struct csv_row *row, bool *ret_active);
/* Prescribing setting 4 or RO76. */
bool ods_is_practice(const struct csv_row *row);
/* Is this the first row of such a file (27 columns, and a header or an organisation's code)? */
bool ods_looks_like(const struct csv_row *row);

#endif
