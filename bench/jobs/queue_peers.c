/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beanstalkd and lists of Redis as job queues: one connection that puts jobs,
 * in_flight of them not yet acknowledged, and one that takes as many at once
 * and removes each from the queue for good.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "timing.h"

#define IDLE_MS 20000

struct link {
    int fd;
    char out[1 << 16];
    size_t out_len;
    char in[1 << 16];
    size_t in_len;
};

struct queue {
    struct link producer;
    struct link worker;
    const struct dialect *dialect;
    size_t in_flight;
    size_t count;
    size_t put;
    size_t acknowledged;
    size_t taken;
    size_t removed;
    bool wants_payload;
};

/* What two protocols of lines differ in. */
struct dialect {
    const char *put;
    const char *put_answer;
    const char *take;
    void (*on_worker_line)(struct queue *queue, const char *line);
};

static void add(struct link *link, const char *text)
{
    size_t len = strlen(text);
    if (link->out_len + len > sizeof(link->out))
        bench_die("too much in flight");
    memcpy(link->out + link->out_len, text, len);
    link->out_len += len;
}

static void put_next(struct queue *queue)
{
    char text[160];
    snprintf(text, sizeof(text), "%s%016zu\r\n", queue->dialect->put,
             queue->put++);
    add(&queue->producer, text);
}

static void take_next(struct queue *queue)
{
    queue->taken++;
    add(&queue->worker, queue->dialect->take);
}

static void on_removed(struct queue *queue)
{
    queue->removed++;
    if (queue->taken < queue->count)
        take_next(queue);
}

static void on_producer_line(struct queue *queue, const char *line)
{
    const char *answer = queue->dialect->put_answer;
    if (strncmp(line, answer, strlen(answer)) != 0)
        bench_die("a job was refused: %s", line);
    queue->acknowledged++;
    if (queue->put < queue->count)
        put_next(queue);
}

static void on_beanstalkd_line(struct queue *queue, const char *line)
{
    unsigned long id;
    char text[64];
    if (queue->wants_payload) {
        queue->wants_payload = false;
    } else if (sscanf(line, "RESERVED %lu 16", &id) == 1) {
        queue->wants_payload = true;
        snprintf(text, sizeof(text), "delete %lu\r\n", id);
        add(&queue->worker, text);
    } else if (strcmp(line, "DELETED") == 0) {
        on_removed(queue);
    } else {
        bench_die("beanstalkd says %s", line);
    }
}

static void on_redis_line(struct queue *queue, const char *line)
{
    char text[128];
    if (queue->wants_payload) {
        queue->wants_payload = false;
        snprintf(text, sizeof(text),
                 "*4\r\n$4\r\nLREM\r\n$1\r\np\r\n$1\r\n1\r\n$16\r\n%s\r\n",
                 line);
        add(&queue->worker, text);
    } else if (strcmp(line, "$16") == 0) {
        queue->wants_payload = true;
    } else if (strcmp(line, ":1") == 0) {
        on_removed(queue);
    } else {
        bench_die("redis says %s", line);
    }
}

static const struct dialect beanstalkd = {
    .put = "put 0 0 60 16\r\n",
    .put_answer = "INSERTED",
    .take = "reserve\r\n",
    .on_worker_line = on_beanstalkd_line,
};

static const struct dialect redis = {
    .put = "*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$16\r\n",
    .put_answer = ":",
    .take = "*6\r\n$6\r\nBLMOVE\r\n$1\r\nq\r\n$1\r\np\r\n$5\r\nRIGHT\r\n"
            "$4\r\nLEFT\r\n$1\r\n0\r\n",
    .on_worker_line = on_redis_line,
};

static void flush(struct link *link)
{
    ssize_t sent = send(link->fd, link->out, link->out_len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        bench_die("the connection was lost");
    if (sent > 0) {
        link->out_len -= (size_t)sent;
        memmove(link->out, link->out + sent, link->out_len);
    }
}

static void receive(struct queue *queue, struct link *link,
                    void (*on_line)(struct queue *queue, const char *line))
{
    ssize_t got = read(link->fd, link->in + link->in_len,
                       sizeof(link->in) - link->in_len);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        bench_die("the connection was lost");
    if (got > 0)
        link->in_len += (size_t)got;
    char *from = link->in;
    char *end = link->in + link->in_len;
    char *stop;
    while ((stop = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        stop[-1] = '\0';
        on_line(queue, from);
        from = stop + 1;
    }
    link->in_len = (size_t)(end - from);
    memmove(link->in, from, link->in_len);
}

static void turn(struct queue *queue)
{
    struct pollfd fds[] = {
        {.fd = queue->producer.fd, .events = POLLIN},
        {.fd = queue->worker.fd, .events = POLLIN},
    };
    if (queue->producer.out_len > 0)
        fds[0].events |= POLLOUT;
    if (queue->worker.out_len > 0)
        fds[1].events |= POLLOUT;
    if (poll(fds, 2, IDLE_MS) <= 0)
        bench_die("the queue does not answer");
    if (fds[0].revents & POLLIN)
        receive(queue, &queue->producer, on_producer_line);
    if (fds[1].revents & POLLIN)
        receive(queue, &queue->worker, queue->dialect->on_worker_line);
    if (queue->producer.out_len > 0)
        flush(&queue->producer);
    if (queue->worker.out_len > 0)
        flush(&queue->worker);
}

static void run(void *arg)
{
    struct queue *queue = arg;
    queue->put = queue->acknowledged = queue->taken = queue->removed = 0;
    for (size_t i = 0; i < queue->in_flight && i < queue->count; i++) {
        put_next(queue);
        take_next(queue);
    }
    while (queue->acknowledged < queue->count || queue->removed < queue->count)
        turn(queue);
}

static void link_init(struct link *link, const char *address)
{
    const char *colon = strrchr(address, ':');
    long port = colon == NULL ? 0 : strtol(colon + 1, NULL, 10);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    link->out_len = link->in_len = 0;
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (link->fd < 0 ||
        connect(link->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        bench_die("no connection to %s", address);
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void measure(const struct bench_task *task,
                    const struct dialect *dialect)
{
    static struct queue queue;
    queue.dialect = dialect;
    queue.in_flight = task->in_flight;
    queue.count = task->count;
    link_init(&queue.producer, task->address);
    link_init(&queue.worker, task->address);
    const struct bench_rounds rounds = {.task = task,
                                        .name = "cycles",
                                        .run = run,
                                        .arg = &queue,
                                        .work = task->count};
    bench_rounds(&rounds);
    close(queue.producer.fd);
    close(queue.worker.fd);
}

void bench_beanstalkd(const struct bench_task *task)
{
    measure(task, &beanstalkd);
}

void bench_redis(const struct bench_task *task)
{
    measure(task, &redis);
}
