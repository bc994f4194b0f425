/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_ingest PART [name=value]...: measures one part and prints lines
 * "LABEL_name: figure". bench/run gives it its arguments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heap.h"
#include "parts.h"
#include "timing.h"

static struct {
    const char *events;
    const char *users;
    const char *skew;
    const char *batch;
    const char *repeats;
    const char *rate;
    const char *streams;
    const char *windows;
    const char *threads;
    const char *behind;
    const char *label;
    const char *address;
    const char *pid;
    const char *file;
    const char *key;
    const char *value;
    const char *out;
} args = {
    .events = "10000000",
    .users = "1000000",
    .skew = "1.1",
    .batch = "8192",
    .repeats = "5",
    .rate = "1000000",
    .streams = "1",
    .windows = "0",
    .threads = "1",
    .behind = "0",
    .label = "zipf",
    .key = "origin",
    .value = "delay",
};

static const struct {
    const char *name;
    const char **target;
} names[] = {
    {"events", &args.events},   {"users", &args.users},
    {"skew", &args.skew},       {"batch", &args.batch},
    {"repeats", &args.repeats}, {"rate", &args.rate},
    {"streams", &args.streams}, {"windows", &args.windows},
    {"threads", &args.threads}, {"behind", &args.behind},
    {"label", &args.label},     {"address", &args.address},
    {"pid", &args.pid},         {"file", &args.file},
    {"key", &args.key},         {"value", &args.value},
    {"out", &args.out},
};

static const struct {
    const char *name;
    void (*run)(const struct bench_task *task);
    bool wants_server;
} parts[] = {
    {"floor", bench_floor, false},     {"engine", bench_engine, false},
    {"save", bench_save, false},       {"append", bench_append, false},
    {"threads", bench_threads, false}, {"wire", bench_wire, true},
    {"redis", bench_redis, true},
};

void bench_report(const struct bench_task *task, const char *name,
                  double figure)
{
    char text[128];
    snprintf(text, sizeof(text), "%s_%s", task->label, name);
    bench_say(text, figure);
}

static void take_argument(const char *arg)
{
    const char *equals = strchr(arg, '=');
    for (size_t i = 0; equals != NULL && i < sizeof(names) / sizeof(names[0]);
         i++) {
        if (strncmp(arg, names[i].name, (size_t)(equals - arg)) == 0 &&
            names[i].name[equals - arg] == '\0') {
            *names[i].target = equals + 1;
            return;
        }
    }
    bench_die("there is no argument \"%s\"", arg);
}

static double number(const char *name, const char *text, double max)
{
    char *end;
    double value = text == NULL ? 0 : strtod(text, &end);
    if (text == NULL || end == text || *end != '\0' || !(value >= 0) ||
        value > max)
        bench_die("%s must be a number up to %g", name, max);
    return value;
}

static void make_events(struct bench_events *events)
{
    size_t count = (size_t)number("events", args.events, 1e9);
    if (args.file != NULL)
        bench_events_read(events, count,
                          &(struct bench_csv){.path = args.file,
                                              .key = args.key,
                                              .value = args.value});
    else
        bench_events_make(events, count,
                          (size_t)number("users", args.users, 9999999),
                          number("skew", args.skew, 10));
}

/* For peers in other languages: key,value,latency_ms. */
static void dump(const struct bench_events *events)
{
    FILE *out = args.out == NULL ? stdout : fopen(args.out, "w");
    if (out == NULL)
        bench_die("%s cannot be written", args.out);
    for (size_t i = 0; i < events->count; i++) {
        uint32_t key = events->key_of[i];
        uint32_t from = events->key_offsets[key];
        fprintf(out, "%.*s,%.9g,%.9g\n",
                (int)(events->key_offsets[key + 1] - from), events->keys + from,
                events->values[i], (double)events->latencies_ms[i]);
    }
    if (fclose(out) != 0)
        bench_die("the events cannot be written");
}

/* More than a run takes, and less than what is refused. */
#define AHEAD_MS 600000

static void run_part(const char *name, struct bench_task *task)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct bench_batches batches;
    /* Ahead of the clock: the newest event makes the time, as it does in a
     * stream that is fed as things happen. Behind it each event would be late
     * for its second, and cost more. */
    bench_batches_make(&batches, task->events, task->batch_events, task->rate,
                       (int64_t)now.tv_sec * 1000 + AHEAD_MS);
    task->batches = &batches;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].name, name) != 0)
            continue;
        if (parts[i].wants_server &&
            (task->address == NULL || args.pid == NULL))
            bench_die("%s wants address= and pid=", name);
        bench_report(task, "distinct_keys", (double)task->events->distinct);
        bench_report(task, "distinct_share_of_batch",
                     (double)batches.entries / (double)task->event_count);
        bench_report(task, "bytes_per_event",
                     (double)batches.bytes / (double)task->event_count);
        parts[i].run(task);
        bench_batches_fini(&batches);
        return;
    }
    bench_die("there is no part \"%s\"", name);
}

int main(int argc, char **argv)
{
    /* As runneld does. */
    rnl_heap_keep();
    if (argc < 2)
        bench_die("usage: bench_ingest "
                  "floor|engine|save|append|threads|wire|redis|dump "
                  "[name=value]...");
    for (int i = 2; i < argc; i++)
        take_argument(argv[i]);
    struct bench_events events;
    make_events(&events);
    struct bench_task task = {
        .event_count = events.count,
        .batch_events = (size_t)number("batch", args.batch, 65536),
        .repeats = (size_t)number("repeats", args.repeats, BENCH_REPEATS_MAX),
        .rate = number("rate", args.rate, 1e12),
        .streams = (size_t)number("streams", args.streams, 100000),
        .windows =
            (size_t)number("windows", args.windows, RNL_METER_WINDOWS_MAX),
        .threads = (size_t)number("threads", args.threads, 64),
        .behind_ms = (int64_t)number("behind", args.behind, 3.6e6),
        .events = &events,
        .label = args.label,
        .address = args.address,
        .pid = args.pid == NULL ? 0 : (long)number("pid", args.pid, 1e9),
    };
    if (task.event_count == 0 || task.batch_events == 0 || task.repeats == 0 ||
        task.streams == 0 || !(task.rate > 0))
        bench_die("events, batch, repeats, streams and rate must be above 0");
    if (strcmp(argv[1], "dump") == 0)
        dump(&events);
    else
        run_part(argv[1], &task);
    bench_events_fini(&events);
    return EXIT_SUCCESS;
}
