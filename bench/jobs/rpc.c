/* SPDX-License-Identifier: Apache-2.0 */
/* Unary calls and server streaming; grpc_peer.cc does the same with gRPC. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/v1/jobs.pb-c.h>

#include "timing.h"
#include "worker_job.h"

#define GET   "runnel.v1.JobService/GetJob"
#define WATCH "runnel.v1.JobService/WatchJob"

struct request {
    uint8_t bytes[128];
    size_t len;
};

struct slot {
    struct load *load;
    struct rnl_client *client;
    double from;
};

struct load {
    struct bench_clients clients;
    const char *method;
    struct request request;
    const char *answer_path;
    struct slot *slots;
    size_t slot_count;
    size_t count;
    size_t begun;
    size_t ended;
    size_t messages;
    struct bench_times times;
};

static void call(struct slot *slot);

static void leave_answer(struct load *load, const uint8_t *data, size_t len)
{
    FILE *file = fopen(load->answer_path, "w");
    if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
        bench_die("%s cannot be written", load->answer_path);
    load->answer_path = NULL;
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct slot *slot = arg;
    (void)call;
    if (slot->load->answer_path != NULL)
        leave_answer(slot->load, data, len);
    slot->load->messages++;
}

static void on_end(struct rnl_call *ended, const struct rnl_status_info *status,
                   void *arg)
{
    struct slot *slot = arg;
    struct load *load = slot->load;
    if (status->code != RNL_OK)
        bench_die("%s: %s", load->method, status->message);
    load->times.seconds[load->times.count++] = bench_now() - slot->from;
    rnl_call_destroy(ended);
    load->ended++;
    if (load->begun < load->count)
        call(slot);
}

static void call(struct slot *slot)
{
    struct load *load = slot->load;
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    struct rnl_call *started;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = slot;
    slot->from = bench_now();
    load->begun++;
    if (rnl_call_start(slot->client, load->method, &options, &started) !=
            RNL_OK ||
        rnl_call_send(started, load->request.bytes, load->request.len) !=
            RNL_OK)
        bench_die("%s cannot be called", load->method);
    rnl_call_half_close(started);
}

static void run(void *arg)
{
    struct load *load = arg;
    load->begun = load->ended = load->messages = load->times.count = 0;
    for (size_t i = 0; i < load->slot_count && load->begun < load->count; i++)
        call(&load->slots[i]);
    while (load->ended < load->count)
        bench_clients_turn(&load->clients);
}

static void load_init(struct load *load, const struct bench_task *task,
                      size_t count)
{
    memset(load, 0, sizeof(*load));
    bench_clients_init(&load->clients, task->address, task->connections);
    load->count = count;
    load->times.seconds = bench_alloc(count * sizeof(double));
    load->slot_count = task->connections * task->in_flight;
    load->slots = bench_alloc(load->slot_count * sizeof(load->slots[0]));
    for (size_t i = 0; i < load->slot_count; i++)
        load->slots[i] = (struct slot){
            .load = load,
            .client = load->clients.clients[i % task->connections]};
}

static void load_fini(struct load *load)
{
    bench_clients_fini(&load->clients);
    free(load->times.seconds);
    free(load->slots);
}

/* A job that has ended, with so many deltas and lines of log in turn, which are
 * not joined. ret_id has room for 64. */
static void make_job(const struct bench_task *task, size_t pairs, char *ret_id)
{
    struct bench_job job;
    bench_job_init(&job, task->address, 0);
    for (size_t i = 0; i < pairs; i++) {
        while (rnl_work_output(job.work, "xxxxxxxx", 8) != RNL_OK)
            bench_clients_turn(&job.clients);
        while (rnl_work_log(job.work, "yyyyyyyy") != RNL_OK)
            bench_clients_turn(&job.clients);
    }
    bench_job_complete(&job);
    snprintf(ret_id, 64, "%s", job.id);
    bench_job_fini(&job);
}

void bench_unary(const struct bench_task *task)
{
    struct load load;
    char id[64];
    load_init(&load, task, task->count);
    make_job(task, 1, id);
    Runnel__V1__GetJobRequest request = RUNNEL__V1__GET_JOB_REQUEST__INIT;
    request.job_id = id;
    load.method = GET;
    load.answer_path = task->path;
    load.request.len =
        runnel__v1__get_job_request__pack(&request, load.request.bytes);
    const struct bench_rounds rounds = {.task = task,
                                        .name = "calls",
                                        .run = run,
                                        .arg = &load,
                                        .work = task->count};
    bench_rounds(&rounds);
    bench_report(task, "p50_us", 1e6 * bench_times_quantile(&load.times, 0.5));
    bench_report(task, "p99_us", 1e6 * bench_times_quantile(&load.times, 0.99));
    load_fini(&load);
}

void bench_stream(const struct bench_task *task)
{
    struct load load;
    char id[64];
    size_t pairs = task->count / 2;
    load_init(&load, task, task->connections * task->in_flight);
    make_job(task, pairs, id);
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = id;
    load.method = WATCH;
    load.request.len =
        runnel__v1__watch_job_request__pack(&request, load.request.bytes);
    /* QUEUED, RUNNING and the end come on top. */
    const struct bench_rounds rounds = {.task = task,
                                        .name = "messages",
                                        .run = run,
                                        .arg = &load,
                                        .work = load.count * (pairs * 2 + 3)};
    bench_rounds(&rounds);
    if (load.messages != rounds.work)
        bench_die("%zu messages came, not %zu", load.messages, rounds.work);
    load_fini(&load);
}
