// SPDX-License-Identifier: Apache-2.0
// Where a delivery may go: the public internet and what is allowed by name, in whatever coat an
// address comes.
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <cmocka.h>

static const struct {
    bool expected;
    const char *allowed, *address;
} rows[] = {
    {true, "", "1.1.1.1"},
    {true, "", "8.8.8.8"},
    {true, "", "172.15.255.255"},
    {true, "", "172.32.0.1"},
    {true, "", "100.63.255.255"},
    {true, "", "100.128.0.1"},
    {true, "", "223.255.255.255"},
    {true, "", "2606:4700:4700::1111"},
    {true, "", "2a00:1450::1"},
    {true, "", "::ffff:8.8.8.8"},
    {false, "", "0.0.0.0"},
    {false, "", "0.1.2.3"},
    {false, "", "10.1.2.3"},
    {false, "", "100.64.0.1"},
    {false, "", "100.127.255.255"},
    {false, "", "127.0.0.1"},
    {false, "", "127.255.255.254"},
    {false, "", "169.254.169.254"},
    {false, "", "172.16.0.1"},
    {false, "", "172.31.255.255"},
    {false, "", "192.0.0.8"},
    {false, "", "192.0.2.1"},
    {false, "", "192.168.1.1"},
    {false, "", "198.18.0.1"},
    {false, "", "198.19.255.255"},
    {false, "", "198.51.100.7"},
    {false, "", "203.0.113.7"},
    {false, "", "224.0.0.1"},
    {false, "", "240.0.0.1"},
    {false, "", "255.255.255.255"},
    {false, "", "::"},
    {false, "", "::1"},
    {false, "", "::ffff:127.0.0.1"},
    {false, "", "::ffff:10.0.0.1"},
    {false, "", "::127.0.0.1"},
    {false, "", "::8.8.8.8"},
    {false, "", "64:ff9b::7f00:1"},
    {false, "", "64:ff9b::808:808"},
    {false, "", "64:ff9b:1::1"},
    {false, "", "100::1"},
    {false, "", "2001::1"},
    {false, "", "2001:db8::1"},
    {false, "", "2002:7f00:1::"},
    {false, "", "3fff::1"},
    {false, "", "fc00::1"},
    {false, "", "fd12:3456::1"},
    {false, "", "fe80::1"},
    {false, "", "fec0::1"},
    {false, "", "ff02::1"},
    {true, "127.0.0.0/8", "127.0.0.1"},
    {true, "127.0.0.0/8", "::ffff:127.0.0.1"},
    {false, "127.0.0.0/8", "::1"},
    {true, "127.0.0.1", "127.0.0.1"},
    {false, "127.0.0.1", "127.0.0.2"},
    {true, "10.0.0.0/8, fd00::/8,::1", "fd00::7"},
    {true, "10.0.0.0/8, fd00::/8,::1", "10.255.0.1"},
    {true, "10.0.0.0/8, fd00::/8,::1", "::1"},
    {false, "10.0.0.0/8, fd00::/8,::1", "192.168.0.1"},
    {true, "172.16.0.0/12", "172.31.0.1"},
    {false, "172.16.0.0/13", "172.31.0.1"},
    {true, "0.0.0.0/0", "169.254.169.254"},
    {false, "0.0.0.0/0", "fe80::1"},
    {true, "64:ff9b::/96", "64:ff9b::808:808"},
    {false, "64:ff9b::/96", "64:ff9b::7f00:1"},    /* 127.0.0.1 */
    {false, "64:ff9b::/96", "64:ff9b::a9fe:a9fe"}, /* 169.254.169.254 */
    {false, "64:ff9b::/96", "64:ff9b::a01:203"},   /* 10.1.2.3 */
    {true, "64:ff9b::/96,10.0.0.0/8", "64:ff9b::a01:203"},
    {false, "10.0.0.0/8", "64:ff9b::a01:203"},
    {false, "64:ff9b::/96", "64:ff9b:0:0:0:1::1"},
    {true, "64:ff9b:1::/48", "64:ff9b:1::1"},
    {false, "64:ff9b:1::/48", "64:ff9b:2::1"},
    {false, "", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff"},
    {false, "", "2002:808:808::1"},
    {true, "2002::/16", "2002:808:808::1"},
    {false, "2002::/16", "2002:7f00:1::1"},
    {false, "2002::/16", "2002:a9fe:a9fe::1"},
    {true, "2002::/16,127.0.0.0/8", "2002:7f00:1::1"},
    {false, "", "2001:0:4136:e378:8000:63bf:3fff:fdd2"}, /* Teredo */
    {false, "", "2001:1ff:ffff::1"},
    {true, "", "2001:200::1"},
    {false, "", "2001:2::1"}, /* benchmarks */
    {true, "", "2001:db7:ffff::1"},
    {true, "", "2001:db9::1"},
    {true, "", "2003::1"},
    {false, "", "1fff:ffff::1"},
    {true, "", "2000::1"},
    {true, "", "3ffe:ffff::1"},
    {true, "", "3fff:1000::1"},
    {false, "", "3fff:fff:ffff::1"},
    {false, "", "4000::1"},
    {true, "", "9.255.255.255"},
    {true, "", "11.0.0.0"},
    {true, "", "1.0.0.0"},
    {true, "", "126.255.255.255"},
    {true, "", "128.0.0.0"},
    {true, "", "169.253.255.255"},
    {true, "", "169.255.0.0"},
    {true, "", "192.0.1.0"},
    {true, "", "192.0.3.0"},
    {false, "", "192.88.99.1"},
    {true, "", "192.88.98.255"},
    {true, "", "192.167.255.255"},
    {true, "", "192.169.0.0"},
    {true, "", "198.17.255.255"},
    {true, "", "198.20.0.0"},
    {true, "", "198.51.99.255"},
    {true, "", "198.51.101.0"},
    {true, "", "203.0.112.255"},
    {true, "", "203.0.114.0"},
    {false, "", "239.255.255.255"},
    {false, "", "not an address"},
    {false, "", "127.1"},
    {false, "", "0x7f000001"},
    {false, "", ""},
};

static bool judge(const struct networks *networks, const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_allowed(networks, (const struct sockaddr *)&v4, sizeof(v4));
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        return address_allowed(networks, (const struct sockaddr *)&v6, sizeof(v6));
    return false;
}

static void only_public_and_allowed_addresses_are_connected_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct networks networks;
        struct reason reason = {0};
        if (!networks_parse(rows[i].allowed, &networks, &reason))
            fail_msg("row %zu: %s", i, reason.detail);
        if (judge(&networks, rows[i].address) != rows[i].expected ||
            address_text_allowed(&networks, rows[i].address) != rows[i].expected)
            fail_msg("row %zu: %s with %s", i, rows[i].address, rows[i].allowed);
    }
}

static void a_url_that_will_never_be_spoken_to_is_known_by_itself(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *url;
        bool http;
    } table[] = {
        {NULL, "https://provider.example/in", false},
        {NULL, "HTTPS://8.8.8.8/in", false},
        {NULL, "https://[2606:4700::1111]:8443/in", false},
        {NULL, "https://10.1.2.3:8443", false}, /* allowed */
        {NULL, "http://provider.example/", true},
        {"bad-endpoint", "http://provider.example/", false},
        {"bad-endpoint", "ftp://provider.example/", true},
        {"bad-endpoint", "", true},
        {"address-refused", "https://127.0.0.1/in", false},
        {"address-refused", "https://169.254.169.254?x", false},
        {"address-refused", "https://[::1]/in", false},
        {"address-refused", "https://[::ffff:192.168.0.1]:1/in", false},
        {"address-refused", "http://192.168.0.1#x", true},
        {NULL, "https://127.0.0.1.example/in", false},
        {NULL, "https://0x7f.1/in", false}, /* a name, until it is resolved */
    };
    struct networks networks;
    assert_true(networks_parse("10.0.0.0/8", &networks, NULL));
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const char *doubt = address_url_doubt(&networks, table[i].http, table[i].url);
        if (!doubt != !table[i].expected || (doubt && strcmp(doubt, table[i].expected) != 0))
            fail_msg("row %zu: %s: %s", i, table[i].url, doubt ? doubt : "none");
    }
}

static void other_families_and_cut_addresses_are_refused(void **state)
{
    (void)state;
    struct networks networks;
    assert_true(networks_parse("0.0.0.0/0,::/0", &networks, NULL));
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    assert_false(address_allowed(&networks, (const struct sockaddr *)&local, sizeof(local)));
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    assert_true(address_allowed(&networks, (const struct sockaddr *)&v4, sizeof(v4)));
    assert_false(address_allowed(&networks, (const struct sockaddr *)&v4, 4));
}

static void a_list_of_networks_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0/8",          "fd00::/129",
                                      "localhost",   "10.0.0.0/",         "10.0.0.0/-1",
                                      "/8",          "10.0.0.0/8;1.1.1.1"};
    struct networks networks = {.count = 7};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct reason reason = {0};
        if (networks_parse(bad[i], &networks, &reason))
            fail_msg("row %zu: %s", i, bad[i]);
        assert_string_equal(reason.code, "bad-network");
        assert_non_null(strstr(reason.detail, "\", expected an address"));
    }
    assert_int_equal(networks.count, 7);
    char many[NETWORKS_MAX * 8 + 16] = "";
    for (size_t i = 0; i <= NETWORKS_MAX; i++)
        strncat(many, "1.1.1.1,", sizeof(many) - strlen(many) - 1);
    assert_false(networks_parse(many, &networks, NULL));
    assert_true(networks_parse(NULL, &networks, NULL));
    assert_int_equal(networks.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_public_and_allowed_addresses_are_connected_to),
        cmocka_unit_test(a_url_that_will_never_be_spoken_to_is_known_by_itself),
        cmocka_unit_test(other_families_and_cut_addresses_are_refused),
        cmocka_unit_test(a_list_of_networks_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
