/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of links that live inside their items; an unlinked link points to itself. */
#ifndef DISPATCHER_LIST_H
#define DISPATCHER_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next, *previous;
};

#define LINK_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void link_init(struct link *link)
{
    link->next = link;
    link->previous = link;
}

static inline bool link_alone(const struct link *link)
{
    return link->next == link;
}

static inline void link_remove(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link_init(link);
}

/* `link` must be alone. */
static inline void link_append(struct link *list, struct link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Puts all of `from` in front of `list`, order kept; `from` is empty then. */
static inline void link_prepend_all(struct link *list, struct link *from)
{
    if (link_alone(from))
        return;
    from->previous->next = list->next;
    list->next->previous = from->previous;
    list->next = from->next;
    from->next->previous = list;
    link_init(from);
}

/* Puts all of `from` behind what is in `list`, order kept; `from` is empty then. */
static inline void link_append_all(struct link *list, struct link *from)
{
    link_prepend_all(list->previous, from);
}

#endif
