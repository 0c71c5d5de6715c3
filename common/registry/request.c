/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/request.h"

#include "base/text.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_MS 2000L
#define TIMEOUT_MS 5000L
#define URL_SIZE 1024
#define CREDENTIALS_SIZE 4096
#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"

struct registry_line {
    const struct registry_options *options;
    const atomic_bool *stop;
    CURL *easy;
    struct curl_slist *headers;
    struct buffer body;
    char url[URL_SIZE];
    const char *trouble;
};

/* ---- options */

/* Whole, not as it begins: 127.example.org is anybody's. */
static bool is_loopback(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]"};
    const size_t length = strcspn(host, host[0] == '[' ? "/" : ":/");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const size_t name_length = strlen(names[i]);
        if (strncmp(host, names[i], name_length) == 0 &&
            (length == name_length || host[name_length] == ':'))
            return true;
    }
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == length;
}

static bool refuse(struct reason *reason, const char *variable, const char *expected)
{
    reason_set(reason, "bad-option", NULL, "SCHEMA_REGISTRY_%s: expected %s", variable, expected);
    return false;
}

static bool is_set(const char *text)
{
    return text && *text;
}

bool registry_options_usable(const struct registry_options *options, struct reason *reason)
{
    const char *url = options->url;
    if (!is_set(url))
        return true;
    bool https = strncmp(url, "https://", 8) == 0;
    const char *host = url + (https ? 8 : 7);
    bool well = (https || strncmp(url, "http://", 7) == 0) && *host && *host != '/' &&
                strlen(url) < URL_SIZE - 512;
    for (const char *at = url; well && *at; at++)
        well = *at > ' ' && *at <= '~' && !strchr("@?#\"\\<>", *at);
    if (!well)
        return refuse(reason, "URL", "http(s)://host[:port][/path], without a name or a query");
    bool basic = is_set(options->basic_auth), bearer = is_set(options->bearer_token);
    if (basic && bearer)
        return refuse(reason, "BASIC_AUTH", "either it or SCHEMA_REGISTRY_BEARER_TOKEN");
    if (basic && !strchr(options->basic_auth, ':'))
        return refuse(reason, "BASIC_AUTH", "user:password");
    if ((basic || bearer) && !https && !is_loopback(host))
        return refuse(reason, "URL", "https://, since credentials go there");
    if (is_set(options->ca_file) && access(options->ca_file, R_OK) != 0)
        return refuse(reason, "CA_FILE", "a file that can be read");
    return true;
}

/* ---- the line */

static size_t take_body(char *bytes, size_t size, size_t count, void *self)
{
    struct buffer *body = self;
    return buffer_append(body, bytes, size * count) ? size * count : 0;
}

static int on_progress(void *self, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
    const struct registry_line *line = self;
    (void)down_all, (void)down, (void)up_all, (void)up;
    return line->stop && atomic_load(line->stop) ? 1 : 0;
}

static bool add_header(struct registry_line *line, const char *header)
{
    struct curl_slist *grown = curl_slist_append(line->headers, header);
    if (grown)
        line->headers = grown;
    return grown != NULL;
}

static bool add_headers(struct registry_line *line)
{
    char header[CREDENTIALS_SIZE];
    const char *token = line->options->bearer_token;
    bool done = add_header(line, "Accept: " MEDIA_TYPE ", application/json") &&
                add_header(line, "Content-Type: " MEDIA_TYPE) && add_header(line, "Expect:");
    if (done && is_set(token)) {
        done = text_format(header, sizeof(header), "Authorization: Bearer %s", token) &&
               add_header(line, header);
        explicit_bzero(header, sizeof(header));
    }
    return done;
}

static bool set_up(struct registry_line *line)
{
    const struct registry_options *options = line->options;
    CURL *easy = line->easy;
    bool failed = false;
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
    failed |= is_set(options->ca_file) &&
              curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file) != CURLE_OK;
    failed |= is_set(options->basic_auth) &&
              (curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
               curl_easy_setopt(easy, CURLOPT_USERPWD, options->basic_auth) != CURLE_OK);
    failed |=
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "referral-router/" PROJECT_VERSION) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, line->headers) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, &line->body) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_XFERINFODATA, line) != CURLE_OK;
    return !failed;
}

struct registry_line *registry_line_open(const struct registry_options *options,
                                         const atomic_bool *stop, struct reason *reason)
{
    if (!registry_options_usable(options, reason))
        return NULL;
    struct registry_line *line = calloc(1, sizeof(*line));
    if (line && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(line);
        line = NULL;
    }
    if (line) {
        line->options = options;
        line->stop = stop;
        line->trouble = "";
        buffer_init(&line->body, REGISTRY_ANSWER_MAX);
        line->easy = curl_easy_init();
    }
    if (line && line->easy && add_headers(line) && set_up(line))
        return line;
    reason_set(reason, "no-memory", NULL, "no memory for the schema registry");
    registry_line_close(line);
    return NULL;
}

void registry_line_close(struct registry_line *line)
{
    if (!line)
        return;
    curl_easy_cleanup(line->easy);
    curl_slist_free_all(line->headers);
    buffer_clear(&line->body);
    free(line);
    curl_global_cleanup(); /* counted by libcurl */
}

static bool choose_method(struct registry_line *line, const char *body, bool put)
{
    CURL *easy = line->easy;
    if (!body)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, put ? "PUT" : NULL) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK;
}

struct registry_reply registry_ask(struct registry_line *line, const char *path, const char *body,
                                   bool put)
{
    struct registry_reply reply = {0};
    size_t length = strlen(line->options->url);
    while (length > 0 && line->options->url[length - 1] == '/')
        length--;
    buffer_reset(&line->body);
    line->trouble = "the request could not be made";
    if (!text_format(line->url, sizeof(line->url), "%.*s%s", (int)length, line->options->url,
                     path) ||
        curl_easy_setopt(line->easy, CURLOPT_URL, line->url) != CURLE_OK ||
        !choose_method(line, body, put))
        return reply;
    CURLcode code = curl_easy_perform(line->easy);
    if (code != CURLE_OK) {
        line->trouble = line->body.failed ? "the answer is too large" : curl_easy_strerror(code);
        return reply;
    }
    line->trouble = "";
    if (curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &reply.status) != CURLE_OK)
        reply.status = 0;
    reply.bytes = (const char *)line->body.data;
    reply.length = line->body.length;
    return reply;
}

const char *registry_line_trouble(const struct registry_line *line)
{
    return line->trouble;
}
