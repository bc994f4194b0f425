/* SPDX-License-Identifier: Apache-2.0 */
#include "subscribers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "web.h"

#define STAMP_DIGITS 16
#define EVENTS_MAX   256
#define IDLE_MS      20000

/* Connections that are opened before any of them is served. */
#define BURST 100

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void bench_event_write(char event[BENCH_EVENT_LEN + 1])
{
    memset(event, 'x', BENCH_EVENT_LEN);
    int len = snprintf(event, BENCH_EVENT_LEN, "~%016" PRIx64, now_ns());
    event[len] = ' ';
    event[BENCH_EVENT_LEN] = '\0';
}

/* -1: it is none. */
static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *take_digits(struct bench_subscriber *subscriber,
                               const char *at, const char *end)
{
    while (at < end && subscriber->digits < STAMP_DIGITS) {
        int value = digit(*at++);
        if (value < 0)
            bench_die("an event has no stamp");
        subscriber->stamp = subscriber->stamp << 4 | (unsigned)value;
        subscriber->digits++;
    }
    return at;
}

static void scan(struct bench_subscribers *subscribers,
                 struct bench_subscriber *subscriber, const char *at,
                 size_t len)
{
    const char *end = at + len;
    uint64_t now = now_ns();
    while (at < end) {
        if (subscriber->digits < 0) {
            at = memchr(at, '~', (size_t)(end - at));
            if (at == NULL)
                return;
            at++;
            subscriber->digits = 0;
            subscriber->stamp = 0;
        }
        at = take_digits(subscriber, at, end);
        if (subscriber->digits < STAMP_DIGITS)
            return;
        subscriber->digits = -1;
        subscribers->deliveries++;
        bench_samples_add(&subscribers->samples,
                          (double)(now - subscriber->stamp) * 1e-9);
    }
}

static void check_head(const char *room, size_t len)
{
    if (len < 12 || memcmp(room + 9, "200", 3) != 0)
        bench_die("a subscriber is answered %.*s", (int)len, room);
}

void bench_subscriber_read(struct bench_subscribers *subscribers, size_t at)
{
    static char room[1 << 16];
    struct bench_subscriber *subscriber = &subscribers->all[at];
    ssize_t got = recv(subscriber->fd, room, sizeof(room), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        bench_die("a subscriber was cut off");
    if (!subscriber->begun) {
        check_head(room, (size_t)got);
        subscriber->begun = true;
        subscribers->begun++;
    }
    scan(subscribers, subscriber, room, (size_t)got);
}

static void await_begun(struct bench_subscribers *subscribers)
{
    struct epoll_event events[EVENTS_MAX];
    while (subscribers->begun < subscribers->count) {
        int count =
            epoll_wait(subscribers->epoll_fd, events, EVENTS_MAX, IDLE_MS);
        if (count <= 0)
            bench_die("%zu of %zu subscribers are answered in %d s",
                      subscribers->begun, subscribers->count, IDLE_MS / 1000);
        for (int i = 0; i < count; i++)
            bench_subscriber_read(subscribers, events[i].data.u64);
    }
}

void bench_subscribers_init(struct bench_subscribers *subscribers,
                            const struct bench_web_task *task, const char *path)
{
    char *request = bench_web_get(task->address, path, "text/event-stream");
    bench_web_descriptors(task->connections + 64);
    *subscribers =
        (struct bench_subscribers){.task = task, .epoll_fd = epoll_create1(0)};
    subscribers->all =
        bench_alloc(task->connections * sizeof(subscribers->all[0]));
    while (subscribers->count < task->connections) {
        size_t at = subscribers->count++;
        struct bench_subscriber *one = &subscribers->all[at];
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = at};
        *one = (struct bench_subscriber){.fd = bench_web_connect(task->address),
                                         .digits = -1};
        bench_web_send(one->fd, request, strlen(request));
        epoll_ctl(subscribers->epoll_fd, EPOLL_CTL_ADD, one->fd, &event);
        if (subscribers->count % BURST == 0)
            await_begun(subscribers);
    }
    await_begun(subscribers);
    free(request);
}
