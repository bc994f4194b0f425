/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "piece.h"

static void chunk_is_length_data_and_line_breaks(void **state)
{
    static const size_t lens[] = {1, 9, 15, 16, 255, 256, 4096, 1048576};
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        size_t len = lens[i], chunk_len;
        char *data = malloc(len), head[16];
        memset(data, 'x', len);
        struct rnl_piece *piece = rnl_piece_create(data, len);
        assert_non_null(piece);
        const char *chunk = rnl_piece_chunk(piece, &chunk_len);
        int head_len = snprintf(head, sizeof(head), "%zx\r\n", len);
        assert_int_equal(chunk_len, (size_t)head_len + len + 2);
        assert_memory_equal(chunk, head, (size_t)head_len);
        assert_memory_equal(chunk + head_len, data, len);
        assert_memory_equal(chunk + chunk_len - 2, "\r\n", 2);
        rnl_piece_unref(piece);
        free(data);
    }
}

static void empty_piece_is_no_chunk_which_would_end_the_answer(void **state)
{
    size_t len = 1;
    (void)state;
    struct rnl_piece *piece = rnl_piece_create("", 0);
    assert_non_null(piece);
    (void)rnl_piece_chunk(piece, &len);
    assert_int_equal(len, 0);
    rnl_piece_unref(piece);
}

static void want_of_memory_is_no_piece(void **state)
{
    (void)state;
    fault_at(1, false);
    assert_null(rnl_piece_create("x", 1));
    fault_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunk_is_length_data_and_line_breaks),
        cmocka_unit_test(empty_piece_is_no_chunk_which_would_end_the_answer),
        cmocka_unit_test(want_of_memory_is_no_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
