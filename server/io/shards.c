/* SPDX-License-Identifier: Apache-2.0 */
#include "shards.h"

#include <stdint.h>

#include <uv.h>

#include "alloc.h"
#include "thread.h"

/* What follows belongs to the mutex of the lane's shard. */
struct rnl_lane {
    struct shard *shard;
    struct rnl_task_list tasks;
    TAILQ_ENTRY(rnl_lane) link;
    /* In the shard's list of lanes that have something to do. */
    bool is_ready;
    /* Its first task is being run, by the shard or by settle. */
    bool is_running;
    /* The owner's thread has taken it over. */
    bool is_held;
    /* Its first task cannot be done. */
    bool is_stuck;
    /* The owner's thread waits for it. */
    bool is_awaited;
    /* Tasks that were run. */
    uint64_t runs;
};

struct shard {
    struct rnl_shards *shards;
    pthread_t thread;
    uv_mutex_t mutex;
    /* There is a lane to run; one that is awaited has stopped, or has done a
     * task. */
    uv_cond_t work;
    uv_cond_t stopped;
    TAILQ_HEAD(, rnl_lane) ready;
    struct rnl_task_list finished;
    bool ends;
};

struct rnl_shards {
    /* First: a lane's owner knows no more. */
    struct rnl_lanes lanes;
    void (*wake)(void *arg);
    void *arg;
    unsigned count;
    unsigned next;
    struct shard all[];
};

/* ---- a lane, with the mutex held ---- */

static void make_ready(struct rnl_lane *lane)
{
    if (lane->is_ready || lane->is_running || lane->is_held || lane->is_stuck ||
        STAILQ_EMPTY(&lane->tasks))
        return;
    lane->is_ready = true;
    TAILQ_INSERT_TAIL(&lane->shard->ready, lane, link);
    uv_cond_signal(&lane->shard->work);
}

static void take_out(struct rnl_lane *lane)
{
    if (!lane->is_ready)
        return;
    lane->is_ready = false;
    TAILQ_REMOVE(&lane->shard->ready, lane, link);
}

/* Runs the first task without the mutex; returns whether that is the first to
 * be reported since the last poll. */
static bool run_first(struct rnl_lane *lane)
{
    struct shard *shard = lane->shard;
    struct rnl_task *task = STAILQ_FIRST(&lane->tasks);
    bool is_first = false;
    lane->is_running = true;
    uv_mutex_unlock(&shard->mutex);
    bool is_done = task->run(task);
    uv_mutex_lock(&shard->mutex);
    lane->is_running = false;
    lane->is_stuck = !is_done;
    lane->runs++;
    if (is_done) {
        is_first = STAILQ_EMPTY(&shard->finished);
        STAILQ_REMOVE_HEAD(&lane->tasks, link);
        STAILQ_INSERT_TAIL(&shard->finished, task, link);
    }
    return is_first;
}

/* ---- a shard's thread ---- */

static void run_lane(struct shard *shard, struct rnl_lane *lane)
{
    take_out(lane);
    bool is_first = run_first(lane);
    if (lane->is_awaited)
        uv_cond_signal(&shard->stopped);
    make_ready(lane);
    if (!is_first)
        return;
    uv_mutex_unlock(&shard->mutex);
    shard->shards->wake(shard->shards->arg);
    uv_mutex_lock(&shard->mutex);
}

static void *run_shard(void *arg)
{
    struct shard *shard = arg;
    uv_mutex_lock(&shard->mutex);
    while (!shard->ends) {
        struct rnl_lane *lane = TAILQ_FIRST(&shard->ready);
        if (lane != NULL)
            run_lane(shard, lane);
        else
            uv_cond_wait(&shard->work, &shard->mutex);
    }
    uv_mutex_unlock(&shard->mutex);
    return NULL;
}

/* ---- the owner's thread ---- */

static void report(struct rnl_task_list *finished)
{
    struct rnl_task *task;
    while ((task = STAILQ_FIRST(finished)) != NULL) {
        STAILQ_REMOVE_HEAD(finished, link);
        task->done(task);
    }
}

static void poll_shard(struct shard *shard)
{
    struct rnl_task_list finished = STAILQ_HEAD_INITIALIZER(finished);
    uv_mutex_lock(&shard->mutex);
    STAILQ_CONCAT(&finished, &shard->finished);
    uv_mutex_unlock(&shard->mutex);
    report(&finished);
}

void rnl_shards_poll(struct rnl_shards *shards)
{
    for (unsigned i = 0; i < shards->count; i++)
        poll_shard(&shards->all[i]);
}

static struct rnl_lane *lane_create(struct rnl_lanes *lanes)
{
    struct rnl_shards *shards = (struct rnl_shards *)lanes;
    struct rnl_lane *lane = rnl_calloc(1, sizeof(*lane));
    if (lane == NULL)
        return NULL;
    STAILQ_INIT(&lane->tasks);
    lane->shard = &shards->all[shards->next++ % shards->count];
    return lane;
}

/* It was settled: no thread knows it but for tasks that are stuck. */
static void lane_destroy(struct rnl_lane *lane)
{
    report(&lane->tasks);
    rnl_free(lane);
}

static void lane_post(struct rnl_lane *lane, struct rnl_task *task)
{
    uv_mutex_lock(&lane->shard->mutex);
    STAILQ_INSERT_TAIL(&lane->tasks, task, link);
    make_ready(lane);
    uv_mutex_unlock(&lane->shard->mutex);
}

/* Waits until the task that is being run has been. */
static void await_run(struct rnl_lane *lane)
{
    uint64_t runs = lane->runs;
    lane->is_awaited = true;
    while (lane->runs == runs)
        uv_cond_wait(&lane->shard->stopped, &lane->shard->mutex);
    lane->is_awaited = false;
}

static bool lane_step(struct rnl_lane *lane)
{
    struct shard *shard = lane->shard;
    uv_mutex_lock(&shard->mutex);
    if (lane->is_running) {
        await_run(lane);
    } else if (!STAILQ_EMPTY(&lane->tasks)) {
        lane->is_held = true;
        take_out(lane);
        (void)run_first(lane);
        lane->is_held = false;
        make_ready(lane);
    }
    bool is_done = !lane->is_stuck;
    uv_mutex_unlock(&shard->mutex);
    poll_shard(shard);
    return is_done;
}

static bool lane_settle(struct rnl_lane *lane)
{
    struct shard *shard = lane->shard;
    uv_mutex_lock(&shard->mutex);
    lane->is_held = true;
    take_out(lane);
    lane->is_awaited = true;
    while (lane->is_running)
        uv_cond_wait(&shard->stopped, &shard->mutex);
    lane->is_awaited = false;
    lane->is_stuck = false;
    while (!STAILQ_EMPTY(&lane->tasks) && !lane->is_stuck)
        (void)run_first(lane);
    lane->is_held = false;
    bool is_done = !lane->is_stuck;
    uv_mutex_unlock(&shard->mutex);
    poll_shard(shard);
    return is_done;
}

static const struct rnl_lanes_ops ops = {
    .create = lane_create,
    .destroy = lane_destroy,
    .post = lane_post,
    .step = lane_step,
    .settle = lane_settle,
};

/* ---- life ---- */

static bool start(struct shard *shard, struct rnl_shards *shards)
{
    shard->shards = shards;
    TAILQ_INIT(&shard->ready);
    STAILQ_INIT(&shard->finished);
    if (uv_mutex_init(&shard->mutex) != 0)
        return false;
    if (uv_cond_init(&shard->work) != 0) {
        uv_mutex_destroy(&shard->mutex);
        return false;
    }
    if (uv_cond_init(&shard->stopped) != 0) {
        uv_cond_destroy(&shard->work);
        uv_mutex_destroy(&shard->mutex);
        return false;
    }
    if (rnl_thread_start(&shard->thread, run_shard, shard))
        return true;
    uv_cond_destroy(&shard->stopped);
    uv_cond_destroy(&shard->work);
    uv_mutex_destroy(&shard->mutex);
    return false;
}

static void stop(struct shard *shard)
{
    uv_mutex_lock(&shard->mutex);
    shard->ends = true;
    uv_cond_signal(&shard->work);
    uv_mutex_unlock(&shard->mutex);
    pthread_join(shard->thread, NULL);
    uv_cond_destroy(&shard->stopped);
    uv_cond_destroy(&shard->work);
    uv_mutex_destroy(&shard->mutex);
}

struct rnl_shards *rnl_shards_create(unsigned count, void (*wake)(void *arg),
                                     void *arg)
{
    struct rnl_shards *shards =
        rnl_calloc(1, sizeof(*shards) + count * sizeof(shards->all[0]));
    if (shards == NULL)
        return NULL;
    shards->lanes.ops = &ops;
    shards->wake = wake;
    shards->arg = arg;
    for (; shards->count < count; shards->count++) {
        if (!start(&shards->all[shards->count], shards)) {
            rnl_shards_destroy(shards);
            return NULL;
        }
    }
    return shards;
}

void rnl_shards_destroy(struct rnl_shards *shards)
{
    if (shards == NULL)
        return;
    for (unsigned i = 0; i < shards->count; i++)
        stop(&shards->all[i]);
    rnl_free(shards);
}

struct rnl_lanes *rnl_shards_lanes(struct rnl_shards *shards)
{
    return &shards->lanes;
}
