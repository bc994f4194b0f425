/* SPDX-License-Identifier: Apache-2.0 */
/* Backup, Check and Compact as calls: what of a report gets to the caller, at
 * the caller's pace, and that a caller who goes ends the task. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/admin.pb-c.h>

#include "admin_upkeep.h"
#include "fake_stream.h"
#include "upkeep.h"

/* An upkeep that is worked by hand. */
struct fake_upkeep {
    struct rnl_upkeep upkeep;
    enum rnl_code answer;
    struct rnl_upkeep_task *task;
    enum rnl_upkeep_kind kind;
    int wanted;
    int cancelled;
};

static struct rnl_core core;
static struct fake_upkeep fake;

static enum rnl_code fake_begin(struct rnl_upkeep *upkeep,
                                enum rnl_upkeep_kind kind,
                                struct rnl_upkeep_task *task)
{
    (void)upkeep;
    fake.kind = kind;
    if (fake.answer == RNL_OK)
        fake.task = task;
    return fake.answer;
}

static void fake_more(struct rnl_upkeep *upkeep)
{
    (void)upkeep;
    fake.wanted++;
}

static void fake_cancel(struct rnl_upkeep *upkeep)
{
    (void)upkeep;
    fake.task = NULL;
    fake.cancelled++;
}

static const struct rnl_upkeep_ops fake_ops = {fake_begin, fake_more,
                                               fake_cancel};

static int setup(void **state)
{
    (void)state;
    fake_core_init(&core, 1);
    fake = (struct fake_upkeep){.upkeep = {&fake_ops}};
    core.options.upkeep = &fake.upkeep;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_core_fini(&core);
    return 0;
}

static void call(struct rnl_stream *stream, const char *method)
{
    static const Runnel__V1__BackupRequest none =
        RUNNEL__V1__BACKUP_REQUEST__INIT;
    /* All three requests are empty. */
    fake_call(stream, &core, &rnl_admin_upkeep_service, method, &none.base);
}

static void report(const struct rnl_upkeep_report *what)
{
    fake.task->report(fake.task, what);
}

static size_t sent_bytes(const struct rnl_stream *stream, uint8_t *out)
{
    size_t len = 0;
    for (size_t i = 0; i < stream->sent_count; i++) {
        Runnel__V1__BackupResponse *piece =
            fake_sent(stream, i, &runnel__v1__backup_response__descriptor);
        assert_int_equal(piece->total_bytes, 100000);
        memcpy(out + len, piece->data.data, piece->data.len);
        len += piece->data.len;
        rnl_request_free(piece);
    }
    return len;
}

static void pieces_come_whole_at_the_pace_of_the_caller(void **state)
{
    (void)state;
    static uint8_t copy[100000];
    static uint8_t got[sizeof(copy)];
    struct rnl_stream stream;
    for (size_t i = 0; i < sizeof(copy); i++)
        copy[i] = (uint8_t)(i * 7 + i / 256);
    call(&stream, "Backup");
    assert_int_equal(fake.kind, RNL_UPKEEP_BACKUP);
    stream.message_max = 16384;
    fake_give_room(&stream, 2);
    for (size_t at = 0; at < sizeof(copy); at += 50000) {
        struct rnl_upkeep_report piece = {
            .data = copy + at, .len = 50000, .total_bytes = sizeof(copy)};
        int wanted = fake.wanted;
        report(&piece);
        /* Two messages, and no more is wanted before the rest has gone. */
        assert_int_equal(fake.wanted, wanted);
        fake_give_room(&stream, 1);
        assert_int_equal(fake.wanted, wanted);
        fake_give_room(&stream, 3);
        assert_int_equal(fake.wanted, wanted + 1);
        fake_give_room(&stream, 2);
    }
    struct rnl_upkeep_report last = {.done = true};
    report(&last);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_OK);
    assert_int_equal(sent_bytes(&stream, got), sizeof(copy));
    assert_memory_equal(got, copy, sizeof(copy));
    fake_close(&stream);
    assert_int_equal(fake.cancelled, 0);
}

static void a_caller_who_goes_ends_the_task(void **state)
{
    (void)state;
    static const char *const methods[] = {"Backup", "CheckStore",
                                          "CompactStore"};
    for (int i = 0; i < 3; i++) {
        struct rnl_stream stream;
        call(&stream, methods[i]);
        assert_int_equal((int)fake.kind, i);
        assert_false(stream.finished);
        fake_close(&stream);
        assert_int_equal(fake.cancelled, i + 1);
    }
}

static void a_drain_does_not_wait_for_a_long_task(void **state)
{
    (void)state;
    static const char *const methods[] = {"CheckStore", "CompactStore"};
    for (int i = 0; i < 2; i++) {
        struct rnl_stream stream;
        call(&stream, methods[i]);
        stream.method->on_drain(&stream);
        assert_int_equal(stream.code, RNL_UNAVAILABLE);
        fake_close(&stream);
        assert_int_equal(fake.cancelled, i + 1);
    }
}

static void findings_are_told(void **state)
{
    (void)state;
    static char problems[RNL_UPKEEP_PROBLEMS_MAX][RNL_UPKEEP_TEXT_MAX];
    struct rnl_stream stream;
    struct rnl_upkeep_report last = {
        .done = true,
        .jobs = 5,
        .events = 70,
        .problem_count = RNL_UPKEEP_PROBLEMS_MAX + 7,
        .problems = problems,
    };
    snprintf(problems[99], sizeof(problems[99]), "the last one that is told");
    call(&stream, "CheckStore");
    report(&last);
    assert_int_equal(stream.code, RNL_OK);
    Runnel__V1__CheckStoreResponse *response =
        fake_sent(&stream, 0, &runnel__v1__check_store_response__descriptor);
    assert_int_equal(response->jobs, 5);
    assert_int_equal(response->events, 70);
    assert_int_equal(response->problem_count, RNL_UPKEEP_PROBLEMS_MAX + 7);
    assert_int_equal(response->n_problems, RNL_UPKEEP_PROBLEMS_MAX);
    assert_string_equal(response->problems[99], "the last one that is told");
    rnl_request_free(response);
    fake_close(&stream);
    assert_int_equal(fake.cancelled, 0);
}

static void sizes_are_told(void **state)
{
    (void)state;
    struct rnl_stream stream;
    struct rnl_upkeep_report last = {
        .done = true, .bytes_before = 300, .bytes_after = 200};
    call(&stream, "CompactStore");
    report(&last);
    Runnel__V1__CompactStoreResponse *response =
        fake_sent(&stream, 0, &runnel__v1__compact_store_response__descriptor);
    assert_int_equal(response->bytes_before, 300);
    assert_int_equal(response->bytes_after, 200);
    rnl_request_free(response);
    fake_close(&stream);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    struct rnl_stream stream;
    struct rnl_upkeep_report failed = {.done = true,
                                       .code = RNL_RESOURCE_EXHAUSTED,
                                       .error = "the disk is full"};
    call(&stream, "Backup");
    report(&failed);
    assert_int_equal(stream.code, RNL_RESOURCE_EXHAUSTED);
    assert_string_equal(stream.message, "the disk is full");
    fake_close(&stream);
    fake.answer = RNL_FAILED_PRECONDITION;
    call(&stream, "Backup");
    assert_int_equal(stream.code, RNL_FAILED_PRECONDITION);
    assert_non_null(strstr(stream.message, "is running"));
    fake_close(&stream);
    core.options.upkeep = NULL;
    call(&stream, "CheckStore");
    assert_int_equal(stream.code, RNL_FAILED_PRECONDITION);
    assert_non_null(strstr(stream.message, "in memory"));
    fake_close(&stream);
    assert_int_equal(fake.cancelled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pieces_come_whole_at_the_pace_of_the_caller),
        TEST(a_caller_who_goes_ends_the_task),
        TEST(a_drain_does_not_wait_for_a_long_task),
        TEST(findings_are_told),
        TEST(sizes_are_told),
        TEST(what_cannot_be_done_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
