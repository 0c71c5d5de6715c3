/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's command as a table of verbs: a verb is a row with its own option table, from which its --help comes. */
#ifndef REFERRALCTL_COMMAND_H
#define REFERRALCTL_COMMAND_H

#include "base/reason.h"
#include "service/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes (CONVENTIONS.md; sysexits). */
enum command_exit {
    EXIT_WELL = 0,
    EXIT_FINDINGS = 1,      /* a check failed, something was refused */
    EXIT_USAGE = 2,         /* the command line is wrong */
    EXIT_UNAVAILABLE = 69,  /* Kafka, the gateway or the tracker is away */
    EXIT_CONFIGURATION = 78 /* an option or the schemas folder is wrong */
};

/* Values of all verbs; a verb's table names those that it takes. The first are shared by all. */
struct command_values {
    bool json;
    const char *schemas_dir;
    const char *gateway_url;
    const char *tracker_url;
    const char *key;
    const char *from;
    const char *reason;
    const char *format;
    int64_t count;
    int64_t wait_seconds;
    int64_t referrals_partitions;
    int64_t deliveries_partitions;
    int64_t events_partitions;
    int64_t replication;
    int64_t ids_max;
    int64_t list_max;
    bool unmask;
    bool dry_run;
    bool replace;
};

#define COMMAND_ARGUMENTS_MAX 4

struct command {
    const struct command_values *values;
    const char *arguments[COMMAND_ARGUMENTS_MAX]; /* what is no option, in order */
    size_t arguments_count;
};

struct verb {
    const char *name;      /* "topics create" */
    const char *arguments; /* "FILE", "[DIR]", "" */
    size_t arguments_least, arguments_most;
    const char *summary;
    const struct option *options;
    size_t options_count;
    int (*run)(const struct command *command);
};

/* Finds the verb, reads its options, runs it. Returns the exit code. */
int command_main(int argc, char **argv);
/* Prints the reason on standard error ("referralctl: code: detail (pointer)"). Returns `exit_code`. */
int command_fail(int exit_code, const struct reason *reason);
/* The exit code for a verdict that is not DONE: TRY_AGAIN is EXIT_UNAVAILABLE, the rest EXIT_FINDINGS. */
int command_exit_of(enum verdict verdict);
/* Prints a JSON value on standard output, indented, and frees it. False without memory (NULL included). */
struct json;
bool command_print_json_take(struct json *json);

/* The families; each is one file. */
extern const struct verb VERBS_TOPICS[], VERBS_PROVIDERS[], VERBS_SEND[], VERBS_TAIL[], VERBS_AUDIT[],
    VERBS_VALIDATE[]; /* each ends with a row without a name */

#endif
