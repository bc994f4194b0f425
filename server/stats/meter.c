/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <math.h>
#include <string.h>

#include "alloc.h"
#include "deferred.h"

static int64_t second_of(int64_t time_ms)
{
    return time_ms / 1000;
}

enum rnl_code rnl_meter_create(const struct rnl_meter_config *config,
                               int64_t wall_ms, struct rnl_meter **ret_meter)
{
    struct rnl_meter *meter = rnl_calloc(1, sizeof(*meter));
    if (meter == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    meter->config = *config;
    meter->newest_ms = INT64_MIN;
    meter->oldest_ms = INT64_MAX;
    (void)wall_ms;
    /* Time begins with the first event: a stream may be a replay. */
    if (rnl_panes_init(&meter->panes, config, 0) != RNL_OK) {
        rnl_free(meter);
        return RNL_RESOURCE_EXHAUSTED;
    }
    rnl_judge_init(&meter->judge);
    meter->version = 1;
    *ret_meter = meter;
    return RNL_OK;
}

void rnl_meter_destroy(struct rnl_meter *meter)
{
    if (meter == NULL)
        return;
    rnl_deferred_destroy(meter->deferred);
    for (size_t i = 0; i <= RNL_METER_WINDOWS_MAX; i++)
        rnl_meter_view_destroy(meter->views[i]);
    rnl_panes_fini(&meter->panes);
    rnl_judge_fini(&meter->judge);
    rnl_free(meter);
}

/* ---- time ---- */

static void move_seconds(struct rnl_meter *meter, int64_t second)
{
    int64_t steps = second - meter->newest_second;
    for (int64_t i = 1; i <= steps && i <= RATE_SECONDS; i++)
        meter->seconds[(meter->newest_second + i) % RATE_SECONDS] = 0;
    if (steps > 0)
        meter->newest_second = second;
}

struct rnl_meter_time rnl_meter_time_of(const struct rnl_meter *meter)
{
    return (struct rnl_meter_time){.newest_ms = meter->newest_ms,
                                   .watermark_ms = meter->watermark_ms,
                                   .live = meter->live};
}

void rnl_meter_time_note(struct rnl_meter_time *time,
                         const struct rnl_batch_facts *facts, int64_t wall_ms)
{
    if (facts->last_ms > time->newest_ms)
        time->newest_ms = facts->last_ms;
    if (facts->last_ms >= wall_ms - RNL_METER_LIVE_MS)
        time->live = true;
}

void rnl_meter_time_move(struct rnl_meter_time *time, int64_t wall_ms)
{
    if (time->newest_ms > time->watermark_ms)
        time->watermark_ms = time->newest_ms;
    if (time->newest_ms != INT64_MIN && time->live &&
        wall_ms > time->watermark_ms)
        time->watermark_ms = wall_ms;
}

enum rnl_code rnl_meter_move(struct rnl_meter *meter, int64_t wall_ms)
{
    struct rnl_meter_time time = rnl_meter_time_of(meter);
    rnl_meter_time_move(&time, wall_ms);
    if (time.watermark_ms == meter->watermark_ms)
        return RNL_OK;
    bool changed;
    enum rnl_code code =
        rnl_panes_advance(&meter->panes, time.watermark_ms, &changed);
    if (code == RNL_OK) {
        meter->watermark_ms = time.watermark_ms;
        move_seconds(meter, second_of(time.watermark_ms));
    }
    if (changed) {
        meter->version++;
        rnl_meter_drop_views(meter);
    }
    return code;
}

void rnl_meter_count_anomalies(struct rnl_meter *meter, int64_t time_ms,
                               uint64_t count)
{
    struct rnl_panes_route route;
    if (count == 0 || rnl_panes_route(&meter->panes, time_ms, &route) != RNL_OK)
        return;
    for (size_t d = 0; d < route.digest_count; d++) {
        route.digests[d]->anomaly_count += count;
        route.digests[d]->unsaved = true;
    }
    meter->version++;
    rnl_meter_drop_views(meter);
}

/* After a batch of more than the seconds that are kept, the oldest of them are
 * not judged. */
void rnl_meter_judge(struct rnl_meter *meter)
{
    struct rnl_judge *judge = &meter->judge;
    const struct rnl_level *level = &meter->panes.levels[0];
    int64_t second = level->newest - (int64_t)level->pane_count + 1;
    if (judge->begun && judge->pane + 1 > second)
        second = judge->pane + 1;
    for (; second < level->frontier; second++) {
        const struct rnl_digest *digest =
            rnl_panes_second(&meter->panes, second);
        if (digest == NULL && !judge->begun)
            continue;
        uint64_t before = meter->anomalies.sequence;
        rnl_judge_pane(judge, second, digest, meter->config.anomaly_threshold,
                       &meter->anomalies);
        rnl_meter_count_anomalies(meter, second * 1000,
                                  meter->anomalies.sequence - before);
    }
}

void rnl_meter_settle(const struct rnl_meter *meter)
{
    if (meter->deferred != NULL)
        /* Without memory the answer is that of before. */
        (void)rnl_deferred_settle(meter->deferred);
}

void rnl_meter_advance(struct rnl_meter *meter, int64_t wall_ms)
{
    rnl_meter_settle(meter);
    int64_t watermark_ms = meter->watermark_ms;
    int64_t judged = meter->judge.pane;
    enum rnl_code code = rnl_meter_move(meter, wall_ms);
    /* On failure it is tried again at the next call. */
    rnl_meter_judge(meter);
    if (meter->advanced != NULL &&
        (code != RNL_OK || watermark_ms != meter->watermark_ms ||
         judged != meter->judge.pane))
        meter->advanced(meter->advanced_arg, wall_ms);
}

void rnl_meter_on_advance(struct rnl_meter *meter,
                          void (*changed)(void *arg, int64_t wall_ms),
                          void *arg)
{
    meter->advanced = changed;
    meter->advanced_arg = arg;
}

/* ---- answers ---- */

void rnl_meter_duplicate(struct rnl_meter *meter)
{
    rnl_meter_settle(meter);
    meter->duplicate_batches++;
    meter->version++;
}

uint64_t rnl_meter_seconds_sum(const struct rnl_meter *meter, int64_t start_ms)
{
    int64_t first = second_of(start_ms);
    int64_t oldest = meter->newest_second - RATE_SECONDS + 1;
    uint64_t sum = 0;
    for (int64_t s = first > oldest ? first : oldest;
         s >= 0 && s <= meter->newest_second; s++)
        sum += meter->seconds[s % RATE_SECONDS];
    return sum;
}

uint64_t rnl_meter_memory_now(const struct rnl_meter *meter)
{
    uint64_t bytes = sizeof(*meter) + rnl_panes_bytes(&meter->panes) +
                     rnl_moments_heap_bytes(&meter->judge.few_values) +
                     rnl_histogram_heap_bytes(&meter->judge.few_latencies);
    for (size_t i = 0; i <= RNL_METER_WINDOWS_MAX; i++) {
        if (meter->views[i] != NULL)
            bytes += rnl_meter_view_bytes(meter->views[i]);
    }
    return bytes;
}

static uint64_t posted_bytes(const struct rnl_meter *meter)
{
    return meter->deferred == NULL
               ? 0
               : sizeof(*meter->deferred) + meter->deferred->bytes;
}

uint64_t rnl_meter_memory(const struct rnl_meter *meter)
{
    return meter->deferred == NULL
               ? rnl_meter_memory_now(meter)
               : meter->deferred->memory_bytes + posted_bytes(meter);
}

uint64_t rnl_meter_newest_anomaly(const struct rnl_meter *meter)
{
    return meter->deferred == NULL ? meter->anomalies.sequence
                                   : meter->deferred->anomaly_sequence;
}

double rnl_meter_rate(const struct rnl_meter *meter, uint64_t count,
                      int64_t start_ms, int64_t end_ms)
{
    int64_t from = start_ms > meter->oldest_ms ? start_ms : meter->oldest_ms;
    /* A stream's first second counts as a whole one. */
    return (double)count * 1000 / fmax(1000, (double)(end_ms - from));
}

void rnl_meter_peek(const struct rnl_meter *meter,
                    struct rnl_meter_info *ret_info)
{
    rnl_meter_settle(meter);
    memset(ret_info, 0, sizeof(*ret_info));
    ret_info->count = meter->count + meter->merged_events;
    ret_info->merged_events = meter->merged_events;
    ret_info->late_events = meter->late_events;
    ret_info->duplicate_batches = meter->duplicate_batches;
    ret_info->version = meter->version;
    ret_info->anomaly_sequence = meter->anomalies.sequence;
    if (meter->count == 0)
        return;
    ret_info->first_event_ms = meter->oldest_ms;
    ret_info->last_event_ms = meter->newest_ms;
    ret_info->watermark_ms = meter->watermark_ms;
    int64_t end = meter->watermark_ms + 1;
    int64_t start = second_of(end - 60000 > 0 ? end - 60000 : 0) * 1000;
    ret_info->rate =
        rnl_meter_rate(meter, rnl_meter_seconds_sum(meter, start), start, end);
}

void rnl_meter_info(struct rnl_meter *meter, int64_t wall_ms,
                    struct rnl_meter_info *ret_info)
{
    rnl_meter_advance(meter, wall_ms);
    rnl_meter_peek(meter, ret_info);
    ret_info->memory_bytes = rnl_meter_memory_now(meter) + posted_bytes(meter);
    ret_info->memory_bytes_max =
        sizeof(*meter) + rnl_panes_bytes_max(&meter->panes);
}

const struct rnl_meter_config *rnl_meter_config(const struct rnl_meter *meter)
{
    return &meter->config;
}

void rnl_meter_anomalies(const struct rnl_meter *meter, uint64_t after,
                         struct rnl_meter_anomalies *ret_anomalies)
{
    rnl_meter_settle(meter);
    rnl_anomalies_after(&meter->anomalies, after, ret_anomalies);
}
