/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind "simulate": a source of events like those of a service, into an
 * event stream, with incidents whose times it writes to its log, so that what
 * the detector finds can be compared with what there was. docs/jobs.md lists
 * its options.
 *
 * Its events are numbered in the stream, under the id of the job: whatever
 * becomes of an attempt, the next one goes on behind those that the stream has,
 * and none counts twice.
 *
 * It keeps a budget of events that time has earned it, and spends it in
 * batches of what one slice may cost. Time that was lost, because the server
 * had other work, earns at most a second.
 */
#include "kind.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "columns.h"
#include "core.h"
#include "generator.h"
#include "options.h"
#include "streams.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  (1000 * NS_PER_MS)

/* Between two batches while the budget is spent: 50 a second look even. */
#define PAUSE_NS (20 * NS_PER_MS)

/* Events of one slice: about 200 us of drawing and counting. Drawing alone is
 * less than half of that. */
#define EVENTS_PER_SLICE RNL_COLUMNS_MAX
#define SKIPS_PER_SLICE  (2 * EVENTS_PER_SLICE)

struct options {
    const char *stream;
    double rate;
    double duration_s;
    int64_t count;
    int64_t users;
    double skew;
    double value_mean;
    double value_sigma;
    double latency_mean_ms;
    double latency_sigma;
    int64_t seed;
    double incident_every_s;
    double incident_s;
};

#define REAL(field, low, high, value)                            \
    {                                                            \
        .name = #field, .type = RNL_OPTION_REAL,                 \
        .offset = offsetof(struct options, field), .min = (low), \
        .max = (high), .preset = (value)                         \
    }
#define WHOLE(field, low, high, value)                           \
    {                                                            \
        .name = #field, .type = RNL_OPTION_INT,                  \
        .offset = offsetof(struct options, field), .min = (low), \
        .max = (high), .preset = (value)                         \
    }

static const struct rnl_option option_table[] = {
    {
        .name = "stream",
        .type = RNL_OPTION_TEXT,
        .offset = offsetof(struct options, stream),
        .min = 1,
        .max = 128,
        .preset_text = "simulated",
    },
    REAL(rate, 0.1, 1e6, 1000),
    REAL(duration_s, 0, 86400, 60),
    WHOLE(count, 0, 1e12, 0),
    WHOLE(users, 1, 1e7, 10000),
    REAL(skew, 0, 5, 1.1),
    REAL(value_mean, 1e-6, 1e12, 100),
    REAL(value_sigma, 0, 5, 0.5),
    REAL(latency_mean_ms, 1e-6, 1e9, 50),
    REAL(latency_sigma, 0, 5, 0.6),
    WHOLE(seed, 0, 9007199254740992, 1),
    REAL(incident_every_s, 0, 86400, 40),
    REAL(incident_s, 1, 3600, 5),
};

/* What happens in an incident, one after the other. */
struct incident_kind {
    const char *name;
    double factor;
};

enum {
    INCIDENT_RATE_UP,
    INCIDENT_LATENCY,
    INCIDENT_UNIQUE,
    INCIDENT_VALUE,
    INCIDENT_RATE_DOWN,
    INCIDENT_KINDS,
};

static const struct incident_kind incident_kinds[INCIDENT_KINDS] = {
    [INCIDENT_RATE_UP] = {"rate", 5},
    [INCIDENT_LATENCY] = {"latency_ms", 8},
    /* Every event has a key that was never seen. */
    [INCIDENT_UNIQUE] = {"unique_keys", 1},
    [INCIDENT_VALUE] = {"value", 5},
    [INCIDENT_RATE_DOWN] = {"rate", 0.1},
};

struct simulation {
    const struct rnl_work *work;
    struct options options;
    struct rnl_generator generator;
    struct rnl_columns columns;
    int64_t start_ns;
    int64_t last_ns;
    double budget;
    uint64_t sent;
    /* Of the line that is next. */
    uint64_t line;
    uint64_t line_sent;
    /* Incidents that have begun, and whether the last of them goes on. */
    uint64_t incidents;
    bool in_incident;
    /* Events to be drawn and not sent, since they were. */
    uint64_t skip;
};

static size_t option_count(void)
{
    return sizeof(option_table) / sizeof(option_table[0]);
}

static enum rnl_code simulate_validate(const struct rnl_work *work,
                                       struct rnl_field_error *error)
{
    struct options options;
    enum rnl_code code = rnl_options_read(option_table, option_count(),
                                          work->job, &options, error);
    if (code != RNL_OK)
        return code;
    const char *fault =
        rnl_streams_name_fault(options.stream, strlen(options.stream));
    if (fault != NULL)
        return rnl_field_error_set(error, "options.stream", "%s", fault);
    if (options.duration_s <= 0 && options.count == 0)
        return rnl_field_error_set(error, "options.duration_s",
                                   "may be 0 only with a count");
    if (options.incident_every_s > 0 &&
        options.incident_every_s < options.incident_s)
        return rnl_field_error_set(error, "options.incident_every_s",
                                   "must be 0 or at least incident_s, %g",
                                   options.incident_s);
    return RNL_OK;
}

static enum rnl_code simulate_create(const struct rnl_work *work,
                                     void **ret_state)
{
    struct rnl_field_error error;
    struct simulation *simulation = rnl_calloc(1, sizeof(*simulation));
    if (simulation == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct options *options = &simulation->options;
    enum rnl_code code = rnl_options_read(option_table, option_count(),
                                          work->job, options, &error);
    if (code != RNL_OK) {
        rnl_free(simulation);
        return code;
    }
    struct rnl_generator_options generator = {
        .seed = (uint64_t)options->seed,
        .users = (uint64_t)options->users,
        .skew = options->skew,
        .value_mean = options->value_mean,
        .value_sigma = options->value_sigma,
        .latency_mean_ms = options->latency_mean_ms,
        .latency_sigma = options->latency_sigma,
    };
    rnl_generator_init(&simulation->generator, &generator);
    simulation->work = work;
    simulation->start_ns = work->core->now_ns;
    simulation->last_ns = simulation->start_ns;
    simulation->line = 1;
    simulation->sent = rnl_streams_last_number(work->core->streams,
                                               options->stream, work->job->id);
    simulation->line_sent = simulation->sent;
    simulation->skip = simulation->sent;
    *ret_state = simulation;
    return RNL_OK;
}

/* Its clock is that of the attempt, so that it has gone on meanwhile, and what
 * the newest event tells has been said. Time without a server earns nothing. */
static bool simulate_resume(void *state, const struct rnl_cut *cut)
{
    struct simulation *simulation = state;
    int64_t seen_ns = cut->last_ns - cut->begin_ns;
    int64_t gone_ns = simulation->work->core->wall_ns - cut->begin_ns;
    double every_s = simulation->options.incident_every_s;
    if (seen_ns < 0)
        seen_ns = 0;
    /* A clock that was set back. */
    if (gone_ns < seen_ns)
        gone_ns = seen_ns;
    simulation->start_ns -= gone_ns;
    simulation->line = (uint64_t)(seen_ns / NS_PER_S) + 1;
    if (every_s > 0)
        simulation->incidents = (uint64_t)((double)seen_ns / 1e9 / every_s);
    return true;
}

static double elapsed_s(const struct simulation *simulation)
{
    return (double)(simulation->last_ns - simulation->start_ns) / 1e9;
}

/* ---- incidents ---- */

static unsigned incident_of(const struct simulation *simulation)
{
    return (unsigned)((simulation->incidents - 1) % INCIDENT_KINDS);
}

static double factor_of(const struct simulation *simulation, unsigned kind)
{
    return simulation->in_incident && incident_of(simulation) == kind
               ? incident_kinds[kind].factor
               : 1;
}

/* The k-th incident begins k * incident_every_s after the start. */
static enum rnl_code follow_incidents(struct simulation *simulation,
                                      struct rnl_run *run)
{
    const struct options *options = &simulation->options;
    double now_s = elapsed_s(simulation);
    if (options->incident_every_s <= 0)
        return RNL_OK;
    double begun = floor(now_s / options->incident_every_s);
    double since_s = now_s - begun * options->incident_every_s;
    bool was_new = begun > (double)simulation->incidents;
    simulation->incidents = (uint64_t)begun;
    simulation->in_incident = begun >= 1 && since_s < options->incident_s;
    if (!was_new || !simulation->in_incident)
        return RNL_OK;
    const struct incident_kind *kind = &incident_kinds[incident_of(simulation)];
    int64_t start_ms = simulation->work->core->wall_ns / NS_PER_MS;
    return rnl_run_log(
        run,
        "incident number=%" PRIu64 " metric=%s factor=%g start_ms=%" PRId64
        " end_ms=%" PRId64,
        simulation->incidents, kind->name, kind->factor, start_ms,
        start_ms + (int64_t)((options->incident_s - since_s) * 1000));
}

/* ---- events ---- */

static void draw(struct simulation *simulation, char key[32],
                 struct rnl_column_event *event)
{
    struct rnl_generated generated;
    rnl_generator_next(&simulation->generator, &generated);
    bool stranger =
        simulation->in_incident && incident_of(simulation) == INCIDENT_UNIQUE;
    simulation->sent++;
    int len = stranger
                  ? snprintf(key, 32, "stranger-%" PRIu64, simulation->sent)
                  : snprintf(key, 32, "user-%" PRIu64, generated.user);
    event->key = key;
    event->key_len = (size_t)len;
    event->value = generated.value * factor_of(simulation, INCIDENT_VALUE);
    event->latency_ms =
        generated.latency_ms * factor_of(simulation, INCIDENT_LATENCY);
}

/* Events to send now, at most what a slice may cost. */
static size_t due_count(const struct simulation *simulation)
{
    const struct options *options = &simulation->options;
    double due = floor(simulation->budget);
    if (options->count > 0) {
        double left = (double)options->count - (double)simulation->sent;
        due = due < left ? due : left;
    }
    return due < EVENTS_PER_SLICE ? (size_t)due : EVENTS_PER_SLICE;
}

static enum rnl_code send(struct simulation *simulation, size_t count,
                          struct rnl_field_error *error)
{
    struct rnl_columns *columns = &simulation->columns;
    struct rnl_meter_batch batch;
    struct rnl_stream_source source = {.stream = simulation->options.stream,
                                       .producer = simulation->work->job->id};
    char key[32];
    rnl_columns_reset(columns);
    for (size_t i = 0; i < count; i++) {
        struct rnl_column_event event = {0};
        draw(simulation, key, &event);
        /* 512 keys of at most 32 bytes always find room. */
        (void)!rnl_columns_add(columns, &event);
    }
    rnl_columns_batch(columns, &batch);
    simulation->budget -= (double)count;
    source.number = simulation->sent;
    return rnl_streams_take_numbered(simulation->work->core->streams, &source,
                                     &batch, error);
}

static void earn(struct simulation *simulation)
{
    int64_t now_ns = simulation->work->core->now_ns;
    double waited_s = (double)(now_ns - simulation->last_ns) / 1e9;
    double rate = simulation->options.rate *
                  factor_of(simulation, INCIDENT_RATE_UP) *
                  factor_of(simulation, INCIDENT_RATE_DOWN);
    simulation->last_ns = now_ns;
    simulation->budget += rate * waited_s;
    /* A second of it, and one event at the slowest rates. */
    if (simulation->budget > rate + 1)
        simulation->budget = rate + 1;
}

/* ---- output ---- */

static enum rnl_code write_line(struct simulation *simulation,
                                struct rnl_run *run)
{
    char line[160];
    int len = snprintf(
        line, sizeof(line),
        "{\"time_ms\":%" PRId64 ",\"elapsed_s\":%.1f,\"events\":%" PRIu64
        ",\"total\":%" PRIu64 "}\n",
        simulation->work->core->wall_ns / NS_PER_MS, elapsed_s(simulation),
        simulation->sent - simulation->line_sent, simulation->sent);
    simulation->line_sent = simulation->sent;
    enum rnl_code code = rnl_run_output(run, line, (size_t)len);
    if (code != RNL_OK)
        return code;
    if (simulation->options.count > 0)
        return rnl_run_progress(run, (double)simulation->sent,
                                (double)simulation->options.count, "events");
    double total_s = simulation->options.duration_s;
    return rnl_run_progress(run, fmin(elapsed_s(simulation), total_s), total_s,
                            "s");
}

static enum rnl_code write_lines(struct simulation *simulation,
                                 struct rnl_run *run)
{
    double now_s = elapsed_s(simulation);
    if (now_s < (double)simulation->line)
        return RNL_OK;
    simulation->line = (uint64_t)now_s + 1;
    return write_line(simulation, run);
}

static bool is_over(const struct simulation *simulation)
{
    const struct options *options = &simulation->options;
    return (options->count > 0 &&
            simulation->sent >= (uint64_t)options->count) ||
           (options->duration_s > 0 &&
            elapsed_s(simulation) >= options->duration_s);
}

/* ---- the kind ---- */

static enum rnl_code step(struct simulation *simulation, struct rnl_run *run,
                          struct rnl_field_error *error)
{
    rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                         "the job's output is at its limit, or memory is out");
    earn(simulation);
    enum rnl_code code = RNL_OK;
    if (!is_over(simulation))
        code = follow_incidents(simulation, run);
    size_t count = due_count(simulation);
    if (code == RNL_OK && count > 0)
        code = send(simulation, count, error);
    if (code != RNL_OK)
        return code;
    return is_over(simulation) ? write_line(simulation, run)
                               : write_lines(simulation, run);
}

/* The generator comes to an event by drawing all in front of it. */
static void skip_some(struct simulation *simulation)
{
    struct rnl_generated ignored;
    for (int i = 0; i < SKIPS_PER_SLICE && simulation->skip > 0; i++) {
        rnl_generator_next(&simulation->generator, &ignored);
        simulation->skip--;
    }
}

static void simulate_step(void *state, struct rnl_run *run,
                          struct rnl_step *ret_step)
{
    struct simulation *simulation = state;
    struct rnl_field_error error;
    if (simulation->skip > 0) {
        skip_some(simulation);
        return;
    }
    enum rnl_code code = step(simulation, run, &error);
    if (code != RNL_OK) {
        rnl_step_fail(ret_step, code, "%s", error.message);
        return;
    }
    if (is_over(simulation))
        ret_step->kind = RNL_STEP_DONE;
    else if (simulation->budget < 1)
        ret_step->delay_ns = PAUSE_NS;
}

static void simulate_destroy(void *state)
{
    rnl_free(state);
}

const struct rnl_kind rnl_kind_simulate = {
    .name = "simulate",
    .output_content_type = "application/x-ndjson",
    .validate = simulate_validate,
    .create = simulate_create,
    .resume = simulate_resume,
    .step = simulate_step,
    .destroy = simulate_destroy,
};
