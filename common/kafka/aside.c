/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/aside.h"

#include "base/thread.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct aside {
    pthread_t thread;
    bool running;
    int ended_fd;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t begun;
    void (*call)(void *self); /* NULL = none to be made */
    void *self;
    bool closing;
};

static void *work(void *context)
{
    static const uint64_t one = 1;
    struct aside *aside = context;

    for (;;) {
        void (*call)(void *self);
        void *self;

        pthread_mutex_lock(&aside->lock);
        while (!aside->call && !aside->closing)
            pthread_cond_wait(&aside->begun, &aside->lock);
        call = aside->call;
        self = aside->self;
        aside->call = NULL;
        pthread_mutex_unlock(&aside->lock);
        if (!call)
            return NULL;
        call(self);
        while (write(aside->ended_fd, &one, sizeof(one)) < 0 && errno == EINTR)
            ;
    }
}

struct aside *aside_open(const char *name)
{
    struct aside *aside = calloc(1, sizeof(*aside));

    if (!aside)
        return NULL;
    (void)pthread_mutex_init(&aside->lock, NULL);
    (void)pthread_cond_init(&aside->begun, NULL);
    aside->ended_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    aside->running = aside->ended_fd >= 0 && thread_start(&aside->thread, name, work, aside);
    if (aside->running)
        return aside;
    aside_close(aside);
    return NULL;
}

void aside_begin(struct aside *aside, void (*call)(void *self), void *self)
{
    pthread_mutex_lock(&aside->lock);
    aside->call = call;
    aside->self = self;
    pthread_cond_signal(&aside->begun);
    pthread_mutex_unlock(&aside->lock);
}

bool aside_ended(struct aside *aside)
{
    uint64_t count;

    return read(aside->ended_fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

int aside_fd(const struct aside *aside)
{
    return aside->ended_fd;
}

void aside_close(struct aside *aside)
{
    if (!aside)
        return;
    if (aside->running) {
        pthread_mutex_lock(&aside->lock);
        aside->closing = true;
        pthread_cond_signal(&aside->begun);
        pthread_mutex_unlock(&aside->lock);
        pthread_join(aside->thread, NULL);
    }
    if (aside->ended_fd >= 0)
        close(aside->ended_fd);
    pthread_cond_destroy(&aside->begun);
    pthread_mutex_destroy(&aside->lock);
    free(aside);
}
