/* SPDX-License-Identifier: Apache-2.0 */
/* What a compiled pathway is made of, shared by the files of this folder only. Every field that
 * some predicate names is a slot that is read at most once a decision; the texts that a slot is
 * compared with are numbered at load, so that comparing is testing a bit. Texts are borrowed from
 * the parsed pathway.json, which lives as long as the pathway. */
#ifndef PATHWAYS_INTERNAL_H
#define PATHWAYS_INTERNAL_H

#include "base/digest.h"
#include "pathways/pathway.h"

#define PATHWAY_FILE_SIZE_MAX (256 * 1024)
#define PATHWAY_SERVICES_MAX 16
#define PATHWAY_SOURCES_MAX 16
#define PATHWAY_RULES_MAX 200
#define PATHWAY_FIELDS_MAX 64 /* bits of judgement.read */
#define PATHWAY_PREDICATES_MAX 2000
#define PREDICATE_DEPTH_MAX 8
#define CONSTANTS_MAX 64 /* bits of value.matches */
#define CODE_LENGTH_MAX 47
#define PATHWAY_VERSION_LENGTH_MAX 31
#define WORDS_LENGTH_MAX 600
#define FIELD_PATH_LENGTH_MAX 120
#define MINUTES_MOST (366.0 * 24 * 60)

enum field_kind {
    FIELD_TEXT,  /* string or enum */
    FIELD_TEXTS, /* array of them */
    FIELD_BOOLEAN,
    FIELD_NUMBER,
    FIELD_DATE, /* string of format date, as days since the epoch */
    FIELD_LIST, /* any other array, a record: present or not, no more */
    FIELD_RECORD,
    FIELD_AGE,
    FIELD_SERVICE,
    FIELD_DAY,
};

struct field {
    const char *path;
    enum field_kind kind;
    const struct schema_node *node; /* of the value; NULL for a derived field */
    const char *constants[CONSTANTS_MAX];
    size_t constants_count;
};

enum predicate_kind { ALWAYS, ONE_OF, RANGE, PRESENT, ALL_OF, ANY_OF, NOT };

/* Predicates stand in one array, parents before children; `end` is the first one behind this and
 * its children. */
struct predicate {
    enum predicate_kind kind;
    uint16_t field;
    uint16_t end;
    bool wanted;        /* PRESENT */
    uint64_t constants; /* ONE_OF: bits of the field's constants */
    double least, most; /* RANGE */
};

struct rule {
    const char *id, *reason, *words; /* reason "" for a record */
    uint16_t when;
    uint16_t service; /* of a fall-back */
    enum { RULE_RETURN, RULE_FALL_BACK, RULE_RECORD } then;
    bool urgent;
    int64_t from_day, until_day; /* inclusive */
};

struct pathway_service {
    const char *name, *title;
    uint16_t when;
    int64_t deadline_ms;
};

struct pathway {
    struct json *json; /* owns all texts */
    char name[PATHWAY_NAME_SIZE];
    char topic[PATHWAY_NAME_SIZE + 16];
    char digest[2 * SHA256_SIZE + 1]; /* cut to 16 digits */
    const char *title, *version, *clinical_owner, *provider_kind;
    int64_t deadline_ms, outcome_ms, retry_first_ms, retry_most_ms, distance_most_m;
    bool enabled;
    int64_t enabled_from_day, enabled_until_day; /* inclusive */
    uint64_t sources;                            /* bits of the constants of FIELD_SOURCE_KIND */
    bool has_no_distance_selling;
    uint16_t no_distance_selling;
    struct pathway_service services[PATHWAY_SERVICES_MAX];
    size_t services_count;
    struct field *fields;
    size_t fields_count;
    struct predicate *predicates;
    size_t predicates_count;
    struct rule *rules;
    size_t rules_count;
};

/* Fields that every pathway has, at these places. */
enum { FIELD_SOURCE_KIND, FIELD_CONSENT, FIELD_AGE_YEARS, FIELD_SERVICE_NAME, FIELDS_BUILT_IN };

struct place;

/* Where one is in which file, for errors. */
struct compiler {
    struct pathway *pathway;
    const struct contract *contract;
    const struct schema_node *root; /* of the composed referral schema */
    const char *path;               /* of pathway.json */
    bool services_known;
    size_t errors;
    struct reason *reason;           /* the first */
    const struct findings *findings; /* all; may be NULL */
};

#define BAD_PATHWAY "bad-pathway"
/* Reads on after an error, so that one look finds all of them; what was read is then thrown away.
 * The reason is "bad-pathway": the file, then "line N: <pointer>: found …, expected …". Always
 * false. */
bool compile_error(struct compiler *compiler, const struct place *place, const struct json *found,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The slot of a field, made if it is new. False with the error set. */
bool compile_field(struct compiler *compiler, const struct place *place, const struct json *json,
                   uint16_t *ret_field);
/* The bit of a text among the field's constants, after the check that the field can have that value
 * at all. */
bool compile_constant(struct compiler *compiler, const struct place *place, uint16_t field,
                      const struct json *json, uint64_t *ret_bit);
bool compile_predicate(struct compiler *compiler, const struct place *place,
                       const struct json *json, uint16_t *ret_predicate);

/* Readers of members with their checks. `object` stands at `place`. An optional member that is
 * absent leaves *ret as it is. */
bool compile_members(struct compiler *compiler, const struct place *place,
                     const struct json *object, const char *const *names, size_t names_count);
bool compile_text(struct compiler *compiler, const struct place *place, const struct json *object,
                  const char *name, size_t length_max, const char **ret_text);
/* Lower-case letters, digits and single dashes. */
bool compile_code(struct compiler *compiler, const struct place *place, const struct json *object,
                  const char *name, const char **ret_code);
bool compile_number(struct compiler *compiler, const struct place *place, const struct json *object,
                    const char *name, bool needed, double least, double most, double *ret_number);
bool compile_day(struct compiler *compiler, const struct place *place, const struct json *object,
                 const char *name, int64_t *ret_day);

#endif
