/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "timing.h"

#define CONNECT_MS 10000
#define IDLE_MS    20000

void bench_clients_init(struct bench_clients *clients, const char *address,
                        size_t count)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = address;
    clients->count = count;
    clients->clients = bench_alloc(count * sizeof(struct rnl_client *));
    for (size_t i = 0; i < count; i++) {
        struct rnl_client **client = &clients->clients[i];
        if (rnl_client_create(&options, client) != RNL_OK ||
            rnl_client_await_connected(*client, CONNECT_MS) != RNL_OK)
            bench_die("no connection to %s", address);
    }
}

void bench_clients_fini(struct bench_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++)
        rnl_client_destroy(clients->clients[i]);
    free((void *)clients->clients);
}

void bench_clients_turn(struct bench_clients *clients)
{
    static struct pollfd *fds;
    static size_t fd_cap;
    int timeout_ms = IDLE_MS;
    if (clients->count > fd_cap) {
        free(fds);
        fd_cap = clients->count;
        fds = bench_alloc(fd_cap * sizeof(fds[0]));
    }
    for (size_t i = 0; i < clients->count; i++) {
        int64_t left = rnl_client_timeout_ms(clients->clients[i]);
        fds[i].fd = rnl_client_fd(clients->clients[i]);
        fds[i].events = (short)rnl_client_events(clients->clients[i]);
        if (left >= 0 && left < timeout_ms)
            timeout_ms = (int)left;
    }
    if (poll(fds, clients->count, timeout_ms) < 0)
        bench_die("poll failed");
    for (size_t i = 0; i < clients->count; i++) {
        if (fds[i].revents != 0 ||
            rnl_client_timeout_ms(clients->clients[i]) == 0)
            rnl_client_process(clients->clients[i], fds[i].revents);
        if (rnl_client_state(clients->clients[i]) != RNL_CLIENT_CONNECTED)
            bench_die("a connection was lost");
    }
}

double bench_times_quantile(struct bench_times *times, double share)
{
    if (times->count == 0)
        return 0;
    bench_median(times->seconds, times->count);
    size_t at = (size_t)(share * (double)times->count);
    return times->seconds[at < times->count ? at : times->count - 1];
}

void bench_report(const struct bench_task *task, const char *name,
                  double figure)
{
    char text[128];
    snprintf(text, sizeof(text), "%s_%s", task->label, name);
    bench_say(text, figure);
}

void bench_rounds(const struct bench_rounds *rounds)
{
    const struct bench_task *task = rounds->task;
    double took[BENCH_REPEATS_MAX];
    double cpu[BENCH_REPEATS_MAX];
    char name[96];
    for (size_t i = 0; i < task->repeats; i++) {
        double used = task->pid > 0 ? bench_cpu((pid_t)task->pid) : 0;
        double from = bench_now();
        rounds->run(rounds->arg);
        took[i] = bench_now() - from;
        cpu[i] = task->pid > 0 ? bench_cpu((pid_t)task->pid) - used : 0;
    }
    snprintf(name, sizeof(name), "%s_per_s", rounds->name);
    bench_report(task, name,
                 (double)rounds->work / bench_median(took, task->repeats));
    if (task->pid == 0)
        return;
    snprintf(name, sizeof(name), "%s_per_core_s", rounds->name);
    bench_report(task, name,
                 (double)rounds->work / bench_median(cpu, task->repeats));
}
