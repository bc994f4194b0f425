/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends the events: a worker's chunks of a job, or a POST each. */
#ifndef RNL_BENCH_BRIDGE_PUBLISHER_H
#define RNL_BENCH_BRIDGE_PUBLISHER_H

#include "subscribers.h"
#include "web.h"
#include "worker_job.h"

/* POSTs at once. */
#define BENCH_POSTS_MAX 16

struct bench_publisher {
    const struct bench_web_task *task;
    /* Of the job. */
    struct bench_job job;
    /* Connections for POSTs, and those of them that wait for an answer. */
    struct bench_web *webs;
    size_t web_count;
    bool busy[BENCH_POSTS_MAX];
};

/* links: connections to the core for others, after the first two. */
void bench_publisher_init(struct bench_publisher *publisher,
                          const struct bench_web_task *task, size_t links);

/* The task's path with the job's id in it; freed by the caller. */
char *bench_publisher_path(const struct bench_publisher *publisher);

/* Has what it waits for watched: data.u64 is base and more. */
void bench_publisher_watch(struct bench_publisher *publisher, int epoll_fd,
                           size_t base);

/* Sends an event of now; false when there is no room. */
bool bench_publish(struct bench_publisher *publisher);

/* Deals with what is there; blocks never. */
void bench_publisher_turn(struct bench_publisher *publisher);

/* More is to be written than a descriptor took. */
bool bench_publisher_waits(const struct bench_publisher *publisher);

#endif
