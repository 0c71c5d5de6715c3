/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas/ folder in memory: message schemas by name, one composed Referral schema per pathway
 * folder, and every schema by its fingerprint, old writers' versions included. Immutable once
 * loaded: SIGHUP loads another and swaps.
 *
 *   schemas/delivery.avsc event.avsc provider.avsc volume.avsc   the messages
 *   schemas/envelope.avsc                            record Referral without `details`
 *   schemas/pathways/<name>/referral.avsc            record Details of that pathway; composed as
 * the field `details` schemas/pathways/<name>/pathway.json             see pathways/pathway.h
 *   schemas/versions/ and schemas/pathways/<name>/versions/ (*.avsc) whole schemas of other writers
 * that may be read; docs/operating.md, "Schemas change", says when one is added */
#ifndef CODEC_CONTRACT_H
#define CODEC_CONTRACT_H

#include "base/finding.h"
#include "codec/record.h"
#include "codec/schema.h"

#define CONTRACT_PATHWAYS_MAX 64
#define PATHWAY_NAME_SIZE 40

struct contract;

/* NULL on failure: the reason's pointer is the file, its detail has line or JSON pointer and what
 * was expected. Codes: json_parse's, unreadable-file, bad-schema, bad-name, too-many,
 * duplicate-schema. */
__attribute__((warn_unused_result)) struct contract *contract_load(const char *schemas_dir,
                                                                   struct reason *reason);
/* As contract_load, for who already works by `before` (NULL: nobody does). Also NULL (version-gone)
 * if a schema of `before` is missing: what was written with it waits on the topics, and could not
 * be read any more. A change that keeps the versions passes; a start has nothing before it. */
__attribute__((warn_unused_result)) struct contract *
contract_load_after(const char *schemas_dir, const struct contract *before, struct reason *reason);
/* contract_load for a look at everything: tells each fault and goes on (one per schema file), and
 * returns what could be loaded, or NULL if that makes no contract. */
__attribute__((warn_unused_result)) struct contract *
contract_load_all(const char *schemas_dir, const struct findings *findings, struct reason *reason);
void contract_free(struct contract *contract);
const char *contract_dir(const struct contract *contract);
/* "Delivery", "ReferralEvent", "Provider", "Volume"; NULL if unknown. */
const struct schema *contract_message(const struct contract *contract, const char *name);
size_t contract_pathway_count(const struct contract *contract);
const char *contract_pathway_name(const struct contract *contract,
                                  size_t index); /* sorted by name */
const struct schema *contract_referral(const struct contract *contract,
                                       const char *pathway); /* NULL if unknown */
const struct schema *contract_by_fingerprint(const struct contract *contract, uint64_t fingerprint);
/* The message or Referral of this full name as the folder has it now; NULL if there is none. */
const struct schema *contract_current(const struct contract *contract, const char *full_name);
/* Walks the messages in the order of their files, then the Referrals: NULL past the end.
 * *ret_pathway (may be NULL) is NULL for a message. */
const struct schema *contract_at(const struct contract *contract, size_t index,
                                 const char **ret_pathway);
/* Walks all schemas, old versions included: start with *cursor = 0. */
const struct schema *contract_next(const struct contract *contract, size_t *cursor);

/* ---- framing: C3 01 + fingerprint (single-object encoding), or 00 + schema id (Confluent) */
struct registry; /* ids <-> schemas of a Confluent registry; NULL everywhere means: single-object
                    encoding only */

/* Reads one framed value. What another writer wrote is read as the contract's own schema of the
 * same full name (record_convert), so that defaults and limits are always those of the contract; a
 * schema of which the contract has no such name is lent as its writer wrote it. The codec keeps one
 * record per schema and lends it until the next codec_read of that schema. One codec per thread. */
struct codec;
struct codec *codec_new(const struct contract *contract, struct registry *registry);
void codec_free(struct codec *codec);
/* REFUSED: empty-value, unknown-framing, unknown-fingerprint, unknown-schema-id, unusable-schema,
 * incompatible-schema, wrong-schema (its full name is not `expected_name`; NULL takes any), or
 * prescan's. TRY_AGAIN (registry-away) if a registry that may know the id does not answer. */
__attribute__((warn_unused_result)) enum verdict
codec_read(struct codec *codec, const void *bytes, size_t length, const char *expected_name,
           struct record **ret_record, struct reason *reason);
/* The value inside the frame, for who reads it by itself (codec/flat.h); it has yet to pass
 * prescan. It lies within `bytes`, or, if another version of the schema wrote it, it was converted
 * and belongs to the codec until the next call. Fails as codec_read does. */
__attribute__((warn_unused_result)) enum verdict
codec_unframe(struct codec *codec, const void *bytes, size_t length, const char *expected_name,
              const struct schema **ret_schema, const void **ret_value, size_t *ret_size,
              struct reason *reason);
/* A reusable empty record of the schema, lent like those of codec_read (but never the same one). */
struct record *codec_blank(struct codec *codec, const struct schema *schema);
/* Appends the frame's header and the record: a Confluent one if a registry has given the schema an
 * id, else single-object encoding, which needs nobody. On failure nothing is appended. */
__attribute__((warn_unused_result)) enum verdict codec_write(struct codec *codec,
                                                             const struct record *record,
                                                             struct buffer *buffer,
                                                             struct reason *reason);

/* The frame's header alone, for who writes the value by itself (codec/flat.h). REFUSED if it does
 * not fit. */
__attribute__((warn_unused_result)) enum verdict codec_write_header(const struct codec *codec,
                                                                    const struct schema *schema,
                                                                    struct buffer *buffer,
                                                                    struct reason *reason);

/* The ids of a registry: a table that its client fills (registry/client.h); tests fill one by hand.
 * It outlives every contract, so it has schemas of its own. Safe to use from several threads. */
#define REGISTRY_IDS_MAX 4096
struct registry *registry_new(void);
void registry_free(struct registry *registry);
/* Adopts the schema, also on failure: full, or a negative id. An id that is there already gets the
 * new schema. */
__attribute__((warn_unused_result)) bool registry_add_take(struct registry *registry, int32_t id,
                                                           struct schema *schema);
const struct schema *registry_schema(struct registry *registry, int32_t id); /* NULL if unknown */
/* From now on records of schemas with this fingerprint are written with the id; a negative one: in
 * single-object encoding. */
__attribute__((warn_unused_result)) bool registry_write_as(struct registry *registry,
                                                           uint64_t fingerprint, int32_t id);
/* Grows with every registry_add_take. */
uint64_t registry_generation(struct registry *registry);
/* Walks all ids: start with *cursor = 0. For the thread that adds them. */
bool registry_next(struct registry *registry, size_t *cursor, int32_t *ret_id,
                   const struct schema **ret_schema);
/* Asked by codec_read for an id that is not in the table: DONE after registry_add_take, REFUSED
 * (there is no such id), or TRY_AGAIN. Without one, unknown ids are refused. */
typedef enum verdict registry_look_up(void *context, struct registry *registry, int32_t id,
                                      struct reason *reason);
void registry_on_miss(struct registry *registry, registry_look_up *look_up, void *context);

#endif
