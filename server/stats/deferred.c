/* SPDX-License-Identifier: Apache-2.0 */
#include "deferred.h"

#include <string.h>

#include "alloc.h"

/* The meter looks at each of its panes for that, some hundred. */
#define MEMORY_EVENTS 4096

/* One batch and a copy of its columns. */
struct job {
    struct rnl_task task;
    struct rnl_deferred *deferred;
    struct rnl_meter_batch batch;
    struct rnl_batch_facts facts;
    int64_t wall_ms;
    size_t bytes;
    /* What the lane found, for the owner. */
    uint64_t memory_bytes;
    uint64_t anomaly_sequence;
    uint64_t columns[];
};

/* ---- in the lane ---- */

static bool run(struct rnl_task *task)
{
    struct job *job = (struct job *)task;
    struct rnl_deferred *deferred = job->deferred;
    struct rnl_meter *meter = deferred->meter;
    struct rnl_meter_taken taken;
    if (rnl_meter_count(meter, &job->batch, &job->facts, job->wall_ms,
                        &taken) != RNL_OK)
        return false;
    deferred->events += job->batch.event_count;
    job->memory_bytes = 0;
    if (deferred->events >= MEMORY_EVENTS) {
        deferred->events = 0;
        job->memory_bytes = rnl_meter_memory_now(meter);
    }
    job->anomaly_sequence = meter->anomalies.sequence;
    return true;
}

/* ---- on the owner's thread ---- */

static void done(struct rnl_task *task)
{
    struct job *job = (struct job *)task;
    struct rnl_deferred *deferred = job->deferred;
    deferred->batch_count--;
    deferred->bytes -= job->bytes;
    deferred->lanes->posted_bytes -= job->bytes;
    if (job->memory_bytes != 0)
        deferred->memory_bytes = job->memory_bytes;
    deferred->anomaly_sequence = job->anomaly_sequence;
    rnl_free(job);
    if (deferred->counted != NULL && !deferred->closing)
        deferred->counted(deferred->counted_arg);
}

bool rnl_deferred_settle(struct rnl_deferred *deferred)
{
    return deferred->batch_count == 0 ||
           deferred->lanes->ops->settle(deferred->lane);
}

void rnl_deferred_destroy(struct rnl_deferred *deferred)
{
    if (deferred == NULL)
        return;
    deferred->closing = true;
    (void)rnl_deferred_settle(deferred);
    deferred->lanes->ops->destroy(deferred->lane);
    rnl_free(deferred);
}

enum rnl_code rnl_meter_defer(struct rnl_meter *meter, struct rnl_lanes *lanes)
{
    struct rnl_deferred *deferred = rnl_calloc(1, sizeof(*deferred));
    if (deferred == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    deferred->lane = lanes->ops->create(lanes);
    if (deferred->lane == NULL) {
        rnl_free(deferred);
        return RNL_RESOURCE_EXHAUSTED;
    }
    deferred->meter = meter;
    deferred->lanes = lanes;
    deferred->memory_bytes = rnl_meter_memory_now(meter);
    deferred->anomaly_sequence = meter->anomalies.sequence;
    meter->deferred = deferred;
    return RNL_OK;
}

void rnl_meter_on_counted(struct rnl_meter *meter, void (*counted)(void *arg),
                          void *arg)
{
    if (meter->deferred == NULL)
        return;
    meter->deferred->counted = counted;
    meter->deferred->counted_arg = arg;
}

/* ---- posting ---- */

static size_t column_bytes(const void *column, size_t count, size_t width)
{
    /* So that each begins at a multiple of 8. */
    return column == NULL ? 0 : (count * width + 7) / 8 * 8;
}

static size_t bytes_of(const struct rnl_meter_batch *batch)
{
    size_t events = batch->event_count;
    return column_bytes(batch->key_indexes, events, 4) +
           column_bytes(batch->values, events, 8) +
           column_bytes(batch->latencies_ms, events, 4) +
           column_bytes(batch->time_offsets_ms, events, 4) +
           column_bytes(batch->key_lengths, batch->key_count, 4) +
           column_bytes(batch->keys, batch->keys_len, 1);
}

/* Copies a column and goes on behind it; NULL of none. */
static const void *copy(uint8_t **at, const void *column, size_t count,
                        size_t width)
{
    void *copied = *at;
    if (column == NULL)
        return NULL;
    if (count > 0)
        memcpy(copied, column, count * width);
    *at += column_bytes(column, count, width);
    return copied;
}

static void copy_batch(struct job *job, const struct rnl_meter_batch *from)
{
    struct rnl_meter_batch *batch = &job->batch;
    uint8_t *at = (uint8_t *)job->columns;
    size_t events = from->event_count;
    *batch = *from;
    batch->key_indexes = copy(&at, from->key_indexes, events, 4);
    batch->values = copy(&at, from->values, events, 8);
    batch->latencies_ms = copy(&at, from->latencies_ms, events, 4);
    batch->time_offsets_ms = copy(&at, from->time_offsets_ms, events, 4);
    batch->key_lengths = copy(&at, from->key_lengths, from->key_count, 4);
    batch->keys = copy(&at, from->keys, from->keys_len, 1);
}

static enum rnl_code hand_over(struct rnl_deferred *deferred,
                               const struct rnl_meter_batch *batch,
                               const struct rnl_batch_facts *facts,
                               int64_t wall_ms)
{
    size_t bytes = sizeof(struct job) + bytes_of(batch);
    struct job *job = rnl_malloc(bytes);
    if (job == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    job->task.run = run;
    job->task.done = done;
    job->deferred = deferred;
    job->facts = *facts;
    job->wall_ms = wall_ms;
    job->bytes = bytes;
    copy_batch(job, batch);
    deferred->batch_count++;
    deferred->bytes += bytes;
    deferred->lanes->posted_bytes += bytes;
    deferred->lanes->ops->post(deferred->lane, &job->task);
    return RNL_OK;
}

/* Others have posted as much as there may be. */
static bool is_crowded(const struct rnl_deferred *deferred)
{
    return deferred->lanes->posted_bytes >= RNL_DEFERRED_BYTES_MAX;
}

/* Has room for one more batch in the lane, or none in it. One step at a time:
 * the lane goes on while the next batch is checked and copied. */
static bool make_room(struct rnl_deferred *deferred)
{
    if (is_crowded(deferred))
        return rnl_deferred_settle(deferred);
    while (deferred->batch_count >= RNL_DEFERRED_BATCHES_MAX) {
        if (!deferred->lanes->ops->step(deferred->lane))
            return false;
    }
    return true;
}

/* At once, since nothing waits. */
static enum rnl_code count_here(struct rnl_deferred *deferred,
                                const struct rnl_meter_batch *batch,
                                const struct rnl_batch_facts *facts,
                                int64_t wall_ms,
                                struct rnl_meter_taken *ret_taken)
{
    struct rnl_meter *meter = deferred->meter;
    enum rnl_code code =
        rnl_meter_count(meter, batch, facts, wall_ms, ret_taken);
    deferred->events += batch->event_count;
    if (deferred->events >= MEMORY_EVENTS) {
        deferred->events = 0;
        deferred->memory_bytes = rnl_meter_memory_now(meter);
    }
    deferred->anomaly_sequence = meter->anomalies.sequence;
    return code;
}

static void begin_to_wait(struct rnl_deferred *deferred)
{
    /* From here on the meter is the lane's. */
    rnl_meter_drop_views(deferred->meter);
    deferred->time = rnl_meter_time_of(deferred->meter);
}

enum rnl_code rnl_deferred_post(struct rnl_deferred *deferred,
                                const struct rnl_meter_batch *batch,
                                const struct rnl_batch_facts *facts,
                                int64_t wall_ms,
                                struct rnl_meter_taken *ret_taken)
{
    if (!make_room(deferred))
        return RNL_RESOURCE_EXHAUSTED;
    if (deferred->batch_count == 0 &&
        (batch->event_count < RNL_DEFERRED_EVENTS_MIN || is_crowded(deferred)))
        return count_here(deferred, batch, facts, wall_ms, ret_taken);
    if (deferred->batch_count == 0)
        begin_to_wait(deferred);
    struct rnl_meter_time time = deferred->time;
    enum rnl_code code = hand_over(deferred, batch, facts, wall_ms);
    if (code != RNL_OK)
        return code;
    rnl_meter_time_note(&time, facts, wall_ms);
    rnl_meter_time_move(&time, wall_ms);
    deferred->time = time;
    ret_taken->accepted_events = (uint32_t)batch->event_count;
    ret_taken->late_events = (uint32_t)rnl_batch_events_before(
        batch, facts,
        rnl_panes_oldest_at(&deferred->meter->panes, time.watermark_ms));
    return RNL_OK;
}
