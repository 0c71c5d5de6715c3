/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues under one lock: posts that wait for the sender's thread, and posts that have ended.
 * Either side signals only when it puts the first one into an empty queue, so that under load
 * nobody is woken for a single post. */
#include "http/send.h"

#include "base/clock.h"
#include "base/thread.h"
#include "http/transfers.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREAD_WAIT_MS 1000

struct sender {
    struct sender_options options;
    struct transfers *transfers; /* the thread's */
    struct link ended;           /* the thread's: to be handed over after its turn */
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* of the five below */
    struct link waiting;
    struct link begun;
    struct link answered;
    size_t most; /* under way at once */
    bool stopping;
    int thread_fd; /* wakes the thread */
    int answer_fd; /* wakes the caller */
    int watched_fd;
    size_t under_way;
};

void post_free(struct post *post)
{
    if (!post)
        return;
    if (post->excerpt) {
        explicit_bzero(post->excerpt, post->excerpt_length);
        free(post->excerpt);
    }
    explicit_bzero(post->texts, post->texts_size);
    free(post);
}

/* Copies to *at, which it moves behind. */
static char *put(char **at, const void *bytes, size_t size)
{
    char *place = *at;
    if (size)
        memcpy(place, bytes, size);
    *at += size;
    return place;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static struct post *post_new(const struct send_request *request)
{
    size_t sizes[SEND_HEADERS_MAX] = {0}, lines = 0;
    const size_t url_size = size_of(request->url);
    const size_t certificate_size = size_of(request->certificate);
    size_t size = url_size + certificate_size + request->body_size;
    for (; lines < SEND_HEADERS_MAX && request->headers[lines]; lines++)
        size += sizes[lines] = size_of(request->headers[lines]);
    struct post *post = malloc(sizeof(*post) + size);
    if (!post)
        return NULL;
    *post = (struct post){.flight = request->flight,
                          .until_ms = clock_monotonic_ms() + request->timeout_ms,
                          .request = {.bars = request->bars, .body_size = request->body_size},
                          .texts_size = size};
    link_init(&post->link);
    link_init(&post->begun_link);
    char *at = post->texts;
    for (size_t i = 0; i < lines; i++)
        post->request.headers[i] = put(&at, request->headers[i], sizes[i]);
    post->request.url = put(&at, request->url, url_size);
    if (certificate_size)
        post->request.certificate = put(&at, request->certificate, certificate_size);
    post->request.body = put(&at, request->body, request->body_size);
    return post;
}

/* A counter that can't be added to is full, and wakes all the same. */
static void wake(int fd)
{
    static const uint64_t one = 1;
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

/* ---- the thread */

static void on_ended(void *self, struct post *post)
{
    struct sender *sender = self;
    link_append(&sender->ended, &post->link);
}

/* Takes what may start now; true at the end. */
static bool exchange(struct sender *sender, struct link *ret_starting)
{
    const size_t under_way = transfers_under_way(sender->transfers);
    bool first = false;
    pthread_mutex_lock(&sender->lock);
    bool stopping = sender->stopping;
    if (!link_alone(&sender->ended)) {
        first = link_alone(&sender->answered);
        link_append_all(&sender->answered, &sender->ended);
    }
    size_t room = sender->most > under_way ? sender->most - under_way : 0;
    for (; room && !link_alone(&sender->waiting); room--) {
        struct post *post = LINK_ITEM(sender->waiting.next, struct post, link);
        link_remove(&post->link);
        link_append(ret_starting, &post->link);
        link_append(&sender->begun, &post->begun_link);
    }
    pthread_mutex_unlock(&sender->lock);
    if (first)
        wake(sender->answer_fd);
    return stopping;
}

static void *work(void *self)
{
    struct sender *sender = self;
    struct link starting;
    link_init(&starting);
    while (!exchange(sender, &starting)) {
        while (!link_alone(&starting)) {
            struct post *post = LINK_ITEM(starting.next, struct post, link);
            link_remove(&post->link);
            transfers_start(sender->transfers, post);
        }
        transfers_turn(sender->transfers, link_alone(&sender->ended) ? THREAD_WAIT_MS : 0);
    }
    link_append_all(&sender->ended, &starting); /* for sender_close */
    return NULL;
}

/* ---- the caller's side */

struct sender *sender_open(const struct sender_options *options, struct reason *reason)
{
    struct sender *sender = calloc(1, sizeof(*sender));
    if (!sender) {
        reason_set(reason, "no-http-client", NULL, "memory ran out");
        return NULL;
    }
    sender->options = *options;
    sender->most = options->in_flight_max;
    link_init(&sender->begun);
    link_init(&sender->ended);
    link_init(&sender->waiting);
    link_init(&sender->answered);
    sender->watched_fd = -1;
    sender->thread_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    sender->answer_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    (void)pthread_mutex_init(&sender->lock, NULL);
    sender->transfers = transfers_open(options, on_ended, sender, reason);
    if (sender->transfers &&
        (sender->thread_fd < 0 || sender->answer_fd < 0 ||
         !transfers_watch(sender->transfers, sender->thread_fd) ||
         !(sender->running = thread_start(&sender->thread, "sender", work, sender))))
        reason_set(reason, "no-http-client", NULL, "descriptors or threads ran out");
    if (sender->running)
        return sender;
    sender_close(sender);
    return NULL;
}

void sender_watch(struct sender *sender, int fd)
{
    sender->watched_fd = fd;
}

bool sender_start(struct sender *sender, const struct send_request *request)
{
    struct post *post = post_new(request);
    if (!post)
        return false;
    pthread_mutex_lock(&sender->lock);
    bool first = link_alone(&sender->waiting);
    link_append(&sender->waiting, &post->link);
    pthread_mutex_unlock(&sender->lock);
    sender->under_way++;
    if (first)
        wake(sender->thread_fd);
    return true;
}

/* Both lists are taken in one go: what has been answered is not told to begin afterwards. */
static void tell_begun(struct sender *sender, struct link *posts)
{
    while (!link_alone(posts)) {
        struct post *post = LINK_ITEM(posts->next, struct post, begun_link);
        link_remove(&post->begun_link);
        if (sender->options.begun)
            sender->options.begun(sender->options.self, post->flight);
    }
}

static void give_out(struct sender *sender, struct link *posts)
{
    while (!link_alone(posts)) {
        struct post *post = LINK_ITEM(posts->next, struct post, link);
        link_remove(&post->link);
        sender->under_way--;
        const struct answer answer = {
            .status = post->status,
            .error = post->error,
            .unstarted = post->unstarted,
            .unsent = post->unsent,
            .holds = post->holds,
            .bars = post->request.bars,
            .duration_ms = post->started_ms && !post->duration_ms ? 1 : post->duration_ms,
            .address = post->address,
            .excerpt = post->excerpt,
            .excerpt_length = post->excerpt_length,
            .retry_after = post->retry_after[0] ? post->retry_after : NULL};
        sender->options.answered(sender->options.self, post->flight, &answer);
        post_free(post);
    }
}

void sender_turn(struct sender *sender, int wait_ms)
{
    struct pollfd fds[] = {{.fd = sender->answer_fd, .events = POLLIN},
                           {.fd = sender->watched_fd, .events = POLLIN}};
    uint64_t count;
    struct link begun, answered;
    bool answers = poll(fds, 2, wait_ms) > 0 && fds[0].revents & POLLIN;
    if (answers && read(sender->answer_fd, &count, sizeof(count)) < 0)
        answers = false; /* another turn will tell */
    link_init(&begun);
    link_init(&answered);
    pthread_mutex_lock(&sender->lock);
    link_append_all(&begun, &sender->begun);
    if (answers)
        link_append_all(&answered, &sender->answered);
    pthread_mutex_unlock(&sender->lock);
    tell_begun(sender, &begun);
    give_out(sender, &answered);
}

void sender_allow(struct sender *sender, size_t most)
{
    if (most > sender->options.in_flight_max)
        most = sender->options.in_flight_max;
    if (most == sender->most) /* nobody else changes it */
        return;
    pthread_mutex_lock(&sender->lock);
    const bool more = most > sender->most && !link_alone(&sender->waiting);
    sender->most = most;
    pthread_mutex_unlock(&sender->lock);
    if (more)
        wake(sender->thread_fd);
}

void sender_recall(struct sender *sender, sender_which *which)
{
    struct link begun, recalled;
    link_init(&begun);
    link_init(&recalled);
    pthread_mutex_lock(&sender->lock);
    link_append_all(&begun, &sender->begun);
    for (struct link *link = sender->waiting.next, *next; link != &sender->waiting; link = next) {
        struct post *post = LINK_ITEM(link, struct post, link);
        next = link->next;
        if (which && !which(sender->options.self, post->flight))
            continue;
        post->error = "recalled";
        post->unstarted = true;
        link_remove(link);
        link_append(&recalled, link);
    }
    pthread_mutex_unlock(&sender->lock);
    tell_begun(sender, &begun);
    give_out(sender, &recalled);
}

size_t sender_under_way(const struct sender *sender)
{
    return sender->under_way;
}

static void free_all(struct link *posts)
{
    while (!link_alone(posts)) {
        struct post *post = LINK_ITEM(posts->next, struct post, link);
        link_remove(&post->link);
        post_free(post);
    }
}

void sender_close(struct sender *sender)
{
    if (!sender)
        return;
    if (sender->running) {
        pthread_mutex_lock(&sender->lock);
        sender->stopping = true;
        pthread_mutex_unlock(&sender->lock);
        wake(sender->thread_fd);
        pthread_join(sender->thread, NULL);
    }
    transfers_close(sender->transfers);
    free_all(&sender->ended);
    free_all(&sender->waiting);
    free_all(&sender->answered);
    pthread_mutex_destroy(&sender->lock);
    if (sender->thread_fd >= 0)
        close(sender->thread_fd);
    if (sender->answer_fd >= 0)
        close(sender->answer_fd);
    free(sender);
}
