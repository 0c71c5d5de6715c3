/* SPDX-License-Identifier: Apache-2.0 */
/* Signals are blocked everywhere and collected by the main loop when it suits it (sigtimedwait), so
 * that there are no handlers and no interrupted calls to think of. */
#include "service/process.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EXIT_TOO_LONG 70

static void collected(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void too_long(int number)
{
    (void)number;
    _exit(EXIT_TOO_LONG);
}

void process_harden(void)
{
    struct rlimit none = {0, 0};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, end = {.sa_handler = too_long};
    sigset_t set;

    /* None of these can fail in a way that would be a reason not to serve. */
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGALRM, &end, NULL);
    collected(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* Kafka clients have a dozen threads; an arena for each would double the resident memory. */
    mallopt(M_ARENA_MAX, 2);
}

enum process_signal process_wait_signal(int wait_ms)
{
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
    sigset_t set;
    int number;

    collected(&set);
    do
        number = sigtimedwait(&set, NULL, &wait);
    while (number < 0 && errno == EINTR);
    if (number < 0)
        return SIGNAL_NONE;
    return number == SIGHUP ? SIGNAL_RELOAD : SIGNAL_STOP;
}

void process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;
    int notify;

    if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify < 0)
        return;
    /* systemd's time-out is the answer to a message that got lost. */
    if (sendto(notify, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
        errno = 0;
    close(notify);
}

void process_arm(unsigned seconds)
{
    alarm(seconds);
}

void process_disarm(void)
{
    alarm(0);
}
