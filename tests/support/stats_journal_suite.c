/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_journal_suite.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

static const struct stats_journal_factory *factory;

/* ---- groups ---- */

static struct rnl_stats_group group;
static int committed_count;
static enum rnl_code committed_code;

static void on_committed(void *arg, enum rnl_code code)
{
    assert_ptr_equal(arg, &group);
    committed_count++;
    committed_code = code;
}

static void add(enum rnl_stats_kind kind, uint64_t stream, uint32_t key,
                const void *data, size_t len)
{
    const struct rnl_stats_record record = {.kind = kind,
                                            .stream = stream,
                                            .key = key,
                                            .time_ns = (int64_t)stream * 1000,
                                            .len = len};
    uint8_t *out = rnl_stats_group_add(&group, &record);
    assert_non_null(out);
    if (len > 0)
        memcpy(out, data, len);
}

static void add_text(enum rnl_stats_kind kind, uint64_t stream, uint32_t key,
                     const char *text)
{
    add(kind, stream, key, text, strlen(text));
}

static void add_stream(uint64_t stream, const char *name)
{
    uint8_t bytes[64];
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t)name;
    add(RNL_STATS_STREAM, stream, 0, bytes,
        runnel__v1__stream_config__pack(&config, bytes));
}

static void add_save(uint64_t stream)
{
    const struct rnl_stats_summary summary = {.events = 7};
    add(RNL_STATS_SAVE, stream, 0, &summary, sizeof(summary));
}

static void commit(struct rnl_stats_journal *journal)
{
    committed_count = 0;
    journal->committed = on_committed;
    journal->arg = &group;
    journal->ops->commit(journal, &group);
    assert_int_equal(committed_count, 0);
    factory->settle(journal);
    assert_int_equal(committed_count, 1);
    assert_int_equal(committed_code, RNL_OK);
    rnl_stats_group_reset(&group);
}

/* ---- what is found ---- */

struct found {
    char text[2000];
    size_t left;
};

/* "S1 a" a stream and its name, "P3 x" a part, "L y" a log. */
static enum rnl_code note(void *arg, const struct rnl_stats_record *record)
{
    struct found *found = arg;
    size_t len = strlen(found->text);
    char *end = found->text + len;
    size_t room = sizeof(found->text) - len;
    if (found->left-- == 0)
        return RNL_ABORTED;
    if (record->kind == RNL_STATS_STREAM) {
        Runnel__V1__StreamConfig *config =
            runnel__v1__stream_config__unpack(NULL, record->len, record->data);
        assert_non_null(config);
        assert_int_equal(record->time_ns, record->stream * 1000);
        snprintf(end, room, "S%d %s;", (int)record->stream, config->name);
        runnel__v1__stream_config__free_unpacked(config, NULL);
    } else if (record->kind == RNL_STATS_PART) {
        snprintf(end, room, "P%u %.*s;", record->key, (int)record->len,
                 (const char *)record->data);
    } else {
        assert_int_equal(record->kind, RNL_STATS_LOG);
        snprintf(end, room, "L %.*s;", (int)record->len,
                 (const char *)record->data);
    }
    return RNL_OK;
}

static void expect(struct rnl_stats_journal *journal, const char *text)
{
    struct found found = {.left = SIZE_MAX};
    assert_int_equal(journal->ops->recover(journal, note, &found), RNL_OK);
    assert_string_equal(found.text, text);
}

/* ---- cases ---- */

static void an_empty_one_has_nothing(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    expect(journal, "");
    assert_int_equal(journal->ops->flush(journal), RNL_OK);
    journal = factory->reopen(journal);
    expect(journal, "");
    factory->destroy(journal);
}

static void what_was_written_is_found_in_order(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(2, "b");
    add_text(RNL_STATS_PART, 2, 70000, "late");
    add_text(RNL_STATS_PART, 2, 0, "head");
    add_text(RNL_STATS_LOG, 2, 0, "one");
    add_stream(1, "a");
    commit(journal);
    add_text(RNL_STATS_LOG, 2, 0, "two");
    add_text(RNL_STATS_LOG, 1, 0, "");
    add_text(RNL_STATS_PART, 2, 3, "mid");
    commit(journal);
    const char *text = "S1 a;L ;S2 b;P0 head;P3 mid;P70000 late;L one;L two;";
    expect(journal, text);
    journal = factory->reopen(journal);
    expect(journal, text);
    factory->destroy(journal);
}

static void a_part_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(1, "a");
    add_text(RNL_STATS_PART, 1, 5, "old");
    add_text(RNL_STATS_PART, 1, 6, "other");
    commit(journal);
    add_text(RNL_STATS_PART, 1, 5, "much newer");
    commit(journal);
    expect(journal, "S1 a;P5 much newer;P6 other;");
    factory->destroy(journal);
}

static void a_save_ends_the_log(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(1, "a");
    add_stream(2, "b");
    add_text(RNL_STATS_LOG, 1, 0, "1");
    add_text(RNL_STATS_LOG, 2, 0, "2");
    commit(journal);
    add_text(RNL_STATS_LOG, 1, 0, "3");
    add_save(1);
    add_text(RNL_STATS_PART, 1, 0, "head");
    commit(journal);
    expect(journal, "S1 a;P0 head;S2 b;L 2;");
    add_text(RNL_STATS_LOG, 1, 0, "4");
    commit(journal);
    expect(journal, "S1 a;P0 head;L 4;S2 b;L 2;");
    factory->destroy(journal);
}

/* In one group as well: the name is free again. */
static void a_stream_that_is_gone_leaves_nothing(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(1, "a");
    add_text(RNL_STATS_PART, 1, 0, "head");
    add_text(RNL_STATS_LOG, 1, 0, "1");
    commit(journal);
    add(RNL_STATS_GONE, 1, 0, NULL, 0);
    add_stream(2, "a");
    commit(journal);
    expect(journal, "S2 a;");
    add(RNL_STATS_GONE, 2, 0, NULL, 0);
    commit(journal);
    journal = factory->reopen(journal);
    expect(journal, "");
    factory->destroy(journal);
}

static void a_large_group_is_whole(void **state)
{
    (void)state;
    static char big[3 << 20];
    struct rnl_stats_journal *journal = factory->create();
    memset(big, 'x', sizeof(big));
    add_stream(1, "a");
    add(RNL_STATS_PART, 1, 0, big, sizeof(big));
    add(RNL_STATS_LOG, 1, 0, big, sizeof(big));
    commit(journal);
    journal = factory->reopen(journal);
    struct found found = {.left = SIZE_MAX};
    assert_int_equal(journal->ops->recover(journal, note, &found), RNL_OK);
    assert_int_equal(strncmp(found.text, "S1 a;P0 xxx", 11), 0);
    factory->destroy(journal);
}

/* The code of who takes ends the walk. */
static void a_walk_can_be_ended(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(1, "a");
    add_text(RNL_STATS_PART, 1, 0, "head");
    add_text(RNL_STATS_LOG, 1, 0, "1");
    commit(journal);
    for (size_t left = 0; left < 3; left++) {
        struct found found = {.left = left};
        assert_int_equal(journal->ops->recover(journal, note, &found),
                         RNL_ABORTED);
    }
    expect(journal, "S1 a;P0 head;L 1;");
    factory->destroy(journal);
}

static void a_flush_waits_and_nobody_is_told(void **state)
{
    (void)state;
    struct rnl_stats_journal *journal = factory->create();
    add_stream(1, "a");
    committed_count = 0;
    journal->committed = on_committed;
    journal->arg = &group;
    journal->ops->commit(journal, &group);
    assert_int_equal(journal->ops->flush(journal), RNL_OK);
    rnl_stats_group_reset(&group);
    assert_int_equal(committed_count, 0);
    expect(journal, "S1 a;");
    add_text(RNL_STATS_LOG, 1, 0, "1");
    commit(journal);
    expect(journal, "S1 a;L 1;");
    factory->destroy(journal);
}

int stats_journal_suite_run(const struct stats_journal_factory *of)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(what_was_written_is_found_in_order),
        cmocka_unit_test(a_part_takes_the_place_of_the_one_before),
        cmocka_unit_test(a_save_ends_the_log),
        cmocka_unit_test(a_stream_that_is_gone_leaves_nothing),
        cmocka_unit_test(a_large_group_is_whole),
        cmocka_unit_test(a_walk_can_be_ended),
        cmocka_unit_test(a_flush_waits_and_nobody_is_told),
    };
    factory = of;
    int failed = cmocka_run_group_tests_name(of->name, tests, NULL, NULL);
    rnl_stats_group_fini(&group);
    return failed;
}
