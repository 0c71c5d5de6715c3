/* SPDX-License-Identifier: Apache-2.0 */
/* The store is OpenSSL's own and counts its references: a connection that is being made outlives a
 * change of stores. */
#include "http/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct trust {
    X509_STORE *store;
};

static void say(struct reason *reason, const char *code, const char *file)
{
    const unsigned long error = ERR_peek_error();
    const char *why = ERR_reason_error_string(error);
    const bool is_pair = ERR_GET_LIB(error) == ERR_LIB_X509;
    reason_set(reason, code, NULL, "%s: %s, expected %s", file, why ? why : "not readable",
               is_pair ? "the key of the certificate" : "PEM, not encrypted");
    ERR_clear_error();
}

struct trust *trust_load(const char *ca_file, const char *ca_dir, struct reason *reason)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    X509_STORE *store = trust ? X509_STORE_new() : NULL;
    if (!store) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        free(trust);
        return NULL;
    }
    trust->store = store;
    /* An intermediate authority in the file is enough of an anchor, as it is for libcurl. */
    if (X509_STORE_load_locations(store, ca_file, ca_dir) == 1 &&
        X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN) == 1)
        return trust;
    say(reason, "bad-ca-file", ca_file ? ca_file : "the system's authorities");
    trust_free(trust);
    return NULL;
}

void trust_free(struct trust *trust)
{
    if (!trust)
        return;
    X509_STORE_free(trust->store);
    free(trust);
}

bool trust_use(const struct trust *trust, void *ssl_context)
{
    if (X509_STORE_up_ref(trust->store) != 1)
        return false;
    SSL_CTX_set_cert_store(ssl_context, trust->store); /* takes the reference */
    return true;
}

/* OpenSSL would ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *self)
{
    (void)buffer, (void)size, (void)writing, (void)self;
    return 0;
}

static bool check_pair(const char *certificate_file, const char *key_file, struct reason *reason)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return false;
    }
    SSL_CTX_set_default_passwd_cb(context, no_password);
    bool well = SSL_CTX_use_certificate_chain_file(context, certificate_file) == 1;
    if (!well)
        say(reason, "bad-certificate", certificate_file);
    else if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context) != 1) {
        say(reason, "bad-certificate", key_file);
        well = false;
    }
    SSL_CTX_free(context);
    return well;
}

bool trust_check(const char *ca_file, const char *certificate_file, const char *key_file,
                 struct reason *reason)
{
    struct trust *trust = ca_file ? trust_load(ca_file, NULL, reason) : NULL;
    if (ca_file && !trust)
        return false;
    trust_free(trust);
    if (!certificate_file != !key_file) {
        reason_set(reason, "bad-certificate", NULL,
                   "one is there without the other, expected both or none");
        return false;
    }
    return !certificate_file || check_pair(certificate_file, key_file, reason);
}

const char *trust_doubt(long verify_result)
{
    switch (verify_result) {
    case X509_V_ERR_UNSPECIFIED: /* libcurl looks at the name itself, before this is known */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "tls-wrong-name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "tls-out-of-date";
    default:
        return "tls-untrusted";
    }
}
