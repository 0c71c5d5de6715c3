/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the client, shared by client.c (the thread, and the ids that are read) and wants.c
 * (the schemas that are written here); for the two of them alone. All but the first lines of the
 * client belongs to its lock. */
#ifndef REGISTRY_CLIENT_PARTS_H
#define REGISTRY_CLIENT_PARTS_H

#include "registry/client.h"
#include "registry/request.h"

#include <pthread.h>
#include <time.h>

#define PATH_SIZE 512
#define FOR_EVER INT64_MAX

/* A schema that is written here, under one of its subjects. */
struct want {
    char subject[REGISTRY_SUBJECT_SIZE];
    char *text;
    uint64_t fingerprint;
    int32_t id; /* -1: none */
    bool settled;
    int64_t due_ms;
};

/* An id that is not in the table. */
struct ask {
    int32_t id;
    bool answered;  /* no: `code` until `until_ms` */
    bool told;      /* logged that records wait for it */
    int64_t due_ms; /* to be asked for */
    int64_t until_ms;
    char code[REASON_CODE_MAX];
    char detail[REASON_DETAIL_MAX];
};

struct registry_client {
    const struct registry_options *options;
    struct registry *table;
    struct registry_line *line; /* the thread's */
    struct metrics *metrics;
    struct metrics *joined; /* the service's own, or NULL */
    pthread_t thread;
    bool running;
    atomic_bool stop;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t work;
    pthread_cond_t answered;
    struct map *asks;
    struct want *wants;
    size_t wants_count;
    uint64_t wants_generation;
    bool heard; /* it has answered once */
    bool away;
    int64_t back_off_ms;
    int64_t retry_ms;
    size_t told_missing; /* schemas without id when it was logged last */
    bool told;
};

/* ---- client.c; the lock is held */
struct timespec client_moment(int64_t at_ms);
/* Gauges, and a line when it has changed whether all ids are known. */
void client_tell(struct registry_client *client);
/* Whether it is away from now on. */
void client_note(struct registry_client *client, enum registry_outcome outcome,
                 const struct reason *reason);

/* ---- wants.c; the lock is held */
size_t wants_without_id(const struct registry_client *client);
bool wants_settled(const struct registry_client *client);
/* The one to be asked for first; NULL if there is none. */
struct want *wants_next(struct registry_client *client);
/* Lets go of the lock meanwhile. */
void wants_ask(struct registry_client *client, struct want *want);
void wants_free(struct want *wants, size_t count);

#endif
