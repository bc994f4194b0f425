/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include "piece.h"
#include "ring.h"
#include "topic.h"

static struct rnl_ring ring;

static int set_up(void **state)
{
    (void)state;
    return rnl_ring_init(&ring, 0) == RNL_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rnl_ring_fini(&ring);
    return 0;
}

/* A piece that stands for first to last. */
static void push(uint64_t first, uint64_t last)
{
    struct rnl_piece *piece = rnl_piece_create("x", 1);
    assert_non_null(piece);
    piece->first_sequence = first;
    piece->last_sequence = last;
    assert_false(rnl_ring_is_full(&ring, piece->len));
    rnl_ring_push(&ring, piece);
}

static void assert_found(uint64_t cursor, uint64_t want)
{
    uint64_t number = UINT64_MAX;
    if (!rnl_ring_find(&ring, cursor, &number) || number != want)
        fail_msg("after %lu: %lu", (unsigned long)cursor,
                 (unsigned long)number);
}

static void assert_not_found(uint64_t cursor)
{
    uint64_t number;
    if (rnl_ring_find(&ring, cursor, &number))
        fail_msg("after %lu: %lu", (unsigned long)cursor,
                 (unsigned long)number);
}

static void a_reader_goes_on_at_the_piece_after_its_cursor(void **state)
{
    (void)state;
    assert_found(0, 0);
    push(1, 1);
    push(2, 4);
    push(5, 5);
    assert_found(0, 0);
    assert_found(1, 1);
    assert_found(4, 2);
    assert_found(5, 3);
    /* In the middle of a joined piece: elsewhere. */
    assert_not_found(2);
    assert_not_found(3);
}

static void a_reader_ahead_waits_at_the_head(void **state)
{
    (void)state;
    push(1, 1);
    assert_found(9, 1);
}

static void what_was_dropped_is_not_found(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5; i++)
        push(i, i);
    rnl_ring_drop(&ring);
    rnl_ring_drop(&ring);
    assert_not_found(0);
    assert_not_found(1);
    assert_found(2, 2);
    while (ring.tail < ring.head)
        rnl_ring_drop(&ring);
    assert_not_found(4);
    assert_found(5, 5);
    assert_int_equal(ring.bytes, 0);
}

static void a_ring_begins_after_a_sequence(void **state)
{
    (void)state;
    rnl_ring_fini(&ring);
    assert_int_equal(rnl_ring_init(&ring, 7), RNL_OK);
    assert_found(7, 0);
    assert_not_found(6);
    push(8, 8);
    assert_not_found(6);
    assert_found(7, 0);
}

static void pieces_without_a_sequence_change_no_place(void **state)
{
    (void)state;
    push(1, 1);
    push(0, 0);
    assert_found(1, 2);
    assert_int_equal(ring.last_sequence, 1);
}

static void it_is_full_by_count_and_by_bytes(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= RNL_TOPIC_PIECES_MAX; i++)
        push(i, i);
    assert_true(rnl_ring_is_full(&ring, 1));
    rnl_ring_drop(&ring);
    assert_false(rnl_ring_is_full(&ring, 1));
    assert_true(rnl_ring_is_full(&ring, RNL_TOPIC_BYTES_MAX));
    /* Numbers wrap around the places. */
    push(RNL_TOPIC_PIECES_MAX + 1, RNL_TOPIC_PIECES_MAX + 1);
    assert_found(RNL_TOPIC_PIECES_MAX, RNL_TOPIC_PIECES_MAX);
}

static void an_empty_one_takes_a_piece_of_any_size(void **state)
{
    (void)state;
    assert_false(rnl_ring_is_full(&ring, 2 * RNL_TOPIC_BYTES_MAX));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_reader_goes_on_at_the_piece_after_its_cursor),
        CASE(a_reader_ahead_waits_at_the_head),
        CASE(what_was_dropped_is_not_found),
        CASE(a_ring_begins_after_a_sequence),
        CASE(pieces_without_a_sequence_change_no_place),
        CASE(it_is_full_by_count_and_by_bytes),
        CASE(an_empty_one_takes_a_piece_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
