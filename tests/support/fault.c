/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include "alloc.h"
#include "test.h"

static size_t seen;
static size_t fail_at;
static bool fail_on;

static bool decide(size_t size)
{
    (void)size;
    seen++;
    if (fail_at == 0)
        return true;
    return !(seen == fail_at || (fail_on && seen > fail_at));
}

void fault_count(void)
{
    fault_at(0, false);
}

void fault_at(size_t k, bool repeat)
{
    seen = 0;
    fail_at = k;
    fail_on = repeat;
    rnl_alloc_hook = decide;
}

size_t fault_stop(void)
{
    rnl_alloc_hook = NULL;
    return seen;
}

void fault_everywhere(void (*scenario)(void), size_t min, size_t max)
{
    fault_count();
    scenario();
    size_t count = fault_stop();
    assert_in_range(count, min, max);
    for (size_t k = 1; k <= count; k++) {
        fault_at(k, false);
        scenario();
        fault_stop();
        fault_at(k, true);
        scenario();
        fault_stop();
    }
}
