/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>

#include "timer.h"

#define TIMER_COUNT 1000

struct probe {
    struct rnl_timer timer;
    struct rnl_timers *timers;
    int64_t *last_due;
    int fired;
};

static void record(struct rnl_timer *timer, void *arg)
{
    struct probe *probe = arg;
    assert_ptr_equal(timer, &probe->timer);
    assert_true(timer->due_ns >= *probe->last_due);
    *probe->last_due = timer->due_ns;
    probe->fired++;
}

static void timers_fire_in_order_and_stopped_ones_never(void **state)
{
    (void)state;
    static struct probe probes[TIMER_COUNT];
    struct rnl_timers timers;
    rnl_timers_init(&timers);
    int64_t last_due = 0;
    unsigned seed = 1;
    for (int i = 0; i < TIMER_COUNT; i++) {
        probes[i] = (struct probe){.last_due = &last_due};
        probes[i].timer.fire = record;
        probes[i].timer.arg = &probes[i];
        assert_int_equal(
            rnl_timer_start(&timers, &probes[i].timer, rand_r(&seed) % 500 + 1),
            RNL_OK);
    }
    for (int i = 0; i < TIMER_COUNT; i += 3)
        rnl_timer_stop(&timers, &probes[i].timer);
    for (int i = 1; i < TIMER_COUNT; i += 3)
        assert_int_equal(
            rnl_timer_start(&timers, &probes[i].timer, rand_r(&seed) % 500 + 1),
            RNL_OK);
    rnl_timers_run(&timers, 250);
    assert_true(rnl_timers_next(&timers) > 250);
    rnl_timers_run(&timers, 500);
    assert_int_equal(rnl_timers_next(&timers), INT64_MAX);
    for (int i = 0; i < TIMER_COUNT; i++)
        assert_int_equal(probes[i].fired, i % 3 == 0 ? 0 : 1);
    rnl_timers_fini(&timers);
}

static void start_again(struct rnl_timer *timer, void *arg)
{
    struct probe *probe = arg;
    probe->fired++;
    assert_int_equal(rnl_timer_start(probe->timers, timer, 0), RNL_OK);
}

/* A timer that restarts itself without delay must not hold the loop. */
static void a_timer_of_no_delay_fires_once_a_run(void **state)
{
    (void)state;
    struct rnl_timers timers;
    rnl_timers_init(&timers);
    struct probe probe = {.timers = &timers};
    probe.timer.fire = start_again;
    probe.timer.arg = &probe;
    assert_int_equal(rnl_timer_start(&timers, &probe.timer, 0), RNL_OK);
    rnl_timers_run(&timers, 10);
    assert_int_equal(probe.fired, 1);
    rnl_timers_run(&timers, 10);
    assert_int_equal(probe.fired, 2);
    rnl_timers_fini(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_stopped_ones_never),
        cmocka_unit_test(a_timer_of_no_delay_fires_once_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
