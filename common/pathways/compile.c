/* SPDX-License-Identifier: Apache-2.0 */
/* One pathway.json to one struct pathway. All sizes are fixed before reading starts, so a hostile
 * or broken file can only be refused, never grow. */
#include "pathways/internal.h"

#include "base/text.h"
#include "codec/place.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY_FIRST INT64_MIN
#define DAY_LAST INT64_MAX

static int64_t minutes_to_ms(double minutes)
{
    return (int64_t)(minutes * 60000 + 0.5);
}

/* The list `name` with 1 (or `least`) to `most` items; NULL with the error set. */
static const struct json *list_of(struct compiler *compiler, const char *name, size_t least,
                                  size_t most)
{
    const struct json *list = json_member(compiler->pathway->json, name);
    struct place here = {.name = name};
    if (json_kind_of(list) != JSON_IS_ARRAY || json_count(list) < least ||
        json_count(list) > most) {
        compile_error(compiler, &here, list, "a list of %zu to %zu items", least, most);
        return NULL;
    }
    return list;
}

static bool compile_built_in_fields(struct compiler *compiler)
{
    static const char *const paths[FIELDS_BUILT_IN] = {
        [FIELD_SOURCE_KIND] = "source.kind",
        [FIELD_CONSENT] = "consent.direct_care",
        [FIELD_AGE_YEARS] = "age_years",
        [FIELD_SERVICE_NAME] = "service",
    };
    compiler->services_known = true;
    for (size_t i = 0; i < FIELDS_BUILT_IN; i++) {
        struct json *path = json_new_text(paths[i]);
        uint16_t field;
        bool well = path && compile_field(compiler, NULL, path, &field);
        json_free(path);
        if (!well)
            return false;
        compiler->pathway->fields[i].path = paths[i]; /* the static text, not the freed one */
    }
    compiler->services_known = false;
    return true;
}

static bool compile_enabled(struct compiler *compiler)
{
    static const char *const names[] = {"from", "until"};
    struct pathway *pathway = compiler->pathway;
    const struct json *enabled = json_member(pathway->json, "enabled");
    struct place here = {.name = "enabled"};
    pathway->enabled_from_day = DAY_FIRST;
    pathway->enabled_until_day = DAY_LAST;
    if (json_kind_of(enabled) == JSON_IS_BOOLEAN && !json_is_true(enabled))
        return true;
    if (json_kind_of(enabled) != JSON_IS_OBJECT)
        return compile_error(compiler, &here, enabled, "false, or an object of from and until");
    pathway->enabled = true;
    bool well = compile_members(compiler, &here, enabled, names, COUNT(names));
    well = compile_day(compiler, &here, enabled, "from", &pathway->enabled_from_day) && well;
    well = compile_day(compiler, &here, enabled, "until", &pathway->enabled_until_day) && well;
    if (well && pathway->enabled_from_day > pathway->enabled_until_day)
        return compile_error(compiler, &here, enabled, "from not after until");
    return well;
}

static bool compile_provider_kind(struct compiler *compiler)
{
    struct pathway *pathway = compiler->pathway;
    if (!compile_code(compiler, NULL, pathway->json, "provider_kind", &pathway->provider_kind))
        return false;
    const char *unserved = "referrer"; /* is told of returns, and sent no referral */
    const struct schema *provider = contract_message(compiler->contract, "Provider");
    const struct schema_node *record = provider ? schema_root(provider) : NULL;
    for (size_t i = 0; record && i < record->children_count; i++) {
        const struct schema_node *node = record->children[i]->branch;
        if (strcmp(record->children[i]->field_name, "kind") != 0 || node->allowed_count == 0)
            continue;
        char list[REASON_DETAIL_MAX] = "";
        for (size_t j = 0; j < node->allowed_count; j++) {
            size_t used = strlen(list);
            if (strcmp(node->allowed[j], unserved) == 0)
                continue;
            if (strcmp(node->allowed[j], pathway->provider_kind) == 0)
                return true;
            text_format(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
                        node->allowed[j]);
        }
        struct place here = {.name = "provider_kind"};
        return compile_error(compiler, &here, json_member(pathway->json, "provider_kind"),
                             "a kind of schemas/provider.avsc: %s", list);
    }
    return true;
}

static bool compile_name(struct compiler *compiler)
{
    const struct pathway *pathway = compiler->pathway;
    struct place here = {.name = "name"};
    const char *text;
    if (!compile_code(compiler, NULL, pathway->json, "name", &text))
        return false;
    if (strcmp(text, pathway->name) != 0)
        return compile_error(compiler, &here, json_member(pathway->json, "name"),
                             "the name of its folder, \"%s\"", pathway->name);
    return true;
}

static bool compile_retry(struct compiler *compiler)
{
    static const char *const names[] = {"first_seconds", "most_seconds"};
    struct pathway *pathway = compiler->pathway;
    const struct json *retry = json_member(pathway->json, "retry");
    struct place here = {.name = "retry"};
    double first = 0.001, most = 0;
    if (json_kind_of(retry) != JSON_IS_OBJECT)
        return compile_error(compiler, &here, retry, "an object");
    bool well = compile_members(compiler, &here, retry, names, COUNT(names));
    well = compile_number(compiler, &here, retry, names[0], true, 0.001, 86400, &first) && well;
    well = compile_number(compiler, &here, retry, names[1], true, first, 86400, &most) && well;
    pathway->retry_first_ms = (int64_t)(first * 1000 + 0.5);
    pathway->retry_most_ms = (int64_t)(most * 1000 + 0.5);
    return well;
}

static bool compile_head(struct compiler *compiler)
{
    struct pathway *pathway = compiler->pathway;
    const struct json *json = pathway->json;
    const struct {
        const char *name;
        size_t length_max;
        const char **text;
    } texts[] = {{"title", 120, &pathway->title},
                 {"version", PATHWAY_VERSION_LENGTH_MAX, &pathway->version},
                 {"clinical_owner", 200, &pathway->clinical_owner}};
    double deadline = 0, outcome = 0, distance = 0;
    bool well = compile_name(compiler);
    for (size_t i = 0; i < COUNT(texts); i++)
        well =
            compile_text(compiler, NULL, json, texts[i].name, texts[i].length_max, texts[i].text) &&
            well;
    well = compile_enabled(compiler) && well;
    well = compile_provider_kind(compiler) && well;
    well = compile_number(compiler, NULL, json, "deadline_minutes", true, 0.001, MINUTES_MOST,
                          &deadline) &&
           well;
    well = compile_number(compiler, NULL, json, "outcome_minutes", true, 0.001, MINUTES_MOST,
                          &outcome) &&
           well;
    well =
        compile_number(compiler, NULL, json, "distance_most_km", false, 0, 1000, &distance) && well;
    pathway->deadline_ms = minutes_to_ms(deadline);
    pathway->outcome_ms = minutes_to_ms(outcome);
    pathway->distance_most_m = (int64_t)(distance * 1000 + 0.5);
    return compile_retry(compiler) && well;
}

static bool compile_notes(struct compiler *compiler)
{
    if (!json_member(compiler->pathway->json, "notes"))
        return true;
    const struct json *notes = list_of(compiler, "notes", 0, 50);
    struct place up = {.name = "notes"};
    bool well = notes != NULL;
    for (size_t i = 0; notes && i < json_count(notes); i++) {
        struct place here = {.up = &up, .index = i};
        const struct json *note = json_item(notes, i);
        if (json_kind_of(note) != JSON_IS_TEXT || json_text_length(note) > WORDS_LENGTH_MAX)
            well = compile_error(compiler, &here, note, "a text of at most %d bytes",
                                 WORDS_LENGTH_MAX);
    }
    return well;
}

static bool compile_sources(struct compiler *compiler)
{
    const struct json *sources = list_of(compiler, "sources", 1, PATHWAY_SOURCES_MAX);
    struct place up = {.name = "sources"};
    bool well = sources != NULL;
    for (size_t i = 0; sources && i < json_count(sources); i++) {
        struct place here = {.up = &up, .index = i};
        uint64_t bit;
        if (compile_constant(compiler, &here, FIELD_SOURCE_KIND, json_item(sources, i), &bit))
            compiler->pathway->sources |= bit;
        else
            well = false;
    }
    return well;
}

static bool find_service(const struct pathway *pathway, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < pathway->services_count; i++) {
        if (strcmp(pathway->services[i].name, name) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

static bool compile_service(struct compiler *compiler, const struct place *place,
                            const struct json *json)
{
    static const char *const names[] = {"service", "title", "when", "deadline_minutes"};
    struct pathway *pathway = compiler->pathway;
    struct pathway_service service = {0};
    struct place when = {.up = place, .name = "when"}, name = {.up = place, .name = "service"};
    double deadline = (double)pathway->deadline_ms / 60000;
    size_t other;
    if (!compile_members(compiler, place, json, names, COUNT(names)) &&
        json_kind_of(json) != JSON_IS_OBJECT)
        return false;
    size_t errors = compiler->errors;
    bool named = compile_code(compiler, place, json, "service", &service.name);
    (void)compile_text(compiler, place, json, "title", 120, &service.title);
    (void)compile_number(compiler, place, json, "deadline_minutes", false, 0.001, MINUTES_MOST,
                         &deadline);
    (void)compile_predicate(compiler, &when, json_member(json, "when"), &service.when);
    if (named && find_service(pathway, service.name, &other))
        return compile_error(compiler, &name, json_member(json, "service"), "each service once");
    service.deadline_ms = minutes_to_ms(deadline);
    if (named) /* rules that fall back to it are no errors of their own */
        pathway->services[pathway->services_count++] = service;
    return compiler->errors == errors;
}

static bool compile_services(struct compiler *compiler)
{
    const struct json *list = list_of(compiler, "services", 1, PATHWAY_SERVICES_MAX);
    struct place up = {.name = "services"};
    bool well = list != NULL;
    for (size_t i = 0; list && i < json_count(list); i++) {
        struct place here = {.up = &up, .index = i};
        well = compile_service(compiler, &here, json_item(list, i)) && well;
    }
    compiler->services_known = true;
    return well;
}

static bool compile_then(struct compiler *compiler, const struct place *place,
                         const struct json *json, struct rule *rule)
{
    const struct json *then = json_member(json, "then"), *urgent = json_member(json, "urgent");
    const struct json *target = json_member(json, "service");
    struct place then_place = {.up = place, .name = "then"};
    struct place urgent_place = {.up = place, .name = "urgent"};
    struct place service_place = {.up = place, .name = "service"};
    size_t service;
    if (text_equal(json_text(then), "return"))
        rule->then = RULE_RETURN;
    else if (text_equal(json_text(then), "fall-back"))
        rule->then = RULE_FALL_BACK;
    else if (text_equal(json_text(then), "record"))
        rule->then = RULE_RECORD;
    else
        return compile_error(compiler, &then_place, then, "return, fall-back or record");
    rule->urgent = json_is_true(urgent);
    if (urgent &&
        (json_kind_of(urgent) != JSON_IS_BOOLEAN || (rule->urgent && rule->then == RULE_FALL_BACK)))
        return compile_error(compiler, &urgent_place, urgent,
                             "true (of a return or a record) or false");
    if (rule->then != RULE_FALL_BACK) {
        if (target)
            return compile_error(compiler, &service_place, target,
                                 "no service: it belongs to a fall-back only");
        return true;
    }
    if (!json_text(target) || !find_service(compiler->pathway, json_text(target), &service))
        return compile_error(compiler, &service_place, target,
                             "one of this pathway's services to fall back to");
    rule->service = (uint16_t)service;
    return true;
}

static bool compile_rule(struct compiler *compiler, const struct place *place,
                         const struct json *json, struct rule *rule)
{
    static const char *const names[] = {"id",    "when",   "then", "service", "reason",
                                        "words", "urgent", "from", "until"};
    struct place when = {.up = place, .name = "when"}, until = {.up = place, .name = "until"};
    struct place id = {.up = place, .name = "id"}, reason = {.up = place, .name = "reason"};
    *rule = (struct rule){.id = "", .reason = "", .from_day = DAY_FIRST, .until_day = DAY_LAST};
    if (!compile_members(compiler, place, json, names, COUNT(names)) &&
        json_kind_of(json) != JSON_IS_OBJECT)
        return false;
    bool named = compile_code(compiler, place, json, "id", &rule->id);
    (void)compile_text(compiler, place, json, "words", WORDS_LENGTH_MAX, &rule->words);
    bool dated = compile_day(compiler, place, json, "from", &rule->from_day);
    dated = compile_day(compiler, place, json, "until", &rule->until_day) && dated;
    if (dated && rule->from_day > rule->until_day)
        (void)compile_error(compiler, &until, json_member(json, "until"), "a day not before from");
    bool known = compile_then(compiler, place, json, rule);
    bool gives_none = rule->then == RULE_RECORD && !rule->urgent;
    if (known && gives_none && json_member(json, "reason"))
        (void)compile_error(compiler, &reason, json_member(json, "reason"),
                            "no reason: a record that is not urgent needs none");
    if (known && !gives_none)
        (void)compile_code(compiler, place, json, "reason", &rule->reason);
    (void)compile_predicate(compiler, &when, json_member(json, "when"), &rule->when);
    for (size_t i = 0; named && i < compiler->pathway->rules_count; i++) {
        if (strcmp(compiler->pathway->rules[i].id, rule->id) == 0)
            return compile_error(compiler, &id, json_member(json, "id"),
                                 "an id that no other rule has");
    }
    return compiler->errors == 0;
}

static bool compile_rules(struct compiler *compiler)
{
    struct pathway *pathway = compiler->pathway;
    const struct json *list = list_of(compiler, "rules", 0, PATHWAY_RULES_MAX);
    struct place up = {.name = "rules"};
    bool well = list != NULL;
    for (size_t i = 0; list && i < json_count(list); i++) {
        struct place here = {.up = &up, .index = i};
        struct rule rule;
        well = compile_rule(compiler, &here, json_item(list, i), &rule) && well;
        pathway->rules[pathway->rules_count++] = rule;
    }
    return well;
}

static bool compile_no_distance_selling(struct compiler *compiler)
{
    struct pathway *pathway = compiler->pathway;
    const struct json *json = json_member(pathway->json, "no_distance_selling");
    struct place here = {.name = "no_distance_selling"};
    pathway->has_no_distance_selling = json != NULL;
    return !json || compile_predicate(compiler, &here, json, &pathway->no_distance_selling);
}

static struct pathway *pathway_new(const char *name)
{
    struct pathway *pathway = calloc(1, sizeof(*pathway));
    if (!pathway)
        return NULL;
    pathway->fields = calloc(PATHWAY_FIELDS_MAX, sizeof(*pathway->fields));
    pathway->predicates = calloc(PATHWAY_PREDICATES_MAX, sizeof(*pathway->predicates));
    pathway->rules = calloc(PATHWAY_RULES_MAX, sizeof(*pathway->rules));
    if (!pathway->fields || !pathway->predicates || !pathway->rules ||
        !text_copy(pathway->name, sizeof(pathway->name), name) ||
        !text_format(pathway->topic, sizeof(pathway->topic), "referrals.%s", name)) {
        pathway_free(pathway);
        return NULL;
    }
    return pathway;
}

void pathway_free(struct pathway *pathway)
{
    if (!pathway)
        return;
    json_free(pathway->json);
    free(pathway->fields);
    free(pathway->predicates);
    free(pathway->rules);
    free(pathway);
}

static bool compile_digest(struct compiler *compiler)
{
    struct pathway *pathway = compiler->pathway;
    const struct schema *schema = contract_referral(compiler->contract, pathway->name);
    char *rules = json_print(pathway->json, JSON_SORTED);
    struct buffer buffer;
    uint8_t digest[SHA256_SIZE];
    buffer_init(&buffer, PATHWAY_FILE_SIZE_MAX + SCHEMA_SIZE_MAX);
    bool done = rules && buffer_append_text(&buffer, rules) &&
                buffer_append_text(&buffer, schema_text(schema)) &&
                digest_sha256(buffer_text(&buffer), buffer.length, digest) &&
                hex_encode(digest, sizeof(digest), pathway->digest, sizeof(pathway->digest));
    pathway->digest[16] = '\0';
    buffer_clear(&buffer);
    free(rules);
    return done || compile_error(compiler, NULL, NULL, "memory for a digest");
}

static bool compile_whole(struct compiler *compiler)
{
    static const char *const names[] = {
        "name",    "title",         "version",          "clinical_owner",      "notes",
        "enabled", "provider_kind", "deadline_minutes", "outcome_minutes",     "distance_most_km",
        "retry",   "sources",       "services",         "no_distance_selling", "rules",
    };
    const struct json *json = compiler->pathway->json;
    if (!compile_members(compiler, NULL, json, names, COUNT(names)) &&
        json_kind_of(json) != JSON_IS_OBJECT)
        return false;
    (void)compile_built_in_fields(compiler);
    (void)compile_head(compiler);
    (void)compile_notes(compiler);
    (void)compile_sources(compiler);
    (void)compile_services(compiler);
    (void)compile_no_distance_selling(compiler);
    (void)compile_rules(compiler);
    return compiler->errors == 0 && compile_digest(compiler);
}

struct pathway *pathway_compile(const struct contract *contract, const char *name,
                                const struct findings *findings, struct reason *reason)
{
    char path[1024];
    struct pathway *pathway = pathway_new(name);
    if (!pathway || !text_format(path, sizeof(path), "%s/pathways/%s/pathway.json",
                                 contract_dir(contract), name)) {
        reason_set(reason, "no-memory", name, "memory ran out, or the path is too long");
        pathway_free(pathway);
        return NULL;
    }
    struct compiler compiler = {.pathway = pathway,
                                .contract = contract,
                                .root = schema_root(contract_referral(contract, name)),
                                .path = path,
                                .reason = reason,
                                .findings = findings};
    pathway->json = json_parse_file(path, PATHWAY_FILE_SIZE_MAX, reason);
    if (!pathway->json)
        findings_tell(findings, reason);
    else if (compile_whole(&compiler))
        return pathway;
    pathway_free(pathway);
    return NULL;
}
