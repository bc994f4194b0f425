/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_lanes.h"

#include "test.h"

#include <stdlib.h>

struct fake_lane {
    struct fake_lanes *fake;
    struct rnl_task_list tasks;
    TAILQ_ENTRY(fake_lane) link;
    bool is_stuck;
};

static uint64_t next(struct fake_lanes *fake, uint64_t below)
{
    fake->random ^= fake->random << 13;
    fake->random ^= fake->random >> 7;
    fake->random ^= fake->random << 17;
    return fake->random * UINT64_C(2685821657736338717) % below;
}

/* A lane is what struct rnl_lane is to others. */
static struct fake_lane *fake_of(struct rnl_lane *lane)
{
    return (struct fake_lane *)(void *)lane;
}

static void run_first(struct fake_lane *lane)
{
    struct fake_lanes *fake = lane->fake;
    struct rnl_task *task = STAILQ_FIRST(&lane->tasks);
    if (task == NULL || lane->is_stuck)
        return;
    if (!task->run(task)) {
        lane->is_stuck = true;
        return;
    }
    STAILQ_REMOVE_HEAD(&lane->tasks, link);
    STAILQ_INSERT_TAIL(&fake->finished, task, link);
    fake->waiting--;
}

static struct fake_lane *any_lane(struct fake_lanes *fake)
{
    struct fake_lane *lane = TAILQ_FIRST(&fake->all);
    for (uint64_t i = next(fake, 7); i > 0 && lane != NULL; i--)
        lane = TAILQ_NEXT(lane, link) != NULL ? TAILQ_NEXT(lane, link) : lane;
    return lane;
}

static void run_some(struct fake_lanes *fake)
{
    for (uint64_t i = next(fake, 4); i > 0 && !fake->is_lazy; i--) {
        struct fake_lane *lane = any_lane(fake);
        if (lane != NULL)
            run_first(lane);
    }
}

static void report(struct fake_lanes *fake, size_t most)
{
    struct rnl_task *task;
    while (most-- > 0 && (task = STAILQ_FIRST(&fake->finished)) != NULL) {
        STAILQ_REMOVE_HEAD(&fake->finished, link);
        task->done(task);
    }
}

static struct rnl_lane *lane_create(struct rnl_lanes *lanes)
{
    struct fake_lanes *fake = (struct fake_lanes *)(void *)lanes;
    struct fake_lane *lane = calloc(1, sizeof(*lane));
    assert_non_null(lane);
    lane->fake = fake;
    STAILQ_INIT(&lane->tasks);
    TAILQ_INSERT_TAIL(&fake->all, lane, link);
    return (struct rnl_lane *)(void *)lane;
}

static void lane_destroy(struct rnl_lane *opaque)
{
    struct fake_lane *lane = fake_of(opaque);
    struct rnl_task *task;
    while ((task = STAILQ_FIRST(&lane->tasks)) != NULL) {
        STAILQ_REMOVE_HEAD(&lane->tasks, link);
        lane->fake->waiting--;
        task->done(task);
    }
    TAILQ_REMOVE(&lane->fake->all, lane, link);
    free(lane);
}

static void lane_post(struct rnl_lane *opaque, struct rnl_task *task)
{
    struct fake_lane *lane = fake_of(opaque);
    struct fake_lanes *fake = lane->fake;
    STAILQ_INSERT_TAIL(&lane->tasks, task, link);
    fake->waiting++;
    if (fake->waiting > fake->waiting_most)
        fake->waiting_most = fake->waiting;
    run_some(fake);
}

static bool lane_step(struct rnl_lane *opaque)
{
    struct fake_lane *lane = fake_of(opaque);
    run_some(lane->fake);
    lane->is_stuck = false;
    run_first(lane);
    report(lane->fake, SIZE_MAX);
    return !lane->is_stuck;
}

static bool lane_settle(struct rnl_lane *opaque)
{
    struct fake_lane *lane = fake_of(opaque);
    lane->is_stuck = false;
    while (!STAILQ_EMPTY(&lane->tasks) && !lane->is_stuck) {
        run_first(lane);
        run_some(lane->fake);
    }
    report(lane->fake, SIZE_MAX);
    return !lane->is_stuck;
}

static const struct rnl_lanes_ops ops = {
    .create = lane_create,
    .destroy = lane_destroy,
    .post = lane_post,
    .step = lane_step,
    .settle = lane_settle,
};

void fake_lanes_init(struct fake_lanes *fake, uint64_t seed)
{
    *fake = (struct fake_lanes){.lanes = {.ops = &ops}, .random = seed};
    TAILQ_INIT(&fake->all);
    STAILQ_INIT(&fake->finished);
}

void fake_lanes_fini(struct fake_lanes *fake)
{
    assert_true(TAILQ_EMPTY(&fake->all));
    assert_true(STAILQ_EMPTY(&fake->finished));
    assert_int_equal(fake->waiting, 0);
    assert_int_equal(fake->lanes.posted_bytes, 0);
}

void fake_lanes_stir(struct fake_lanes *fake)
{
    run_some(fake);
    report(fake, next(fake, 3));
}
