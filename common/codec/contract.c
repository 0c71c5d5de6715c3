/* SPDX-License-Identifier: Apache-2.0 */
/* The folder decides: nothing here knows a message or a pathway by name. Fingerprints are looked up
 * for every record that comes in, so they are in a map; the rest is small. */
#include "codec/contract.h"

#include "base/map.h"
#include "base/path.h"
#include "base/text.h"
#include "codec/blame.h"
#include "codec/flat.h"
#include "codec/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MESSAGES_MAX 32
#define VERSIONS_MAX 1024
#define NAMESPACE_BASE "uk.nhs.kentandmedway.referrals."

struct contract_pathway {
    char name[PATHWAY_NAME_SIZE];
    const struct schema *referral;
};

struct contract {
    char dir[FOLDER_PATH_SIZE];
    const struct schema *messages[MESSAGES_MAX];
    size_t messages_count;
    struct contract_pathway pathways[CONTRACT_PATHWAYS_MAX];
    size_t pathways_count;
    struct map *by_fingerprint;      /* owns the schemas */
    const struct findings *findings; /* while contract_load_all is at it */
};

/* True if the fault has been told, and what else there is shall be looked at. A reason without a
 * code has been told already. */
static bool told(const struct contract *contract, const struct reason *reason)
{
    if (reason->code[0])
        findings_tell(contract->findings, reason);
    return contract->findings != NULL;
}

static void free_schema(void *schema)
{
    schema_free(schema);
}

/* Adopts the schema. The one that counts from now on is returned. NULL if it has more fields than
 * codec_read_flat takes, or the same fingerprint stands for another text; an old version may be the
 * current one with other docs, which changes nothing for a reader. */
static const struct schema *keep_take(struct contract *contract, struct schema *schema,
                                      bool is_version, const char *file, struct reason *reason)
{
    const size_t fields = schema_root(schema)->children_count;
    if (schema_root(schema)->kind == SCHEMA_RECORD && fields > FLAT_FIELDS_MAX) {
        reason_set(reason, "too-many", file,
                   "%s has %zu fields, expected at most %d: put some of them into a record within "
                   "it",
                   schema_name(schema), fields, FLAT_FIELDS_MAX);
        schema_free(schema);
        return NULL;
    }
    uint64_t fingerprint = schema_fingerprint(schema);
    const struct schema *known = contract_by_fingerprint(contract, fingerprint);
    if (known) {
        bool same = is_version || strcmp(schema_text(known), schema_text(schema)) == 0;
        if (!same)
            reason_set(
                reason, "duplicate-schema", file,
                "same fingerprint as another %s, but another text: expected the same defaults, "
                "limits and docs",
                schema_name(schema));
        schema_free(schema);
        return same ? known : NULL;
    }
    if (!map_set(contract->by_fingerprint, &fingerprint, sizeof(fingerprint), schema, NULL)) {
        reason_set(reason, "too-many", file, "more than %d schemas, or out of memory",
                   VERSIONS_MAX);
        schema_free(schema);
        return NULL;
    }
    return schema;
}

/* A schema of another pathway that is there: a folder was copied with its versions. What a folder
 * wrote under a name that it no longer has is its own. */
static bool is_of_another(const struct contract *contract, const struct schema *schema,
                          const struct schema *current)
{
    char dir[FOLDER_PATH_SIZE];
    const char *name = schema_name(schema);
    const size_t base = sizeof(NAMESPACE_BASE) - 1;
    if (strcmp(name, schema_name(current)) == 0 || strncmp(name, NAMESPACE_BASE, base) != 0)
        return false;
    if (!text_format(dir, sizeof(dir), "%s/pathways/%.*s", contract->dir,
                     (int)strcspn(name + base, "."), name + base))
        return false;
    for (char *at = strrchr(dir, '/'); *at; at++)
        if (*at == '_')
            *at = '-';
    return path_is_folder(dir);
}

/* `current`: the schema of the folder whose version this is; NULL if it is none of a pathway. */
static const struct schema *load_schema(struct contract *contract, const char *file,
                                        bool is_version, const struct schema *current,
                                        struct reason *reason)
{
    struct json *json = json_parse_file(file, SCHEMA_SIZE_MAX, reason);
    if (!json)
        return NULL;
    struct reason inner = {0};
    struct schema *schema = schema_from_json(json, &inner);
    if (!schema)
        blame_schema(&(struct blame){.file = file}, json, &inner, contract->findings, reason);
    json_free(json);
    if (schema && current && is_of_another(contract, schema, current)) {
        reason_set(reason, "bad-schema", file,
                   "%s, which is another pathway's, expected %s: remove this file",
                   schema_name(schema), schema_name(current));
        schema_free(schema);
        return NULL;
    }
    return schema ? keep_take(contract, schema, is_version, file, reason) : NULL;
}

static bool load_message(struct contract *contract, const char *file, struct reason *reason)
{
    const struct schema *schema = load_schema(contract, file, false, NULL, reason);
    if (!schema)
        return false;
    if (schema_root(schema)->kind != SCHEMA_RECORD || contract->messages_count == MESSAGES_MAX ||
        contract_message(contract, schema_short_name(schema))) {
        reason_set(reason, "bad-schema", file,
                   "expected a record of a name of its own, at most %d of them", MESSAGES_MAX);
        return false;
    }
    contract->messages[contract->messages_count++] = schema;
    return true;
}

static bool load_messages(struct contract *contract, struct reason *reason)
{
    struct folder folder;
    if (!folder_read(contract->dir, &folder)) {
        reason_set(reason, "unreadable-file", contract->dir, "%s", strerror(errno));
        return false;
    }
    bool done = true;
    for (size_t i = 0; done && i < folder.count; i++) {
        const char *name = folder.names[i];
        char file[FOLDER_PATH_SIZE];
        if (folder_suffix(name, ".avsc") && strcmp(name, "envelope.avsc") != 0)
            done = (folder_join(file, contract->dir, name, reason) &&
                    load_message(contract, file, reason)) ||
                   told(contract, reason);
    }
    folder_clear(&folder);
    return done;
}

/* versions/ need not be there. `current`: the schema whose versions they are; NULL: of any. */
static bool load_versions(struct contract *contract, const char *parent,
                          const struct schema *current, struct reason *reason)
{
    char dir[FOLDER_PATH_SIZE];
    struct folder folder;
    if (!folder_join(dir, parent, "versions", reason))
        return false;
    if (!folder_read(dir, &folder)) {
        bool absent = errno == ENOENT;
        if (!absent)
            reason_set(reason, "unreadable-file", dir, "%s", strerror(errno));
        return absent;
    }
    bool done = true;
    for (size_t i = 0; done && i < folder.count; i++) {
        const char *name = folder.names[i];
        char file[FOLDER_PATH_SIZE];
        if (folder_suffix(name, ".avsc"))
            done = (folder_join(file, dir, name, reason) &&
                    load_schema(contract, file, true, current, reason) != NULL) ||
                   told(contract, reason);
    }
    folder_clear(&folder);
    return done;
}

static bool pathway_name_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < PATHWAY_NAME_SIZE && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* The envelope with the pathway's name space and the field `details`; NULL without memory or if it
 * has no fields. */
static struct json *compose(const struct json *envelope, const char *pathway,
                            const struct json *details)
{
    char namespace[sizeof(NAMESPACE_BASE) + PATHWAY_NAME_SIZE];
    text_format(namespace, sizeof(namespace), "%s%s", NAMESPACE_BASE, pathway);
    for (char *at = namespace; *at; at++)
        if (*at == '-')
            *at = '_';
    struct json *root = json_new_object();
    struct json *fields = json_new_array();
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool done = json_set_text(root, "type", "record") && json_set_text(root, "name", "Referral") &&
                json_set_text(root, "namespace", namespace);
    while (done && json_next_member(envelope, &cursor, &name, &value))
        if (strcmp(name, "fields") != 0 && !json_member(root, name))
            done = json_set_take(root, name, json_copy_deep(value));
    const struct json *own = json_member(envelope, "fields");
    for (size_t i = 0; done && i < json_count(own); i++)
        done = json_array_add_take(fields, json_copy_deep(json_item(own, i)));
    struct json *field = json_new_object();
    done = done && json_set_text(field, "name", "details") &&
           json_set_take(field, "type", json_copy_deep(details)) &&
           json_array_add_take(fields, json_copy_deep(field));
    json_free(field);
    if (done && json_set_take(root, "fields", fields))
        return root;
    if (!done)
        json_free(fields);
    json_free(root);
    return NULL;
}

static const struct schema *load_referral(struct contract *contract, const struct json *envelope,
                                          const char *pathway, const char *file,
                                          struct reason *reason)
{
    struct json *details = json_parse_file(file, SCHEMA_SIZE_MAX, reason);
    if (!details)
        return NULL;
    if (!text_equal(json_member_text(details, "type"), "record")) {
        reason_set(reason, "bad-schema", file, "expected a record");
        json_free(details);
        return NULL;
    }
    struct json *composed = compose(envelope, pathway, details);
    json_free(details);
    struct reason inner = {0};
    struct schema *schema = NULL;
    if (composed)
        schema = schema_from_json(composed, &inner);
    else
        reason_set(&inner, "bad-schema", NULL, "out of memory");
    if (!schema) {
        char envelope_file[FOLDER_PATH_SIZE];
        text_format(envelope_file, sizeof(envelope_file), "%s/envelope.avsc", contract->dir);
        struct blame blame = {.file = file, .rest_file = envelope_file};
        text_format(blame.prefix, sizeof(blame.prefix), "/fields/%zu",
                    json_count(json_member(envelope, "fields")));
        blame_schema(&blame, composed, &inner, contract->findings, reason);
    }
    json_free(composed);
    return schema ? keep_take(contract, schema, false, file, reason) : NULL;
}

static bool load_pathway(struct contract *contract, const struct json *envelope, const char *dir,
                         const char *name, struct reason *reason)
{
    if (!pathway_name_valid(name) || contract->pathways_count == CONTRACT_PATHWAYS_MAX) {
        reason_set(
            reason, "bad-name", dir,
            "expected a name of at most %d small letters, digits and dashes, and at most %d of "
            "them",
            PATHWAY_NAME_SIZE - 1, CONTRACT_PATHWAYS_MAX);
        return false;
    }
    char file[FOLDER_PATH_SIZE];
    struct stat found;
    if (!folder_join(file, dir, "pathway.json", reason))
        return false;
    if (stat(file, &found) != 0) {
        reason_set(reason, "unreadable-file", file, "%s",
                   errno == ENOENT ? "there is no such file: a pathway needs one"
                                   : strerror(errno));
        return false;
    }
    if (!folder_join(file, dir, "referral.avsc", reason))
        return false;
    const struct schema *schema = load_referral(contract, envelope, name, file, reason);
    if (!schema)
        return false;
    struct contract_pathway *pathway = &contract->pathways[contract->pathways_count++];
    text_copy(pathway->name, sizeof(pathway->name), name);
    pathway->referral = schema;
    return load_versions(contract, dir, schema, reason);
}

static bool load_pathways(struct contract *contract, const struct json *envelope,
                          struct reason *reason)
{
    char parent[FOLDER_PATH_SIZE];
    struct folder folder;
    if (!folder_join(parent, contract->dir, "pathways", reason))
        return false;
    if (!folder_read(parent, &folder)) {
        reason_set(reason, "unreadable-file", parent, "%s", strerror(errno));
        return false;
    }
    bool done = true;
    for (size_t i = 0; done && i < folder.count; i++) {
        const char *name = folder.names[i];
        char dir[FOLDER_PATH_SIZE];
        done = folder_join(dir, parent, name, reason);
        if (done && path_is_folder(dir))
            done = load_pathway(contract, envelope, dir, name, reason) || told(contract, reason);
    }
    folder_clear(&folder);
    return done;
}

/* The envelope by itself has to be a record that leaves room for the details. */
static struct json *load_envelope(const struct contract *contract, struct reason *reason)
{
    char file[FOLDER_PATH_SIZE];
    if (!folder_join(file, contract->dir, "envelope.avsc", reason))
        return NULL;
    struct json *json = json_parse_file(file, SCHEMA_SIZE_MAX, reason);
    if (!json)
        return NULL;
    struct reason inner = {0};
    struct schema *schema = schema_from_json(json, &inner);
    const char *problem = NULL;
    if (!schema)
        blame_schema(&(struct blame){.file = file}, json, &inner, contract->findings, reason);
    else if (schema_root(schema)->kind != SCHEMA_RECORD)
        problem = "expected a record";
    else if (schema_field(schema_root(schema), "details", 7) != SCHEMA_NO_FIELD)
        problem = "expected no field `details`: it is the pathway's own part";
    if (problem)
        reason_set(reason, "bad-schema", file, "%s", problem);
    bool done = schema && !problem;
    schema_free(schema);
    if (done)
        return json;
    json_free(json);
    return NULL;
}

struct contract *contract_load(const char *schemas_dir, struct reason *reason)
{
    return contract_load_all(schemas_dir, NULL, reason);
}

static bool keeps_all(const struct contract *contract, const struct contract *before,
                      struct reason *reason)
{
    const struct schema *schema = NULL;
    size_t cursor = 0;
    while ((schema = contract_next(before, &cursor)) != NULL) {
        if (contract_by_fingerprint(contract, schema_fingerprint(schema)))
            continue;
        reason_set(reason, "version-gone", contract->dir,
                   "%s with the fingerprint %016" PRIx64 " is in use, and no versions/ has it any "
                   "more: what it wrote could not be read; expected a version of every schema that "
                   "was in use",
                   schema_name(schema), schema_fingerprint(schema));
        return false;
    }
    return true;
}

struct contract *contract_load_after(const char *schemas_dir, const struct contract *before,
                                     struct reason *reason)
{
    struct contract *contract = contract_load(schemas_dir, reason);
    if (!contract || !before || keeps_all(contract, before, reason))
        return contract;
    contract_free(contract);
    return NULL;
}

struct contract *contract_load_all(const char *schemas_dir, const struct findings *findings,
                                   struct reason *reason)
{
    struct contract *contract = calloc(1, sizeof(*contract));
    if (contract)
        contract->by_fingerprint = map_new(VERSIONS_MAX);
    if (!contract || !contract->by_fingerprint ||
        !text_copy(contract->dir, sizeof(contract->dir), schemas_dir)) {
        reason_set(reason, "bad-name", schemas_dir, "the path is too long, or out of memory");
        contract_free(contract);
        return NULL;
    }
    contract->findings = findings;
    bool done = load_messages(contract, reason) || told(contract, reason);
    struct json *envelope = done ? load_envelope(contract, reason) : NULL;
    done = envelope && load_pathways(contract, envelope, reason) &&
           load_versions(contract, contract->dir, NULL, reason);
    json_free(envelope);
    contract->findings = NULL;
    if (done)
        return contract;
    if (reason->code[0])
        findings_tell(findings, reason);
    contract_free(contract);
    return NULL;
}

void contract_free(struct contract *contract)
{
    if (!contract)
        return;
    map_free(contract->by_fingerprint, free_schema);
    free(contract);
}

const char *contract_dir(const struct contract *contract)
{
    return contract->dir;
}

const struct schema *contract_message(const struct contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->messages_count; i++)
        if (strcmp(schema_short_name(contract->messages[i]), name) == 0)
            return contract->messages[i];
    return NULL;
}

size_t contract_pathway_count(const struct contract *contract)
{
    return contract->pathways_count;
}

const char *contract_pathway_name(const struct contract *contract, size_t index)
{
    return index < contract->pathways_count ? contract->pathways[index].name : NULL;
}

const struct schema *contract_referral(const struct contract *contract, const char *pathway)
{
    for (size_t i = 0; pathway && i < contract->pathways_count; i++)
        if (strcmp(contract->pathways[i].name, pathway) == 0)
            return contract->pathways[i].referral;
    return NULL;
}

const struct schema *contract_by_fingerprint(const struct contract *contract, uint64_t fingerprint)
{
    return map_get(contract->by_fingerprint, &fingerprint, sizeof(fingerprint));
}

const struct schema *contract_at(const struct contract *contract, size_t index,
                                 const char **ret_pathway)
{
    size_t pathway = index - contract->messages_count;
    bool is_message = index < contract->messages_count;
    if (!is_message && pathway >= contract->pathways_count)
        return NULL;
    if (ret_pathway)
        *ret_pathway = is_message ? NULL : contract->pathways[pathway].name;
    return is_message ? contract->messages[index] : contract->pathways[pathway].referral;
}

const struct schema *contract_current(const struct contract *contract, const char *full_name)
{
    const struct schema *schema = NULL;
    for (size_t i = 0; (schema = contract_at(contract, i, NULL)) != NULL; i++)
        if (strcmp(schema_name(schema), full_name) == 0)
            break;
    return schema;
}

const struct schema *contract_next(const struct contract *contract, size_t *cursor)
{
    const void *key;
    size_t length;
    void *schema = NULL;
    return map_next(contract->by_fingerprint, cursor, &key, &length, &schema) ? schema : NULL;
}
