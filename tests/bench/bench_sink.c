/* SPDX-License-Identifier: Apache-2.0 */
/* The fastest provider there is: takes any POST, answers 200, one thread. Prints its port, then a
 * line of JSON with what it took whenever it gets SIGUSR1, and at the end (SIGTERM). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_MAX (128 * 1024)

struct connection {
    int fd;
    size_t length;
    char input[INPUT_MAX];
};

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long taken;
static size_t head_bytes, body_bytes; /* of the last request */
static int64_t first_us, last_us;

static void report(void)
{
    double seconds = (double)(last_us - first_us) / 1e6;
    printf("{\"taken\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"head_bytes\": %zu, "
           "\"body_bytes\": %zu}\n",
           taken, seconds, seconds > 0 ? (double)taken / seconds : 0, head_bytes, body_bytes);
    fflush(stdout);
}

/* Answers every whole request that stands in the buffer. False when the connection is over. */
static bool serve(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->input + connection->length,
                       INPUT_MAX - 1 - connection->length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (got <= 0)
        return false;
    connection->length += (size_t)got;
    for (;;) {
        connection->input[connection->length] = '\0';
        char *end = strstr(connection->input, "\r\n\r\n");
        if (end == NULL)
            return connection->length < INPUT_MAX - 1;
        char *header = strcasestr(connection->input, "content-length:");
        size_t body = header != NULL && header < end ? strtoul(header + 15, NULL, 10) : 0;
        size_t whole = (size_t)(end + 4 - connection->input) + body;
        if (connection->length < whole)
            return whole < INPUT_MAX - 1;
        head_bytes = whole - body;
        body_bytes = body;
        last_us = now_us();
        if (taken++ == 0)
            first_us = last_us;
        if (send(connection->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) < 0)
            return false;
        memmove(connection->input, connection->input + whole, connection->length - whole);
        connection->length -= whole;
    }
}

static void take_connection(int listener, int epoll_fd)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct connection *connection = fd >= 0 ? malloc(sizeof *connection) : NULL;
    if (connection == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connection->fd = fd;
    connection->length = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)(argc > 1 ? strtol(argv[1], NULL, 10) : 0));
    socklen_t size = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
        epoll_fd = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("bench_sink");
        return 1;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = &signal_fd;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &event);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll_fd, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listener) {
                take_connection(listener, epoll_fd);
            } else if (events[i].data.ptr == &signal_fd) {
                struct signalfd_siginfo info;
                if (read(signal_fd, &info, sizeof info) == sizeof info) {
                    report();
                    if (info.ssi_signo == SIGTERM)
                        return 0;
                }
            } else {
                struct connection *connection = events[i].data.ptr;
                if (!serve(connection)) {
                    close(connection->fd);
                    free(connection);
                }
            }
        }
    }
}
