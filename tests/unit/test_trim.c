/* SPDX-License-Identifier: Apache-2.0 */
/* What of a log may go: never what is to be kept, and not much more stays. */
#include "test.h"

#include "splitmix.h"
#include "trim.h"

#define EVENTS 20000

/* Adds events of random sizes and checks the log after each. held: bytes that
 * the log had when the trim began. */
static void keep_newest(uint64_t keep, uint64_t event_max, uint64_t held)
{
    static uint64_t sizes[EVENTS + 2];
    struct rnl_trim trim;
    uint64_t seed = keep ^ event_max;
    uint64_t first = 1;
    uint64_t last = held > 0 ? 1 : 0;
    uint64_t kept = held;
    sizes[1] = held;
    rnl_trim_init(&trim, keep, last, held);
    for (int i = 0; i < EVENTS; i++) {
        uint64_t size = 16 + splitmix(&seed) % event_max;
        uint64_t up_to;
        uint64_t bytes;
        sizes[++last] = size;
        kept += size;
        rnl_trim_add(&trim, last, size);
        if (rnl_trim_take(&trim, &up_to, &bytes)) {
            assert_true(up_to >= first && up_to < last);
            uint64_t sum = 0;
            while (first <= up_to)
                sum += sizes[first++];
            assert_int_equal(bytes, sum);
            kept -= sum;
            assert_true(kept >= keep);
        }
        uint64_t most = keep + keep / RNL_TRIM_PARTS + 16 + event_max;
        assert_true(kept <= (first == 1 ? most + held : most));
        assert_true(trim.count <= RNL_TRIM_PLACES);
    }
    assert_true(first > 1);
}

static void the_newest_bytes_stay_and_little_more(void **state)
{
    (void)state;
    keep_newest(65536, 8192, 0);
    keep_newest(65536, 1, 0);
    keep_newest(65536, 200, 0);
    keep_newest(1000, 4000, 0);
    keep_newest(1, 1, 0);
}

static void what_was_there_before_goes_as_one(void **state)
{
    (void)state;
    keep_newest(65536, 8192, 60000);
    keep_newest(65536, 200, 70000);
    keep_newest(65536, 200, 5);
}

static void nothing_goes_before_it_is_due(void **state)
{
    (void)state;
    struct rnl_trim trim;
    uint64_t up_to = 7;
    uint64_t bytes = 7;
    rnl_trim_init(&trim, 1600, 0, 0);
    for (uint64_t i = 1; i <= 16; i++) {
        rnl_trim_add(&trim, i, 100);
        assert_false(rnl_trim_take(&trim, &up_to, &bytes));
    }
    assert_int_equal(up_to, 7);
    rnl_trim_add(&trim, 17, 100);
    assert_true(rnl_trim_take(&trim, &up_to, &bytes));
    assert_int_equal(up_to, 1);
    assert_int_equal(bytes, 100);
    assert_false(rnl_trim_take(&trim, &up_to, &bytes));
}

/* Should nobody ask for a while, it goes on, with places in front forgotten. */
static void what_nobody_takes_does_no_harm(void **state)
{
    (void)state;
    struct rnl_trim trim;
    uint64_t up_to;
    uint64_t bytes;
    rnl_trim_init(&trim, 1600, 0, 0);
    for (uint64_t i = 1; i <= 1000; i++)
        rnl_trim_add(&trim, i, 100);
    assert_true(rnl_trim_take(&trim, &up_to, &bytes));
    assert_int_equal(up_to, 984);
    assert_int_equal(bytes, 98400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_bytes_stay_and_little_more),
        cmocka_unit_test(what_was_there_before_goes_as_one),
        cmocka_unit_test(nothing_goes_before_it_is_due),
        cmocka_unit_test(what_nobody_takes_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
