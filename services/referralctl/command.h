/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's command: a table of verbs over one table of options. A verb is a row that names
 * the options it takes; its --help comes from both. */
#ifndef REFERRALCTL_COMMAND_H
#define REFERRALCTL_COMMAND_H

#include "base/json.h"
#include "base/reason.h"
#include "registry/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes (CONVENTIONS.md; sysexits). */
enum command_exit {
    EXIT_WELL = 0,
    EXIT_FINDINGS = 1,       /* a check failed, something was refused */
    EXIT_USAGE = 2,          /* an argument or option too many, too few, or not together */
    EXIT_UNCHECKED = 3,      /* audit: balanced, but the volumes could not be compared */
    EXIT_UNROUTED = 4,       /* route: it would be returned to the referrer */
    EXIT_UNAVAILABLE = 69,   /* Kafka, the gateway or the tracker is away */
    EXIT_CONFIGURATION = 78, /* the value of an option or variable is wrong */
};

/* Values of the option table; a verb's row says which of them it takes. */
struct command_values {
    bool json;
    const char *schemas_dir;
    const char *gateway_url;
    const char *tracker_url;
    struct registry_options registry;
    const char *key;
    const char *from;
    const char *reason;
    const char *format;
    const char *services;
    const char *at;
    const char *places_dir;
    int64_t records_max;
    bool explain;
    int64_t count;
    int64_t referrals_partitions;
    int64_t deliveries_partitions;
    int64_t events_partitions;
    int64_t replication;
    int64_t payload_days;
    int64_t ids_max;
    int64_t list_max;
    const char *by;
    int64_t wait_seconds;
    bool topic_only;
    bool unmask;
    bool dry_run;
    bool replace;
    bool syntax;
    bool connect;
};

#define COMMAND_ARGUMENTS_MAX 10

/* For the `takes` of verbs that read or write records: they get the registry, if there is one. */
#define TAKES_REGISTRY                                                                             \
    "schema-registry-url schema-registry-basic-auth schema-registry-bearer-token "                 \
    "schema-registry-ca-file "

struct command {
    const struct command_values *values;
    struct registry_client *registry;
    const char
        *arguments[COMMAND_ARGUMENTS_MAX]; /* what is no option, in order; NULL behind the last */
    size_t arguments_count;
};

struct verb {
    const char *name;      /* "topics create" */
    const char *arguments; /* for --help: "FILE", "[DIR]", "" */
    size_t arguments_least, arguments_most;
    const char *summary;
    const char *takes; /* names of options, separated by blanks, each with a blank behind it */
    int (*run)(const struct command *command);
};

/* The families, a file each; a row without a name ends them. */
extern const struct verb VERBS_TOPICS[];
extern const struct verb VERBS_PROVIDERS[];
extern const struct verb VERBS_LOCATIONS[];
extern const struct verb VERBS_ROUTE[];
extern const struct verb VERBS_SEND[];
extern const struct verb VERBS_TAIL[];
extern const struct verb VERBS_DELIVERIES[];
extern const struct verb VERBS_AUDIT[];
extern const struct verb VERBS_VALIDATE[];
extern const struct verb VERBS_SCHEMA[];
extern const struct verb VERBS_PATHWAYS[];

/* Finds the verb, reads its options, runs it. Returns the exit code. */
int command_main(int argc, char **argv);
/* Prints "referralctl: code: pointer: detail" on standard error, with the brokers' addresses where
 * it is about Kafka, and returns `exit_code`. */
int command_fail(int exit_code, const struct reason *reason);
/* False (unreadable-file) if it is no file that can be read: to be told before Kafka is asked. */
bool command_can_read(const char *path, struct reason *reason);
/* The same with the code that fits: TRY_AGAIN is EXIT_UNAVAILABLE, the reason "usage" EXIT_USAGE,
 * "bad-option" EXIT_CONFIGURATION, the rest EXIT_FINDINGS. */
int command_fail_as(enum verdict verdict, const struct reason *reason);
/* Prints a JSON value on standard output and frees it. False if it is NULL or memory ran out. */
bool command_print_json_take(struct json *json, enum json_style style);

#endif
