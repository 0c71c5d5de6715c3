/* SPDX-License-Identifier: Apache-2.0 */
/* The option table: one row per option, from which --help, parsing, the _FILE form of secrets,
 * --check and the documentation test come. A value is found in this order: flag --name VALUE,
 * environment SERVICE_NAME, environment NAME (rows shared by all services only), SERVICE_NAME_FILE
 * / NAME_FILE (the file's first line), default. */
#ifndef SERVICE_OPTIONS_H
#define SERVICE_OPTIONS_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

enum option_kind { OPTION_TEXT, OPTION_WHOLE, OPTION_BOOLEAN, OPTION_CHOICE };

/* What a text must be to be of any use. What is on this machine is looked at, the network is not.
 */
enum option_shape {
    OPTION_ANY,
    OPTION_ADDRESS, /* to listen on */
    OPTION_FOLDER,  /* is there */
    OPTION_FILE,    /* will be written: its folder is there */
    OPTION_NAME,    /* of a client or a process: goes whole into ids and keys */
};

struct option {
    const char *name; /* "listen"; flag --listen, environment GATEWAY_LISTEN */
    enum option_kind kind;
    size_t offset; /* in the struct of values: const char * (TEXT, CHOICE; owned by the table),
                      int64_t, bool */
    const char *otherwise;   /* default, as text; NULL = none (the value stays NULL / 0) */
    int64_t least, most;     /* bounds of OPTION_WHOLE */
    enum option_shape shape; /* of OPTION_TEXT */
    const char *choices;     /* "auto|json|text" of OPTION_CHOICE */
    bool secret;             /* never printed, not even by --check */
    bool shared;             /* also read from the unprefixed name */
    const char *help;        /* one line, units included */
};

/* Fills `values`. Texts are allocated and live until options_clear. Codes: unknown-option,
 * bad-option; the detail names the variable or flag, its value (unless secret) and what was
 * expected. */
__attribute__((warn_unused_result)) bool options_read(const char *service,
                                                      const struct option *table, size_t count,
                                                      int argc, char **argv, void *values,
                                                      struct reason *reason);
void options_clear(const struct option *table, size_t count, void *values);
/* The table as text for --help: flag, environment, default, help. */
void options_print_help(const char *service, const char *summary, const struct option *table,
                        size_t count);
/* The same as JSON lines, for the test that compares it with docs/, docker/ and k8s/
 * (--options-json). */
void options_print_json(const char *service, const struct option *table, size_t count);
/* True for what Kubernetes puts into every pod for a Service of that name: `rest` is an entry of
 * the environment without the prefix ("SERVICE_HOST=…", "PORT_8080_TCP=…"). */
bool options_is_service_link(const char *rest);

#endif
