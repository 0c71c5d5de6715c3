/* SPDX-License-Identifier: Apache-2.0 */
/* A socket that is closed leaves the epoll by itself, and its number may come back as another
 * socket: so only of those whose closing we see does the registration outlast its use. */
#include "http/watches.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define COUNT_FIRST 256

bool watches_open(struct watches *watches)
{
    *watches = (struct watches){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    return watches->epoll_fd >= 0;
}

void watches_close(struct watches *watches)
{
    if (watches->epoll_fd >= 0)
        close(watches->epoll_fd);
    free(watches->by_fd);
    *watches = (struct watches){.epoll_fd = -1};
}

/* NULL without memory: then nothing is remembered of it. */
static struct watch *watch_of(struct watches *watches, int fd)
{
    const size_t place = (size_t)fd;
    if (place >= watches->count) {
        size_t count = watches->count ? watches->count * 2 : COUNT_FIRST;
        count = count > place ? count : place + 1;
        struct watch *by_fd = realloc(watches->by_fd, count * sizeof(*by_fd));
        if (!by_fd)
            return NULL;
        memset(by_fd + watches->count, 0, (count - watches->count) * sizeof(*by_fd));
        watches->by_fd = by_fd;
        watches->count = count;
    }
    return &watches->by_fd[place];
}

void watches_opened(struct watches *watches, int fd)
{
    struct watch *watch = watch_of(watches, fd);
    if (watch)
        *watch = (struct watch){.ours = true};
}

void watches_closed(struct watches *watches, int fd)
{
    if ((size_t)fd < watches->count)
        watches->by_fd[fd] = (struct watch){0};
}

static bool control(const struct watches *watches, int fd, uint32_t owner, uint32_t events,
                    bool known)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)owner << 32 | (uint32_t)fd};
    if (known && epoll_ctl(watches->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return true;
    return epoll_ctl(watches->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ||
           epoll_ctl(watches->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
}

static void forget(const struct watches *watches, int fd, struct watch *watch)
{
    (void)epoll_ctl(watches->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    if (watch)
        *watch = (struct watch){.ours = watch->ours};
}

bool watches_want(struct watches *watches, int fd, uint32_t owner, uint32_t events)
{
    struct watch *watch = watch_of(watches, fd);
    if (events == 0 && watch && watch->ours) {
        watch->wanted = false;
        return true;
    }
    if (events == 0) {
        forget(watches, fd, watch);
        return true;
    }
    if (watch && watch->ours && watch->registered == events && watch->owner == owner) {
        watch->wanted = true;
        return true;
    }
    if (!control(watches, fd, owner, events, watch && watch->registered))
        return false;
    if (watch) {
        watch->registered = events;
        watch->owner = owner;
        watch->wanted = true;
    }
    return true;
}

bool watches_wanted(struct watches *watches, int fd)
{
    struct watch *watch = watch_of(watches, fd);
    if (!watch || !watch->ours || watch->wanted)
        return true;
    forget(watches, fd, watch);
    return false;
}
