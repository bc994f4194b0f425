/* SPDX-License-Identifier: Apache-2.0 */
/* What `bench_bridge` can measure, one part a run, and what it was asked. */
#ifndef RNL_BENCH_BRIDGE_TASK_H
#define RNL_BENCH_BRIDGE_TASK_H

#include <stddef.h>
#include <sys/types.h>

/* Processes of one server: the bridge and its core. */
#define BENCH_PIDS_MAX 4

struct bench_web_task {
    /* Prefix of the names of figures. */
    const char *label;
    /* Of the HTTP server: HOST:PORT. */
    const char *address;
    /* What is asked for; JOB in it is the id of the job that was made. */
    const char *path;
    /* One path a line, asked for in turn instead; NULL: path alone. */
    const char *paths;
    /* Of runneld; NULL: events are published by POST. */
    const char *core;
    const char *post;
    /* The published body; @ is the event. */
    const char *body;
    /* A header of it: "x-key: secret"; NULL: none. */
    const char *header;
    /* File to write. */
    const char *out;
    size_t connections;
    /* Events on their way at once. */
    size_t window;
    /* Events a second instead; 0: as the window lets. */
    size_t rate;
    /* Of a round. */
    size_t ms;
    size_t repeats;
    size_t count;
    /* Whose processor time, or memory, is taken together. */
    pid_t pids[BENCH_PIDS_MAX];
    size_t pid_count;
};

/* Prints "LABEL_name: figure". */
void bench_web_report(const struct bench_web_task *task, const char *name,
                      double figure);

/* Processor seconds of the task's processes. */
double bench_web_cpu(const struct bench_web_task *task);

/* GETs, one at a time on each of the connections, kept open. */
void bench_get(const struct bench_web_task *task);

/* Events to that many subscribers: deliveries a second, and how late. */
void bench_events(const struct bench_web_task *task);

/* A chunk's way to one subscriber, beside that to a watcher at the core. */
void bench_light(const struct bench_web_task *task);

/* Memory of that many subscribers to whom nothing is sent. */
void bench_idle(const struct bench_web_task *task);

/* Makes count jobs that end at once, and writes a path for each. */
void bench_make(const struct bench_web_task *task);

#endif
