/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_job.h"

#include <stdio.h>
#include <string.h>

#include "timing.h"

#define KIND "bench"

static void on_job(struct rnl_worker *worker, struct rnl_work *work,
                   const struct rnl_job *job, void *arg)
{
    struct bench_job *mine = arg;
    (void)worker;
    mine->work = work;
    snprintf(mine->id, sizeof(mine->id), "%s", job->id);
}

static void on_stop(struct rnl_worker *worker, struct rnl_work *work,
                    const char *reason, void *arg)
{
    (void)worker;
    (void)work;
    (void)arg;
    bench_die("the job was stopped: %s", reason);
}

static void on_end(struct rnl_worker *worker,
                   const struct rnl_status_info *status, void *arg)
{
    (void)worker;
    (void)arg;
    bench_die("the worker ended: %s", status->message);
}

static void start_worker(struct bench_job *job)
{
    static const char *const kind = KIND;
    struct rnl_worker_options options = RNL_OPTIONS_INIT(options);
    options.kinds = &kind;
    options.kind_count = 1;
    options.on_job = on_job;
    options.on_stop = on_stop;
    options.on_end = on_end;
    options.arg = job;
    if (rnl_worker_start(job->clients.clients[0], &options, &job->worker) !=
        RNL_OK)
        bench_die("the worker does not start");
}

void bench_job_init(struct bench_job *job, const char *address, size_t links)
{
    struct rnl_job_spec spec = RNL_OPTIONS_INIT(spec);
    struct rnl_job *made;
    memset(job, 0, sizeof(*job));
    bench_clients_init(&job->clients, address, 2 + links);
    start_worker(job);
    spec.kind = KIND;
    if (rnl_job_create(job->clients.clients[1], &spec, &made) != RNL_OK)
        bench_die("the job is not created");
    rnl_job_destroy(made);
    while (job->work == NULL)
        bench_clients_turn(&job->clients);
}

void bench_job_complete(struct bench_job *job)
{
    if (rnl_work_complete(job->work, "text/plain") != RNL_OK)
        bench_die("the job cannot be completed");
    while (!rnl_worker_idle(job->worker))
        bench_clients_turn(&job->clients);
}

void bench_job_fini(struct bench_job *job)
{
    rnl_worker_destroy(job->worker);
    bench_clients_fini(&job->clients);
}
