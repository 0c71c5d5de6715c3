/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP load generator: one thread, kept connections, one request in flight on each. Prints one
 * JSON line with the rate and the latencies, so that two servers can be compared in one run. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define REQUEST_MAX (64 * 1024)
#define ANSWER_MAX (16 * 1024)

struct connection {
    int fd;
    char *request;
    size_t request_length, sent;
    char answer[ANSWER_MAX];
    size_t answer_length;
    int64_t began_us;
};

struct load {
    struct sockaddr_in address;
    const char *path;
    char *body;
    size_t body_length;
    long count, started, finished, failed;
    int64_t *latencies_us;
    int epoll_fd;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void next_request(struct load *load, struct connection *connection)
{
    int head = snprintf(connection->request, REQUEST_MAX,
                        "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                        "Idempotency-Key: bench-%d-%ld\r\nContent-Length: %zu\r\n\r\n",
                        load->path, (int)getpid(), load->started, load->body_length);
    if (head < 0 || (size_t)head + load->body_length > REQUEST_MAX) {
        errno = EMSGSIZE;
        die("request");
    }
    memcpy(connection->request + head, load->body, load->body_length);
    connection->request_length = (size_t)head + load->body_length;
    connection->sent = 0;
    connection->answer_length = 0;
    connection->began_us = now_us();
    load->started++;
}

static void flush_request(struct connection *connection)
{
    while (connection->sent < connection->request_length) {
        ssize_t sent = send(connection->fd, connection->request + connection->sent,
                            connection->request_length - connection->sent, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0)
            die("send");
        connection->sent += (size_t)sent;
    }
}

/* True when a whole answer has come in. */
static bool answer_complete(struct load *load, struct connection *connection)
{
    connection->answer[connection->answer_length] = '\0';
    char *end = strstr(connection->answer, "\r\n\r\n");
    if (end == NULL)
        return false;
    char *length = strcasestr(connection->answer, "content-length:");
    size_t body = length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0;
    if (connection->answer_length < (size_t)(end + 4 - connection->answer) + body)
        return false;
    if (strncmp(connection->answer + 9, "20", 2) != 0)
        load->failed++;
    return true;
}

static void on_readable(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->answer + connection->answer_length,
                       ANSWER_MAX - 1 - connection->answer_length, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        die("the server closed a connection");
    connection->answer_length += (size_t)got;
    if (!answer_complete(load, connection))
        return;
    load->latencies_us[load->finished++] = now_us() - connection->began_us;
    if (load->started < load->count) {
        next_request(load, connection);
        flush_request(connection);
    }
}

static void open_connection(struct load *load, struct connection *connection)
{
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&load->address, sizeof load->address) != 0)
        die("connect");
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    connection->request = malloc(REQUEST_MAX);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (connection->request == NULL ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void read_body(struct load *load, const char *path)
{
    FILE *file = fopen(path, "rb");
    load->body = malloc(REQUEST_MAX);
    if (file == NULL || load->body == NULL)
        die(path);
    load->body_length = fread(load->body, 1, REQUEST_MAX - 1024, file);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_load PORT PATH BODY-FILE CONNECTIONS COUNT\n");
        return 2;
    }
    struct load load = {.path = argv[2], .count = strtol(argv[5], NULL, 10)};
    int connections = (int)strtol(argv[4], NULL, 10);
    if (connections < 1 || connections > CONNECTIONS_MAX || load.count < connections) {
        fprintf(stderr, "bench_load: 1 to %d connections, at least one request each\n",
                CONNECTIONS_MAX);
        return 2;
    }
    load.address.sin_family = AF_INET;
    load.address.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
    load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    read_body(&load, argv[3]);
    load.latencies_us = calloc((size_t)load.count, sizeof *load.latencies_us);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    load.epoll_fd = epoll_create1(0);
    if (load.latencies_us == NULL || all == NULL || load.epoll_fd < 0)
        die("memory");
    int64_t began = now_us();
    for (int i = 0; i < connections; i++) {
        open_connection(&load, &all[i]);
        next_request(&load, &all[i]);
        flush_request(&all[i]);
    }
    while (load.finished < load.count) {
        struct epoll_event events[64];
        int ready = epoll_wait(load.epoll_fd, events, 64, 30000);
        if (ready == 0) {
            errno = ETIMEDOUT;
            die("no answer for 30 s");
        }
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                flush_request(connection);
            if (events[i].events & EPOLLIN)
                on_readable(&load, connection);
        }
    }
    double seconds = (double)(now_us() - began) / 1e6;
    qsort(load.latencies_us, (size_t)load.count, sizeof *load.latencies_us, compare);
    printf("{\"requests\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, "
           "\"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
           load.count, load.failed, seconds, (double)load.count / seconds,
           (double)load.latencies_us[load.count / 2] / 1000,
           (double)load.latencies_us[load.count * 99 / 100] / 1000);
    return 0;
}
