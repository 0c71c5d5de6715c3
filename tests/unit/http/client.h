/* SPDX-License-Identifier: Apache-2.0 */
/* A client for tests of the server that knows nothing of HTTP: it says bytes and hears bytes, so
 * that it can say what no library would. */
#ifndef UNIT_HTTP_CLIENT_H
#define UNIT_HTTP_CLIENT_H

#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define HEARD_MAX (256 * 1024)

static int dial(const struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    int client = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(client >= 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static bool say_bytes(int client, const char *bytes, size_t length)
{
    return send(client, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void say(int client, const char *text)
{
    assert_true(say_bytes(client, text, strlen(text)));
}

/* recv(), also in a process that is stopped and continued: with a time-out it is not restarted. */
static ssize_t receive(int client, void *bytes, size_t size, int flags)
{
    ssize_t got;

    do
        got = recv(client, bytes, size, flags);
    while (got < 0 && errno == EINTR);
    return got;
}

/* One answer with Content-Length, head and body; NULL if the connection ended first. */
static char *hear(int client)
{
    static char heard[HEARD_MAX];
    size_t length = 0, body = 0;
    char *end = NULL;

    for (;;) {
        ssize_t got;

        if (!end && (end = strstr(heard, "\r\n\r\n")) != NULL && length > 0) {
            const char *field = strstr(heard, "Content-Length: ");

            body = field && field < end ? strtoul(field + 16, NULL, 10) : 0;
        }
        if (end && length >= (size_t)(end - heard) + 4 + body)
            break;
        if (length == 0)
            heard[0] = '\0', end = NULL;
        /* Never a byte of the answer after this one. */
        got =
            receive(client, heard + length, end ? (size_t)(end - heard) + 4 + body - length : 1, 0);
        if (got <= 0)
            return NULL;
        length += (size_t)got;
        heard[length] = '\0';
    }
    return heard;
}

static int status_of(const char *heard)
{
    return heard && strncmp(heard, "HTTP/1.1 ", 9) == 0 ? (int)strtol(heard + 9, NULL, 10) : 0;
}

static const char *body_of(const char *heard)
{
    const char *end = heard ? strstr(heard, "\r\n\r\n") : NULL;

    return end ? end + 4 : "";
}

static bool is_closed(int client)
{
    char byte;
    ssize_t got = receive(client, &byte, 1, 0);

    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static const char *ask(const struct http_server *server, const char *text)
{
    int client = dial(server);
    const char *heard;

    say(client, text);
    heard = hear(client);
    close(client);
    return heard;
}

#endif
