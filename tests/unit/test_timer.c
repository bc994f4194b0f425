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

/* Nor does it fire again, or keep the others from theirs, because there are
 * others. */
static void a_timer_of_no_delay_takes_nobody_elses_turn(void **state)
{
    (void)state;
    struct rnl_timers timers;
    rnl_timers_init(&timers);
    int64_t last_due = 0;
    struct probe again = {.timers = &timers};
    struct probe others[5];
    again.timer.fire = start_again;
    again.timer.arg = &again;
    assert_int_equal(rnl_timer_start(&timers, &again.timer, 0), RNL_OK);
    for (int i = 0; i < 5; i++) {
        others[i] = (struct probe){.last_due = &last_due};
        others[i].timer.fire = record;
        others[i].timer.arg = &others[i];
        assert_int_equal(
            rnl_timer_start(&timers, &others[i].timer, i < 3 ? i : 100),
            RNL_OK);
    }
    rnl_timers_run(&timers, 10);
    assert_int_equal(again.fired, 1);
    for (int i = 0; i < 5; i++)
        assert_int_equal(others[i].fired, i < 3);
    assert_int_equal(rnl_timers_next(&timers), 0);
    rnl_timers_run(&timers, 10);
    assert_int_equal(again.fired, 2);
    rnl_timers_fini(&timers);
}

#define MORE 200

struct crowd {
    struct rnl_timers timers;
    /* Start themselves again. */
    struct probe again[3];
    /* Stops the first of them, moves the second, and starts many others. */
    struct rnl_timer meddler;
    struct probe more[MORE];
    int64_t last_due;
};

static void meddle(struct rnl_timer *timer, void *arg)
{
    struct crowd *crowd = arg;
    (void)timer;
    rnl_timer_stop(&crowd->timers, &crowd->again[0].timer);
    assert_int_equal(
        rnl_timer_start(&crowd->timers, &crowd->again[1].timer, 50), RNL_OK);
    for (int i = 0; i < MORE; i++)
        assert_int_equal(rnl_timer_start(&crowd->timers, &crowd->more[i].timer,
                                         100 + (i * 37) % MORE),
                         RNL_OK);
}

/* Those that wait for the next run are timers like any other. */
static void who_waits_for_the_next_run_can_be_stopped_and_moved(void **state)
{
    (void)state;
    static struct crowd crowd;
    rnl_timers_init(&crowd.timers);
    for (int i = 0; i < 3; i++) {
        crowd.again[i] = (struct probe){.timers = &crowd.timers};
        crowd.again[i].timer.fire = start_again;
        crowd.again[i].timer.arg = &crowd.again[i];
        assert_int_equal(
            rnl_timer_start(&crowd.timers, &crowd.again[i].timer, 0), RNL_OK);
    }
    for (int i = 0; i < MORE; i++) {
        crowd.more[i] = (struct probe){.last_due = &crowd.last_due};
        crowd.more[i].timer.fire = record;
        crowd.more[i].timer.arg = &crowd.more[i];
    }
    crowd.meddler.fire = meddle;
    crowd.meddler.arg = &crowd;
    assert_int_equal(rnl_timer_start(&crowd.timers, &crowd.meddler, 1), RNL_OK);
    rnl_timers_run(&crowd.timers, 10);
    assert_int_equal(rnl_timers_next(&crowd.timers), 0);
    rnl_timers_run(&crowd.timers, 10);
    assert_int_equal(crowd.again[0].fired, 1);
    assert_int_equal(crowd.again[1].fired, 1);
    assert_int_equal(crowd.again[2].fired, 2);
    rnl_timer_stop(&crowd.timers, &crowd.again[2].timer);
    assert_int_equal(rnl_timers_next(&crowd.timers), 50);
    rnl_timer_stop(&crowd.timers, &crowd.again[1].timer);
    rnl_timers_run(&crowd.timers, 100 + MORE);
    for (int i = 0; i < MORE; i++)
        assert_int_equal(crowd.more[i].fired, 1);
    assert_int_equal(rnl_timers_next(&crowd.timers), INT64_MAX);
    rnl_timers_fini(&crowd.timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order_and_stopped_ones_never),
        cmocka_unit_test(a_timer_of_no_delay_fires_once_a_run),
        cmocka_unit_test(a_timer_of_no_delay_takes_nobody_elses_turn),
        cmocka_unit_test(who_waits_for_the_next_run_can_be_stopped_and_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
