/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's yardstick: a bare libcurl multi loop that POSTs one body COUNT times over
 * ENDPOINTS paths of one host, IN FLIGHT at once, kept connections. It sends what the dispatcher
 * sends, header for header, but makes none of it: nothing is signed or printed. Prints one JSON
 * line, CPU seconds included. */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BODY_MAX (64 * 1024)

/* As long as the dispatcher's: libcurl prints a request's head letter by letter. */
static const char *const lines[] = {
    "Expect:",
    "User-Agent: referral-router/0.1.0",
    "Content-Type: application/json",
    "webhook-id: 649f1704-0f31-52b1-b803-389a8cc5eaca",
    "webhook-timestamp: 1795705006",
    "webhook-signature: v1,6pvGdllseScsEegbw2/KDxkdlnV9WxEwzSukjfkxa88=",
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

static void aim(CURL *easy, const char *base, long number, long endpoints)
{
    char url[256];
    snprintf(url, sizeof url, "%s/F%04ld", base, number % endpoints);
    curl_easy_setopt(easy, CURLOPT_URL, url);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_bare_curl BASE-URL BODY-FILE ENDPOINTS IN-FLIGHT COUNT\n");
        return 2;
    }
    static char body[BODY_MAX];
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    long length = (long)fread(body, 1, sizeof body, file);
    fclose(file);
    long endpoints = strtol(argv[3], NULL, 10), in_flight = strtol(argv[4], NULL, 10);
    long count = strtol(argv[5], NULL, 10), started = 0, finished = 0, failed = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        headers = curl_slist_append(headers, lines[i]);
    int64_t began = now_us();
    for (; started < in_flight && started < count; started++) {
        CURL *easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, length);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        aim(easy, argv[1], started, endpoints);
        curl_multi_add_handle(multi, easy);
    }
    while (finished < count) {
        int running = 0, left = 0;
        curl_multi_perform(multi, &running);
        CURLMsg *message;
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            CURL *easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            failed += status != 200;
            finished++;
            curl_multi_remove_handle(multi, easy);
            if (started < count) {
                aim(easy, argv[1], started++, endpoints);
                curl_multi_add_handle(multi, easy);
            } else {
                curl_easy_cleanup(easy);
            }
        }
        if (finished < count)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    double seconds = (double)(now_us() - began) / 1e6;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\": %ld, \"failed\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, "
           "\"cpu_seconds\": %.3f}\n",
           count, failed, seconds, (double)count / seconds, cpu);
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
    return 0;
}
