/* SPDX-License-Identifier: Apache-2.0 */
/* Items in order, against a plain table of which are there. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "ordered.h"
#include "splitmix.h"

#define ITEMS 30000

struct item {
    char name[40];
    bool there;
};

static struct item items[ITEMS];
static struct rnl_ordered ordered;

static const char *name_of(const void *item)
{
    return ((const struct item *)item)->name;
}

/* Names of one item sort as their numbers do. Prefixes are shared by many. */
static void name_items(const char *format)
{
    for (int i = 0; i < ITEMS; i++) {
        items[i].there = false;
        snprintf(items[i].name, sizeof(items[i].name), format, i);
    }
    rnl_ordered_init(&ordered, name_of);
}

static void add(size_t i)
{
    assert_int_equal(rnl_ordered_reserve(&ordered), RNL_OK);
    rnl_ordered_insert(&ordered, &items[i]);
    items[i].there = true;
}

static void drop(size_t i)
{
    rnl_ordered_remove(&ordered, &items[i]);
    items[i].there = false;
}

static void check_all(void)
{
    struct rnl_ordered_cursor cursor = rnl_ordered_seek(&ordered, NULL);
    size_t count = 0;
    for (size_t i = ITEMS; i-- > 0;) {
        if (items[i].there) {
            assert_ptr_equal(rnl_ordered_previous(&ordered, &cursor),
                             &items[i]);
            count++;
        }
        assert_ptr_equal(rnl_ordered_find(&ordered, items[i].name),
                         items[i].there ? &items[i] : NULL);
    }
    assert_null(rnl_ordered_previous(&ordered, &cursor));
    assert_int_equal(ordered.count, count);
}

/* From any name, there or not, down: the item in front of it. */
static void check_seek(uint64_t *seed)
{
    size_t from = splitmix(seed) % ITEMS;
    struct rnl_ordered_cursor cursor =
        rnl_ordered_seek(&ordered, items[from].name);
    size_t i = from;
    while (i > 0 && !items[i - 1].there)
        i--;
    assert_ptr_equal(rnl_ordered_previous(&ordered, &cursor),
                     i == 0 ? NULL : &items[i - 1]);
}

/* What has its own prefix is found by that alone. */
static void check_approach(size_t from)
{
    rnl_ordered_fetch(&ordered, items[from].name);
    struct rnl_ordered_cursor at =
        rnl_ordered_approach(&ordered, items[from].name);
    struct rnl_ordered_cursor exact =
        rnl_ordered_seek(&ordered, items[from].name);
    if (at.slot != exact.slot) {
        /* The same place, said in another way. */
        assert_int_equal(at.slot + 1, exact.slot);
        assert_int_equal(at.index, ordered.slots[at.slot].chunk->count);
        assert_int_equal(exact.index, 0);
        assert_null(rnl_ordered_next(&ordered, &at));
        return;
    }
    assert_int_equal(at.index, exact.index);
    assert_ptr_equal(rnl_ordered_next(&ordered, &at),
                     items[from].there ? &items[from] : NULL);
}

static void churn(const char *format, int rounds)
{
    uint64_t seed = 3;
    name_items(format);
    for (int i = 0; i < rounds; i++) {
        size_t at = splitmix(&seed) % ITEMS;
        if (items[at].there)
            drop(at);
        else
            add(at);
        if (i % 64 == 0)
            check_seek(&seed);
    }
    check_all();
    for (size_t i = 0; i < ITEMS; i++) {
        if (items[i].there)
            drop(i);
    }
    check_all();
    assert_int_equal(ordered.slot_count, 0);
    rnl_ordered_fini(&ordered);
}

static void any_mix_keeps_the_order(void **state)
{
    (void)state;
    churn("%05d", 100000);
    churn("the same sixteen bytes and %05d", 100000);
}

static void what_comes_in_order_fills_its_chunks(void **state)
{
    (void)state;
    name_items("%05d");
    for (size_t i = 0; i < ITEMS; i++) {
        check_approach(i);
        add(i);
    }
    for (size_t i = 0; i < ITEMS; i++)
        check_approach(i);
    check_all();
    assert_int_equal(ordered.slot_count,
                     (ITEMS + RNL_ORDERED_CHUNK - 1) / RNL_ORDERED_CHUNK);
    /* The oldest go while new ones come. */
    for (size_t i = 0; i < ITEMS / 2; i++)
        drop(i);
    for (size_t i = 0; i < ITEMS / 2; i++) {
        drop(ITEMS / 2 + i);
        add(i);
    }
    check_all();
    rnl_ordered_fini(&ordered);
}

static void names_that_only_begin_alike_are_told_apart(void **state)
{
    (void)state;
    static struct item three[3] = {
        {.name = "abc"}, {.name = "abcd"}, {.name = ""}};
    rnl_ordered_init(&ordered, name_of);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rnl_ordered_reserve(&ordered), RNL_OK);
        rnl_ordered_insert(&ordered, &three[i]);
    }
    assert_ptr_equal(rnl_ordered_find(&ordered, "abc"), &three[0]);
    assert_ptr_equal(rnl_ordered_find(&ordered, "abcd"), &three[1]);
    assert_ptr_equal(rnl_ordered_find(&ordered, ""), &three[2]);
    assert_null(rnl_ordered_find(&ordered, "ab"));
    assert_null(rnl_ordered_find(&ordered, "abcde"));
    rnl_ordered_fini(&ordered);
}

static void an_insert_after_a_reserve_needs_no_memory(void **state)
{
    (void)state;
    name_items("%05d");
    size_t refused = 0;
    for (size_t i = 0; i < 3000; i++) {
        size_t at = i * 7919 % ITEMS;
        fault_at(1, true);
        enum rnl_code code = rnl_ordered_reserve(&ordered);
        fault_stop();
        if (code != RNL_OK) {
            refused++;
            assert_int_equal(rnl_ordered_reserve(&ordered), RNL_OK);
        }
        fault_at(1, true);
        rnl_ordered_insert(&ordered, &items[at]);
        fault_stop();
        items[at].there = true;
    }
    assert_true(refused > 10);
    check_all();
    rnl_ordered_fini(&ordered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mix_keeps_the_order),
        cmocka_unit_test(what_comes_in_order_fills_its_chunks),
        cmocka_unit_test(names_that_only_begin_alike_are_told_apart),
        cmocka_unit_test(an_insert_after_a_reserve_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
