/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes (stats/lanes.h) on one thread, in the worst order that a seed can think
 * of: a task is run right away, or after others, or only when somebody settles;
 * it is reported done right away or long after. What threads could do to the
 * order of things happens here a million times, and again from the same seed.
 */
#ifndef RNL_TESTS_FAKE_LANES_H
#define RNL_TESTS_FAKE_LANES_H

#include <stdint.h>

#include "lanes.h"

struct fake_lane;

struct fake_lanes {
    struct rnl_lanes lanes;
    uint64_t random;
    TAILQ_HEAD(, fake_lane) all;
    /* Run, and not reported. */
    struct rnl_task_list finished;
    /* Most tasks that were posted and not run at a time. */
    size_t waiting;
    size_t waiting_most;
    /* Nothing is run but by settle. */
    bool is_lazy;
};

/* seed: any but 0. */
void fake_lanes_init(struct fake_lanes *fake, uint64_t seed);

/* All lanes are gone: asserts that no task was forgotten. */
void fake_lanes_fini(struct fake_lanes *fake);

/* Lets some time pass: some tasks are run, and some reported. */
void fake_lanes_stir(struct fake_lanes *fake);

#endif
