/* SPDX-License-Identifier: Apache-2.0 */
/* Which options are taken before anybody is asked. */
#include "registry/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void credentials_go_in_the_clear_to_this_machine_alone(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool usable;
    } cases[] = {
        {"http://localhost", true},
        {"http://localhost:8081", true},
        {"http://localhost/registry", true},
        {"http://127.0.0.1:8081/", true},
        {"http://127.1", true},
        {"http://[::1]", true},
        {"http://[::1]:8081/registry", true},
        {"https://registry.example", true},
        {"https://localhost.example.org", true},
        {"http://localhost.example.org", false},
        {"http://localhost.", false},
        {"http://localhost-registry:8081", false},
        {"http://localhost%2eexample.org", false},
        {"http://127.evil.example", false},
        {"http://127.0.0.1.evil.example", false},
        {"http://127.0.0.1.evil.example:8081/", false},
        {"http://127.0.0.1x", false},
        {"http://[::1].example", false},
        {"http://[::11]", false},
        {"http://128.0.0.1", false},
        {"http://registry.example/localhost", false},
        {"http://registry.example:127", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct registry_options with[] = {
            {.url = cases[i].url, .basic_auth = "invented:password"},
            {.url = cases[i].url, .bearer_token = "invented"},
        };
        const struct registry_options without = {.url = cases[i].url};
        for (size_t kind = 0; kind < 2; kind++) {
            struct reason reason = {0};
            if (registry_options_usable(&with[kind], &reason) != cases[i].usable ||
                (!cases[i].usable && strcmp(reason.code, "bad-option") != 0))
                fail_msg("%s: expected %s", cases[i].url, cases[i].usable ? "usable" : "refused");
        }
        assert_true(registry_options_usable(&without, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_go_in_the_clear_to_this_machine_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
