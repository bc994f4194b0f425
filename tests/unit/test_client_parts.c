/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts of librunnel: fifo, arena, status, address, time. */
#include "test.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/v1/frame.pb-c.h>

#include "address.h"
#include "arena.h"
#include "fault.h"
#include "fifo.h"
#include "status_box.h"
#include "typed.h"

/* --- fifo --- */

/* Bytes in and out in uneven steps, against a plain counter: order is kept
 * over every move and growth. */
static void a_fifo_keeps_order(void **state)
{
    struct rnl_fifo fifo = {0};
    uint8_t in = 0;
    uint8_t out = 0;
    size_t waiting = 0;
    (void)state;
    for (size_t step = 1; step < 3000; step++) {
        size_t add = step * 7919 % 700;
        uint8_t *room = rnl_fifo_reserve(&fifo, add);
        assert_non_null(room);
        assert_true(rnl_fifo_room(&fifo) >= add);
        for (size_t i = 0; i < add; i++)
            room[i] = in++;
        rnl_fifo_added(&fifo, add);
        waiting += add;
        assert_int_equal(fifo.len, waiting);
        size_t take = step * 104729 % 710;
        take = take < waiting ? take : waiting;
        for (size_t i = 0; i < take; i++)
            assert_int_equal(rnl_fifo_peek(&fifo)[i], out++);
        rnl_fifo_taken(&fifo, take);
        waiting -= take;
    }
    /* It never grew to hold what had been taken. */
    assert_true(fifo.cap <= 65536);
    rnl_fifo_reset(&fifo);
    assert_int_equal(fifo.len, 0);
    rnl_fifo_fini(&fifo);
}

static void a_fifo_without_memory_keeps_its_bytes(void **state)
{
    struct rnl_fifo fifo = {0};
    (void)state;
    fault_at(1, true);
    assert_null(rnl_fifo_reserve(&fifo, 0));
    assert_null(rnl_fifo_reserve(&fifo, 10));
    fault_stop();
    memcpy(rnl_fifo_reserve(&fifo, 3), "abc", 3);
    rnl_fifo_added(&fifo, 3);
    fault_at(1, true);
    assert_null(rnl_fifo_reserve(&fifo, 1 << 20));
    fault_stop();
    assert_int_equal(fifo.len, 3);
    assert_memory_equal(rnl_fifo_peek(&fifo), "abc", 3);
    rnl_fifo_fini(&fifo);
}

/* --- arena --- */

static void an_arena_gives_aligned_zeroed_memory(void **state)
{
    struct rnl_arena arena = {0};
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 9000; size = size * 3 + 1) {
            uint8_t *block = rnl_arena_alloc(&arena, 1, size);
            assert_non_null(block);
            assert_int_equal((uintptr_t)block % alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(block[i], 0);
            memset(block, 0xff, size);
        }
        rnl_arena_reset(&arena);
    }
    assert_false(arena.exhausted);
    rnl_arena_fini(&arena);
}

/* What a watch relies on: equal work after a reset allocates nothing. */
static void a_reset_arena_allocates_no_more(void **state)
{
    struct rnl_arena arena = {0};
    (void)state;
    assert_non_null(rnl_arena_alloc(&arena, 10, 300));
    rnl_arena_reset(&arena);
    fault_count();
    for (int i = 0; i < 100; i++) {
        assert_non_null(rnl_arena_alloc(&arena, 10, 300));
        rnl_arena_reset(&arena);
    }
    assert_int_equal(fault_stop(), 0);
    rnl_arena_fini(&arena);
}

static void an_arena_says_that_it_is_exhausted(void **state)
{
    struct rnl_arena arena = {0};
    (void)state;
    assert_null(rnl_arena_alloc(&arena, SIZE_MAX / 2, 3));
    assert_true(arena.exhausted);
    rnl_arena_reset(&arena);
    assert_false(arena.exhausted);
    assert_null(rnl_arena_alloc(&arena, 1, SIZE_MAX));
    assert_true(arena.exhausted);
    rnl_arena_reset(&arena);
    fault_at(1, false);
    assert_null(rnl_arena_alloc(&arena, 1, 1));
    fault_stop();
    assert_true(arena.exhausted);
    assert_non_null(rnl_arena_alloc(&arena, 1, 1));
    assert_true(arena.exhausted);
    rnl_arena_fini(&arena);
}

/* --- status --- */

static size_t pack_status(uint8_t *out, int code, const char *message)
{
    Runnel__V1__Status status = RUNNEL__V1__STATUS__INIT;
    Runnel__V1__FieldViolation violation = RUNNEL__V1__FIELD_VIOLATION__INIT;
    Runnel__V1__FieldViolation *violations[] = {&violation};
    violation.field = (char *)"kind";
    violation.description = (char *)"must be known";
    status.code = (Runnel__V1__Code)code;
    status.message = (char *)message;
    status.violations = violations;
    status.n_violations = 1;
    status.retry_delay_ms = 250;
    return runnel__v1__status__pack(&status, out);
}

static void a_status_is_read_whole(void **state)
{
    uint8_t bytes[256];
    struct rnl_status_box box, copy;
    (void)state;
    rnl_status_box_init(&box);
    rnl_status_box_init(&copy);
    size_t len = pack_status(bytes, 3, "there are faults");
    rnl_status_decode(&box, bytes, len);
    rnl_status_copy(&copy, &box.info);
    rnl_status_copy(&copy, &copy.info);
    rnl_status_box_fini(&box);
    assert_int_equal(copy.info.code, RNL_INVALID_ARGUMENT);
    assert_string_equal(copy.info.message, "there are faults");
    assert_int_equal(copy.info.violation_count, 1);
    assert_string_equal(copy.info.violations[0].field, "kind");
    assert_string_equal(copy.info.violations[0].description, "must be known");
    assert_int_equal(copy.info.retry_delay_ms, 250);
    rnl_status_box_fini(&copy);
    assert_string_equal(copy.info.message, "");
}

static void codes_that_are_none_are_unknown(void **state)
{
    uint8_t bytes[256];
    struct rnl_status_box box;
    (void)state;
    rnl_status_box_init(&box);
    for (int code = -1; code < 40; code++) {
        size_t len = pack_status(bytes, code, "x");
        rnl_status_decode(&box, bytes, len);
        bool known = code >= 0 && code <= 16;
        assert_int_equal(box.info.code, known ? code : RNL_UNKNOWN);
    }
    rnl_status_decode(&box, "\x0a", 1);
    assert_int_equal(box.info.code, RNL_INTERNAL);
    rnl_status_box_fini(&box);
}

/* The code is never lost. */
static void a_status_without_memory_keeps_its_code(void **state)
{
    const struct rnl_status_info info = {.code = RNL_NOT_FOUND,
                                         .message = "no such job"};
    struct rnl_status_box box;
    (void)state;
    rnl_status_box_init(&box);
    fault_at(1, true);
    rnl_status_copy(&box, &info);
    fault_stop();
    assert_int_equal(box.info.code, RNL_NOT_FOUND);
    assert_string_equal(box.info.message, rnl_code_text(RNL_NOT_FOUND));
    rnl_status_box_fini(&box);
}

/* --- address --- */

static void addresses_are_read(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        const char *port;
    } good[] = {
        {"127.0.0.1:7400", "127.0.0.1", "7400"},
        {"localhost", "localhost", "7400"},
        {"core.example:1", "core.example", "1"},
        {"[::1]:65535", "::1", "65535"},
        {"[fe80::1]", "fe80::1", "7400"},
    };
    static const char *const bad[] = {
        "",       ":7400",     "host:",    "host:0",      "host:65536",
        "host:x", "host:1:2",  "[::1",     "[]:1",        "[::1]x",
        "::1",    "host: 740", "host:+12", "host:999999",
    };
    struct rnl_address address;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(rnl_address_parse(good[i].text, &address), RNL_OK);
        assert_string_equal(address.host, good[i].host);
        assert_string_equal(address.port, good[i].port);
        assert_string_equal(address.path, "");
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (rnl_address_parse(bad[i], &address) == RNL_OK)
            fail_msg("'%s' was taken", bad[i]);
    }
    char long_host[5000];
    memset(long_host, 'h', sizeof(long_host) - 1);
    long_host[sizeof(long_host) - 1] = '\0';
    assert_int_equal(rnl_address_parse(long_host, &address),
                     RNL_INVALID_ARGUMENT);
}

static void addresses_of_unix_sockets_are_read(void **state)
{
    struct rnl_address address;
    char text[200];
    (void)state;
    assert_int_equal(rnl_address_parse("unix:run/a:1", &address), RNL_OK);
    assert_string_equal(address.path, "run/a:1");
    assert_string_equal(address.text, "unix:run/a:1");
    assert_string_equal(address.host, "");
    assert_int_equal(rnl_address_parse("unix:", &address),
                     RNL_INVALID_ARGUMENT);
    snprintf(text, sizeof(text), "unix:%0107d", 7);
    assert_int_equal(rnl_address_parse(text, &address), RNL_OK);
    assert_int_equal(strlen(address.path), 107);
    snprintf(text, sizeof(text), "unix:%0108d", 7);
    assert_int_equal(rnl_address_parse(text, &address), RNL_INVALID_ARGUMENT);
}

/* --- time --- */

static void times_beyond_the_range_stay_at_its_end(void **state)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    (void)state;
    assert_int_equal(rnl_typed_time_ms(NULL), 0);
    time.seconds = 12;
    time.nanos = 345678901;
    assert_int_equal(rnl_typed_time_ms(&time), 12345);
    time.seconds = INT64_MAX;
    time.nanos = INT32_MAX;
    assert_true(rnl_typed_time_ms(&time) == INT64_MAX);
    time.seconds = INT64_MIN;
    time.nanos = INT32_MIN;
    assert_true(rnl_typed_time_ms(&time) == INT64_MIN);
    time.seconds = INT64_MAX / 1000 - 4;
    assert_true(rnl_typed_time_ms(&time) < INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifo_keeps_order),
        cmocka_unit_test(a_fifo_without_memory_keeps_its_bytes),
        cmocka_unit_test(an_arena_gives_aligned_zeroed_memory),
        cmocka_unit_test(a_reset_arena_allocates_no_more),
        cmocka_unit_test(an_arena_says_that_it_is_exhausted),
        cmocka_unit_test(a_status_is_read_whole),
        cmocka_unit_test(codes_that_are_none_are_unknown),
        cmocka_unit_test(a_status_without_memory_keeps_its_code),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(addresses_of_unix_sockets_are_read),
        cmocka_unit_test(times_beyond_the_range_stay_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
