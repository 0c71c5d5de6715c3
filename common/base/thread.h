/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the main one, which alone hears signals. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* `name` has at most 15 letters. False: there is no such thread. */
__attribute__((warn_unused_result)) bool thread_start(pthread_t *ret_thread, const char *name,
                                                      void *(*work)(void *self), void *self);

#endif
