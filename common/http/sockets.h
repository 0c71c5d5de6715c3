/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets behind the HTTP server's connections: each has a deadline for what it is doing now
 * and is shut down when it passes; a socket that is closed before all input was read lingers for a
 * moment. Thread-safe. */
#ifndef HTTP_SOCKETS_H
#define HTTP_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_phase {
    HTTP_OPENED,   /* no request line came yet */
    HTTP_WAITING,  /* between two requests */
    HTTP_READING,  /* a head or body is coming in */
    HTTP_HANDLING, /* the handler has it: no deadline here */
    HTTP_SENDING,  /* the answer is going out */
};

struct http_socket;
struct http_sockets;

struct http_sockets *http_sockets_new(void);
/* Closes what lingers. All others must have been removed. */
void http_sockets_free(struct http_sockets *sockets);
/* The descriptor stays the caller's. NULL when memory ran out. */
struct http_socket *http_sockets_add(struct http_sockets *sockets, int descriptor,
                                     int64_t until_ms);
void http_sockets_phase(struct http_sockets *sockets, struct http_socket *socket,
                        enum http_phase phase, int64_t until_ms);
/* Its input will not be read to the end: close slowly. */
void http_sockets_linger(struct http_sockets *sockets, struct http_socket *socket);
/* Just before the descriptor is closed. */
void http_sockets_remove(struct http_sockets *sockets, struct http_socket *socket, int64_t now_ms);
/* Shuts down what is overdue (408 first, if a request was coming in); reads on what lingers. With
 * sockets_max of them open nobody else can come in: those without a request have a second more. */
void http_sockets_sweep(struct http_sockets *sockets, int64_t now_ms, size_t sockets_max);
/* Sends `text` as it is and never blocks: for an answer where the vendor's library can't give one.
 */
void http_sockets_send(int descriptor, const char *text);

#endif
