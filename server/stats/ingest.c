/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch into the meter. It is checked as a whole, its distinct keys are
 * hashed once, and its events are grouped by the digests that take them: nearly
 * always there is one. All are reserved for, then all are added to, so that a
 * batch counts whole or not at all.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "deferred.h"

/* A part with fewer events than one in so many of the batch's keys is added
 * event by event. */
#define FEW 4

/* Working memory of one batch. */
struct work {
    struct rnl_meter *meter;
    struct rnl_meter_batch batch;
    struct rnl_batch_facts facts;
    uint64_t *hashes;
    /* See struct rnl_digest_part. */
    uint64_t *unique_hashes;
    /* Room for two columns; the first is the result. */
    uint32_t *weights;
    uint32_t *key_starts;
    /* Columns in the order of routes, when the batch is not in that order. */
    uint32_t *key_indexes;
    double *values;
    float *latencies_ms;
    uint32_t *offsets;
    uint32_t late_events;
};

/* ---- keys ---- */

static enum rnl_code take_memory(struct work *work)
{
    size_t keys = work->batch.key_count;
    work->hashes = rnl_malloc((keys + 1) * sizeof(*work->hashes));
    work->weights = rnl_malloc((2 * keys + 1) * sizeof(*work->weights));
    work->key_starts = rnl_malloc((keys + 1) * sizeof(*work->key_starts));
    if (work->hashes == NULL || work->weights == NULL ||
        work->key_starts == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (work->meter->config.key_hash == RNL_KEY_HASH_RUNNEL)
        return RNL_OK;
    work->unique_hashes = rnl_malloc((keys + 1) * sizeof(uint64_t));
    return work->unique_hashes == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

static void give_memory(struct work *work)
{
    rnl_free(work->hashes);
    rnl_free(work->unique_hashes);
    rnl_free(work->weights);
    rnl_free(work->key_starts);
    rnl_free(work->key_indexes);
    rnl_free(work->values);
    rnl_free(work->latencies_ms);
    rnl_free(work->offsets);
}

static void hash_keys(struct work *work)
{
    uint64_t seed = work->meter->config.hash_seed;
    uint32_t at = 0;
    for (size_t k = 0; k < work->batch.key_count; k++) {
        uint32_t len = work->batch.key_lengths[k];
        work->key_starts[k] = at;
        uint64_t hash = rnl_hash(work->batch.keys + at, len, seed);
        /* 0 marks free slots. */
        work->hashes[k] = hash + (hash == 0);
        at += len;
    }
    work->key_starts[work->batch.key_count] = at;
}

/* The same with the hash of another program. */
static void hash_keys_again(struct work *work)
{
    enum rnl_hash_profile profile =
        rnl_digest_profile(work->meter->config.key_hash);
    for (size_t k = 0; work->unique_hashes != NULL && k < work->batch.key_count;
         k++)
        work->unique_hashes[k] =
            rnl_hash_profiled(profile, work->batch.keys + work->key_starts[k],
                              work->batch.key_lengths[k], 0);
}

/* ---- order ---- */

static int64_t time_of(const struct work *work, size_t i)
{
    const struct rnl_meter_batch *batch = &work->batch;
    if (batch->time_offsets_ms == NULL)
        return work->facts.first_ms;
    return batch->time_base_ms + batch->time_offsets_ms[i];
}

struct place {
    int64_t time_ms;
    uint32_t index;
};

static int by_time(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_rising(const struct work *work)
{
    const uint32_t *offsets = work->batch.time_offsets_ms;
    uint32_t falls = 0;
    for (size_t i = 1; i < work->batch.event_count; i++)
        falls |= offsets[i] < offsets[i - 1];
    return falls == 0;
}

static enum rnl_code take_columns(struct work *work)
{
    size_t count = work->batch.event_count;
    work->key_indexes = rnl_malloc(count * sizeof(*work->key_indexes));
    work->offsets = rnl_malloc(count * sizeof(*work->offsets));
    if (work->key_indexes == NULL || work->offsets == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (work->batch.values != NULL) {
        work->values = rnl_malloc(count * sizeof(*work->values));
        if (work->values == NULL)
            return RNL_RESOURCE_EXHAUSTED;
    }
    if (work->batch.latencies_ms != NULL) {
        work->latencies_ms = rnl_malloc(count * sizeof(*work->latencies_ms));
        if (work->latencies_ms == NULL)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

static void gather(struct work *work, const struct place *places)
{
    struct rnl_meter_batch *batch = &work->batch;
    for (size_t i = 0; i < batch->event_count; i++) {
        size_t from = places[i].index;
        work->key_indexes[i] = batch->key_indexes[from];
        work->offsets[i] = batch->time_offsets_ms[from];
        if (work->values != NULL)
            work->values[i] = batch->values[from];
        if (work->latencies_ms != NULL)
            work->latencies_ms[i] = batch->latencies_ms[from];
    }
    batch->key_indexes = work->key_indexes;
    batch->time_offsets_ms = work->offsets;
    batch->values = work->values;
    batch->latencies_ms = work->latencies_ms;
}

/* Sorts the events by time if they are of several routes and in disorder. */
static enum rnl_code sort_events(struct work *work)
{
    size_t count = work->batch.event_count;
    const struct rnl_panes *panes = &work->meter->panes;
    if (rnl_panes_route_key(panes, work->facts.first_ms) ==
            rnl_panes_route_key(panes, work->facts.last_ms) ||
        is_rising(work))
        return RNL_OK;
    struct place *places = rnl_malloc(count * sizeof(*places));
    if (places == NULL || take_columns(work) != RNL_OK) {
        rnl_free(places);
        return RNL_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < count; i++) {
        places[i].time_ms = time_of(work, i);
        places[i].index = (uint32_t)i;
    }
    qsort(places, count, sizeof(*places), by_time);
    gather(work, places);
    rnl_free(places);
    return RNL_OK;
}

/* ---- parts ---- */

static struct rnl_digest_part whole(const struct work *work)
{
    struct rnl_digest_part part = {
        .event_count = work->batch.event_count,
        .key_indexes = work->batch.key_indexes,
        .rows = {.hashes = work->hashes,
                 .weights = work->weights,
                 .keys = work->batch.keys,
                 .starts = work->key_starts,
                 .count = work->batch.key_count},
        .unique_hashes = work->unique_hashes,
        .values = work->batch.values,
        .latencies_ms = work->batch.latencies_ms,
    };
    for (size_t m = 0; m < RNL_METER_METRICS; m++)
        part.spreads[m] = work->facts.spreads[m];
    return part;
}

static struct rnl_digest_part part_of(const struct work *work, size_t first,
                                      size_t end)
{
    struct rnl_digest_part part = whole(work);
    if (end - first == part.event_count)
        return part;
    part.event_count = end - first;
    part.key_indexes += first;
    if (part.values != NULL) {
        part.values += first;
        rnl_spread_f64(part.values, part.event_count,
                       &part.spreads[RNL_METER_VALUE]);
    }
    if (part.latencies_ms != NULL) {
        part.latencies_ms += first;
        rnl_spread_f32(part.latencies_ms, part.event_count,
                       &part.spreads[RNL_METER_LATENCY]);
    }
    return part;
}

/* The events from first to end, which a digest of that level takes. */
struct span {
    size_t level;
    size_t first;
    size_t end;
    struct rnl_digest *digest;
};

typedef enum rnl_code span_fn(struct work *work, const struct span *span);

/* Events of several panes are in the order of time. */
static size_t events_before(const struct work *work, int64_t border_ms)
{
    if (work->facts.first_ms >= border_ms)
        return 0;
    if (work->facts.last_ms < border_ms)
        return work->batch.event_count;
    size_t i = 0;
    while (time_of(work, i) < border_ms)
        i++;
    return i;
}

static size_t span_end(const struct work *work, size_t level, size_t i,
                       size_t end)
{
    const struct rnl_panes *panes = &work->meter->panes;
    int64_t pane = rnl_panes_number(panes, level, time_of(work, i));
    if (rnl_panes_number(panes, level, work->facts.first_ms) ==
        rnl_panes_number(panes, level, work->facts.last_ms))
        return end;
    do
        i++;
    while (i < end && rnl_panes_number(panes, level, time_of(work, i)) == pane);
    return i;
}

/* Level by level, all time being the last, so that no digest is met twice. */
static enum rnl_code for_spans(struct work *work, span_fn *visit)
{
    struct rnl_panes *panes = &work->meter->panes;
    enum rnl_code code = RNL_OK;
    for (size_t l = 0; l <= panes->level_count; l++) {
        size_t end = events_before(work, rnl_panes_border(panes, l));
        for (size_t i = 0; i < end && code == RNL_OK;) {
            struct span span = {l, i, span_end(work, l, i, end), NULL};
            code = rnl_panes_take(panes, l, time_of(work, i), &span.digest);
            if (code == RNL_OK && span.digest != NULL)
                code = visit(work, &span);
            i = span.end;
        }
    }
    return code;
}

static enum rnl_code reserve_span(struct work *work, const struct span *span)
{
    struct rnl_digest_part part = part_of(work, span->first, span->end);
    return rnl_digest_reserve(span->digest, &part);
}

/* Two columns of weights in turn: a frequent key comes again before its counter
 * has reached the cache, and would wait for it. */
static void weigh(const struct work *work, const struct rnl_digest_part *part)
{
    size_t keys = part->rows.count;
    uint32_t *even = work->weights;
    uint32_t *odd = work->weights + keys;
    const uint32_t *indexes = part->key_indexes;
    memset(even, 0, 2 * keys * sizeof(*even));
    size_t i = 0;
    for (; i + 1 < part->event_count; i += 2) {
        even[indexes[i]]++;
        odd[indexes[i + 1]]++;
    }
    if (i < part->event_count)
        even[indexes[i]]++;
    for (size_t k = 0; k < keys; k++)
        even[k] += odd[k];
}

static void count_second(struct rnl_meter *meter, int64_t second, size_t count)
{
    if (second > meter->newest_second - RATE_SECONDS)
        meter->seconds[second % RATE_SECONDS] += count;
}

static enum rnl_code add_span(struct work *work, const struct span *span)
{
    struct rnl_digest_part part = part_of(work, span->first, span->end);
    if (part.event_count * FEW >= part.rows.count) {
        weigh(work, &part);
        part.key_indexes = NULL;
    }
    rnl_digest_add(span->digest, &part);
    /* So many late keys that their pane has a table again. */
    if (span->digest->closed && !span->digest->logged)
        rnl_digest_close(span->digest);
    if (span->level == 0)
        count_second(work->meter, time_of(work, span->first) / 1000,
                     part.event_count);
    return RNL_OK;
}

/* ---- events above a threshold ---- */

static double metric_of(const struct work *work, enum rnl_meter_metric metric,
                        size_t i)
{
    return metric == RNL_METER_VALUE ? work->batch.values[i]
                                     : (double)work->batch.latencies_ms[i];
}

static void report_event(struct work *work, size_t i,
                         enum rnl_meter_metric metric, double threshold)
{
    struct rnl_meter_anomaly *anomaly =
        rnl_anomalies_add(&work->meter->anomalies);
    size_t k = work->batch.key_indexes[i];
    anomaly->time_ms = time_of(work, i);
    anomaly->metric = metric == RNL_METER_VALUE ? RNL_ANOMALY_OF_EVENT_VALUE
                                                : RNL_ANOMALY_OF_EVENT_LATENCY;
    anomaly->method = RNL_ANOMALY_BY_THRESHOLD;
    anomaly->observed = metric_of(work, metric, i);
    anomaly->baseline = threshold;
    anomaly->threshold = threshold;
    anomaly->score =
        threshold != 0 ? anomaly->observed / threshold : anomaly->observed;
    anomaly->key_len = work->batch.key_lengths[k];
    memcpy(anomaly->key, work->batch.keys + work->key_starts[k],
           anomaly->key_len);
}

/* Counts them in the windows that they are in, those of one pane together;
 * returns their number. */
static size_t count_above(struct work *work, enum rnl_meter_metric metric,
                          double threshold)
{
    const struct rnl_panes *panes = &work->meter->panes;
    size_t found = 0;
    size_t alike = 0;
    int64_t time_ms = 0;
    for (size_t i = 0; i < work->batch.event_count; i++) {
        if (!(metric_of(work, metric, i) > threshold))
            continue;
        if (alike > 0 && rnl_panes_route_key(panes, time_of(work, i)) !=
                             rnl_panes_route_key(panes, time_ms)) {
            rnl_meter_count_anomalies(work->meter, time_ms, alike);
            alike = 0;
        }
        time_ms = time_of(work, i);
        alike++;
        found++;
    }
    rnl_meter_count_anomalies(work->meter, time_ms, alike);
    return found;
}

/* All have a number; the newest are kept, and the others need no report. */
static void judge_events(struct work *work, enum rnl_meter_metric metric,
                         double threshold)
{
    if (work->facts.spreads[metric].max <= threshold)
        return;
    size_t left = count_above(work, metric, threshold);
    size_t most = RNL_METER_ANOMALIES_MAX;
    size_t skipped = left > most ? left - most : 0;
    work->meter->anomalies.sequence += skipped;
    for (size_t i = 0; left > 0; i++) {
        if (!(metric_of(work, metric, i) > threshold))
            continue;
        if (left-- <= most)
            report_event(work, i, metric, threshold);
    }
}

static void judge_all_events(struct work *work)
{
    const struct rnl_meter_config *config = &work->meter->config;
    if (config->has_value_threshold && work->batch.values != NULL)
        judge_events(work, RNL_METER_VALUE, config->value_threshold);
    if (config->latency_threshold_ms > 0 && work->batch.latencies_ms != NULL)
        judge_events(work, RNL_METER_LATENCY, config->latency_threshold_ms);
}

/* ---- the whole ---- */

static void begin_time(struct rnl_meter *meter, int64_t first_ms)
{
    if (meter->newest_ms != INT64_MIN)
        return;
    meter->newest_second = first_ms / 1000;
}

/* Lets the watermark know of the batch. */
static enum rnl_code move_time(struct work *work, int64_t wall_ms)
{
    struct rnl_meter *meter = work->meter;
    begin_time(meter, work->facts.first_ms);
    struct rnl_meter_time time = rnl_meter_time_of(meter);
    rnl_meter_time_note(&time, &work->facts, wall_ms);
    meter->newest_ms = time.newest_ms;
    meter->live = time.live;
    rnl_meter_time_move(&time, wall_ms);
    if (meter->live)
        rnl_panes_note_lag(&meter->panes, time.watermark_ms,
                           work->facts.last_ms);
    return rnl_meter_move(meter, wall_ms);
}

static void add_all(struct work *work)
{
    struct rnl_meter *meter = work->meter;
    /* The panes are there, and room in them. */
    enum rnl_code code = for_spans(work, add_span);
    assert(code == RNL_OK);
    (void)code;
    work->late_events = (uint32_t)events_before(
        work, rnl_panes_oldest_at(&meter->panes, meter->watermark_ms));
    judge_all_events(work);
    rnl_meter_judge(meter);
    if (work->facts.first_ms < meter->oldest_ms)
        meter->oldest_ms = work->facts.first_ms;
    meter->count += work->batch.event_count;
    meter->late_events += work->late_events;
    meter->version++;
    rnl_meter_drop_views(meter);
}

static enum rnl_code ingest(struct work *work, int64_t wall_ms)
{
    enum rnl_code code = take_memory(work);
    if (code == RNL_OK)
        code = move_time(work, wall_ms);
    if (code != RNL_OK)
        return code;
    hash_keys(work);
    hash_keys_again(work);
    code = sort_events(work);
    if (code == RNL_OK)
        code = for_spans(work, reserve_span);
    if (code == RNL_OK)
        add_all(work);
    return code;
}

enum rnl_code rnl_meter_count(struct rnl_meter *meter,
                              const struct rnl_meter_batch *batch,
                              const struct rnl_batch_facts *facts,
                              int64_t wall_ms,
                              struct rnl_meter_taken *ret_taken)
{
    struct work work = {.meter = meter, .batch = *batch, .facts = *facts};
    enum rnl_code code = ingest(&work, wall_ms);
    give_memory(&work);
    if (code != RNL_OK)
        return code;
    ret_taken->accepted_events = (uint32_t)batch->event_count;
    ret_taken->late_events = work.late_events;
    return RNL_OK;
}

enum rnl_code rnl_meter_ingest(struct rnl_meter *meter,
                               const struct rnl_meter_batch *batch,
                               int64_t wall_ms,
                               struct rnl_meter_taken *ret_taken,
                               struct rnl_meter_fault *ret_fault)
{
    struct rnl_meter_batch own = *batch;
    struct rnl_batch_facts facts = {0};
    if (meter->config.time_basis == RNL_TIME_BASIS_ARRIVAL) {
        own.time_base_ms = 0;
        own.time_offsets_ms = NULL;
    }
    enum rnl_code code = rnl_batch_check(&own, wall_ms, &facts, ret_fault);
    if (code != RNL_OK)
        return code;
    return meter->deferred == NULL
               ? rnl_meter_count(meter, &own, &facts, wall_ms, ret_taken)
               : rnl_deferred_post(meter->deferred, &own, &facts, wall_ms,
                                   ret_taken);
}
