/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscribers to server-sent events, and when each event was sent: an event
 * begins with "~" and 16 hexadecimal digits, the nanoseconds of the monotonic
 * clock, which are searched for in what comes, whatever is around them.
 */
#ifndef RNL_BENCH_BRIDGE_SUBSCRIBERS_H
#define RNL_BENCH_BRIDGE_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "samples.h"
#include "task.h"

/* Characters of an event, its stamp among them: a few words of an answer. */
#define BENCH_EVENT_LEN 200

struct bench_subscriber {
    int fd;
    /* Something came. */
    bool begun;
    /* Digits of a stamp that was not whole yet; -1: none. */
    int digits;
    uint64_t stamp;
};

struct bench_subscribers {
    const struct bench_web_task *task;
    int epoll_fd;
    struct bench_subscriber *all;
    size_t count;
    size_t begun;
    /* Stamps that came, and how late they were. */
    size_t deliveries;
    struct bench_samples samples;
};

/* Subscribes task->connections times to path, and awaits that all have
 * begun. */
void bench_subscribers_init(struct bench_subscribers *subscribers,
                            const struct bench_web_task *task,
                            const char *path);

/* What is there for a descriptor of epoll_fd, data.u64 being its index. */
void bench_subscriber_read(struct bench_subscribers *subscribers, size_t at);

/* Writes an event of now. */
void bench_event_write(char event[BENCH_EVENT_LEN + 1]);

#endif
