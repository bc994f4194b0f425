/* SPDX-License-Identifier: Apache-2.0 */
/* From a worker's chunks to watchers: how late, how many, and again later. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timing.h"
#include "worker_job.h"

#define CHUNK_BYTES 32
#define WATCHERS    1000
/* Connections of the watchers. */
#define LINKS 10

struct watched {
    struct bench_job job;
    struct rnl_watch **watches;
    size_t watch_count;
    /* Of all watchers. */
    size_t chunks;
};

static void on_event(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg)
{
    struct watched *watched = arg;
    (void)watch;
    if (event->kind == RNL_JOB_EVENT_DELTA)
        watched->chunks += event->len / CHUNK_BYTES;
}

static void on_watch_end(struct rnl_watch *watch,
                         const struct rnl_status_info *status, void *arg)
{
    (void)watch;
    (void)arg;
    if (status->code != RNL_OK)
        bench_die("a watch ended: %s", status->message);
}

static void watched_init(struct watched *watched, const struct bench_task *task,
                         size_t watchers, size_t links)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    options.on_event = on_event;
    options.on_end = on_watch_end;
    options.arg = watched;
    bench_job_init(&watched->job, task->address, links);
    watched->chunks = 0;
    watched->watch_count = watchers;
    watched->watches = bench_alloc(watchers * sizeof(struct rnl_watch *));
    for (size_t i = 0; i < watchers; i++) {
        if (rnl_watch_start(watched->job.clients.clients[2 + i % links],
                            watched->job.id, &options,
                            &watched->watches[i]) != RNL_OK)
            bench_die("a watch does not start");
    }
}

static void watched_fini(struct watched *watched)
{
    bench_job_complete(&watched->job);
    for (size_t i = 0; i < watched->watch_count; i++)
        rnl_watch_destroy(watched->watches[i]);
    free((void *)watched->watches);
    bench_job_fini(&watched->job);
}

static bool append(struct bench_job *job, size_t number)
{
    char chunk[CHUNK_BYTES + 1];
    snprintf(chunk, sizeof(chunk), "%0*zu\n", CHUNK_BYTES - 1, number);
    return rnl_work_output(job->work, chunk, CHUNK_BYTES) == RNL_OK;
}

static void append_all(struct bench_job *job, size_t count)
{
    for (size_t i = 0; i < count;) {
        if (append(job, i))
            i++;
        else
            bench_clients_turn(&job->clients);
    }
}

static void await_chunks(struct watched *watched, size_t chunks)
{
    while (watched->chunks < chunks)
        bench_clients_turn(&watched->job.clients);
}

/* One chunk at a time: the next when every watcher has it. */
static void one_by_one(struct watched *watched, size_t count,
                       struct bench_times *times)
{
    times->count = 0;
    for (size_t i = 0; i < count; i++) {
        double from = bench_now();
        if (!append(&watched->job, i))
            bench_die("a chunk was refused");
        await_chunks(watched, watched->chunks + watched->watch_count);
        times->seconds[times->count++] = bench_now() - from;
    }
}

struct burst {
    struct watched *watched;
    size_t count;
};

static void run_burst(void *arg)
{
    struct burst *burst = arg;
    struct watched *watched = burst->watched;
    size_t goal = watched->chunks + burst->count * watched->watch_count;
    append_all(&watched->job, burst->count);
    await_chunks(watched, goal);
}

/* Figures of chunks one by one, then of as many as can be. */
static void measure(const struct bench_task *task, struct watched *watched,
                    size_t singles)
{
    struct bench_times times = {.seconds =
                                    bench_alloc(singles * sizeof(double))};
    struct burst burst = {.watched = watched, .count = task->count};
    /* The first ones also wait for the watchers' replay. */
    one_by_one(watched, 10, &times);
    one_by_one(watched, singles, &times);
    bench_report(task, "p50_us", 1e6 * bench_times_quantile(&times, 0.5));
    bench_report(task, "p99_us", 1e6 * bench_times_quantile(&times, 0.99));
    const struct bench_rounds rounds = {.task = task,
                                        .name = "chunks",
                                        .run = run_burst,
                                        .arg = &burst,
                                        .work =
                                            task->count * watched->watch_count};
    bench_rounds(&rounds);
    free(times.seconds);
}

void bench_delta(const struct bench_task *task)
{
    struct watched watched;
    watched_init(&watched, task, 1, 1);
    measure(task, &watched, 2000);
    watched_fini(&watched);
}

void bench_fanout(const struct bench_task *task)
{
    struct watched watched;
    watched_init(&watched, task, WATCHERS, LINKS);
    measure(task, &watched, 100);
    watched_fini(&watched);
}

/* ---- a late subscriber ---- */

struct late {
    struct rnl_client *client;
    const char *id;
    size_t bytes;
};

static bool take(const void *data, size_t len, void *arg)
{
    struct late *late = arg;
    (void)data;
    late->bytes += len;
    return true;
}

static void subscribe(void *arg)
{
    struct late *late = arg;
    late->bytes = 0;
    if (rnl_job_output(late->client, late->id, take, late, NULL) != RNL_OK)
        bench_die("no output: %s", rnl_client_status(late->client)->message);
}

static void write_raw(const char *path, size_t count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        bench_die("%s cannot be written", path);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%0*zu\n", CHUNK_BYTES - 1, i);
    if (fclose(file) != 0)
        bench_die("%s cannot be written", path);
}

static void read_raw(void *arg)
{
    static char room[1 << 16];
    int fd = open(arg, O_RDONLY | O_CLOEXEC);
    ssize_t got;
    if (fd < 0)
        bench_die("%s cannot be read", (const char *)arg);
    while ((got = read(fd, room, sizeof(room))) > 0)
        bench_keep((uint64_t)got);
    close(fd);
}

void bench_catchup(const struct bench_task *task)
{
    struct bench_job job;
    if (task->path == NULL)
        bench_die("catchup wants path=");
    bench_job_init(&job, task->address, 1);
    append_all(&job, task->count);
    bench_job_complete(&job);
    struct late late = {.client = job.clients.clients[2], .id = job.id};
    struct bench_rounds rounds = {.task = task,
                                  .name = "bytes",
                                  .run = subscribe,
                                  .arg = &late,
                                  .work = task->count * CHUNK_BYTES};
    bench_rounds(&rounds);
    if (late.bytes != rounds.work)
        bench_die("%zu bytes came, not %zu", late.bytes, rounds.work);
    write_raw(task->path, task->count);
    const struct bench_task raw = {.label = "file", .repeats = task->repeats};
    rounds.task = &raw;
    rounds.run = read_raw;
    rounds.arg = (char *)(uintptr_t)task->path;
    bench_rounds(&rounds);
    bench_job_fini(&job);
}
