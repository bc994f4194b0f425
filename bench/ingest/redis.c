/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parts.h"
#include "timing.h"

/* The three commands of an event with the longest key and bucket. */
#define COMMANDS_BYTES (192 + 2 * RNL_METER_KEY_BYTES_MAX)

/* Ends of line in the answers of an event: an integer, a bulk string of two
 * lines, an integer. */
#define ANSWER_LINES 4

/* Bytes sent ahead of the answers: a long pipeline, as Redis likes it. */
#define AHEAD_BYTES (256 * 1024)

struct commands {
    char *bytes;
    size_t len;
};

/* A histogram of latency, a field a power of two, as one would keep it. */
static int bucket_of(float latency_ms)
{
    int bucket = 0;
    while (latency_ms >= 1 && bucket < 30) {
        latency_ms /= 2;
        bucket++;
    }
    return bucket;
}

static void encode(const struct bench_events *events, struct commands *commands)
{
    commands->bytes = bench_alloc(events->count * COMMANDS_BYTES);
    char *at = commands->bytes;
    for (size_t i = 0; i < events->count; i++) {
        uint32_t key = events->key_of[i];
        uint32_t from = events->key_offsets[key];
        int len = (int)(events->key_offsets[key + 1] - from);
        const char *text = events->keys + from;
        int bucket = bucket_of(events->latencies_ms[i]);
        at += sprintf(/* lint: allow sprintf: COMMANDS_BYTES bounds it */
                      at,
                      "*3\r\n$5\r\nPFADD\r\n$2\r\nuq\r\n$%d\r\n%.*s\r\n"
                      "*4\r\n$7\r\nZINCRBY\r\n$2\r\ntk\r\n$1\r\n1\r\n"
                      "$%d\r\n%.*s\r\n"
                      "*4\r\n$7\r\nHINCRBY\r\n$2\r\nlh\r\n$%d\r\n%d\r\n"
                      "$1\r\n1\r\n",
                      len, len, text, len, len, text, bucket < 10 ? 1 : 2,
                      bucket);
    }
    commands->len = (size_t)(at - commands->bytes);
}

static int connect_to(const char *address)
{
    const char *colon = strrchr(address, ':');
    long port = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0 || (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 &&
                   errno != EINPROGRESS))
        bench_die("no connection to %s", address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* Returns the ends of line that were read, and stops at an error answer. */
static size_t read_answers(int fd)
{
    static char room[65536];
    size_t lines = 0;
    ssize_t got = read(fd, room, sizeof(room));
    if (got == 0 || (got < 0 && errno != EAGAIN))
        bench_die("redis closed the connection");
    for (ssize_t i = 0; i < got; i++) {
        if (room[i] == '-')
            bench_die("redis refused a command: %.*s", (int)(got - i),
                      room + i);
        lines += room[i] == '\n';
    }
    return lines;
}

static double run(const struct commands *commands, size_t event_count, int fd)
{
    size_t want = event_count * ANSWER_LINES;
    size_t sent = 0;
    size_t seen = 0;
    double bytes_per_line = (double)commands->len / (double)want;
    double from = bench_now();
    while (seen < want) {
        double ahead = (double)sent - (double)seen * bytes_per_line;
        bool may_send = sent < commands->len && ahead < AHEAD_BYTES;
        struct pollfd poll_fd = {
            .fd = fd,
            .events = (short)(POLLIN | (may_send ? POLLOUT : 0)),
        };
        if (poll(&poll_fd, 1, 10000) <= 0)
            bench_die("redis does not answer");
        if (may_send && (poll_fd.revents & POLLOUT) != 0) {
            size_t left = commands->len - sent;
            ssize_t put =
                write(fd, commands->bytes + sent, left < 65536 ? left : 65536);
            sent += put > 0 ? (size_t)put : 0;
        }
        if ((poll_fd.revents & POLLIN) != 0)
            seen += read_answers(fd);
    }
    return bench_now() - from;
}

void bench_redis(const struct bench_task *task)
{
    struct commands commands;
    double times[BENCH_REPEATS_MAX];
    double cpus[BENCH_REPEATS_MAX];
    encode(task->events, &commands);
    int fd = connect_to(task->address);
    for (size_t i = 0; i < task->repeats; i++) {
        double cpu = bench_cpu((pid_t)task->pid);
        times[i] = run(&commands, task->events->count, fd);
        cpus[i] = bench_cpu((pid_t)task->pid) - cpu;
    }
    close(fd);
    free(commands.bytes);
    double count = (double)task->events->count;
    bench_report(task, "redis_events_per_s",
                 count / bench_median(times, task->repeats));
    bench_report(task, "redis_events_per_core_s",
                 count / bench_median(cpus, task->repeats));
}
