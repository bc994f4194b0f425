/* SPDX-License-Identifier: Apache-2.0 */
/* Events to many subscribers, as fast as they go or at a pace, and to one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "publisher.h"
#include "subscribers.h"
#include "task.h"
#include "timing.h"

#define EVENTS_MAX 256
#define IDLE_S     20.0

struct fanout {
    const struct bench_web_task *task;
    struct bench_subscribers subscribers;
    struct bench_publisher publisher;
    /* Of a round. */
    double from;
    size_t published;
};

static size_t missing(const struct fanout *fanout)
{
    return fanout->published * fanout->subscribers.count -
           fanout->subscribers.deliveries;
}

/* Whether the next event is to be sent now. */
static bool is_due(const struct fanout *fanout)
{
    const struct bench_web_task *task = fanout->task;
    if (task->rate > 0)
        return (bench_now() - fanout->from) * (double)task->rate >=
               (double)fanout->published;
    return missing(fanout) + fanout->subscribers.count <=
           task->window * fanout->subscribers.count;
}

static void publish_due(struct fanout *fanout)
{
    while (is_due(fanout) && bench_publish(&fanout->publisher))
        fanout->published++;
}

/* What is there, awaited for a millisecond at most, since the next event may be
 * due. */
static void turn(struct fanout *fanout)
{
    struct epoll_event events[EVENTS_MAX];
    int wait_ms = bench_publisher_waits(&fanout->publisher) ? 0 : 1;
    int count =
        epoll_wait(fanout->subscribers.epoll_fd, events, EVENTS_MAX, wait_ms);
    for (int i = 0; i < count; i++)
        if (events[i].data.u64 < fanout->subscribers.count)
            bench_subscriber_read(&fanout->subscribers, events[i].data.u64);
    bench_publisher_turn(&fanout->publisher);
}

static void round_begin(struct fanout *fanout)
{
    fanout->from = bench_now();
    fanout->published = 0;
    fanout->subscribers.deliveries = 0;
}

static void await_all(struct fanout *fanout)
{
    double until = bench_now() + IDLE_S;
    while (missing(fanout) > 0) {
        if (bench_now() > until)
            bench_die("%zu deliveries are missing", missing(fanout));
        turn(fanout);
    }
}

static void run(struct fanout *fanout)
{
    double until = bench_now() + (double)fanout->task->ms / 1000;
    round_begin(fanout);
    while (bench_now() < until) {
        publish_due(fanout);
        turn(fanout);
    }
    await_all(fanout);
}

static void fanout_init(struct fanout *fanout,
                        const struct bench_web_task *task, size_t links)
{
    *fanout = (struct fanout){.task = task};
    bench_publisher_init(&fanout->publisher, task, links);
    char *path = bench_publisher_path(&fanout->publisher);
    bench_subscribers_init(&fanout->subscribers, task, path);
    bench_publisher_watch(&fanout->publisher, fanout->subscribers.epoll_fd,
                          fanout->subscribers.count);
    free(path);
}

/* One event, until all have it: the ways are open then. */
static void warm(struct fanout *fanout)
{
    round_begin(fanout);
    while (!bench_publish(&fanout->publisher))
        turn(fanout);
    fanout->published = 1;
    await_all(fanout);
    fanout->subscribers.samples.count = 0;
}

static void fanout_fini(struct fanout *fanout)
{
    if (fanout->task->core != NULL) {
        bench_job_complete(&fanout->publisher.job);
        bench_job_fini(&fanout->publisher.job);
    }
    free(fanout->publisher.webs);
    for (size_t i = 0; i < fanout->subscribers.count; i++)
        close(fanout->subscribers.all[i].fd);
}

void bench_events(const struct bench_web_task *task)
{
    struct fanout fanout;
    struct bench_rates rates = {.task = task};
    fanout_init(&fanout, task, 0);
    warm(&fanout);
    for (size_t i = 0; i < task->repeats; i++) {
        bench_rates_begin(&rates);
        run(&fanout);
        bench_rates_end(&rates, fanout.subscribers.deliveries);
    }
    bench_rates_report(&rates, "deliveries");
    bench_samples_report(&fanout.subscribers.samples, task, "delivery");
    fanout_fini(&fanout);
}

/* --- one subscriber, and a watcher at the core --- */

struct watcher {
    struct rnl_watch *watch;
    size_t events;
    double came_at;
};

static void on_event(struct rnl_watch *watch, const struct rnl_job_event *event,
                     void *arg)
{
    struct watcher *watcher = arg;
    (void)watch;
    if (event->kind != RNL_JOB_EVENT_DELTA)
        return;
    watcher->events++;
    watcher->came_at = bench_now();
}

static void watcher_init(struct watcher *watcher, struct bench_publisher *at)
{
    struct rnl_watch_options options = RNL_OPTIONS_INIT(options);
    *watcher = (struct watcher){0};
    options.on_event = on_event;
    options.arg = watcher;
    if (rnl_watch_start(at->job.clients.clients[2], at->job.id, &options,
                        &watcher->watch) != RNL_OK)
        bench_die("a watch does not start");
}

/* One chunk at a time, of which either reader may be the first. */
static void one_chunk(struct fanout *fanout, struct watcher *watcher,
                      struct bench_samples *at_core)
{
    round_begin(fanout);
    watcher->events = 0;
    double from = bench_now();
    if (!bench_publish(&fanout->publisher))
        bench_die("a chunk was refused");
    fanout->published = 1;
    while (watcher->events == 0 || missing(fanout) > 0) {
        if (bench_now() > from + IDLE_S)
            bench_die("a chunk does not come");
        turn(fanout);
    }
    bench_samples_add(at_core, watcher->came_at - from);
}

void bench_light(const struct bench_web_task *task)
{
    struct fanout fanout;
    struct watcher watcher;
    struct bench_samples at_core = {0};
    struct bench_web_task one = *task;
    one.connections = 1;
    fanout_init(&fanout, &one, 1);
    watcher_init(&watcher, &fanout.publisher);
    for (size_t i = 0; i < task->count; i++) {
        one_chunk(&fanout, &watcher, &at_core);
        if (i == task->count / 10)
            fanout.subscribers.samples.count = at_core.count = 0;
        usleep((useconds_t)(task->ms * 1000));
    }
    bench_samples_report(&fanout.subscribers.samples, task, "sse");
    bench_samples_report(&at_core, task, "watch");
    rnl_watch_destroy(watcher.watch);
    fanout_fini(&fanout);
}
