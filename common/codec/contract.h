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
 * that may be read */
#ifndef CODEC_CONTRACT_H
#define CODEC_CONTRACT_H

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

/* ---- framing: C3 01 + fingerprint (single-object encoding), or 00 + schema id (Confluent) */
struct registry; /* ids <-> schemas of a Confluent registry; NULL everywhere means: single-object
                    encoding only */

/* Reads one framed value into a record of the writer's schema. The codec keeps one record per
 * schema and lends it until the next codec_read of that schema. One codec per thread. */
struct codec;
struct codec *codec_new(const struct contract *contract, struct registry *registry);
void codec_free(struct codec *codec);
/* REFUSED: empty-value, unknown-framing, unknown-fingerprint, unknown-schema-id, wrong-schema (its
 * full name is not `expected_name`; NULL takes any), or prescan's. TRY_AGAIN if a registry that may
 * know the id is away. */
__attribute__((warn_unused_result)) enum verdict
codec_read(struct codec *codec, const void *bytes, size_t length, const char *expected_name,
           struct record **ret_record, struct reason *reason);
/* A reusable empty record of the schema, lent like those of codec_read (but never the same one). */
struct record *codec_blank(struct codec *codec, const struct schema *schema);
/* Appends the frame's header and the record: a Confluent one if there is a registry (BROKEN,
 * schema-without-id, if it does not know the schema), else single-object encoding. On failure
 * nothing is appended. */
__attribute__((warn_unused_result)) enum verdict codec_write(struct codec *codec,
                                                             const struct record *record,
                                                             struct buffer *buffer,
                                                             struct reason *reason);

/* Confluent framing needs ids: a fixed table for tests and tools; the client of a real registry
 * fills one. Safe to use from several threads. Schemas are borrowed and have to outlive it. The
 * first id of a schema is the one written. */
#define REGISTRY_IDS_MAX 4096
struct registry *registry_new(void);
void registry_free(struct registry *registry);
__attribute__((warn_unused_result)) bool registry_add(struct registry *registry, int32_t id,
                                                      const struct schema *schema);
const struct schema *registry_schema(struct registry *registry, int32_t id); /* NULL if unknown */
/* Asked by codec_read for an id that is not in the table: DONE after registry_add, REFUSED (there
 * is no such id), or TRY_AGAIN. Without one, unknown ids are refused. */
typedef enum verdict registry_look_up(void *context, struct registry *registry, int32_t id,
                                      struct reason *reason);
void registry_on_miss(struct registry *registry, registry_look_up *look_up, void *context);

#endif
