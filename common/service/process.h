/* SPDX-License-Identifier: Apache-2.0 */
/* A well-behaved process: no core dumps (patient data), no new privileges, signals collected in one
 * place, and a word to systemd. */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stdbool.h>

/* To be called before any thread is made: threads inherit the blocked signals. */
void process_harden(void);

enum process_signal { SIGNAL_NONE, SIGNAL_STOP, SIGNAL_RELOAD };
/* Waits up to `wait_ms` for SIGTERM, SIGINT or SIGHUP; 0 just looks. */
enum process_signal process_wait_signal(int wait_ms);

/* Sends `state` ("READY=1") to the socket that NOTIFY_SOCKET names, if it names one (systemd,
 * Type=notify). */
void process_notify(const char *state);

/* Ends the process with 70 if `seconds` pass before process_disarm: a stop that hangs must not hang
 * for ever. */
void process_arm(unsigned seconds);
void process_disarm(void);

#endif
