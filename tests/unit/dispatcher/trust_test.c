// SPDX-License-Identifier: Apache-2.0
// Files of certificates that are none; what is well is tried in tests/fault/tls_test.py, by real
// handshakes.
#include "http/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void what_is_no_certificate_is_refused_before_anything_is_sent(void **state)
{
    (void)state;
    char path[] = "/tmp/trust.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "no PEM\n", 7), 7);
    close(fd);
    const struct {
        const char *code, *ca_file, *certificate_file, *key_file;
    } rows[] = {
        {"", NULL, NULL, NULL},
        {"bad-ca-file", path, NULL, NULL},
        {"bad-ca-file", "/nowhere/ca.pem", NULL, NULL},
        {"bad-certificate", NULL, path, path},
        {"bad-certificate", NULL, "/nowhere/c.pem", "/nowhere/k.pem"},
        {"bad-certificate", NULL, path, NULL},
        {"bad-certificate", NULL, NULL, path},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct reason reason = {0};
        bool well =
            trust_check(rows[i].ca_file, rows[i].certificate_file, rows[i].key_file, &reason);
        if (well != !rows[i].code[0] || strcmp(reason.code, rows[i].code) != 0)
            fail_msg("row %zu: %s %s", i, reason.code, reason.detail);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_certificate_is_refused_before_anything_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
