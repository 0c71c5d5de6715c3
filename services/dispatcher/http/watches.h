/* SPDX-License-Identifier: Apache-2.0 */
/* Which sockets an epoll watches. A kept connection is wanted in each transfer and not wanted
 * between them: its registration stays meanwhile, which saves two system calls a transfer. Belongs
 * to one thread. */
#ifndef DISPATCHER_WATCHES_H
#define DISPATCHER_WATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watch {
    uint32_t registered; /* events that the epoll knows; 0 = not registered */
    uint32_t owner;
    bool wanted;
    bool ours; /* opened and closed by us, so that no other socket has its number unnoticed */
};

struct watches {
    int epoll_fd;
    struct watch *by_fd;
    size_t count;
};

/* False without descriptors. */
bool watches_open(struct watches *watches);
void watches_close(struct watches *watches);
/* We have opened this socket; watches_closed follows before it is closed. */
void watches_opened(struct watches *watches, int fd);
void watches_closed(struct watches *watches, int fd);
/* From now on these epoll events of it are wanted by `owner`; 0 = none. Events carry watches_data.
 * False if the system refuses. */
bool watches_want(struct watches *watches, int fd, uint32_t owner, uint32_t events);
/* True if an event that came is wanted. If it isn't, it will not come again. */
bool watches_wanted(struct watches *watches, int fd);

#define WATCHES_OWNER(data) ((uint32_t)((data) >> 32))
#define WATCHES_FD(data) ((int)(uint32_t)(data))

#endif
