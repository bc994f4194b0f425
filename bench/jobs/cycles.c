/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>
#include <runnel/worker.h>

#include "load.h"
#include "timing.h"

#define CREATE "runnel.v1.JobService/CreateJob"
#define KIND   "bench"

struct cycles {
    /* The producer's connection and the worker's. */
    struct bench_clients clients;
    struct rnl_worker *worker;
    uint8_t request[256];
    size_t request_len;
    size_t in_flight;
    size_t count;
    size_t created;
    size_t acknowledged;
    size_t completed;
};

static void create(struct cycles *cycles);

static void on_created(struct rnl_call *call,
                       const struct rnl_status_info *status, void *arg)
{
    struct cycles *cycles = arg;
    if (status->code != RNL_OK)
        bench_die("a job is not created: %s", status->message);
    rnl_call_destroy(call);
    cycles->acknowledged++;
    if (cycles->created < cycles->count)
        create(cycles);
}

static void create(struct cycles *cycles)
{
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    struct rnl_call *call;
    options.on_end = on_created;
    options.arg = cycles;
    cycles->created++;
    if (rnl_call_start(cycles->clients.clients[0], CREATE, &options, &call) !=
            RNL_OK ||
        rnl_call_send(call, cycles->request, cycles->request_len) != RNL_OK)
        bench_die("a job cannot be created");
    rnl_call_half_close(call);
}

static void on_job(struct rnl_worker *worker, struct rnl_work *work,
                   const struct rnl_job *job, void *arg)
{
    struct cycles *cycles = arg;
    (void)worker;
    (void)job;
    if (rnl_work_complete(work, NULL) != RNL_OK)
        bench_die("a job cannot be completed");
    cycles->completed++;
}

static void on_stop(struct rnl_worker *worker, struct rnl_work *work,
                    const char *reason, void *arg)
{
    (void)worker;
    (void)work;
    (void)arg;
    bench_die("a job was stopped: %s", reason);
}

static void on_worker_end(struct rnl_worker *worker,
                          const struct rnl_status_info *status, void *arg)
{
    (void)worker;
    (void)arg;
    bench_die("the worker ended: %s", status->message);
}

static void run(void *arg)
{
    struct cycles *cycles = arg;
    cycles->created = cycles->acknowledged = cycles->completed = 0;
    while (cycles->created < cycles->count &&
           cycles->created < cycles->in_flight)
        create(cycles);
    while (cycles->acknowledged < cycles->count ||
           cycles->completed < cycles->count ||
           !rnl_worker_idle(cycles->worker))
        bench_clients_turn(&cycles->clients);
}

static void start_worker(struct cycles *cycles, size_t concurrency)
{
    static const char *const kind = KIND;
    struct rnl_worker_options options = RNL_OPTIONS_INIT(options);
    options.kinds = &kind;
    options.kind_count = 1;
    options.concurrency = (uint32_t)concurrency;
    options.on_job = on_job;
    options.on_stop = on_stop;
    options.on_end = on_worker_end;
    options.arg = cycles;
    if (rnl_worker_start(cycles->clients.clients[1], &options,
                         &cycles->worker) != RNL_OK)
        bench_die("the worker does not start");
}

void bench_cycles(const struct bench_task *task)
{
    struct cycles cycles = {.count = task->count, .in_flight = task->in_flight};
    Runnel__V1__CreateJobRequest request = RUNNEL__V1__CREATE_JOB_REQUEST__INIT;
    request.kind = (char *)(uintptr_t)KIND;
    cycles.request_len =
        runnel__v1__create_job_request__pack(&request, cycles.request);
    bench_clients_init(&cycles.clients, task->address, 2);
    start_worker(&cycles, task->in_flight);
    const struct bench_rounds rounds = {.task = task,
                                        .name = "cycles",
                                        .run = run,
                                        .arg = &cycles,
                                        .work = task->count};
    bench_rounds(&rounds);
    rnl_worker_destroy(cycles.worker);
    bench_clients_fini(&cycles.clients);
}
