/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd's own time-out counts idle time only, so a sender of a header line a second lives
 * for ever, and it closes a socket with unread input, upon which TCP resets the connection and the
 * client may never see the answer (a 413, above all). Both are cured from outside, on the
 * descriptors: shutdown() makes the library see the end of the connection, and a duplicate of a
 * closed descriptor keeps it open until the client has finished, or two seconds at most. */
#include "http/sockets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGERING_MAX 64
#define LINGER_MS 2000
#define LINGER_BYTES_MAX (1 << 20) /* in one sweep */
#define PRESSED_MS 1000            /* for a connection without a request, while all are taken */

struct http_socket {
    int descriptor;
    enum http_phase phase;
    bool linger;
    int64_t until_ms;
    struct http_socket *previous, *next;
};

struct lingering {
    int descriptor;
    int64_t until_ms;
};

struct http_sockets {
    pthread_mutex_t lock;
    struct http_socket first; /* head of a ring */
    size_t count;
    struct lingering lingering[LINGERING_MAX];
    size_t lingering_count;
};

struct http_sockets *http_sockets_new(void)
{
    struct http_sockets *sockets = calloc(1, sizeof(*sockets));

    if (!sockets)
        return NULL;
    if (pthread_mutex_init(&sockets->lock, NULL) != 0) {
        free(sockets);
        return NULL;
    }
    sockets->first.previous = sockets->first.next = &sockets->first;
    return sockets;
}

void http_sockets_free(struct http_sockets *sockets)
{
    if (!sockets)
        return;
    for (size_t i = 0; i < sockets->lingering_count; i++)
        close(sockets->lingering[i].descriptor);
    pthread_mutex_destroy(&sockets->lock);
    free(sockets);
}

struct http_socket *http_sockets_add(struct http_sockets *sockets, int descriptor, int64_t until_ms)
{
    struct http_socket *socket = calloc(1, sizeof(*socket));

    if (!socket)
        return NULL;
    socket->descriptor = descriptor;
    socket->phase = HTTP_OPENED;
    socket->until_ms = until_ms;
    pthread_mutex_lock(&sockets->lock);
    socket->previous = sockets->first.previous;
    socket->next = &sockets->first;
    socket->previous->next = socket;
    sockets->first.previous = socket;
    sockets->count++;
    pthread_mutex_unlock(&sockets->lock);
    return socket;
}

void http_sockets_phase(struct http_sockets *sockets, struct http_socket *socket,
                        enum http_phase phase, int64_t until_ms)
{
    if (!socket)
        return;
    pthread_mutex_lock(&sockets->lock);
    socket->phase = phase;
    socket->until_ms = until_ms;
    pthread_mutex_unlock(&sockets->lock);
}

void http_sockets_linger(struct http_sockets *sockets, struct http_socket *socket)
{
    if (!socket)
        return;
    pthread_mutex_lock(&sockets->lock);
    socket->linger = true;
    pthread_mutex_unlock(&sockets->lock);
}

void http_sockets_remove(struct http_sockets *sockets, struct http_socket *socket, int64_t now_ms)
{
    int copy = -1;

    if (!socket)
        return;
    pthread_mutex_lock(&sockets->lock);
    socket->previous->next = socket->next;
    socket->next->previous = socket->previous;
    sockets->count--;
    if (socket->linger && sockets->lingering_count < LINGERING_MAX)
        copy = dup(socket->descriptor);
    if (copy >= 0) {
        struct lingering *lingering = &sockets->lingering[sockets->lingering_count++];

        shutdown(copy, SHUT_WR);
        lingering->descriptor = copy;
        lingering->until_ms = now_ms + LINGER_MS;
    }
    pthread_mutex_unlock(&sockets->lock);
    free(socket);
}

void http_sockets_send(int descriptor, const char *text)
{
    /* If it can't be sent now, the client does without. */
    ssize_t sent = send(descriptor, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)sent;
}

/* True when there is no more to come. */
static bool read_away(int descriptor)
{
    static char waste[65536]; /* one sweeper at a time holds the lock */
    size_t total = 0;

    while (total < LINGER_BYTES_MAX) {
        ssize_t got = recv(descriptor, waste, sizeof(waste), MSG_DONTWAIT);

        if (got <= 0)
            return got == 0;
        total += (size_t)got;
    }
    return false;
}

/* True if it is to be shut down now. */
static bool overdue(struct http_socket *socket, int64_t now_ms, bool pressed)
{
    if (socket->phase == HTTP_HANDLING)
        return false;
    if (pressed && (socket->phase == HTTP_OPENED || socket->phase == HTTP_WAITING) &&
        socket->until_ms > now_ms + PRESSED_MS && socket->until_ms != INT64_MAX)
        socket->until_ms = now_ms + PRESSED_MS;
    return now_ms >= socket->until_ms;
}

void http_sockets_sweep(struct http_sockets *sockets, int64_t now_ms, size_t sockets_max)
{
    static const char late[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";

    pthread_mutex_lock(&sockets->lock);
    for (struct http_socket *at = sockets->first.next; at != &sockets->first; at = at->next) {
        if (!overdue(at, now_ms, sockets->count >= sockets_max))
            continue;
        if (at->phase == HTTP_READING || at->phase == HTTP_OPENED)
            http_sockets_send(at->descriptor, late);
        shutdown(at->descriptor, SHUT_RDWR);
        at->until_ms = INT64_MAX;
    }
    for (size_t i = 0; i < sockets->lingering_count;) {
        struct lingering *at = &sockets->lingering[i];

        if (!read_away(at->descriptor) && now_ms < at->until_ms) {
            i++;
            continue;
        }
        close(at->descriptor);
        *at = sockets->lingering[--sockets->lingering_count];
    }
    pthread_mutex_unlock(&sockets->lock);
}
