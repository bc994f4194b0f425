/* SPDX-License-Identifier: Apache-2.0 */
#include "keeper_private.h"

#include <string.h>

#include "alloc.h"

/* A group waits so long while more comes in: a save of a busy stream takes some
 * 0.3 ms, 3 % of it. */
#define GATHER_NS INT64_C(10000000)

/* Until what nobody waits for is kept. The server's own streams change all the
 * time, and are not worth a write a second; nor is the time of a stream that is
 * watched and gets no events. (It must be below the seconds that a meter can
 * judge in one step.) */
static const int64_t lazy_ns[RNL_KEEP_LAZY_LISTS] = {
    [RNL_KEEP_SOON] = INT64_C(1000000000),
    [RNL_KEEP_LATER] = INT64_C(10000000000),
};

/* Saves in one group, in bytes, but one at least: the time to make them, some
 * 2 ms, is time in which nothing else is done. And all that is in a group. */
#define SAVE_BYTES_MAX  ((uint64_t)1 << 20)
#define GROUP_BYTES_MAX ((size_t)8 << 20)

#define RETRY_NS (RNL_KEEP_RETRY_MS * RNL_NS_PER_MS)

/* Requests that wait: above it senders are held. */
#define WAITING_MAX 4096

/* ---- when ---- */

static bool has_open(const struct rnl_keeper *keeper)
{
    return !TAILQ_EMPTY(&keeper->open) || keeper->filling.len > 0 ||
           keeper->filling_waiting.first != NULL;
}

void rnl_keeper_schedule(struct rnl_keeper *keeper)
{
    int64_t due = INT64_MAX;
    if (keeper->in_flight || keeper->closed)
        due = INT64_MAX;
    else if (keeper->stalled)
        due = keeper->retry_ns;
    else if (has_open(keeper))
        due = keeper->retry_ns;
    else
        for (size_t i = 0; i < RNL_KEEP_LAZY_LISTS; i++) {
            const struct rnl_kept *first = TAILQ_FIRST(&keeper->lazy[i]);
            if (first != NULL && first->due_ns < due)
                due = first->due_ns;
        }
    /* Cannot fail: the timer is started already. */
    (void)!rnl_timer_start(&keeper->streams->core->timers, &keeper->timer, due);
}

void rnl_kept_leave_list(struct rnl_keeper *keeper, struct rnl_kept *kept)
{
    if (kept->state == RNL_KEPT_LAZY)
        TAILQ_REMOVE(&keeper->lazy[kept->lazy], kept, link);
    else if (kept->state == RNL_KEPT_OPEN)
        TAILQ_REMOVE(&keeper->open, kept, link);
    kept->state = RNL_KEPT_CLEAN;
}

void rnl_kept_open(struct rnl_keeper *keeper, struct rnl_kept *kept)
{
    if (kept->state == RNL_KEPT_OPEN)
        return;
    rnl_kept_leave_list(keeper, kept);
    kept->state = RNL_KEPT_OPEN;
    TAILQ_INSERT_TAIL(&keeper->open, kept, link);
}

void rnl_kept_later(struct rnl_kept *kept, size_t lazy)
{
    struct rnl_keeper *keeper = kept->stream->streams->keeper;
    if (rnl_streams_is_own(kept->stream->name))
        lazy = RNL_KEEP_LATER;
    if (kept->state == RNL_KEPT_OPEN ||
        (kept->state == RNL_KEPT_LAZY && kept->lazy <= lazy))
        return;
    rnl_kept_leave_list(keeper, kept);
    kept->state = RNL_KEPT_LAZY;
    kept->lazy = lazy;
    kept->due_ns = keeper->streams->core->now_ns + lazy_ns[lazy];
    TAILQ_INSERT_TAIL(&keeper->lazy[lazy], kept, link);
    rnl_keeper_schedule(keeper);
}

/* ---- groups ---- */

static void open_due(struct rnl_keeper *keeper, int64_t now_ns)
{
    for (size_t i = 0; i < RNL_KEEP_LAZY_LISTS; i++) {
        struct rnl_kept *kept;
        while ((kept = TAILQ_FIRST(&keeper->lazy[i])) != NULL &&
               kept->due_ns <= now_ns)
            rnl_kept_open(keeper, kept);
    }
}

/* False when memory was out for the first stream of it. */
static bool make_group(struct rnl_keeper *keeper)
{
    struct rnl_kept *kept;
    uint64_t saved_bytes = 0;
    size_t before = keeper->filling.len;
    while ((kept = TAILQ_FIRST(&keeper->open)) != NULL &&
           saved_bytes < SAVE_BYTES_MAX &&
           keeper->filling.len < GROUP_BYTES_MAX) {
        if (rnl_kept_write(keeper, kept, &saved_bytes) != RNL_OK)
            return keeper->filling.len > before;
        rnl_kept_leave_list(keeper, kept);
        rnl_keep_queue_move(&keeper->filling_waiting, &kept->waiting);
    }
    return true;
}

static void relieve(struct rnl_keeper *keeper)
{
    if (!keeper->was_busy || keeper->waiting_count > WAITING_MAX / 2)
        return;
    keeper->was_busy = false;
    if (keeper->relieved != NULL)
        keeper->relieved(keeper->relieved_arg);
}

static void refuse_repeatable(struct rnl_keeper *keeper, enum rnl_code code)
{
    struct rnl_keep_queue repeatable;
    struct rnl_kept *kept;
    rnl_keep_queue_init(&repeatable);
    rnl_keep_queue_part(&keeper->flight_waiting, &repeatable);
    rnl_keep_queue_part(&keeper->filling_waiting, &repeatable);
    TAILQ_FOREACH(kept, &keeper->open, link)
    rnl_keep_queue_part(&kept->waiting, &repeatable);
    rnl_keep_queue_tell(&repeatable, code, &keeper->waiting_count);
}

static void finish(struct rnl_keeper *keeper, enum rnl_code code)
{
    keeper->in_flight = false;
    keeper->stalled = code != RNL_OK;
    if (code == RNL_OK) {
        rnl_stats_group_reset(&keeper->flight);
        keeper->retry_ns = 0;
        rnl_keep_queue_tell(&keeper->flight_waiting, RNL_OK,
                            &keeper->waiting_count);
    } else {
        keeper->retry_ns = keeper->streams->core->now_ns + RETRY_NS;
        refuse_repeatable(keeper, code);
    }
    relieve(keeper);
    rnl_keeper_schedule(keeper);
}

static void on_committed(void *arg, enum rnl_code code)
{
    finish(arg, code);
}

/* What was filled is in flight. */
static void take_off(struct rnl_keeper *keeper)
{
    struct rnl_stats_group group = keeper->flight;
    keeper->flight = keeper->filling;
    keeper->filling = group;
    rnl_keep_queue_move(&keeper->flight_waiting, &keeper->filling_waiting);
    keeper->gather_end_ns = 0;
    keeper->changes_seen = keeper->changes;
}

static void commit(struct rnl_keeper *keeper)
{
    if (keeper->flight.len == 0) {
        finish(keeper, RNL_OK);
        return;
    }
    keeper->in_flight = true;
    keeper->journal->ops->commit(keeper->journal, &keeper->flight);
}

/* Whether more has come in since the last look, and there is time to look
 * again: at the next turn of the loop. */
static bool gathers(struct rnl_keeper *keeper, int64_t now_ns)
{
    bool came = keeper->changes != keeper->changes_seen;
    keeper->changes_seen = keeper->changes;
    if (keeper->gather_end_ns == 0)
        keeper->gather_end_ns = now_ns + GATHER_NS;
    return came && now_ns < keeper->gather_end_ns;
}

static void on_timer(struct rnl_timer *timer, void *arg)
{
    struct rnl_keeper *keeper = arg;
    struct rnl_timers *timers = &keeper->streams->core->timers;
    int64_t now_ns = keeper->streams->core->now_ns;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(timers, timer, INT64_MAX);
    if (keeper->in_flight)
        return;
    keeper->retry_ns = 0;
    if (keeper->stalled) {
        commit(keeper);
        return;
    }
    open_due(keeper, now_ns);
    if (!has_open(keeper) || gathers(keeper, now_ns)) {
        rnl_keeper_schedule(keeper);
        return;
    }
    if (!make_group(keeper) && keeper->filling.len == 0) {
        keeper->retry_ns = now_ns + RETRY_NS;
        rnl_keeper_schedule(keeper);
        return;
    }
    take_off(keeper);
    commit(keeper);
}

/* ---- the state of all ---- */

bool rnl_keeper_refuses(const struct rnl_keeper *keeper,
                        struct rnl_field_error *error)
{
    if (keeper == NULL || !keeper->stalled)
        return false;
    (void)rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                               "events cannot be stored (the disk is full?): "
                               "nothing of this was counted, try again");
    error->retry_delay_ms = RNL_KEEP_RETRY_MS;
    return true;
}

bool rnl_keeper_busy(const struct rnl_keeper *keeper)
{
    return keeper != NULL && keeper->waiting_count >= WAITING_MAX;
}

void rnl_keeper_count(const struct rnl_keeper *keeper,
                      struct rnl_streams_counts *counts)
{
    if (keeper == NULL)
        return;
    counts->stalled = keeper->stalled;
    counts->answers_waiting = keeper->waiting_count;
    counts->log_bytes = keeper->logged_bytes;
}

void rnl_keeper_on_relief(struct rnl_keeper *keeper,
                          void (*relieved)(void *arg), void *arg)
{
    if (keeper == NULL)
        return;
    keeper->relieved = relieved;
    keeper->relieved_arg = arg;
}

/* ---- life ---- */

enum rnl_code rnl_keeper_create(struct rnl_streams *streams,
                                struct rnl_stats_journal *journal,
                                struct rnl_keeper **ret_keeper)
{
    struct rnl_keeper *keeper = rnl_calloc(1, sizeof(*keeper));
    if (keeper == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    keeper->streams = streams;
    keeper->journal = journal;
    keeper->next_number = 1;
    keeper->timer.fire = on_timer;
    keeper->timer.arg = keeper;
    TAILQ_INIT(&keeper->open);
    for (size_t i = 0; i < RNL_KEEP_LAZY_LISTS; i++)
        TAILQ_INIT(&keeper->lazy[i]);
    rnl_keep_queue_init(&keeper->filling_waiting);
    rnl_keep_queue_init(&keeper->flight_waiting);
    if (rnl_timer_start(&streams->core->timers, &keeper->timer, INT64_MAX) !=
        RNL_OK) {
        rnl_free(keeper);
        return RNL_RESOURCE_EXHAUSTED;
    }
    journal->committed = on_committed;
    journal->arg = keeper;
    *ret_keeper = keeper;
    return RNL_OK;
}

void rnl_keeper_flush(struct rnl_keeper *keeper)
{
    if (keeper == NULL || keeper->closed)
        return;
    for (;;) {
        if (keeper->in_flight)
            finish(keeper, keeper->journal->ops->flush(keeper->journal));
        if (keeper->stalled || !has_open(keeper) ||
            (!make_group(keeper) && keeper->filling.len == 0))
            return;
        take_off(keeper);
        commit(keeper);
    }
}

void rnl_keeper_close(struct rnl_keeper *keeper)
{
    if (keeper == NULL)
        return;
    open_due(keeper, INT64_MAX);
    rnl_keeper_flush(keeper);
    keeper->closed = true;
}

void rnl_keeper_abandon(struct rnl_keeper *keeper)
{
    if (keeper != NULL)
        keeper->closed = true;
}

void rnl_keeper_destroy(struct rnl_keeper *keeper)
{
    if (keeper == NULL)
        return;
    rnl_timer_stop(&keeper->streams->core->timers, &keeper->timer);
    rnl_keep_queue_move(&keeper->flight_waiting, &keeper->filling_waiting);
    rnl_keep_queue_tell(&keeper->flight_waiting, RNL_UNAVAILABLE,
                        &keeper->waiting_count);
    rnl_stats_group_fini(&keeper->filling);
    rnl_stats_group_fini(&keeper->flight);
    rnl_free(keeper);
}
