// SPDX-License-Identifier: Apache-2.0
// The heap and the list against a plain model: whatever is put, moved and removed, the earliest
// comes first.
#include "core/heap.h"
#include "base/random.h"
#include "core/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ITEMS 300

struct item {
    int64_t key;
    uint32_t slot;
    bool in;
};

static void the_earliest_is_on_top_whatever_happened_before(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static struct item items[ITEMS];
        struct random random = {seed};
        struct heap heap;
        heap_init(&heap, offsetof(struct item, slot));
        assert_true(heap_reserve(&heap, ITEMS));
        for (size_t i = 0; i < ITEMS; i++)
            items[i] = (struct item){0};
        size_t count = 0;
        for (int step = 0; step < 3000; step++) {
            struct item *item = &items[random_below(&random, ITEMS)];
            if (random_below(&random, 3)) {
                item->key = (int64_t)random_below(&random, 100);
                count += !item->in;
                item->in = true;
                heap_put(&heap, item, item->key);
            } else {
                count -= item->in;
                item->in = false;
                heap_remove(&heap, item);
            }
            int64_t least = INT64_MAX;
            for (size_t i = 0; i < ITEMS; i++) {
                assert_int_equal(heap_holds(&heap, &items[i]), items[i].in);
                if (items[i].in && items[i].key < least)
                    least = items[i].key;
            }
            int64_t key = INT64_MAX;
            const struct item *top = heap_top(&heap, &key);
            assert_int_equal(heap.count, count);
            assert_true(key == least && (!top || top->key == key));
        }
        heap_clear(&heap);
    }
}

static void an_item_can_be_moved_to_both_ends(void **state)
{
    (void)state;
    struct item items[3] = {{.key = 1}, {.key = 2}, {.key = 3}};
    struct heap heap;
    heap_init(&heap, offsetof(struct item, slot));
    assert_true(heap_reserve(&heap, 3));
    for (size_t i = 0; i < 3; i++)
        heap_put(&heap, &items[i], items[i].key);
    heap_put(&heap, &items[0], 9);
    assert_ptr_equal(heap_top(&heap, NULL), &items[1]);
    heap_put(&heap, &items[2], 0);
    assert_ptr_equal(heap_top(&heap, NULL), &items[2]);
    assert_int_equal(heap.count, 3);
    heap_clear(&heap);
}

static void a_list_put_before_another_keeps_its_order(void **state)
{
    (void)state;
    struct link a, b, one, two, three;
    struct link *all[] = {&a, &b, &one, &two, &three};
    for (size_t i = 0; i < 5; i++)
        link_init(all[i]);
    link_append(&a, &three);
    link_append(&b, &one);
    link_append(&b, &two);
    link_prepend_all(&a, &b);
    assert_true(link_alone(&b));
    assert_ptr_equal(a.next, &one);
    assert_ptr_equal(one.next, &two);
    assert_ptr_equal(two.next, &three);
    assert_ptr_equal(three.next, &a);
    link_remove(&two);
    assert_ptr_equal(one.next, &three);
    assert_true(link_alone(&two));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_is_on_top_whatever_happened_before),
        cmocka_unit_test(an_item_can_be_moved_to_both_ends),
        cmocka_unit_test(a_list_put_before_another_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
