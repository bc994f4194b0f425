/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "producers.h"
#include "producers_bytes.h"
#include "sketch/bytes.h"

static struct rnl_producer *touch(struct rnl_producers *producers,
                                  unsigned number)
{
    char id[32];
    int len = snprintf(id, sizeof(id), "producer %u", number);
    struct rnl_producer *producer;
    assert_int_equal(rnl_producers_touch(producers, (const uint8_t *)id,
                                         (size_t)len, &producer),
                     RNL_OK);
    return producer;
}

static void a_producer_is_remembered(void **state)
{
    (void)state;
    struct rnl_producers producers;
    rnl_producers_init(&producers);
    touch(&producers, 1)->sequence = 11;
    touch(&producers, 2)->sequence = 22;
    assert_int_equal(touch(&producers, 1)->sequence, 11);
    assert_int_equal(touch(&producers, 2)->sequence, 22);
    assert_int_equal(touch(&producers, 3)->sequence, 0);
    assert_int_equal(producers.count, 3);
    rnl_producers_fini(&producers);
}

static void the_longest_silent_one_is_forgotten_first(void **state)
{
    (void)state;
    struct rnl_producers producers;
    rnl_producers_init(&producers);
    for (unsigned i = 0; i < RNL_PRODUCERS_MAX; i++)
        touch(&producers, i)->sequence = i + 1;
    size_t memory = rnl_producers_memory(&producers);
    /* Heard again: 1 is the oldest now. */
    assert_int_equal(touch(&producers, 0)->sequence, 1);
    touch(&producers, 5000)->sequence = 9;
    assert_int_equal(producers.count, RNL_PRODUCERS_MAX);
    /* And the one that went, in case that the new one is taken back. */
    assert_int_equal(rnl_producers_memory(&producers),
                     memory + sizeof(struct rnl_producer));
    assert_in_range(memory, 1, 160 * 1024);
    assert_int_equal(touch(&producers, 0)->sequence, 1);
    assert_int_equal(touch(&producers, 5000)->sequence, 9);
    assert_int_equal(touch(&producers, 2)->sequence, 3);
    assert_int_equal(touch(&producers, 1)->sequence, 0);
    rnl_producers_fini(&producers);
}

static void a_producer_that_counted_nothing_is_taken_back(void **state)
{
    (void)state;
    struct rnl_producers producers;
    rnl_producers_init(&producers);
    touch(&producers, 1)->sequence = 11;
    rnl_producers_forget(&producers, touch(&producers, 2));
    assert_int_equal(producers.count, 1);
    assert_int_equal(touch(&producers, 1)->sequence, 11);
    rnl_producers_fini(&producers);
}

/* Who counted nothing pushes nobody out, be there room or not. */
static void a_producer_that_is_taken_back_gives_its_place_back(void **state)
{
    (void)state;
    struct rnl_producers producers;
    rnl_producers_init(&producers);
    for (unsigned i = 0; i < RNL_PRODUCERS_MAX; i++)
        touch(&producers, i)->sequence = i + 1;
    for (unsigned i = 0; i < 3; i++)
        rnl_producers_forget(&producers, touch(&producers, 5000 + i));
    assert_int_equal(producers.count, RNL_PRODUCERS_MAX);
    /* 0 is still the oldest. */
    touch(&producers, 6000)->sequence = 7;
    for (unsigned i = 1; i < RNL_PRODUCERS_MAX; i++)
        assert_int_equal(touch(&producers, i)->sequence, i + 1);
    rnl_producers_forget(&producers, touch(&producers, 0));
    assert_int_equal(touch(&producers, 6000)->sequence, 7);
    rnl_producers_fini(&producers);
}

/* Ids are bytes: a NUL in one is no end. */
static void ids_differ_in_every_byte_and_in_length(void **state)
{
    (void)state;
    struct rnl_producers producers;
    struct rnl_producer *producer;
    uint8_t id[RNL_PRODUCER_ID_LEN_MAX] = {0};
    rnl_producers_init(&producers);
    for (size_t len = 1; len <= sizeof(id); len++) {
        assert_int_equal(rnl_producers_touch(&producers, id, len, &producer),
                         RNL_OK);
        assert_int_equal(producer->sequence, 0);
        producer->sequence = len;
    }
    for (size_t len = 1; len <= sizeof(id); len++) {
        assert_int_equal(rnl_producers_touch(&producers, id, len, &producer),
                         RNL_OK);
        assert_int_equal(producer->sequence, len);
    }
    rnl_producers_fini(&producers);
}

static void want_of_memory_loses_nobody(void **state)
{
    (void)state;
    struct rnl_producers producers;
    rnl_producers_init(&producers);
    struct rnl_producer *producer;
    const uint8_t id[1] = {'x'};
    for (size_t k = 1; k <= 2; k++) {
        fault_at(k, false);
        assert_int_equal(rnl_producers_touch(&producers, id, 1, &producer),
                         RNL_RESOURCE_EXHAUSTED);
        fault_stop();
        assert_int_equal(producers.count, 0);
        rnl_producers_fini(&producers);
        rnl_producers_init(&producers);
    }
    rnl_producers_fini(&producers);
}

static void bytes_bring_back_numbers_and_contents(void **state)
{
    (void)state;
    struct rnl_producers from, to;
    uint8_t bytes[256];
    rnl_producers_init(&from);
    rnl_producers_init(&to);
    for (unsigned i = 1; i <= 3; i++) {
        touch(&from, i)->sequence = i * 1000;
        touch(&from, i)->content = UINT64_MAX - i;
    }
    size_t len = rnl_producers_bytes_len(&from);
    assert_true(len <= sizeof(bytes));
    rnl_producers_bytes_write(&from, bytes);
    assert_int_equal(rnl_producers_bytes_read(&to, bytes, len), RNL_OK);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(touch(&to, i)->sequence, i * 1000);
        assert_true(touch(&to, i)->content == UINT64_MAX - i);
    }
    bytes[len / 2] ^= 1;
    rnl_producers_fini(&to);
    rnl_producers_init(&to);
    assert_int_equal(rnl_producers_bytes_read(&to, bytes, len),
                     RNL_INVALID_ARGUMENT);
    rnl_producers_fini(&to);
    rnl_producers_fini(&from);
}

/* Of the version before, which had numbers alone. */
static void older_bytes_have_unknown_contents(void **state)
{
    (void)state;
    struct rnl_producers producers;
    struct rnl_producer *producer;
    uint8_t bytes[64];
    uint8_t *at = rnl_sketch_head(bytes, "RPRD", 1);
    at = rnl_put_varint(at, 1);
    at = rnl_put_varint(at, 1);
    *at++ = 'x';
    at = rnl_put_varint(at, 300);
    rnl_sketch_seal(bytes, at);
    size_t len = (size_t)(at - bytes) + RNL_SKETCH_CHECK_LEN;
    rnl_producers_init(&producers);
    assert_int_equal(rnl_producers_bytes_read(&producers, bytes, len), RNL_OK);
    assert_int_equal(
        rnl_producers_touch(&producers, (const uint8_t *)"x", 1, &producer),
        RNL_OK);
    assert_int_equal(producer->sequence, 300);
    assert_int_equal(producer->content, 0);
    assert_int_equal(producers.count, 1);
    rnl_producers_fini(&producers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_is_remembered),
        cmocka_unit_test(the_longest_silent_one_is_forgotten_first),
        cmocka_unit_test(a_producer_that_counted_nothing_is_taken_back),
        cmocka_unit_test(a_producer_that_is_taken_back_gives_its_place_back),
        cmocka_unit_test(ids_differ_in_every_byte_and_in_length),
        cmocka_unit_test(want_of_memory_loses_nobody),
        cmocka_unit_test(bytes_bring_back_numbers_and_contents),
        cmocka_unit_test(older_bytes_have_unknown_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
