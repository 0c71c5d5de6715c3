/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a schema registry, the same rows in the services' tables and in referralctl's. */
#ifndef SERVICE_REGISTRY_OPTIONS_H
#define SERVICE_REGISTRY_OPTIONS_H

#include "service/options.h"

struct registry_options {
    const char *url; /* NULL or "": there is no registry */
    const char *basic_auth;
    const char *bearer_token;
    const char *ca_file;
    const char *cache;
};

/* Rows for a table of options; `values` is the struct type, `member` its struct registry_options.
 */
#define REGISTRY_OPTION_ROWS(values, member)                                                       \
    {.name = "schema-registry-url",                                                                \
     .kind = OPTION_TEXT,                                                                          \
     .offset = offsetof(values, member.url),                                                       \
     .shared = true,                                                                               \
     .help = "schema registry with the Confluent API; none: single-object encoding only"},         \
        {.name = "schema-registry-basic-auth",                                                     \
         .kind = OPTION_TEXT,                                                                      \
         .offset = offsetof(values, member.basic_auth),                                            \
         .secret = true,                                                                           \
         .shared = true,                                                                           \
         .help = "user:password for it"},                                                          \
        {.name = "schema-registry-bearer-token",                                                   \
         .kind = OPTION_TEXT,                                                                      \
         .offset = offsetof(values, member.bearer_token),                                          \
         .secret = true,                                                                           \
         .shared = true,                                                                           \
         .help = "token for it, instead of user and password"},                                    \
    {                                                                                              \
        .name = "schema-registry-ca-file", .kind = OPTION_TEXT,                                    \
        .offset = offsetof(values, member.ca_file), .shared = true,                                \
        .help = "certificates that its TLS is verified with; none: the system's"                   \
    }

#endif
