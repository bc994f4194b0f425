/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that count, by themselves: with an integration test's label, so
 * that ThreadSanitizer watches them. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon.h"
#include "shards.h"

#define LANES 10
#define TASKS 400

/* Plain memory: the lanes alone keep threads apart. */
struct counter {
    struct rnl_lane *lane;
    uint64_t run;
    uint64_t done;
    bool refuses;
};

struct step {
    struct rnl_task task;
    struct counter *counter;
    uint64_t number;
};

static int woken = -1;

static void wake(void *arg)
{
    uint64_t one = 1;
    (void)arg;
    if (write(woken, &one, sizeof(one)) != sizeof(one))
        abort();
}

static void await_wake(void)
{
    struct pollfd ready = {.fd = woken, .events = POLLIN};
    uint64_t count;
    assert_int_equal(poll(&ready, 1, DAEMON_DEADLINE_MS), 1);
    assert_int_equal(read(woken, &count, sizeof(count)), sizeof(count));
}

static bool run(struct rnl_task *task)
{
    struct step *step = (struct step *)task;
    if (step->counter->refuses)
        return false;
    /* In order, and never two at a time. */
    if (step->counter->run != step->number)
        abort();
    step->counter->run++;
    return true;
}

static void done(struct rnl_task *task)
{
    struct step *step = (struct step *)task;
    step->counter->done++;
    free(step);
}

static void post(struct rnl_lanes *lanes, struct counter *counter,
                 uint64_t number)
{
    struct step *step = calloc(1, sizeof(*step));
    assert_non_null(step);
    step->task.run = run;
    step->task.done = done;
    step->counter = counter;
    step->number = number;
    lanes->ops->post(counter->lane, &step->task);
}

static void open_lanes(struct rnl_lanes *lanes, struct counter *counters)
{
    memset(counters, 0, LANES * sizeof(*counters));
    for (size_t i = 0; i < LANES; i++) {
        counters[i].lane = lanes->ops->create(lanes);
        assert_non_null(counters[i].lane);
    }
}

static void close_lanes(struct rnl_lanes *lanes, struct counter *counters)
{
    for (size_t i = 0; i < LANES; i++) {
        assert_true(lanes->ops->settle(counters[i].lane));
        lanes->ops->destroy(counters[i].lane);
    }
}

static void run_threads(unsigned threads)
{
    struct rnl_shards *shards = rnl_shards_create(threads, wake, NULL);
    struct counter counters[LANES];
    assert_non_null(shards);
    struct rnl_lanes *lanes = rnl_shards_lanes(shards);
    open_lanes(lanes, counters);
    for (uint64_t t = 0; t < TASKS; t++) {
        for (size_t i = 0; i < LANES; i++)
            post(lanes, &counters[i], t);
        struct counter *asked = &counters[t % LANES];
        if (t % 3 != 0)
            continue;
        assert_true(lanes->ops->settle(asked->lane));
        assert_int_equal(asked->run, t + 1);
        assert_int_equal(asked->done, t + 1);
    }
    for (size_t i = 0; i < LANES; i++) {
        assert_true(lanes->ops->settle(counters[i].lane));
        assert_int_equal(counters[i].done, TASKS);
    }
    close_lanes(lanes, counters);
    rnl_shards_destroy(shards);
}

static void tasks_of_a_lane_run_in_order(void **state)
{
    (void)state;
    run_threads(1);
    run_threads(2);
    run_threads(4);
}

/* A producer that is faster than its lane goes on step by step. */
static void a_step_does_one_task_or_waits_for_it(void **state)
{
    (void)state;
    struct rnl_shards *shards = rnl_shards_create(1, wake, NULL);
    struct counter counters[LANES];
    assert_non_null(shards);
    struct rnl_lanes *lanes = rnl_shards_lanes(shards);
    open_lanes(lanes, counters);
    for (uint64_t t = 0; t < TASKS; t++) {
        for (size_t i = 0; i < 3; i++)
            post(lanes, &counters[i], t);
        uint64_t before = counters[t % 3].done;
        assert_true(lanes->ops->step(counters[t % 3].lane));
        assert_true(counters[t % 3].done > before ||
                    counters[t % 3].done == t + 1);
    }
    /* One that cannot be done says so, and can be later. */
    assert_true(lanes->ops->settle(counters[0].lane));
    counters[0].refuses = true;
    post(lanes, &counters[0], TASKS);
    while (lanes->ops->step(counters[0].lane))
        continue;
    counters[0].refuses = false;
    assert_true(lanes->ops->step(counters[0].lane));
    assert_int_equal(counters[0].done, TASKS + 1);
    close_lanes(lanes, counters);
    rnl_shards_destroy(shards);
}

static void what_is_done_wakes_the_owner(void **state)
{
    (void)state;
    struct rnl_shards *shards = rnl_shards_create(2, wake, NULL);
    struct counter counters[LANES];
    assert_non_null(shards);
    struct rnl_lanes *lanes = rnl_shards_lanes(shards);
    open_lanes(lanes, counters);
    for (uint64_t t = 0; t < TASKS; t++) {
        post(lanes, &counters[0], t);
        while (counters[0].done <= t) {
            await_wake();
            rnl_shards_poll(shards);
        }
    }
    close_lanes(lanes, counters);
    rnl_shards_destroy(shards);
}

static void a_task_that_cannot_be_done_keeps_its_place(void **state)
{
    (void)state;
    struct rnl_shards *shards = rnl_shards_create(2, wake, NULL);
    struct counter counters[LANES];
    assert_non_null(shards);
    struct rnl_lanes *lanes = rnl_shards_lanes(shards);
    open_lanes(lanes, counters);
    counters[0].refuses = true;
    for (uint64_t t = 0; t < 5; t++)
        post(lanes, &counters[0], t);
    assert_false(lanes->ops->settle(counters[0].lane));
    assert_int_equal(counters[0].run, 0);
    counters[0].refuses = false;
    assert_true(lanes->ops->settle(counters[0].lane));
    assert_int_equal(counters[0].done, 5);
    /* One that is never done goes with its lane. */
    counters[0].refuses = true;
    post(lanes, &counters[0], 5);
    assert_false(lanes->ops->settle(counters[0].lane));
    lanes->ops->destroy(counters[0].lane);
    assert_int_equal(counters[0].done, 6);
    assert_int_equal(counters[0].run, 5);
    counters[0].lane = lanes->ops->create(lanes);
    close_lanes(lanes, counters);
    rnl_shards_destroy(shards);
}

static bool note_signals(struct rnl_task *task)
{
    struct step *step = (struct step *)task;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    step->counter->run = sigismember(&blocked, SIGTERM) == 1 &&
                         sigismember(&blocked, SIGHUP) == 1;
    return true;
}

/* They are the loop's, as with the journal's threads. */
static void signals_are_not_for_these_threads(void **state)
{
    (void)state;
    struct rnl_shards *shards = rnl_shards_create(1, wake, NULL);
    struct counter counters[LANES];
    assert_non_null(shards);
    struct rnl_lanes *lanes = rnl_shards_lanes(shards);
    open_lanes(lanes, counters);
    struct step *step = calloc(1, sizeof(*step));
    assert_non_null(step);
    *step = (struct step){.task = {.run = note_signals, .done = done},
                          .counter = &counters[0]};
    lanes->ops->post(counters[0].lane, &step->task);
    await_wake();
    rnl_shards_poll(shards);
    assert_int_equal(counters[0].done, 1);
    assert_int_equal(counters[0].run, 1);
    close_lanes(lanes, counters);
    rnl_shards_destroy(shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_of_a_lane_run_in_order),
        cmocka_unit_test(a_step_does_one_task_or_waits_for_it),
        cmocka_unit_test(what_is_done_wakes_the_owner),
        cmocka_unit_test(a_task_that_cannot_be_done_keeps_its_place),
        cmocka_unit_test(signals_are_not_for_these_threads),
    };
    woken = eventfd(0, EFD_CLOEXEC);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    close(woken);
    return status;
}
