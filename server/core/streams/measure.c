/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <string.h>

#include "alloc.h"
#include "columns.h"
#include "registry.h"

/* How long an event may wait until it is counted. */
#define FLUSH_NS INT64_C(1000000000)

static const char *const names[RNL_MEASURE_COUNT] = {
    [RNL_MEASURE_RPC] = "_rpc",
    [RNL_MEASURE_JOBS] = "_jobs",
    [RNL_MEASURE_FIRST_OUTPUT] = "_jobs.first_output",
};

/* Events that wait; all have a value, or none, and so with latency. */
struct gathered {
    bool has_value;
    bool has_latency;
    struct rnl_columns columns;
};

struct rnl_measures {
    struct rnl_streams *streams;
    struct rnl_timer timer;
    /* Owned; NULL until the first event. */
    struct gathered *gathered[RNL_MEASURE_COUNT];
};

/* What is refused (memory, the limit of statistics) is not measured: the
 * server has more important things to do then. */
static void flush(struct rnl_measures *measures, enum rnl_measure measure)
{
    struct gathered *gathered = measures->gathered[measure];
    struct rnl_meter_batch batch;
    struct rnl_meter_taken taken;
    struct rnl_field_error error;
    if (gathered == NULL || gathered->columns.count == 0)
        return;
    rnl_columns_batch(&gathered->columns, &batch);
    if (!gathered->has_value)
        batch.values = NULL;
    if (!gathered->has_latency)
        batch.latencies_ms = NULL;
    (void)!rnl_streams_take(measures->streams, names[measure], &batch, &taken,
                            &error);
    rnl_columns_reset(&gathered->columns);
}

static void on_timer(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    for (int i = 0; i < RNL_MEASURE_COUNT; i++)
        flush(arg, (enum rnl_measure)i);
}

static struct gathered *gathered_for(struct rnl_measures *measures,
                                     enum rnl_measure measure,
                                     const struct rnl_measured *measured)
{
    struct gathered *gathered = measures->gathered[measure];
    if (gathered == NULL) {
        gathered = rnl_malloc(sizeof(*gathered));
        if (gathered == NULL)
            return NULL;
        rnl_columns_reset(&gathered->columns);
        measures->gathered[measure] = gathered;
    } else if (gathered->has_value != measured->has_value ||
               gathered->has_latency != measured->has_latency) {
        flush(measures, measure);
    }
    gathered->has_value = measured->has_value;
    gathered->has_latency = measured->has_latency;
    return gathered;
}

static size_t append(char key[RNL_METER_KEY_BYTES_MAX], size_t len,
                     const char *text)
{
    size_t more = strnlen(text, RNL_METER_KEY_BYTES_MAX - len);
    memcpy(key + len, text, more);
    return len + more;
}

/* "NAME SUFFIX"; each call has one, so that it is not printf's. */
static size_t write_key(char key[RNL_METER_KEY_BYTES_MAX],
                        const struct rnl_measured *measured)
{
    size_t len = append(key, 0, measured->name);
    if (measured->suffix == NULL)
        return len;
    return append(key, append(key, len, " "), measured->suffix);
}

void rnl_streams_measure(struct rnl_streams *streams, enum rnl_measure measure,
                         const struct rnl_measured *measured)
{
    if (streams == NULL || streams->measures == NULL)
        return;
    struct rnl_measures *measures = streams->measures;
    struct rnl_core *core = streams->core;
    struct gathered *gathered = gathered_for(measures, measure, measured);
    if (gathered == NULL)
        return;
    char key[RNL_METER_KEY_BYTES_MAX];
    struct rnl_column_event event = {
        .key = key,
        .key_len = write_key(key, measured),
        .value = measured->value,
        .latency_ms = measured->latency_ms,
    };
    if (!rnl_columns_add(&gathered->columns, &event)) {
        flush(measures, measure);
        /* An empty one has room for any event. */
        (void)!rnl_columns_add(&gathered->columns, &event);
    }
    /* Without memory for the timer the next event tries again. */
    if (measures->timer.slot == 0)
        (void)!rnl_timer_start(&core->timers, &measures->timer,
                               core->now_ns + FLUSH_NS);
}

struct rnl_measures *rnl_measures_create(struct rnl_streams *streams)
{
    struct rnl_measures *measures = rnl_calloc(1, sizeof(*measures));
    if (measures == NULL)
        return NULL;
    measures->streams = streams;
    measures->timer.fire = on_timer;
    measures->timer.arg = measures;
    return measures;
}

void rnl_measures_destroy(struct rnl_measures *measures)
{
    if (measures == NULL)
        return;
    rnl_timer_stop(&measures->streams->core->timers, &measures->timer);
    for (int i = 0; i < RNL_MEASURE_COUNT; i++)
        rnl_free(measures->gathered[i]);
    rnl_free(measures);
}
