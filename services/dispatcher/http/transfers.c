/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl 7.88 has traps that were measured (docs/delivery.md); each option below stands for one:
 *  - one multi handle slows down with every transfer that hangs, so endpoints are spread over many,
 * on one epoll;
 *  - it repeats a POST silently when a kept connection dies, unless it is stopped at the second
 * departure, before a byte is sent;
 *  - a time-out while a name resolves blocks the loop unless QUICK_EXIT is set;
 *  - timers get lost, hence a look at each busy multi every second;
 *  - it parses each transfer's URL and prints it, a seventh of all it does, unless it is given. */
#include "http/transfers.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "http/hear.h"
#include "http/trust.h"
#include "http/urls.h"
#include "http/watches.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARDS 64
#define SHARES 1024           /* caches of TLS sessions, each of 8 in libcurl */
#define IDLE_MAX 256          /* easy handles kept for reuse */
#define CONNECTIONS_LEAST 128 /* per shard */
#define CONNECTION_AGE_S 30L
#define SAFETY_TICK_MS 1000
#define EVENTS_MAX 32 /* then answers are handed over, and what waits is taken */
#define WATCHED UINT64_MAX
#define OWN_LINES 2
#define BUFFER_SIZE 1024L /* libcurl makes it anew for each transfer; answers are short */

struct shard {
    CURLM *multi;
    struct transfers *transfers;
    size_t under_way;
    int64_t timer_at_ms; /* INT64_MAX = none */
    bool touched;
};

struct transfer {
    struct link idle_link, busy_link;
    CURL *easy;
    CURLSH *share; /* the one that it is set to */
    struct shard *shard;
    struct post *post;                /* NULL = idle */
    struct url *url;                  /* of the post */
    char identity[SEND_IDENTITY_MAX]; /* the certificate that it is set to; "" = the default */
    struct curl_slist lines[SEND_HEADERS_MAX + OWN_LINES];
    bool departed; /* the request was about to be sent, or has been */
    bool stale;    /* and would have been once more */
    bool address_refused;
    struct heard heard;
};

struct transfers {
    struct sender_options options;
    transfers_ended *ended;
    void *self;
    struct trust *trust;
    CURLSH *shares[SHARES]; /* made when they are needed */
    struct urls *urls;
    struct shard shards[SHARDS];
    struct link busy;
    struct link idle; /* of any shard; the one used last, which is in the cache, is the next */
    size_t under_way;
    size_t idle_count;
    int64_t safety_at_ms;
    struct watches watches;
    int watched_fd;
};

/* ---- what libcurl asks and tells */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
    (void)easy, (void)known;
    struct shard *shard = self;
    struct transfers *transfers = shard->transfers;
    uint32_t events = 0;
    if (what != CURL_POLL_REMOVE)
        events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    uint32_t owner = (uint32_t)(shard - transfers->shards);
    return watches_want(&transfers->watches, fd, owner, events) ? 0 : -1;
}

static int on_close_socket(void *self, curl_socket_t fd)
{
    struct transfers *transfers = self;
    watches_closed(&transfers->watches, fd);
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *self)
{
    (void)multi;
    struct shard *shard = self;
    shard->timer_at_ms = timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms() + timeout_ms;
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    return hear_body(&transfer->heard, bytes, size * count) ? size * count : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    hear_header(&transfer->heard, line, size * count);
    return size * count;
}

static curl_socket_t on_open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = self;
    struct transfers *transfers = transfer->shard->transfers;
    (void)purpose;
    if (!address_allowed(transfers->options.allowed, &address->addr, address->addrlen)) {
        transfer->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0)
        watches_opened(&transfers->watches, fd);
    return fd;
}

/* Asked before each request. A second time for the same transfer means that the kept connection was
 * found dead, and what was sent on it may have arrived. */
static int on_connected(void *self, char *address, char *own, int port, int own_port)
{
    struct transfer *transfer = self;
    (void)own, (void)port, (void)own_port;
    if (transfer->departed) {
        transfer->stale = true;
        return CURL_PREREQFUNC_ABORT;
    }
    (void)text_copy(transfer->post->address, sizeof(transfer->post->address), address);
    transfer->departed = address_text_allowed(transfer->shard->transfers->options.allowed, address);
    transfer->address_refused = !transfer->departed;
    return transfer->departed ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* In place of the authorities that libcurl would load for each connection. */
static CURLcode on_tls_context(CURL *easy, void *context, void *self)
{
    (void)easy;
    return trust_use(self, context) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* ---- transfers */

static void transfer_free(struct transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    free(transfer);
}

/* As libcurl does for CURLOPT_URL. */
static void *parse_url(const char *text)
{
    const unsigned how = CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER;
    CURLU *url = curl_url();
    if (url && curl_url_set(url, CURLUPART_URL, text, how) == CURLUE_OK)
        return url;
    curl_url_cleanup(url);
    return NULL;
}

static void forget_url(void *parsed)
{
    curl_url_cleanup(parsed);
}

static bool set_identity(struct transfer *transfer, const char *cert_file, const char *key_file)
{
    return curl_easy_setopt(transfer->easy, CURLOPT_SSLCERT, cert_file) == CURLE_OK &&
           curl_easy_setopt(transfer->easy, CURLOPT_SSLKEY, key_file) == CURLE_OK;
}

#define FAILS(option, value) (curl_easy_setopt(easy, option, value) != CURLE_OK)
/* What is the same for each use of the handle. */
static bool set_up(struct transfer *transfer, const struct transfers *transfers)
{
    const struct sender_options *options = &transfers->options;
    CURL *easy = transfer->easy;
    const char *protocols = options->allow_http ? "http,https" : "https";
    bool failed = false;
    failed |= FAILS(CURLOPT_PRIVATE, transfer);
    failed |= FAILS(CURLOPT_NOSIGNAL, 1L);
    failed |= FAILS(CURLOPT_QUICK_EXIT, 1L);
    failed |= FAILS(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    failed |= FAILS(CURLOPT_PROTOCOLS_STR, protocols);
    failed |= FAILS(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    failed |= FAILS(CURLOPT_FOLLOWLOCATION, 0L);
    failed |= FAILS(CURLOPT_PROXY, "") || FAILS(CURLOPT_NOPROXY, ""); /* nor of the environment */
    failed |= FAILS(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    failed |= FAILS(CURLOPT_CAINFO, NULL);
    failed |= FAILS(CURLOPT_CAPATH, NULL);
    failed |= FAILS(CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    failed |= FAILS(CURLOPT_SSL_CTX_DATA, transfers->trust);
    failed |= FAILS(CURLOPT_KEYPASSWD, ""); /* or it asks at the tty */
    failed |= !set_identity(transfer, options->cert_file, options->key_file);
    failed |= FAILS(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    failed |= FAILS(CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S);
    failed |= FAILS(CURLOPT_TCP_KEEPALIVE, 1L);
    failed |= FAILS(CURLOPT_BUFFERSIZE, BUFFER_SIZE);
    failed |= FAILS(CURLOPT_POST, 1L);
    failed |= FAILS(CURLOPT_WRITEFUNCTION, on_body);
    failed |= FAILS(CURLOPT_WRITEDATA, transfer);
    failed |= FAILS(CURLOPT_HEADERFUNCTION, on_header);
    failed |= FAILS(CURLOPT_HEADERDATA, transfer);
    failed |= FAILS(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    failed |= FAILS(CURLOPT_OPENSOCKETDATA, transfer);
    failed |= FAILS(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    failed |= FAILS(CURLOPT_CLOSESOCKETDATA, transfer->shard->transfers);
    failed |= FAILS(CURLOPT_PREREQFUNCTION, on_connected);
    failed |= FAILS(CURLOPT_PREREQDATA, transfer);
    return !failed;
}

static struct transfer *transfer_of(struct shard *shard)
{
    struct transfers *transfers = shard->transfers;
    struct transfer *transfer;
    if (!link_alone(&transfers->idle)) {
        transfer = LINK_ITEM(transfers->idle.previous, struct transfer, idle_link);
        link_remove(&transfer->idle_link);
        transfers->idle_count--;
        transfer->shard = shard;
        return transfer;
    }
    transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return NULL;
    link_init(&transfer->idle_link);
    link_init(&transfer->busy_link);
    transfer->shard = shard;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || !set_up(transfer, transfers)) {
        transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

static void put_away(struct transfer *transfer)
{
    struct transfers *transfers = transfer->shard->transfers;
    transfer->post = NULL;
    urls_leave(transfer->url);
    if (transfers->idle_count == IDLE_MAX) {
        transfer_free(transfer);
        return;
    }
    link_append(&transfers->idle, &transfer->idle_link);
    transfers->idle_count++;
}

/* libcurl only reads the list, so it is built in place, of the post's own texts. */
static void list_lines(struct transfer *transfer)
{
    static char no_expect[] = "Expect:"; /* empty: never wait for 100 Continue */
    /* as an option it would be printed twice */
    static char agent[] = "User-Agent: referral-router/" PROJECT_VERSION;
    const char *const *headers = transfer->post->request.headers;
    struct curl_slist *lines = transfer->lines;
    lines[0] = (struct curl_slist){.data = no_expect, .next = &lines[1]};
    lines[1] = (struct curl_slist){.data = agent};
    for (size_t i = 0; i < SEND_HEADERS_MAX && headers[i]; i++) {
        lines[i + OWN_LINES] = (struct curl_slist){.data = (char *)(uintptr_t)headers[i]};
        lines[i + OWN_LINES - 1].next = &lines[i + OWN_LINES];
    }
}

/* With whose certificate; libcurl keeps connections of different ones apart. */
static bool appear_as(struct transfer *transfer, const char *certificate)
{
    const struct sender_options *options = &transfer->shard->transfers->options;
    char cert_file[SEND_IDENTITY_MAX + 4], key_file[SEND_IDENTITY_MAX + 4];
    if (text_equal(transfer->identity, certificate))
        return true;
    if (!text_copy(transfer->identity, sizeof(transfer->identity), certificate))
        return false;
    if (!certificate)
        return set_identity(transfer, options->cert_file, options->key_file);
    return text_format(cert_file, sizeof(cert_file), "%s.crt", certificate) &&
           text_format(key_file, sizeof(key_file), "%s.key", certificate) &&
           set_identity(transfer, cert_file, key_file);
}

/* Endpoints share a cache of TLS sessions with few others, so that it holds theirs. Those without
 * TLS have any: libcurl makes a handle that never had one a cache of its own, and loses it when it
 * is given one. */
static bool share_sessions(struct transfer *transfer, const char *url, uint64_t endpoint)
{
    const bool tls = strncasecmp(url, "https:", 6) == 0;
    CURLSH **place = &transfer->shard->transfers->shares[tls ? endpoint / SHARDS % SHARES : 0];
    if (!tls && transfer->share)
        return true;
    if (!*place) {
        CURLSH *share = curl_share_init();
        if (!share ||
            curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK) {
            curl_share_cleanup(share);
            return false;
        }
        *place = share;
    }
    if (transfer->share == *place)
        return true;
    transfer->share = *place;
    return curl_easy_setopt(transfer->easy, CURLOPT_SHARE, *place) == CURLE_OK;
}

static bool fill(struct transfer *transfer, struct post *post, int64_t timeout_ms, struct url *url)
{
    const struct send_request *request = &post->request;
    CURL *easy = transfer->easy;
    transfer->post = post;
    transfer->url = url;
    transfer->departed = transfer->stale = transfer->address_refused = false;
    hear_nothing(&transfer->heard);
    list_lines(transfer);
    if (!appear_as(transfer, request->certificate) ||
        !share_sessions(transfer, request->url, url->endpoint))
        return false;
    /* Either each time: or libcurl keeps that of the handle's transfer before. */
    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CURLU, (CURLU *)url->parsed) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->lines) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size) ==
               CURLE_OK;
}

static void end_unstarted(struct transfers *transfers, struct post *post, const char *error)
{
    post->error = error;
    post->unstarted = true;
    transfers->ended(transfers->self, post);
}

void transfers_start(struct transfers *transfers, struct post *post)
{
    struct url *url = urls_use(transfers->urls, post->request.url);
    /* Transfers to one endpoint's host share a multi, and with it its connections. */
    struct shard *shard = &transfers->shards[url->endpoint % SHARDS];
    post->started_ms = clock_monotonic_ms();
    int64_t left_ms = post->until_ms - post->started_ms;
    struct transfer *transfer = left_ms > 0 ? transfer_of(shard) : NULL;
    if (!transfer) {
        urls_leave(url);
        end_unstarted(transfers, post, left_ms > 0 ? "no-memory" : "no-time");
        return;
    }
    if (!fill(transfer, post, left_ms, url) ||
        curl_multi_add_handle(shard->multi, transfer->easy) != CURLM_OK) {
        transfer_free(transfer);
        urls_leave(url);
        end_unstarted(transfers, post, "no-memory");
        return;
    }
    link_append(&transfers->busy, &transfer->busy_link);
    shard->under_way++;
    transfers->under_way++;
}

static const char *error_of(CURL *easy, CURLcode code)
{
    static const struct {
        CURLcode code;
        const char *error;
    } errors[] = {
        {CURLE_OPERATION_TIMEDOUT, "timeout"},         {CURLE_COULDNT_RESOLVE_HOST, "unknown-host"},
        {CURLE_COULDNT_CONNECT, "refused-connection"}, {CURLE_GOT_NOTHING, "connection-lost"},
        {CURLE_RECV_ERROR, "connection-lost"},         {CURLE_SEND_ERROR, "connection-lost"},
        {CURLE_PARTIAL_FILE, "connection-lost"},       {CURLE_SSL_CONNECT_ERROR, "tls-failed"},
        {CURLE_SSL_CERTPROBLEM, "no-certificate"},     {CURLE_URL_MALFORMAT, "bad-endpoint"},
        {CURLE_UNSUPPORTED_PROTOCOL, "bad-endpoint"},  {CURLE_LOGIN_DENIED, "bad-endpoint"},
        {CURLE_WEIRD_SERVER_REPLY, "bad-answer"},
    };
    long doubt = 0;
    if (code == CURLE_PEER_FAILED_VERIFICATION &&
        curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &doubt) == CURLE_OK)
        return trust_doubt(doubt);
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
        if (errors[i].code == code)
            return errors[i].error;
    return "network-error";
}

static void finish(struct transfers *transfers, struct transfer *transfer, CURLcode code)
{
    struct shard *shard = transfer->shard;
    struct post *post = transfer->post;
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_multi_remove_handle(shard->multi, transfer->easy);
    link_remove(&transfer->busy_link);
    shard->under_way--;
    transfers->under_way--;
    if (transfer->address_refused)
        post->error = "address-refused";
    else if (transfer->stale)
        post->error = "stale-connection"; /* kept, and dead when it was used again */
    else if (code == CURLE_OK || transfer->heard.flooded) /* its head says enough */
        post->status = (int)status;
    else if (code == CURLE_UNSUPPORTED_PROTOCOL && transfer->departed)
        post->error = "bad-answer"; /* HTTP/0.9, as libcurl takes garbage for */
    else
        post->error = error_of(transfer->easy, code);
    if (code == CURLE_SSL_CERTPROBLEM) { /* our pair is none, and nothing was said yet */
        post->unstarted = true;
        post->holds = HOLDS_DESTINATION;
    }
    post->unsent = !transfer->departed;
    post->duration_ms = clock_monotonic_ms() - post->started_ms;
    hear_out(&transfer->heard, post);
    transfers->ended(transfers->self, post);
    put_away(transfer);
}

/* ---- the loop */

static void collect(struct transfers *transfers, struct shard *shard)
{
    CURLMsg *message;
    int left;
    shard->touched = false;
    while ((message = curl_multi_info_read(shard->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        char *private = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish(transfers, (struct transfer *)(void *)private, code);
    }
}

static int wait_of(const struct transfers *transfers, int wait_ms, int64_t now_ms)
{
    int64_t until = now_ms + wait_ms;
    if (transfers->under_way && transfers->safety_at_ms < until)
        until = transfers->safety_at_ms;
    for (size_t i = 0; i < SHARDS; i++)
        if (transfers->shards[i].timer_at_ms < until)
            until = transfers->shards[i].timer_at_ms;
    return until <= now_ms ? 0 : (int)(until - now_ms);
}

void transfers_turn(struct transfers *transfers, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int running;
    int count = epoll_wait(transfers->watches.epoll_fd, events, EVENTS_MAX,
                           wait_of(transfers, wait_ms, clock_monotonic_ms()));
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == WATCHED) {
            uint64_t wakes;
            if (read(transfers->watched_fd, &wakes, sizeof(wakes)) < 0)
                continue; /* emptied already */
            continue;
        }
        const int fd = WATCHES_FD(events[i].data.u64);
        struct shard *shard = &transfers->shards[WATCHES_OWNER(events[i].data.u64)];
        if (!watches_wanted(&transfers->watches, fd))
            continue;
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        (void)curl_multi_socket_action(shard->multi, fd, what, &running);
        shard->touched = true;
    }
    int64_t now_ms = clock_monotonic_ms();
    bool safety = now_ms >= transfers->safety_at_ms;
    if (safety)
        transfers->safety_at_ms = now_ms + SAFETY_TICK_MS;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &transfers->shards[i];
        if (shard->timer_at_ms <= now_ms || (safety && shard->under_way)) {
            shard->timer_at_ms = INT64_MAX;
            (void)curl_multi_socket_action(shard->multi, CURL_SOCKET_TIMEOUT, 0, &running);
            shard->touched = true;
        }
        if (shard->touched)
            collect(transfers, shard);
    }
}

bool transfers_watch(struct transfers *transfers, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WATCHED};
    transfers->watched_fd = fd;
    return epoll_ctl(transfers->watches.epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

size_t transfers_under_way(const struct transfers *transfers)
{
    return transfers->under_way;
}

/* Those under way count, too: with less than all that a host may have, none of the others' would
 * outlast its POST while some hang. */
static long connections_max(const struct transfers *transfers)
{
    const size_t most = transfers->options.in_flight_max;
    return most > CONNECTIONS_LEAST ? (long)most : CONNECTIONS_LEAST;
}

static bool shard_open(struct transfers *transfers, struct shard *shard)
{
    *shard = (struct shard){.transfers = transfers, .timer_at_ms = INT64_MAX};
    shard->multi = curl_multi_init();
    return shard->multi &&
           curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard) == CURLM_OK &&
           curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard) == CURLM_OK &&
           curl_multi_setopt(shard->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) ==
               CURLM_OK &&
           curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, connections_max(transfers)) ==
               CURLM_OK;
}

struct transfers *transfers_open(const struct sender_options *options, transfers_ended *ended,
                                 void *self, struct reason *reason)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        reason_set(reason, "no-http-client", NULL, "libcurl can't be started");
        return NULL;
    }
    struct transfers *transfers = calloc(1, sizeof(*transfers));
    if (!transfers)
        goto out;
    transfers->options = *options;
    transfers->ended = ended;
    transfers->self = self;
    link_init(&transfers->busy);
    link_init(&transfers->idle);
    bool well = watches_open(&transfers->watches);
    transfers->urls = urls_new(parse_url, forget_url);
    well = transfers->urls && well;
    const curl_version_info_data *facts = curl_version_info(CURLVERSION_NOW);
    transfers->trust = options->ca_file ? trust_load(options->ca_file, NULL, reason)
                                        : trust_load(facts->cainfo, facts->capath, reason);
    if (!transfers->trust) {
        transfers_close(transfers);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++)
        well = shard_open(transfers, &transfers->shards[i]) && well;
    if (well)
        return transfers;
out:
    reason_set(reason, "no-http-client", NULL, "memory or descriptors ran out");
    transfers_close(transfers);
    return NULL;
}

void transfers_close(struct transfers *transfers)
{
    if (!transfers)
        return;
    while (!link_alone(&transfers->busy)) {
        struct transfer *transfer = LINK_ITEM(transfers->busy.next, struct transfer, busy_link);
        (void)curl_multi_remove_handle(transfer->shard->multi, transfer->easy);
        link_remove(&transfer->busy_link);
        post_free(transfer->post);
        transfer_free(transfer);
    }
    while (!link_alone(&transfers->idle)) {
        struct transfer *transfer = LINK_ITEM(transfers->idle.next, struct transfer, idle_link);
        link_remove(&transfer->idle_link);
        transfer_free(transfer);
    }
    for (size_t i = 0; i < SHARDS; i++)
        curl_multi_cleanup(transfers->shards[i].multi);
    for (size_t i = 0; i < SHARES; i++)
        curl_share_cleanup(transfers->shares[i]);
    trust_free(transfers->trust);
    urls_free(transfers->urls);
    watches_close(&transfers->watches);
    free(transfers);
    curl_global_cleanup();
}
