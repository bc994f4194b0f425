/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams over crashes, when the disk is full, records are damaged, or
 * memory is short. */
#include "test.h"

#include <string.h>

#include "fault.h"
#include "keeper_rig.h"

/* ---- a disk that is full ---- */

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream calls[3];
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_begin_ingest(&rig, &batch, &calls[0]);
    batch_number(&batch, "p", 1);
    rig_begin_ingest(&rig, &batch, &calls[1]);
    rig_turn(&rig);
    fake_stats_complete(&rig.fake, RNL_RESOURCE_EXHAUSTED);
    /* It can be sent again; the other waits. */
    assert_int_equal(calls[1].retry_delay_ms, 1000);
    call_ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    assert_false(calls[0].finished);
    rig_begin_ingest(&rig, &batch, &calls[1]);
    assert_int_equal(calls[1].retry_delay_ms, 1000);
    call_ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    rig_begin_create(&rig, "t", &calls[1]);
    call_ended(&calls[1], RNL_RESOURCE_EXHAUSTED);
    rig_is_missing(&rig, "t");
    rig_has_events(&rig, "s", 3);

    fake_core_advance(&rig.core, SECOND / 2);
    assert_null(rig.fake.group);
    fake_core_advance(&rig.core, SECOND);
    fake_stats_complete(&rig.fake, RNL_RESOURCE_EXHAUSTED);
    fake_core_advance(&rig.core, 2 * SECOND);
    fake_stats_complete(&rig.fake, RNL_OK);
    call_ended(&calls[0], RNL_OK);
    rig_begin_ingest(&rig, &batch, &calls[1]);
    rig_settle(&rig);
    call_ended(&calls[1], RNL_OK);
    rig_crash_and_start(&rig, false);
    struct outcome outcome = get_stats(&rig.core, "s", 0, 0);
    assert_int_equal(stats_of(&outcome)->count, 3);
    assert_int_equal(stats_of(&outcome)->duplicate_batches, 1);
    expect(outcome, RNL_OK, NULL);
    rig_tear_down(&rig);
}

/* It ends while the disk is full: what was acknowledged is there. */
static void an_end_on_a_full_disk_keeps_what_was_acknowledged(void **state)
{
    (void)state;
    struct rig rig;
    struct event_batch batch;
    struct rnl_stream call;
    rig_set_up(&rig);
    batch_one(&batch, "s", "k", 1);
    rig_ingest_settled(&rig, &batch);
    rig_begin_ingest(&rig, &batch, &call);
    fake_close(&call);
    rig.fake.flush_code = RNL_RESOURCE_EXHAUSTED;
    rig_stop(&rig);
    rig.fake.flush_code = RNL_OK;
    rig_start(&rig);
    rig_has_events(&rig, "s", 1);
    rig_tear_down(&rig);
}

/* ---- what is refused ---- */

static void does_not_start(struct rig *rig, enum rnl_code code)
{
    assert_int_equal(rig_try_start(rig), code);
    fake_core_fini(&rig->core);
}

/* Every record, at some of its bytes. */
static void damage_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig);
    for (uint64_t i = 1; i <= 9; i++)
        (void)rig_ingest_numbered(&rig, "a", i);
    rig_crash(&rig, false);
    assert_non_null(fake_stats_find(&rig.fake, RNL_STATS_LOG, 0));
    for (size_t i = 0; i < rig.fake.count; i++) {
        struct fake_record *kept = &rig.fake.kept[i];
        size_t step = kept->record.len / 16 + 1;
        for (size_t at = 6; at < kept->record.len; at += step) {
            kept->data[at] ^= 0x41;
            if (kept->record.kind != RNL_STATS_STREAM)
                does_not_start(&rig, RNL_DATA_LOSS);
            else if (rig_try_start(&rig) == RNL_OK)
                rig_crash(&rig, false);
            else
                fake_core_fini(&rig.core);
            kept->data[at] ^= 0x41;
        }
    }
    rig_start(&rig);
    rig_has_events(&rig, "s", 9);
    rig_tear_down(&rig);
}

static void a_later_version_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig);
    (void)rig_ingest_numbered(&rig, "a", 1);
    (void)rig_ingest_numbered(&rig, "a", 2);
    rig_crash(&rig, false);
    struct fake_record *log = fake_stats_find(&rig.fake, RNL_STATS_LOG, 0);
    assert_non_null(log);
    log->data[4]++;
    does_not_start(&rig, RNL_UNIMPLEMENTED);
    log->data[4]--;
    rig_start(&rig);
    rig_tear_down(&rig);
}

/* ---- memory ---- */

/* Each allocation fails in turn: a batch is taken or refused, and what was
 * acknowledged is there afterwards, once. */
static void want_of_memory_loses_nothing(void **state)
{
    (void)state;
    for (size_t k = 1;; k++) {
        struct rig rig;
        struct event_batch batch;
        struct rnl_stream call;
        rig_set_up(&rig);
        batch_one(&batch, "s", "k", 1);
        batch_number(&batch, "p", 1);
        fault_at(k, false);
        rig_begin_ingest(&rig, &batch, &call);
        rig_turn(&rig);
        bool over = fault_stop() < k;
        fake_core_advance(&rig.core, 2 * SECOND);
        rig_settle(&rig);
        assert_true(call.finished);
        enum rnl_code code = call.code;
        assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
        fake_close(&call);
        rig_crash_and_start(&rig, false);
        if (code == RNL_OK)
            rig_has_events(&rig, "s", 1);
        rig_begin_ingest(&rig, &batch, &call);
        rig_settle(&rig);
        call_ended(&call, RNL_OK);
        rig_has_events(&rig, "s", 1);
        rig_tear_down(&rig);
        if (over)
            break;
    }
}

static void a_start_without_memory_says_so(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig);
    for (uint64_t i = 1; i <= 3; i++)
        (void)rig_ingest_numbered(&rig, "a", i);
    rig_crash(&rig, false);
    for (size_t k = 1;; k++) {
        fault_at(k, false);
        enum rnl_code code = rig_try_start(&rig);
        bool over = fault_stop() < k;
        if (over) {
            assert_int_equal(code, RNL_OK);
            break;
        }
        if (code == RNL_OK)
            rig_crash(&rig, false);
        else
            fake_core_fini(&rig.core);
        assert_true(code == RNL_OK || code == RNL_RESOURCE_EXHAUSTED);
    }
    rig_has_events(&rig, "s", 3);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_loses_nothing),
        cmocka_unit_test(an_end_on_a_full_disk_keeps_what_was_acknowledged),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_later_version_is_refused),
        cmocka_unit_test(want_of_memory_loses_nothing),
        cmocka_unit_test(a_start_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
