/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket is made here and not by the vendor's library, which can't say why it failed.
 */
#include "http/internal.h"

#include "base/text.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define HOST_SIZE 256

/* "[::1]:80" -> "::1" and "80"; the host may be empty (every address). */
static bool address_split(const char *address, char host[HOST_SIZE], const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    const char *from = address;
    size_t length;
    int64_t port;

    if (!colon || !text_whole_number(colon + 1, 0, 65535, &port))
        return false;
    length = (size_t)(colon - address);
    if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
        from++;
        length -= 2;
    } else if (memchr(address, ':', length)) {
        return false;
    }
    *ret_port = colon + 1;
    return text_copy_bytes(host, HOST_SIZE, from, length);
}

static int listen_on(const struct addrinfo *where, const char *address, struct reason *reason)
{
    int listener = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, no = 0;

    if (listener < 0)
        goto fail;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0)
        goto fail;
    if (where->ai_family == AF_INET6 &&
        setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) != 0)
        goto fail;
    if (bind(listener, where->ai_addr, where->ai_addrlen) != 0 || listen(listener, BACKLOG) != 0)
        goto fail;
    return listener;
fail:
    reason_set(reason, "cannot-listen", NULL, "can't listen on %.120s: %s", address,
               strerror(errno));
    if (listener >= 0)
        close(listener);
    return -1;
}

bool http_address_valid(const char *address)
{
    char host[HOST_SIZE];
    const char *port;

    return address_split(address, host, &port);
}

int http_listen(const char *address, struct reason *reason)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[HOST_SIZE];
    const char *port = NULL;
    int listener, error;

    if (!address || !address_split(address, host, &port)) {
        reason_set(reason, "bad-address", NULL,
                   "\"%.120s\" is no address to listen on, expected HOST:PORT or [IPV6]:PORT",
                   address ? address : "");
        return -1;
    }
    error = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (error != 0) {
        reason_set(reason, "bad-address", NULL, "%.120s can't be resolved: %s", address,
                   gai_strerror(error));
        return -1;
    }
    listener = listen_on(found, address, reason);
    freeaddrinfo(found);
    return listener;
}

int http_listen_port(int listener)
{
    struct sockaddr_storage bound = {0};
    socklen_t length = sizeof(bound);

    if (getsockname(listener, (struct sockaddr *)&bound, &length) != 0)
        return 0;
    if (bound.ss_family == AF_INET6) {
        struct sockaddr_in6 six;

        memcpy(&six, &bound, sizeof(six));
        return ntohs(six.sin6_port);
    }
    struct sockaddr_in four;

    memcpy(&four, &bound, sizeof(four));
    return ntohs(four.sin_port);
}
