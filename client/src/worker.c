/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The call of a worker. Whenever one opens, it says who the worker is, which
 * leases it holds, and then repeats the reports that were not acknowledged,
 * in the order of their numbers. The core counts each number once.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alloc.h"
#include "typed.h"
#include "worker_private.h"

#define KINDS_MAX            64u
#define CONCURRENCY_MAX      1024u
#define BUFFER_BYTES_DEFAULT ((size_t)1024 * 1024)
#define HEARTBEAT_MS_DEFAULT 10000
/* When the server itself answers UNAVAILABLE over a connection that stays, and
 * when memory was out. */
#define RETRY_MS 200

static void start_call(struct rnl_worker *worker);

/* --- life --- */

static void free_kinds(struct rnl_worker *worker)
{
    for (size_t i = 0; i < worker->options.kind_count; i++)
        rnl_free(worker->kinds[i]);
    rnl_free(worker->kinds);
}

static void free_worker(struct rnl_worker *worker)
{
    struct rnl_client *client = worker->client;
    rnl_timer_stop(&client->timers, &worker->heartbeat);
    rnl_timer_stop(&client->timers, &worker->retry);
    rnl_timer_stop(&client->timers, &worker->hand);
    rnl_call_destroy(worker->call);
    while (!TAILQ_EMPTY(&worker->works))
        rnl_work_destroy(TAILQ_FIRST(&worker->works));
    TAILQ_REMOVE(&client->attachments, &worker->attachment, link);
    rnl_arena_fini(&worker->arena);
    rnl_status_box_fini(&worker->status);
    free_kinds(worker);
    rnl_free(worker);
}

void rnl_worker_destroy(struct rnl_worker *worker)
{
    if (worker == NULL)
        return;
    worker->doomed = true;
    if (worker->busy == 0)
        free_worker(worker);
}

static void destroy_attached(struct rnl_attachment *attachment)
{
    rnl_worker_destroy((struct rnl_worker *)attachment);
}

_Static_assert(offsetof(struct rnl_worker, attachment) == 0,
               "an attachment is its worker");

static void enter(struct rnl_worker *worker)
{
    worker->busy++;
}

static void leave(struct rnl_worker *worker)
{
    worker->busy--;
    if (worker->busy == 0 && worker->doomed)
        free_worker(worker);
}

/* worker->status says why. */
static void finish(struct rnl_worker *worker)
{
    rnl_call_destroy(worker->call);
    worker->call = NULL;
    if (worker->ended || worker->doomed)
        return;
    worker->ended = true;
    rnl_timer_stop(&worker->client->timers, &worker->heartbeat);
    rnl_timer_stop(&worker->client->timers, &worker->retry);
    rnl_timer_stop(&worker->client->timers, &worker->hand);
    enter(worker);
    if (worker->options.on_end != NULL)
        worker->options.on_end(worker, &worker->status.info,
                               worker->options.arg);
    leave(worker);
}

static void finish_drained(struct rnl_worker *worker)
{
    rnl_status_set(&worker->status, RNL_OK, "drained");
    finish(worker);
}

static void finish_no_memory(struct rnl_worker *worker)
{
    rnl_status_set(&worker->status, RNL_RESOURCE_EXHAUSTED, "out of memory");
    finish(worker);
}

static void start_timer(struct rnl_worker *worker, struct rnl_timer *timer,
                        int64_t wait_ms)
{
    struct rnl_client *client = worker->client;
    if (rnl_timer_start(&client->timers, timer,
                        client->now_ns + wait_ms * RNL_NS_PER_MS) != RNL_OK)
        finish_no_memory(worker);
}

/* --- to the core --- */

static bool can_pump(const struct rnl_worker *worker)
{
    return worker->introduced && worker->call != NULL &&
           worker->call->state == RNL_CALL_RUNNING;
}

/* False: the call takes nothing more now. */
static bool pump_reports(struct rnl_worker *worker)
{
    struct rnl_work *work;
    while ((work = TAILQ_FIRST(&worker->unsent)) != NULL) {
        const struct rnl_work_report *report = work->next;
        if (rnl_call_send(worker->call, report->data, report->len) != RNL_OK)
            return false;
        rnl_work_sent(work);
    }
    return true;
}

/* Not full, and yet refused: memory was out, and on_writable will not follow.
 * Should there be none for the timer either, the heartbeat tries again. */
static void retry_later(struct rnl_worker *worker)
{
    struct rnl_client *client = worker->client;
    int64_t due_ns = client->now_ns + RETRY_MS * RNL_NS_PER_MS;
    bool retry = rnl_call_writable(worker->call) && worker->retry.slot == 0;
    if (retry &&
        rnl_timer_start(&client->timers, &worker->retry, due_ns) == RNL_OK)
        rnl_client_report(client);
}

static bool pump_drain(struct rnl_worker *worker)
{
    if (!worker->draining || worker->drain_sent)
        return true;
    worker->drain_sent = rnl_worker_send_drain(worker) == RNL_OK;
    return worker->drain_sent;
}

void rnl_worker_pump(struct rnl_worker *worker)
{
    /* The drain before a release: the core then knows why. */
    if (can_pump(worker) && !(pump_drain(worker) && pump_reports(worker)))
        retry_later(worker);
}

static void on_writable(struct rnl_call *call, void *arg)
{
    (void)call;
    rnl_worker_pump(arg);
}

static void on_open(struct rnl_call *call, void *arg)
{
    struct rnl_worker *worker = arg;
    (void)call;
    worker->opened = true;
    enum rnl_code code = rnl_worker_send_registration(worker);
    if (code == RNL_OK)
        code = rnl_worker_send_leases(worker);
    if (code != RNL_OK) {
        finish_no_memory(worker);
        return;
    }
    worker->introduced = true;
    worker->drain_sent = worker->draining;
    rnl_worker_pump(worker);
}

/* A heartbeat that has no room is not missed: reports, which renew the leases
 * as well, are in its way. */
static void on_heartbeat(struct rnl_timer *timer, void *arg)
{
    struct rnl_worker *worker = arg;
    if (can_pump(worker))
        (void)!rnl_worker_send_leases(worker);
    rnl_worker_pump(worker);
    start_timer(worker, timer, worker->heartbeat_ms);
}

/* With nobody to say so to; else the core ends the call. */
static bool is_drained(const struct rnl_worker *worker)
{
    return worker->draining && TAILQ_EMPTY(&worker->works) && !can_pump(worker);
}

static void on_retry(struct rnl_timer *timer, void *arg)
{
    struct rnl_worker *worker = arg;
    (void)timer;
    if (worker->ended)
        return;
    if (worker->call == NULL)
        start_call(worker);
    else
        rnl_worker_pump(worker);
}

static void on_hand(struct rnl_timer *timer, void *arg)
{
    struct rnl_worker *worker = arg;
    struct rnl_work *work;
    (void)timer;
    enter(worker);
    if (is_drained(worker))
        finish_drained(worker);
    while (!worker->ended && !worker->doomed &&
           (work = rnl_worker_next_assignment(worker)) != NULL)
        rnl_worker_hand_out(worker, work);
    leave(worker);
}

/* --- from the core --- */

static void take_ack(struct rnl_worker *worker,
                     const Runnel__V1__Acknowledge *ack)
{
    struct rnl_work *work = rnl_work_find(worker, ack->job_id, ack->attempt);
    if (work == NULL)
        return;
    work->acked_number = ack->report_sequence;
    work->acked_sequence = ack->sequence;
    rnl_work_acknowledge(work, ack->report_sequence);
    bool finished = work->place == RNL_WORK_FINISHED;
    if (finished && STAILQ_EMPTY(&work->reports)) {
        rnl_work_destroy(work);
        return;
    }
    if (!work->was_full || !rnl_work_writable(work) || finished)
        return;
    work->was_full = false;
    if (worker->options.on_writable != NULL)
        worker->options.on_writable(worker, work, worker->options.arg);
}

/* Also the answer to a result that was taken and whose acknowledgement was lost
 * with the connection: its lease has ended. */
static void take_stop(struct rnl_worker *worker,
                      const Runnel__V1__StopJob *stop)
{
    struct rnl_work *work = NULL;
    if (stop->lease != NULL)
        work = rnl_work_find(worker, stop->lease->job_id, stop->lease->attempt);
    if (work == NULL || work->token != stop->lease->token || work->stopped)
        return;
    if (work->place != RNL_WORK_IN_HAND) {
        rnl_work_destroy(work);
        return;
    }
    work->stopped = true;
    work->was_full = false;
    rnl_work_acknowledge(work, UINT64_MAX);
    if (worker->options.on_stop != NULL)
        worker->options.on_stop(worker, work, stop->reason,
                                worker->options.arg);
}

static void take_registered(struct rnl_worker *worker,
                            const Runnel__V1__WorkerRegistered *registered)
{
    int64_t ms = rnl_typed_duration_ms(registered->heartbeat_interval);
    if (ms > 0 && ms <= RNL_WAIT_MS_MAX)
        worker->heartbeat_ms = ms;
    rnl_timer_stop(&worker->client->timers, &worker->heartbeat);
    start_timer(worker, &worker->heartbeat, worker->heartbeat_ms);
}

/* data is what response was unpacked from. */
static void take(struct rnl_worker *worker, const uint8_t *data, size_t len,
                 const Runnel__V1__WorkResponse *response)
{
    switch (response->order_case) {
    case RUNNEL__V1__WORK_RESPONSE__ORDER_REGISTERED:
        take_registered(worker, response->registered);
        break;
    case RUNNEL__V1__WORK_RESPONSE__ORDER_ASSIGN:
        rnl_worker_take_assignment(worker, response->assign, data, len);
        break;
    case RUNNEL__V1__WORK_RESPONSE__ORDER_ACKNOWLEDGE:
        take_ack(worker, response->acknowledge);
        break;
    case RUNNEL__V1__WORK_RESPONSE__ORDER_STOP:
        take_stop(worker, response->stop);
        break;
    case RUNNEL__V1__WORK_RESPONSE__ORDER_DRAIN:
        if (worker->options.on_drain != NULL)
            worker->options.on_drain(worker, response->drain->reason,
                                     worker->options.arg);
        break;
    default:
        break;
    }
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_worker *worker = arg;
    rnl_arena_reset(&worker->arena);
    const Runnel__V1__WorkResponse *response = rnl_arena_unpack(
        &worker->arena, &runnel__v1__work_response__descriptor, data, len);
    if (response == NULL) {
        rnl_call_fail(call,
                      worker->arena.exhausted ? RNL_RESOURCE_EXHAUSTED
                                              : RNL_INTERNAL,
                      "an order of the server cannot be read");
        return;
    }
    enter(worker);
    take(worker, data, len, response);
    leave(worker);
}

/* --- the call --- */

static bool resumable(const struct rnl_worker *worker,
                      const struct rnl_status_info *status)
{
    if (worker->client->options.no_reconnect)
        return false;
    if (status->code == RNL_RESOURCE_EXHAUSTED)
        return status->retry_delay_ms > 0;
    return status->code == RNL_UNAVAILABLE &&
           (worker->opened || worker->options.wait_for_connection);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_worker *worker = arg;
    struct rnl_work *work;
    bool again = resumable(worker, status);
    int64_t wait_ms = status->retry_delay_ms;
    if (wait_ms == 0 && worker->client->state == RNL_CLIENT_CONNECTED)
        wait_ms = RETRY_MS;
    rnl_status_copy(&worker->status, status);
    if (status->code == RNL_OK && !worker->draining)
        rnl_status_set(&worker->status, RNL_INTERNAL,
                       "the server ended the work");
    rnl_call_destroy(call);
    worker->call = NULL;
    worker->introduced = false;
    worker->drain_sent = false;
    TAILQ_FOREACH(work, &worker->works, link)
    rnl_work_rewind(work);
    if (again && is_drained(worker)) {
        finish_drained(worker);
        return;
    }
    if (!again) {
        finish(worker);
        return;
    }
    rnl_timer_stop(&worker->client->timers, &worker->retry);
    if (wait_ms > 0)
        start_timer(worker, &worker->retry, wait_ms);
    else
        start_call(worker);
}

static enum rnl_code open_call(struct rnl_worker *worker)
{
    struct rnl_call_options options = {
        .size = sizeof(options),
        .wait_for_connection =
            worker->opened || worker->options.wait_for_connection,
        .on_message = on_message,
        .on_writable = on_writable,
        .on_end = on_end,
        .arg = worker,
    };
    enum rnl_code code =
        rnl_call_start(worker->client, "runnel.v1.WorkerService/Work", &options,
                       &worker->call);
    if (code == RNL_OK)
        worker->call->on_open = on_open;
    return code;
}

static void start_call(struct rnl_worker *worker)
{
    if (open_call(worker) != RNL_OK)
        start_timer(worker, &worker->retry, RETRY_MS);
}

/* --- the start --- */

/* NULL, or what is wrong. */
static const char *find_fault(const struct rnl_worker_options *options)
{
    if (options->on_job == NULL)
        return "on_job must be set";
    if (options->kinds == NULL || options->kind_count < 1 ||
        options->kind_count > KINDS_MAX)
        return "kinds must have 1 to 64 entries";
    if (options->concurrency > CONCURRENCY_MAX)
        return "concurrency must be 1 to 1024";
    if (options->name != NULL && strlen(options->name) >= RNL_WORKER_NAME_SIZE)
        return "name must have at most 128 bytes";
    return NULL;
}

static bool copy_kinds(struct rnl_worker *worker, const char *const *kinds,
                       size_t count)
{
    worker->kinds = rnl_calloc(count, sizeof(worker->kinds[0]));
    worker->options.kind_count = 0;
    for (size_t i = 0; worker->kinds != NULL && i < count; i++) {
        size_t size = strlen(kinds[i]) + 1;
        worker->kinds[i] = rnl_malloc(size);
        if (worker->kinds[i] == NULL)
            return false;
        memcpy(worker->kinds[i], kinds[i], size);
        worker->options.kind_count++;
    }
    return worker->kinds != NULL;
}

static void name_instance(struct rnl_worker *worker)
{
    unsigned long long random[2];
    if (getrandom(random, sizeof(random), GRND_NONBLOCK) !=
        (ssize_t)sizeof(random)) {
        random[0] = rnl_client_random(worker->client, 0);
        random[1] = rnl_client_random(worker->client, 0);
    }
    snprintf(worker->instance, sizeof(worker->instance), "%016llx%016llx",
             random[0], random[1]);
}

/* As much again waits for an acknowledgement of its result. */
static uint32_t count_buckets(uint32_t concurrency)
{
    uint32_t count = 2;
    while (count < 2 * concurrency)
        count *= 2;
    return count;
}

/* own was checked. NULL when memory is out. */
static struct rnl_worker *allocate(const struct rnl_worker_options *own)
{
    uint32_t bucket_count = count_buckets(own->concurrency);
    struct rnl_worker *worker = rnl_calloc(
        1, sizeof(*worker) + bucket_count * sizeof(worker->buckets[0]));
    if (worker == NULL)
        return NULL;
    worker->options = *own;
    worker->bucket_count = bucket_count;
    return worker;
}

static void set_up(struct rnl_worker *worker, struct rnl_client *client)
{
    struct rnl_worker_options *options = &worker->options;
    worker->client = client;
    if (options->concurrency == 0)
        options->concurrency = 1;
    if (options->work_buffer_bytes == 0)
        options->work_buffer_bytes = BUFFER_BYTES_DEFAULT;
    if (options->name != NULL)
        snprintf(worker->name, sizeof(worker->name), "%s", options->name);
    /* The caller's, which were copied. */
    options->name = NULL;
    options->kinds = NULL;
    name_instance(worker);
    worker->heartbeat_ms = HEARTBEAT_MS_DEFAULT;
    worker->heartbeat.fire = on_heartbeat;
    worker->heartbeat.arg = worker;
    worker->retry.fire = on_retry;
    worker->retry.arg = worker;
    worker->hand.fire = on_hand;
    worker->hand.arg = worker;
    TAILQ_INIT(&worker->works);
    TAILQ_INIT(&worker->waiting);
    TAILQ_INIT(&worker->unsent);
    worker->attachment.destroy = destroy_attached;
}

enum rnl_code rnl_worker_start(struct rnl_client *client,
                               const struct rnl_worker_options *options,
                               struct rnl_worker **ret_worker)
{
    struct rnl_worker_options own;
    if (!rnl_options_copy(&own, sizeof(own), options))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    const char *fault = find_fault(&own);
    if (fault != NULL)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, "%s", fault);
    struct rnl_worker *worker = allocate(&own);
    if (worker == NULL)
        return rnl_typed_no_memory(client);
    set_up(worker, client);
    if (!copy_kinds(worker, own.kinds, own.kind_count)) {
        free_kinds(worker);
        rnl_free(worker);
        return rnl_typed_no_memory(client);
    }
    enum rnl_code code = open_call(worker);
    if (code != RNL_OK) {
        free_kinds(worker);
        rnl_free(worker);
        return code;
    }
    rnl_status_box_init(&worker->status);
    TAILQ_INSERT_TAIL(&client->attachments, &worker->attachment, link);
    *ret_worker = worker;
    return RNL_OK;
}

void rnl_worker_hand_free(struct rnl_worker *worker)
{
    if (!worker->ended &&
        (is_drained(worker) || rnl_worker_next_assignment(worker) != NULL))
        start_timer(worker, &worker->hand, 0);
}

void rnl_worker_drain(struct rnl_worker *worker)
{
    if (worker->draining || worker->ended)
        return;
    worker->draining = true;
    rnl_worker_release_assignments(worker);
    rnl_worker_pump(worker);
    rnl_worker_hand_free(worker);
    rnl_client_report(worker->client);
}

bool rnl_worker_idle(const struct rnl_worker *worker)
{
    return TAILQ_EMPTY(&worker->works);
}
