// SPDX-License-Identifier: Apache-2.0
#include "ods.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

enum column { CODE = 0, NAME = 1, POSTCODE = 9, STATUS = 12, SUB_TYPE = 13, SETTING = 25 };

static const struct {
    const char *text;
    bool active;
} STATUSES[] = {
    {"A", true},  {"ACTIVE", true},   {"C", false}, {"CLOSED", false},   {"INACTIVE", false},
    {"D", false}, {"DORMANT", false}, {"P", false}, {"PROPOSED", false},
};

// Prescribing settings whose organisations take referrals here; every other one does not.
static const struct {
    const char *setting;
    const char *provider_kind;
} SETTINGS[] = {
    {"9", "community-provider"}, {"RO247", "community-provider"},
    {"11", "optometrist"},       {"RO252", "optometrist"},
    {"27", "pharmacy"},
};

bool ods_looks_like(const struct csv_row *row)
{
    return row->count == ODS_COLUMNS && (text_equal(row->fields[CODE], "organisation_code") ||
                                         ods_code_valid(row->fields[CODE]));
}

static bool status_active(const char *text, bool *ret_active)
{
    for (size_t index = 0; index < sizeof STATUSES / sizeof *STATUSES; index++) {
        if (strcasecmp(text, STATUSES[index].text) == 0) {
            *ret_active = STATUSES[index].active;
            return true;
        }
    }
    return false;
}

bool ods_active(const struct csv_row *row, bool *ret_active)
{
    return status_active(row->fields[STATUS], ret_active);
}

bool ods_is_practice(const struct csv_row *row)
{
    const char *setting = row->fields[SETTING];
    return ods_code_valid(row->fields[CODE]) &&
           (text_equal(setting, "4") || text_equal(setting, "RO76"));
}

static const char *provider_kind_of(const struct csv_row *row)
{
    const char *setting = row->fields[SETTING];
    if (ods_code_is_pharmacy(row->fields[CODE])) {
        return text_equal(row->fields[SUB_TYPE], "2") ? NULL : "pharmacy"; // 2: appliances only
    }
    for (size_t index = 0; index < sizeof SETTINGS / sizeof *SETTINGS; index++) {
        if (text_equal(setting, SETTINGS[index].setting)) {
            return SETTINGS[index].provider_kind;
        }
    }
    return NULL;
}

enum ods_kind ods_read(const struct csv_row *row, struct ods_organisation *ret_organisation,
                       struct reason *finding)
{
    struct ods_organisation organisation = {0};
    bool active = false;
    if (row->count != ODS_COLUMNS) {
        reason_set(finding, "bad-columns", NULL, "line %zu has %zu columns, expected %d", row->line,
                   row->count, ODS_COLUMNS);
        return ODS_BAD;
    }
    if (text_equal(row->fields[CODE], "organisation_code")) {
        return ODS_HEADER;
    }
    if (!ods_code_valid(row->fields[CODE])) {
        reason_set(finding, "bad-code", NULL,
                   "line %zu: the code is not 3 to 12 capital letters and digits", row->line);
        return ODS_BAD;
    }
    if (!status_active(row->fields[STATUS], &active)) {
        reason_set(finding, "bad-status", NULL,
                   "line %zu: the status is \"%.20s\", expected A, C, D, P or its word", row->line,
                   row->fields[STATUS]);
        return ODS_BAD;
    }
    organisation.provider_kind = provider_kind_of(row);
    if (!organisation.provider_kind) {
        return ODS_OTHER;
    }
    text_copy(organisation.code, sizeof organisation.code, row->fields[CODE]);
    if (row->fields[NAME][0] == '\0' ||
        !text_is_utf8(row->fields[NAME], strlen(row->fields[NAME])) ||
        !text_copy(organisation.name, sizeof organisation.name, row->fields[NAME])) {
        reason_set(finding, "bad-name", NULL,
                   "line %zu: no name, or one that is not text of at most "
                   "%d bytes",
                   row->line, ODS_NAME_SIZE - 1);
        return ODS_BAD;
    }
    if (active && !postcode_parse(row->fields[POSTCODE], organisation.postcode)) {
        organisation.postcode[0] = '\0';
        reason_set(finding, "bad-postcode", NULL,
                   "line %zu: %s: \"%.16s\" is no postcode; it is left out", row->line,
                   organisation.code, row->fields[POSTCODE]);
    }
    *ret_organisation = organisation;
    return active ? ODS_PROVIDER : ODS_CLOSED;
}
