/* SPDX-License-Identifier: Apache-2.0 */
/* Small GETs on connections that stay open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "samples.h"
#include "task.h"
#include "timing.h"
#include "web.h"

#define EVENTS_MAX 256
#define IDLE_MS    20000
#define WARM_MS    300

struct load {
    const struct bench_web_task *task;
    char **requests;
    size_t request_count;
    size_t next;
    struct bench_web *webs;
    double *sent_at;
    int epoll_fd;
    size_t answers;
    size_t under_way;
    struct bench_samples samples;
};

static void add_request(struct load *load, const char *path)
{
    load->requests = realloc((void *)load->requests,
                             (load->request_count + 1) * sizeof(char *));
    if (load->requests == NULL)
        bench_die("memory is out");
    load->requests[load->request_count++] =
        bench_web_get(load->task->address, path, "*/*");
}

static void read_requests(struct load *load)
{
    char line[512];
    if (load->task->paths == NULL) {
        add_request(load, load->task->path);
        return;
    }
    FILE *file = fopen(load->task->paths, "r");
    if (file == NULL)
        bench_die("%s cannot be read", load->task->paths);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        add_request(load, line);
    }
    fclose(file);
    if (load->request_count == 0)
        bench_die("%s has no path", load->task->paths);
}

static void ask(struct load *load, size_t at)
{
    const char *request = load->requests[load->next++ % load->request_count];
    load->sent_at[at] = bench_now();
    load->under_way++;
    bench_web_send(load->webs[at].fd, request, strlen(request));
}

static void load_init(struct load *load, const struct bench_web_task *task)
{
    *load = (struct load){.task = task, .epoll_fd = epoll_create1(0)};
    read_requests(load);
    load->webs = bench_alloc(task->connections * sizeof(load->webs[0]));
    load->sent_at = bench_alloc(task->connections * sizeof(double));
    for (size_t i = 0; i < task->connections; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        load->webs[i].fd = bench_web_connect(task->address);
        load->webs[i].len = 0;
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->webs[i].fd, &event);
    }
}

/* Those that were answered ask again until the time is over. */
static void turn(struct load *load, double until)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(load->epoll_fd, events, EVENTS_MAX, IDLE_MS);
    if (count <= 0)
        bench_die("no answer in %d s", IDLE_MS / 1000);
    for (int i = 0; i < count; i++) {
        size_t at = events[i].data.u64;
        if (!bench_web_take(&load->webs[at]))
            continue;
        double now = bench_now();
        bench_samples_add(&load->samples, now - load->sent_at[at]);
        load->answers++;
        load->under_way--;
        if (now < until)
            ask(load, at);
    }
}

static void run(struct load *load, size_t ms)
{
    double until = bench_now() + (double)ms / 1000;
    load->answers = 0;
    for (size_t i = 0; i < load->task->connections; i++)
        ask(load, i);
    while (load->under_way > 0)
        turn(load, until);
}

void bench_get(const struct bench_web_task *task)
{
    struct load load;
    struct bench_rates rates = {.task = task};
    load_init(&load, task);
    run(&load, WARM_MS);
    load.samples.count = 0;
    for (size_t i = 0; i < task->repeats; i++) {
        bench_rates_begin(&rates);
        run(&load, task->ms);
        bench_rates_end(&rates, load.answers);
    }
    bench_rates_report(&rates, "get");
    bench_samples_report(&load.samples, task, "get");
}
