/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>
#include <zlib.h>

#include "fault.h"
#include "gunzip.h"

static struct rnl_text text;
static unsigned char packed[1 << 16];

static int tear_down(void **state)
{
    (void)state;
    rnl_text_fini(&text);
    return 0;
}

/* gzip of count times a byte. */
static size_t pack(char byte, size_t count)
{
    static char plain[1 << 20];
    z_stream stream = {.next_out = packed, .avail_out = sizeof(packed)};
    assert_true(count <= sizeof(plain));
    memset(plain, byte, count);
    stream.next_in = (Bytef *)plain;
    stream.avail_in = (uInt)count;
    assert_int_equal(
        deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return sizeof(packed) - stream.avail_out;
}

static enum rnl_code unpack(size_t len, size_t len_max)
{
    rnl_text_fini(&text);
    rnl_text_init(&text, len_max);
    return rnl_gunzip(packed, len, &text);
}

static void what_was_packed_is_had_again(void **state)
{
    static const size_t counts[] = {0, 1, 16384, 16385, 1 << 20};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t len = pack('x', counts[i]);
        assert_int_equal(unpack(len, 1 << 20), RNL_OK);
        assert_int_equal(text.len, counts[i]);
        for (size_t at = 0; at < text.len; at++)
            assert_int_equal(text.data[at], 'x');
    }
}

static void what_grows_beyond_the_bound_is_refused(void **state)
{
    (void)state;
    size_t len = pack('\0', 1 << 20);
    assert_true(len < 2000);
    assert_int_equal(unpack(len, (1 << 20) - 1), RNL_RESOURCE_EXHAUSTED);
    assert_true(text.cap < 1 << 21);
}

static void what_is_cut_changed_or_goes_on_is_refused(void **state)
{
    (void)state;
    size_t len = pack('x', 1000);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(unpack(cut, 1 << 20), RNL_INVALID_ARGUMENT);
    packed[len] = 0;
    assert_int_equal(unpack(len + 1, 1 << 20), RNL_INVALID_ARGUMENT);
    packed[len - 1] ^= 1;
    assert_int_equal(unpack(len, 1 << 20), RNL_INVALID_ARGUMENT);
    memset(packed, 'x', 100);
    assert_int_equal(unpack(100, 1 << 20), RNL_INVALID_ARGUMENT);
}

static void want_of_memory_is_an_error(void **state)
{
    (void)state;
    size_t len = pack('x', 100000);
    fault_count();
    assert_int_equal(unpack(len, 1 << 20), RNL_OK);
    size_t count = fault_stop();
    assert_true(count > 2);
    for (size_t k = 1; k <= count; k++) {
        fault_at(k, false);
        enum rnl_code code = unpack(len, 1 << 20);
        fault_stop();
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_was_packed_is_had_again),
        CASE(what_grows_beyond_the_bound_is_refused),
        CASE(what_is_cut_changed_or_goes_on_is_refused),
        CASE(want_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
