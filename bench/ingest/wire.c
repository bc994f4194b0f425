/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <runnel/call.h>
#include <runnel/v1/events.pb-c.h>

#include "parts.h"
#include "timing.h"

#define METHOD "runnel.v1.EventService/Ingest"

/* Requests that wait in the client: enough to keep the socket full. */
#define SEND_BUFFER_BYTES (8u << 20)

struct message {
    uint8_t *bytes;
    size_t len;
};

struct sender {
    const struct message *messages;
    size_t count;
    size_t sent;
    size_t acknowledged;
    uint64_t accepted;
    bool ended;
};

/* Packing takes the columns as they are; protobuf-c only reads them. */
static void encode(const struct rnl_meter_batch *batch, const char *stream,
                   struct message *message)
{
    Runnel__V1__EventBatch wire = RUNNEL__V1__EVENT_BATCH__INIT;
    Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
    wire.stream = (char *)(uintptr_t)stream;
    wire.keys.data = (uint8_t *)(uintptr_t)batch->keys;
    wire.keys.len = batch->keys_len;
    wire.n_key_lengths = batch->key_count;
    wire.key_lengths = (uint32_t *)(uintptr_t)batch->key_lengths;
    wire.n_key_indexes = batch->event_count;
    wire.key_indexes = (uint32_t *)(uintptr_t)batch->key_indexes;
    wire.n_values = batch->event_count;
    wire.values = (double *)(uintptr_t)batch->values;
    wire.n_latencies_ms = batch->event_count;
    wire.latencies_ms = (float *)(uintptr_t)batch->latencies_ms;
    wire.time_base_ms = batch->time_base_ms;
    wire.n_time_offsets_ms = batch->event_count;
    wire.time_offsets_ms = (uint32_t *)(uintptr_t)batch->time_offsets_ms;
    request.batch = &wire;
    message->bytes =
        bench_alloc(runnel__v1__ingest_request__get_packed_size(&request));
    message->len = runnel__v1__ingest_request__pack(&request, message->bytes);
}

static void push(struct rnl_call *call, struct sender *sender)
{
    while (sender->sent < sender->count) {
        const struct message *message = &sender->messages[sender->sent];
        if (rnl_call_send(call, message->bytes, message->len) != RNL_OK)
            return;
        sender->sent++;
    }
    rnl_call_half_close(call);
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    (void)call;
    struct sender *sender = arg;
    Runnel__V1__IngestResponse *response =
        runnel__v1__ingest_response__unpack(NULL, len, data);
    if (response == NULL)
        bench_die("an answer cannot be read");
    sender->acknowledged++;
    sender->accepted += response->accepted_events;
    runnel__v1__ingest_response__free_unpacked(response, NULL);
}

static void on_writable(struct rnl_call *call, void *arg)
{
    push(call, arg);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    (void)call;
    struct sender *sender = arg;
    if (status->code != RNL_OK)
        bench_die("the ingest ended: %s", status->message);
    sender->ended = true;
}

static double run(struct rnl_client *client, struct sender *sender)
{
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    options.send_buffer_bytes = SEND_BUFFER_BYTES;
    options.on_message = on_message;
    options.on_writable = on_writable;
    options.on_end = on_end;
    options.arg = sender;
    struct rnl_call *call;
    double from = bench_now();
    if (rnl_call_start(client, METHOD, &options, &call) != RNL_OK)
        bench_die("the call cannot be started");
    push(call, sender);
    while (!sender->ended) {
        if (rnl_client_poll(client, 10000) != RNL_OK)
            bench_die("no connection: %s", rnl_client_status(client)->message);
    }
    double took = bench_now() - from;
    rnl_call_destroy(call);
    if (sender->acknowledged != sender->count)
        bench_die("%zu batches were sent, %zu acknowledged", sender->count,
                  sender->acknowledged);
    return took;
}

/* Each repetition has streams of its own: sent again to the same ones, events
 * would belong to seconds that are over. */
static struct message *encode_all(const struct bench_task *task, size_t repeat)
{
    const struct bench_batches *batches = task->batches;
    struct message *messages = bench_alloc(batches->count * sizeof(*messages));
    for (size_t i = 0; i < batches->count; i++) {
        char stream[64];
        snprintf(stream, sizeof(stream), "bench-%s-%zu-%zu", task->label,
                 repeat, i % task->streams);
        encode(&batches->batches[i], stream, &messages[i]);
    }
    return messages;
}

static void free_all(const struct bench_task *task, struct message *messages)
{
    for (size_t i = 0; i < task->batches->count; i++)
        free(messages[i].bytes);
    free(messages);
}

static void measure(const struct bench_task *task, struct rnl_client *client)
{
    double times[BENCH_REPEATS_MAX];
    double cpus[BENCH_REPEATS_MAX];
    for (size_t i = 0; i < task->repeats; i++) {
        struct message *messages = encode_all(task, i);
        struct sender sender = {.messages = messages,
                                .count = task->batches->count};
        double cpu = bench_cpu((pid_t)task->pid);
        times[i] = run(client, &sender);
        cpus[i] = bench_cpu((pid_t)task->pid) - cpu;
        free_all(task, messages);
        if (sender.accepted != task->event_count)
            bench_die("%zu events were sent, %llu accepted", task->event_count,
                      (unsigned long long)sender.accepted);
    }
    double count = (double)task->event_count;
    bench_report(task, "wire_events_per_s",
                 count / bench_median(times, task->repeats));
    bench_report(task, "wire_events_per_core_s",
                 count / bench_median(cpus, task->repeats));
}

void bench_wire(const struct bench_task *task)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    options.address = task->address;
    struct rnl_client *client;
    if (rnl_client_create(&options, &client) != RNL_OK)
        bench_die("memory is out");
    measure(task, client);
    rnl_client_destroy(client);
}
