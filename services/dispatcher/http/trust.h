/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to trust in TLS, and as whom to appear, behind which stands OpenSSL's libssl. libcurl would
 * read the authorities' bundle anew for each connection, which costs more than the handshake; here
 * it is read once, and shared by all. */
#ifndef DISPATCHER_TRUST_H
#define DISPATCHER_TRUST_H

#include "base/reason.h"

#include <stdbool.h>

struct trust;

/* The authorities of a PEM file, and of a folder of them by hash (NULL = none). Code bad-ca-file.
 */
__attribute__((warn_unused_result)) struct trust *
trust_load(const char *ca_file, const char *ca_dir, struct reason *reason);
/* NULL is fine. */
void trust_free(struct trust *trust);
/* Makes an SSL_CTX of OpenSSL believe them and nobody else. */
__attribute__((warn_unused_result)) bool trust_use(const struct trust *trust, void *ssl_context);

/* That the files can be read, and that a certificate (PEM, its chain behind it) and its private key
 * belong together; each may be NULL, but not one of a pair. Codes bad-ca-file, bad-certificate. */
__attribute__((warn_unused_result)) bool trust_check(const char *ca_file,
                                                     const char *certificate_file,
                                                     const char *key_file, struct reason *reason);

/* Why a server's certificate was not believed, by OpenSSL's number for it: a static code. */
const char *trust_doubt(long verify_result);

#endif
