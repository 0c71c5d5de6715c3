// SPDX-License-Identifier: Apache-2.0
// One option table serves all verbs, because a variable of the environment is set once for all of
// them; what a verb does not take is refused on the command line only, where it is surely a
// mistake.
#include "command.h"

#include "base/log.h"
#include "base/path.h"
#include "base/text.h"
#include "kafka/kafka.h"
#include "service/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "referralctl"
#define ARGUMENTS_MAX 64

#define AT(member) offsetof(struct command_values, member)
static const struct option OPTIONS[] = {
    {.name = "json",
     .kind = OPTION_BOOLEAN,
     .offset = AT(json),
     .otherwise = "false",
     .help = "print JSON instead of text"},
    {.name = "schemas-dir",
     .kind = OPTION_TEXT,
     .offset = AT(schemas_dir),
     .otherwise = DEFAULT_SCHEMAS_DIR,
     .shared = true,
     .help = "the schemas folder"},
    {.name = "gateway-url",
     .kind = OPTION_TEXT,
     .offset = AT(gateway_url),
     .otherwise = "http://127.0.0.1:8080",
     .help = "where the gateway listens"},
    {.name = "tracker-url",
     .kind = OPTION_TEXT,
     .offset = AT(tracker_url),
     .otherwise = "http://127.0.0.1:8081",
     .help = "where the tracker listens"},
    REGISTRY_OPTION_ROWS(struct command_values, registry),
    {.name = "key",
     .kind = OPTION_TEXT,
     .offset = AT(key),
     .help = "the Idempotency-Key: the same key is the same referral"},
    {.name = "from",
     .kind = OPTION_CHOICE,
     .offset = AT(from),
     .otherwise = "beginning",
     .choices = "beginning|end",
     .help = "where to begin reading"},
    {.name = "count",
     .kind = OPTION_WHOLE,
     .offset = AT(count),
     .otherwise = "0",
     .least = 0,
     .most = 1000000000,
     .help = "stop after so many records; 0 = at the end (from the end: never)"},
    {.name = "unmask",
     .kind = OPTION_BOOLEAN,
     .offset = AT(unmask),
     .otherwise = "false",
     .help = "show patient data; needs --reason, and is written to standard error for audit"},
    {.name = "reason",
     .kind = OPTION_TEXT,
     .offset = AT(reason),
     .help = "why it is done; at least 8 characters, no patient data"},
    {.name = "by",
     .kind = OPTION_TEXT,
     .offset = AT(by),
     .help = "who does it, for the audit (default: $USER)"},
    {.name = "wait-seconds",
     .kind = OPTION_WHOLE,
     .offset = AT(wait_seconds),
     .otherwise = "30",
     .least = 1,
     .most = 600,
     .help = "how long to wait without news from a dispatcher"},
    {.name = "topic-only",
     .kind = OPTION_BOOLEAN,
     .offset = AT(topic_only),
     .otherwise = "false",
     .help = "print what the topic says and ask no dispatcher"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     .offset = AT(format),
     .otherwise = "auto",
     .choices = "auto|csv|ods",
     .help = "the file's format; auto looks at its first row"},
    {.name = "dry-run",
     .kind = OPTION_BOOLEAN,
     .offset = AT(dry_run),
     .otherwise = "false",
     .help = "print what would change and change nothing"},
    {.name = "replace",
     .kind = OPTION_BOOLEAN,
     .offset = AT(replace),
     .otherwise = "false",
     .help = "remove providers that the file does not name"},
    {.name = "services",
     .kind = OPTION_TEXT,
     .offset = AT(services),
     .help = "a second CSV keyed by ODS code: services, hours, capacity, endpoints"},
    {.name = "explain",
     .kind = OPTION_BOOLEAN,
     .offset = AT(explain),
     .otherwise = "false",
     .help = "print the decision; nothing is sent"},
    {.name = "at",
     .kind = OPTION_TEXT,
     .offset = AT(at),
     .help = "decide as at this instant, 2026-11-26T09:30:00Z (a file: now; an id: as it was)"},
    {.name = "records-max",
     .kind = OPTION_WHOLE,
     .offset = AT(records_max),
     .otherwise = "5000000",
     .least = 1,
     .most = 1000000000,
     .help = "records that may be read to find an id"},
    {.name = "places-dir",
     .kind = OPTION_TEXT,
     .offset = AT(places_dir),
     .help = "where to write the table of places (default: places in the schemas folder)"},
    {.name = "syntax",
     .kind = OPTION_BOOLEAN,
     .offset = AT(syntax),
     .otherwise = "false",
     .help = "look at the form of each file only"},
    {.name = "connect",
     .kind = OPTION_BOOLEAN,
     .offset = AT(connect),
     .otherwise = "false",
     .help = "also ask Kafka for the topics, and the schema registry if one is set"},
    {.name = "referrals-partitions",
     .kind = OPTION_WHOLE,
     .offset = AT(referrals_partitions),
     .otherwise = "8",
     .least = 1,
     .most = 1024,
     .help = "partitions of each referrals.<pathway>"},
    {.name = "deliveries-partitions",
     .kind = OPTION_WHOLE,
     .offset = AT(deliveries_partitions),
     .otherwise = "16",
     .least = 1,
     .most = 1024,
     .help = "partitions of deliveries"},
    {.name = "events-partitions",
     .kind = OPTION_WHOLE,
     .offset = AT(events_partitions),
     .otherwise = "8",
     .least = 1,
     .most = 1024,
     .help = "partitions of referral.events"},
    {.name = "replication",
     .kind = OPTION_WHOLE,
     .offset = AT(replication),
     .otherwise = "0",
     .least = 0,
     .most = 9,
     .help = "copies of each partition; 0 = the broker's default"},
    {.name = "payload-days",
     .kind = OPTION_WHOLE,
     .offset = AT(payload_days),
     .otherwise = "1",
     .least = 1,
     .most = 30,
     .help = "after so many days a finished delivery's patient data is compacted away"},
    {.name = "ids-max",
     .kind = OPTION_WHOLE,
     .offset = AT(ids_max),
     .otherwise = "2000000",
     .least = 1000,
     .most = 100000000,
     .help = "referrals, or deliveries, that may be held in memory"},
    {.name = "list-max",
     .kind = OPTION_WHOLE,
     .offset = AT(list_max),
     .otherwise = "100",
     .least = 1,
     .most = 100000,
     .help = "problems, or deliveries, listed one by one"},
};
#define OPTIONS_COUNT (sizeof OPTIONS / sizeof *OPTIONS)

static int run_version(const struct command *command)
{
    if (!command->values->json) {
        return printf("%s %s\n", COMMAND, PROJECT_VERSION) > 0 ? EXIT_WELL : EXIT_FINDINGS;
    }
    struct json *answer = json_new_object();
    return json_set_text(answer, "version", PROJECT_VERSION) &&
                   command_print_json_take(answer, JSON_INDENTED)
               ? EXIT_WELL
               : EXIT_FINDINGS;
}

static const struct verb VERBS_VERSION[] = {
    {"version", "", 0, 0, "say which release this is", "json ", run_version},
    {0},
};

static const struct verb *const FAMILIES[] = {VERBS_TOPICS,     VERBS_PROVIDERS, VERBS_LOCATIONS,
                                              VERBS_ROUTE,      VERBS_SEND,      VERBS_TAIL,
                                              VERBS_DELIVERIES, VERBS_AUDIT,     VERBS_VALIDATE,
                                              VERBS_PATHWAYS,   VERBS_SCHEMA,    VERBS_VERSION};
#define FAMILIES_COUNT (sizeof FAMILIES / sizeof *FAMILIES)

int command_fail(int exit_code, const struct reason *reason)
{
    const char *brokers = getenv("KAFKA_BOOTSTRAP_SERVERS");
    const bool of_kafka = strncmp(reason->code, "kafka-", strlen("kafka-")) == 0;
    fprintf(stderr, "%s: %s%s%s: %s", COMMAND, reason->code, reason->pointer[0] ? ": " : "",
            reason->pointer, reason->detail);
    if (of_kafka) {
        fprintf(stderr, " (KAFKA_BOOTSTRAP_SERVERS is %s%.200s)",
                brokers ? "" : "not set, so " KAFKA_BROKERS_OTHERWISE, brokers ? brokers : "");
    }
    fputc('\n', stderr);
    return exit_code;
}

bool command_can_read(const char *path, struct reason *reason)
{
    const bool there = access(path, R_OK) == 0;
    if (there && !path_is_folder(path)) {
        return true;
    }
    reason_set(reason, "unreadable-file", path, "%s", strerror(there ? EISDIR : errno));
    return false;
}

int command_fail_as(enum verdict verdict, const struct reason *reason)
{
    return command_fail(verdict == TRY_AGAIN                     ? EXIT_UNAVAILABLE
                        : text_equal(reason->code, "usage")      ? EXIT_USAGE
                        : text_equal(reason->code, "bad-option") ? EXIT_CONFIGURATION
                                                                 : EXIT_FINDINGS,
                        reason);
}

bool command_print_json_take(struct json *json, enum json_style style)
{
    char *text = json_print(json, style);
    bool done = text && puts(text) >= 0;
    free(text);
    json_free(json);
    return done;
}

// The verbs that begin with `word`, NULL: all; how many they are. `to` NULL: only counts.
static size_t print_verbs(FILE *to, const char *word)
{
    size_t count = 0;
    for (size_t family = 0; family < FAMILIES_COUNT; family++) {
        for (const struct verb *verb = FAMILIES[family]; verb->name; verb++) {
            size_t length = strcspn(verb->name, " ");
            if (word && (strlen(word) != length || strncmp(verb->name, word, length) != 0)) {
                continue;
            }
            count++;
            if (to) {
                fprintf(to, "  %-18s %-12s %s\n", verb->name, verb->arguments, verb->summary);
            }
        }
    }
    return count;
}

static void print_usage(FILE *to)
{
    fprintf(to, "Usage: %s VERB [ARGUMENT...] [--OPTION VALUE...]\n\n", COMMAND);
    (void)print_verbs(to, NULL);
    fprintf(to,
            "\n%s VERB --help names the options. Kafka is found through KAFKA_BOOTSTRAP_SERVERS "
            "and further KAFKA_ variables.\n"
            "Exit codes: 0 well, 1 findings, 2 usage, 3 audit not complete, 4 not routed, "
            "69 unavailable, 78 configuration.\n",
            COMMAND);
}

static bool verb_takes(const struct verb *verb, const char *name, size_t length)
{
    for (const char *at = verb->takes; *at;) {
        size_t width = strcspn(at, " ");
        if (width == length && strncmp(at, name, length) == 0) {
            return true;
        }
        at += width + strspn(at + width, " ");
    }
    return false;
}

static void print_verb_help(const struct verb *verb)
{
    struct option table[OPTIONS_COUNT];
    size_t count = 0;
    for (size_t index = 0; index < OPTIONS_COUNT; index++) {
        if (verb_takes(verb, OPTIONS[index].name, strlen(OPTIONS[index].name))) {
            table[count++] = OPTIONS[index];
        }
    }
    printf("Usage: %s %s %s\n\n", COMMAND, verb->name, verb->arguments);
    options_print_help(COMMAND, verb->summary, table, count);
}

// The verb is one or two words; *ret_words says how many.
static const struct verb *find_verb(int argc, char **argv, int *ret_words)
{
    for (size_t family = 0; family < FAMILIES_COUNT; family++) {
        for (const struct verb *verb = FAMILIES[family]; verb->name; verb++) {
            char words[64];
            if (argc > 1 && text_equal(argv[1], verb->name)) {
                *ret_words = 1;
                return verb;
            }
            if (argc > 2 && text_format(words, sizeof words, "%s %s", argv[1], argv[2]) &&
                text_equal(words, verb->name)) {
                *ret_words = 2;
                return verb;
            }
        }
    }
    return NULL;
}

static const struct option *find_option(const struct verb *verb, const char *name, size_t length)
{
    for (size_t index = 0; index < OPTIONS_COUNT; index++) {
        if (strlen(OPTIONS[index].name) == length &&
            strncmp(OPTIONS[index].name, name, length) == 0) {
            return verb_takes(verb, name, length) ? &OPTIONS[index] : NULL;
        }
    }
    return NULL;
}

struct split {
    char *flags[ARGUMENTS_MAX];
    int flags_count;
};

// Takes one argument of the command line: a flag (with its value, if that follows) or an argument
// of the verb.
static bool split_one(const struct verb *verb, int argc, char **argv, int *at, struct split *split,
                      struct command *command, struct reason *reason)
{
    static char boolean_true[] = "true";
    char *text = argv[*at];
    if (strncmp(text, "--", 2) != 0 || split->flags_count + 2 >= ARGUMENTS_MAX) {
        if (command->arguments_count == verb->arguments_most ||
            command->arguments_count == COMMAND_ARGUMENTS_MAX - 1) {
            reason_set(reason, "usage", NULL, "\"%.80s\" is one argument too many", text);
            return false;
        }
        command->arguments[command->arguments_count++] = text;
        return true;
    }
    size_t length = strcspn(text + 2, "=");
    const struct option *option = find_option(verb, text + 2, length);
    if (!option) {
        reason_set(reason, "usage", NULL, "%s takes no %.80s; --help lists what it takes",
                   verb->name, text);
        return false;
    }
    split->flags[split->flags_count++] = text;
    if (text[2 + length] == '=') {
        return true;
    }
    bool boolean = option->kind == OPTION_BOOLEAN;
    bool follows =
        *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0 &&
        (!boolean || text_equal(argv[*at + 1], "true") || text_equal(argv[*at + 1], "false"));
    if (follows) {
        *at += 1;
        split->flags[split->flags_count++] = argv[*at];
    } else if (boolean) {
        split->flags[split->flags_count++] = boolean_true;
    }
    return true;
}

static bool split_arguments(const struct verb *verb, int words, int argc, char **argv,
                            struct split *split, struct command *command, struct reason *reason)
{
    split->flags[0] = argv[0];
    split->flags_count = 1;
    for (int at = 1 + words; at < argc; at++) {
        if (!split_one(verb, argc, argv, &at, split, command, reason)) {
            return false;
        }
    }
    if (command->arguments_count < verb->arguments_least) {
        reason_set(reason, "usage", NULL, "%s needs %s", verb->name, verb->arguments);
        return false;
    }
    return true;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int at = 1; at < argc; at++) {
        if (text_equal(argv[at], "--help") || text_equal(argv[at], "-h")) {
            return true;
        }
    }
    return false;
}

static int run_verb(const struct verb *verb, int words, int argc, char **argv)
{
    struct command_values values = {0};
    struct command command = {.values = &values};
    struct split split;
    struct reason reason = {0};
    if (!split_arguments(verb, words, argc, argv, &split, &command, &reason)) {
        return command_fail(EXIT_USAGE, &reason);
    }
    if (!options_read(COMMAND, OPTIONS, OPTIONS_COUNT, split.flags_count, split.flags, &values,
                      &reason)) {
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    bool with_registry = verb_takes(verb, "schema-registry-url", strlen("schema-registry-url"));
    if (verb_takes(verb, "connect", strlen("connect"))) {
        with_registry = values.connect;
    }
    if (with_registry &&
        registry_open(&values.registry, NULL, &command.registry, &reason) != DONE) {
        options_clear(OPTIONS, OPTIONS_COUNT, &values);
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    int exit_code = verb->run(&command);
    registry_close(command.registry);
    options_clear(OPTIONS, OPTIONS_COUNT, &values);
    if (fflush(stdout) != 0 && exit_code == EXIT_WELL) {
        exit_code = EXIT_FINDINGS;
    }
    return exit_code;
}

static int refuse_verb(int argc, char **argv)
{
    struct reason reason = {0};
    const bool begun = print_verbs(NULL, argv[1]) > 0;
    if (begun && argc == 2) {
        reason_set(&reason, "usage", NULL, "%s what? %s --help lists it", argv[1], argv[1]);
    } else {
        reason_set(&reason, "usage", NULL,
                   "there is no verb \"%.40s%s%.40s\"; %s%s--help lists them", argv[1],
                   argc > 2 ? " " : "", argc > 2 ? argv[2] : "", begun ? argv[1] : "",
                   begun ? " " : "");
    }
    return command_fail(EXIT_USAGE, &reason);
}

int command_main(int argc, char **argv)
{
    int words = 0;
    log_setup(COMMAND, LOG_LEVEL_ERROR, LOG_FORMAT_AUTO); // the client's retries are no news here
    const struct verb *verb = find_verb(argc, argv, &words);
    if (verb && asks_for_help(argc, argv)) {
        print_verb_help(verb);
        return EXIT_WELL;
    }
    if (verb) {
        return run_verb(verb, words, argc, argv);
    }
    if (argc > 1 && text_equal(argv[1], "--version")) {
        return printf("%s %s\n", COMMAND, PROJECT_VERSION) > 0 ? EXIT_WELL : EXIT_FINDINGS;
    }
    if (argc > 1 && text_equal(argv[1], "--options-json")) {
        options_print_json(COMMAND, OPTIONS, OPTIONS_COUNT);
        return EXIT_WELL;
    }
    bool help = argc > 1 && (asks_for_help(argc, argv) || text_equal(argv[1], "help"));
    if (argc > 1 && help && print_verbs(NULL, argv[1]) > 0) {
        (void)print_verbs(stdout, argv[1]);
        return EXIT_WELL;
    }
    if (argc > 1 && !help) {
        return refuse_verb(argc, argv);
    }
    print_usage(help ? stdout : stderr);
    return help ? EXIT_WELL : EXIT_USAGE;
}
