// SPDX-License-Identifier: Apache-2.0
#include "exchange.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L
#define TIMEOUT_MS 30000L

static size_t take_body(char *bytes, size_t size, size_t count, void *self)
{
    struct buffer *body = self;
    return buffer_append(body, bytes, size * count) ? size * count : 0;
}

static bool add_headers(CURL *easy, const struct exchange *exchange, struct curl_slist **ret_list)
{
    struct curl_slist *list = NULL;
    for (size_t index = 0; index < EXCHANGE_HEADERS_MAX && exchange->headers[index]; index++) {
        struct curl_slist *grown = curl_slist_append(list, exchange->headers[index]);
        if (!grown) {
            curl_slist_free_all(list);
            return false;
        }
        list = grown;
    }
    *ret_list = list;
    return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list) == CURLE_OK;
}

static bool set_up(CURL *easy, const struct exchange *exchange, struct buffer *body)
{
    bool done = curl_easy_setopt(easy, CURLOPT_URL, exchange->url) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_WRITEDATA, body) == CURLE_OK;
    if (done && exchange->body) {
        done = curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t)exchange->body_length) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange->body) == CURLE_OK;
    }
    return done;
}

static enum verdict bad_url(const struct exchange *exchange, struct reason *reason)
{
    reason_set(reason, "bad-option", NULL, "\"%.200s\": expected http://… or https://…",
               exchange->url);
    return REFUSED;
}

enum verdict exchange(const struct exchange *exchange, long *ret_status, struct buffer *body,
                      struct reason *reason)
{
    if (strncmp(exchange->url, "http://", 7) != 0 && strncmp(exchange->url, "https://", 8) != 0) {
        return bad_url(exchange, reason);
    }
    struct curl_slist *list = NULL;
    enum verdict verdict = BROKEN;
    CURL *easy = curl_easy_init();
    if (!easy || !set_up(easy, exchange, body) || !add_headers(easy, exchange, &list)) {
        reason_set(reason, "no-memory", NULL, "the request could not be made");
        goto out;
    }
    CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK) {
        verdict =
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, ret_status) == CURLE_OK ? DONE : BROKEN;
    } else if (body->failed) {
        verdict = REFUSED;
        reason_set(reason, "answer-too-large", NULL, "the answer is larger than %zu bytes",
                   body->length_max);
    } else if (code == CURLE_URL_MALFORMAT) {
        verdict = bad_url(exchange, reason);
    } else {
        verdict = TRY_AGAIN;
        reason_set(reason, "unavailable", NULL, "%.200s: %s", exchange->url,
                   curl_easy_strerror(code));
    }
out:
    curl_slist_free_all(list);
    curl_easy_cleanup(easy);
    return verdict;
}
