/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by their ids, against a plain table of which are there. */
#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "fault.h"
#include "id_table.h"
#include "job_id.h"
#include "splitmix.h"

#define NODES 20000

static struct rnl_id_node nodes[NODES];
static bool there[NODES];
static struct rnl_id_table table;

static void name_nodes(void)
{
    uint64_t seed = 7;
    for (size_t i = 0; i < NODES; i++) {
        uint64_t random[2] = {splitmix(&seed), splitmix(&seed)};
        rnl_job_id_make(1, (const uint8_t *)random, nodes[i].id);
        there[i] = false;
    }
    rnl_id_table_init(&table);
}

static void add(size_t i)
{
    assert_int_equal(rnl_id_table_add(&table, &nodes[i]), RNL_OK);
    there[i] = true;
}

static void drop(size_t i)
{
    rnl_id_table_remove(&table, &nodes[i]);
    there[i] = false;
}

static void check_all(void)
{
    size_t count = 0;
    for (size_t i = 0; i < NODES; i++) {
        assert_ptr_equal(rnl_id_table_find(&table, nodes[i].id),
                         there[i] ? &nodes[i] : NULL);
        count += there[i];
    }
    assert_int_equal(table.count, count);
}

static size_t longest_chain(void)
{
    size_t longest = 0;
    for (size_t i = 0; i < table.bucket_count; i++) {
        size_t len = 0;
        for (const struct rnl_id_node *node = table.buckets[i]; node != NULL;
             node = node->next)
            len++;
        longest = len > longest ? len : longest;
    }
    return longest;
}

static void any_mix_is_found(void **state)
{
    (void)state;
    uint64_t seed = 3;
    name_nodes();
    for (int i = 0; i < 100000; i++) {
        size_t at = splitmix(&seed) % NODES;
        if (there[at])
            drop(at);
        else
            add(at);
        if (i < 200 || i % 10000 == 0)
            check_all();
    }
    check_all();
    struct rnl_id_node *node;
    while ((node = rnl_id_table_any(&table)) != NULL)
        drop((size_t)(node - nodes));
    check_all();
    rnl_id_table_fini(&table);
}

static void it_grows_by_a_bucket_an_entry(void **state)
{
    (void)state;
    name_nodes();
    for (size_t i = 0; i < NODES; i++) {
        add(i);
        assert_int_equal(table.bucket_count, i + 1);
    }
    check_all();
    /* Some 8 are expected: half of the buckets have 2 entries on average. */
    assert_in_range(longest_chain(), 3, 14);
    rnl_id_table_fini(&table);
}

static void what_is_no_id_is_not_found(void **state)
{
    (void)state;
    name_nodes();
    assert_null(rnl_id_table_find(&table, nodes[0].id));
    add(0);
    char longer[RNL_JOB_ID_LEN + 2] = {0};
    memcpy(longer, nodes[0].id, RNL_JOB_ID_LEN);
    longer[RNL_JOB_ID_LEN] = '0';
    assert_null(rnl_id_table_find(&table, ""));
    assert_null(rnl_id_table_find(&table, longer));
    assert_null(rnl_id_table_find(&table, nodes[0].id + 1));
    rnl_id_table_fini(&table);
}

static void without_memory_the_first_bucket_alone_is_missed(void **state)
{
    (void)state;
    name_nodes();
    fault_at(1, true);
    assert_int_equal(rnl_id_table_reserve(&table), RNL_RESOURCE_EXHAUSTED);
    fault_stop();
    add(0);
    fault_at(1, true);
    for (size_t i = 1; i < 1000; i++)
        add(i);
    fault_stop();
    check_all();
    assert_true(table.bucket_count < 1000);
    for (size_t i = 1000; i < 2000; i++)
        add(i);
    check_all();
    assert_true(table.bucket_count > 1000);
    rnl_id_table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mix_is_found),
        cmocka_unit_test(it_grows_by_a_bucket_an_entry),
        cmocka_unit_test(what_is_no_id_is_not_found),
        cmocka_unit_test(without_memory_the_first_bucket_alone_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
