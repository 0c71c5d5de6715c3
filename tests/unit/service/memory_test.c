/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory asks for huge pages, as the system tells it: "hg" among the flags of a mapping. */
#include "service/memory.h"

#include <jemalloc/jemalloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#pragma weak mallctl

#define BLOCK ((size_t)1 << 20)
#define FEW 64   /* MiB: what a service takes without a backlog */
#define MANY 700 /* MiB */

static int huge_mappings(void)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        count += strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg");
    fclose(file);
    return count;
}

/* Not touched: the system gives none of it. */
static void take(void **blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(BLOCK);
        assert_non_null(blocks[i]);
    }
}

static void only_a_large_process_asks_for_huge_pages_and_only_while_it_is(void **state)
{
    static void *few[FEW], *many[MANY];
    (void)state;
    if (!mallctl) {
        puts("not with the services' allocator: skipped");
        skip();
    }
    FILE *huge = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (!huge) {
        puts("a system without huge pages: skipped");
        skip();
    }
    fclose(huge);
    assert_true(memory_prepare());
    assert_true(memory_prepare()); /* once more changes nothing */
    take(few, FEW);
    assert_int_equal(huge_mappings(), 0);
    take(many, MANY);
    assert_int_not_equal(huge_mappings(), 0);
    for (size_t i = 0; i < MANY; i++)
        free(many[i]);
    memory_look();
    assert_int_equal(huge_mappings(), 0);
    take(many, MANY);
    memory_look();
    assert_int_not_equal(huge_mappings(), 0);
    for (size_t i = 0; i < MANY; i++)
        free(many[i]);
    for (size_t i = 0; i < FEW; i++)
        free(few[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_large_process_asks_for_huge_pages_and_only_while_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
