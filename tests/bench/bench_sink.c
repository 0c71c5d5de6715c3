/* SPDX-License-Identifier: Apache-2.0 */
/* The fastest provider there is: takes any POST, answers 200, one thread. Prints its port, then a
 * line of JSON with what it took whenever it gets SIGUSR1, and at the end (SIGTERM).
 * A POST to /hang/... is answered HANG-MS later and counted apart. POST /bench/answer ends that:
 * all that hang are answered, and no more hang until POST /bench/hang; both begin the counts anew.
 * With `tell` there is a line for each POST: when it was read, in microseconds of the monotonic
 * clock. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
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
    struct connection *previous, *next; /* in the ring of those that hang; NULL = in none */
    int64_t due_us;
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

static struct connection ring = {.previous = &ring, .next = &ring}; /* by due_us */
static int64_t hang_us;
static bool hangs = true, tells;
static long taken, late, hanging;
static size_t head_bytes, body_bytes; /* of the last request */
static int64_t first_us, last_us;

static void report(void)
{
    double seconds = (double)(last_us - first_us) / 1e6;
    printf("{\"taken\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"head_bytes\": %zu, "
           "\"body_bytes\": %zu, \"last_us\": %lld, \"hanging\": %ld, \"late\": %ld}\n",
           taken, seconds, seconds > 0 ? (double)taken / seconds : 0, head_bytes, body_bytes,
           (long long)last_us, hanging, late);
    fflush(stdout);
}

static bool answer(const struct connection *connection)
{
    return send(connection->fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL) >= 0;
}

static void hang(struct connection *connection)
{
    connection->due_us = now_us() + hang_us;
    connection->next = &ring;
    connection->previous = ring.previous;
    ring.previous = ring.previous->next = connection;
    hanging++;
}

static void unhang(struct connection *connection)
{
    if (connection->next == NULL)
        return;
    connection->previous->next = connection->next;
    connection->next->previous = connection->previous;
    connection->previous = connection->next = NULL;
    hanging--;
}

/* A connection that is broken meanwhile is found when it is read. */
static void answer_due(int64_t until_us)
{
    while (ring.next != &ring && ring.next->due_us <= until_us) {
        struct connection *connection = ring.next;
        unhang(connection);
        late++;
        (void)answer(connection);
    }
}

/* What the request in the buffer is: an order, one that hangs, or one that is counted. False when
 * the connection is over. */
static bool take(struct connection *connection, size_t head, size_t body)
{
    const char *path = strchr(connection->input, ' ');
    path = path != NULL ? path + 1 : "";
    if (strncmp(path, "/bench/", 7) == 0) {
        hangs = strncmp(path + 7, "hang", 4) == 0;
        if (!hangs)
            answer_due(INT64_MAX);
        taken = late = 0;
        return answer(connection);
    }
    if (hangs && strncmp(path, "/hang/", 6) == 0) {
        hang(connection);
        return true;
    }
    head_bytes = head;
    body_bytes = body;
    last_us = now_us();
    if (taken++ == 0)
        first_us = last_us;
    if (tells) {
        printf("%lld\n", (long long)last_us);
        fflush(stdout);
    }
    return answer(connection);
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
        if (!take(connection, whole - body, body))
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
    connection->previous = connection->next = NULL;
    connection->length = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* Until the next answer is due. */
static int wait_ms(void)
{
    if (ring.next == &ring)
        return -1;
    int64_t left_us = ring.next->due_us - now_us();
    return left_us > 0 ? (int)(left_us / 1000) + 1 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 4) {
        fprintf(stderr, "usage: bench_sink [PORT [HANG-MS [tell]]]\n");
        return 2;
    }
    hang_us = argc > 2 ? strtol(argv[2], NULL, 10) * 1000 : 0;
    hangs = hang_us > 0;
    tells = argc > 3;
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
    /* Real providers have processors of their own: each write of a sender that shares one with this
     * process would have it put off in the middle otherwise. */
    if (sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}) != 0) {
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
        int ready = epoll_wait(epoll_fd, events, 64, wait_ms());
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
                    unhang(connection);
                    close(connection->fd);
                    free(connection);
                }
            }
        }
        answer_due(now_us());
    }
}
