/* SPDX-License-Identifier: Apache-2.0 */
#include "publisher.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define REQUEST_MAX 2048

static void open_posts(struct bench_publisher *publisher)
{
    const struct bench_web_task *task = publisher->task;
    publisher->web_count =
        task->window < BENCH_POSTS_MAX ? task->window : BENCH_POSTS_MAX;
    publisher->webs =
        bench_alloc(publisher->web_count * sizeof(publisher->webs[0]));
    for (size_t i = 0; i < publisher->web_count; i++) {
        publisher->webs[i].fd = bench_web_connect(task->address);
        publisher->webs[i].len = 0;
    }
}

void bench_publisher_init(struct bench_publisher *publisher,
                          const struct bench_web_task *task, size_t links)
{
    *publisher = (struct bench_publisher){.task = task};
    if (task->core != NULL)
        bench_job_init(&publisher->job, task->core, links);
    else if (task->post != NULL)
        open_posts(publisher);
    else
        bench_die("core= or post= must say where to publish");
}

char *bench_publisher_path(const struct bench_publisher *publisher)
{
    const char *path = publisher->task->path;
    const char *at = strstr(path, "JOB");
    size_t cap = strlen(path) + sizeof(publisher->job.id);
    char *text = bench_alloc(cap);
    if (at == NULL)
        snprintf(text, cap, "%s", path);
    else
        snprintf(text, cap, "%.*s%s%s", (int)(at - path), path,
                 publisher->job.id, at + 3);
    return text;
}

void bench_publisher_watch(struct bench_publisher *publisher, int epoll_fd,
                           size_t base)
{
    const struct bench_clients *clients = &publisher->job.clients;
    for (size_t i = 0; i < clients->count + publisher->web_count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = base + i};
        int fd = i < clients->count ? rnl_client_fd(clients->clients[i])
                                    : publisher->webs[i - clients->count].fd;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static void post(const struct bench_publisher *publisher, size_t at,
                 const char *event)
{
    const struct bench_web_task *task = publisher->task;
    char text[REQUEST_MAX];
    size_t before = strcspn(task->body, "@");
    const char *after = task->body + before;
    after += *after == '@';
    int len =
        snprintf(text, sizeof(text),
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s%s"
                 "Content-Length: %zu\r\n\r\n%.*s%s%s",
                 task->post, task->address,
                 *task->body == '{' ? "application/json" : "text/plain",
                 task->header != NULL ? task->header : "",
                 task->header != NULL ? "\r\n" : "",
                 before + strlen(event) + strlen(after), (int)before,
                 task->body, event, after);
    if (len >= REQUEST_MAX)
        bench_die("a request has %d bytes", len);
    bench_web_send(publisher->webs[at].fd, text, (size_t)len);
}

static bool post_somewhere(struct bench_publisher *publisher, const char *event)
{
    for (size_t i = 0; i < publisher->web_count; i++) {
        if (publisher->busy[i])
            continue;
        publisher->busy[i] = true;
        post(publisher, i, event);
        return true;
    }
    return false;
}

bool bench_publish(struct bench_publisher *publisher)
{
    char event[BENCH_EVENT_LEN + 1];
    bench_event_write(event);
    if (publisher->job.work == NULL)
        return post_somewhere(publisher, event);
    return rnl_work_output(publisher->job.work, event, BENCH_EVENT_LEN) ==
           RNL_OK;
}

static void turn_client(struct rnl_client *client)
{
    struct pollfd fd = {.fd = rnl_client_fd(client),
                        .events = (short)rnl_client_events(client)};
    if (poll(&fd, 1, 0) > 0 || rnl_client_timeout_ms(client) == 0)
        rnl_client_process(client, fd.revents);
    if (rnl_client_state(client) != RNL_CLIENT_CONNECTED)
        bench_die("a connection was lost");
}

void bench_publisher_turn(struct bench_publisher *publisher)
{
    for (size_t i = 0; i < publisher->job.clients.count; i++)
        turn_client(publisher->job.clients.clients[i]);
    for (size_t i = 0; i < publisher->web_count; i++)
        if (publisher->busy[i] && bench_web_take(&publisher->webs[i]))
            publisher->busy[i] = false;
}

bool bench_publisher_waits(const struct bench_publisher *publisher)
{
    for (size_t i = 0; i < publisher->job.clients.count; i++)
        if ((rnl_client_events(publisher->job.clients.clients[i]) & POLLOUT) !=
            0)
            return true;
    return false;
}
