/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builders gather events, one for each set of columns. A full one is sealed
 * into encoded bytes under the producer's next number, and queued.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "ingest_private.h"

#define BATCH_EVENTS_DEFAULT 8192u
#define BATCH_BYTES_DEFAULT  (256u * 1024)
#define BATCH_BYTES_MIN      4096u
#define BATCH_BYTES_MAX      (8u * 1024 * 1024)
#define LINGER_MS_DEFAULT    100
#define IN_FLIGHT_DEFAULT    16u
#define IN_FLIGHT_MAX        1024u

/* --- life --- */

static void free_ingest(struct rnl_ingest *ingest)
{
    rnl_timer_stop(&ingest->client->timers, &ingest->linger);
    rnl_timer_stop(&ingest->client->timers, &ingest->retry);
    if (ingest->call != NULL)
        ingest->call->complete = rnl_ingest_drained(ingest);
    rnl_call_destroy(ingest->call);
    struct rnl_sealed *batch;
    while ((batch = STAILQ_FIRST(&ingest->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&ingest->queue, link);
        rnl_free(batch);
    }
    for (unsigned i = 0; i < RNL_COLUMN_SETS; i++)
        rnl_batch_fini(&ingest->builders[i]);
    TAILQ_REMOVE(&ingest->client->attachments, &ingest->attachment, link);
    rnl_status_box_fini(&ingest->status);
    rnl_free(ingest);
}

void rnl_ingest_destroy(struct rnl_ingest *ingest)
{
    if (ingest == NULL)
        return;
    ingest->doomed = true;
    if (ingest->busy == 0)
        free_ingest(ingest);
}

static void destroy_attached(struct rnl_attachment *attachment)
{
    rnl_ingest_destroy((struct rnl_ingest *)attachment);
}

_Static_assert(offsetof(struct rnl_ingest, attachment) == 0,
               "an attachment is its ingest");

void rnl_ingest_enter(struct rnl_ingest *ingest)
{
    ingest->busy++;
}

bool rnl_ingest_leave(struct rnl_ingest *ingest)
{
    ingest->busy--;
    if (ingest->busy > 0 || !ingest->doomed)
        return false;
    free_ingest(ingest);
    return true;
}

static void set_defaults(struct rnl_ingest_options *options)
{
    if (options->batch_events == 0)
        options->batch_events = BATCH_EVENTS_DEFAULT;
    if (options->batch_bytes == 0)
        options->batch_bytes = BATCH_BYTES_DEFAULT;
    if (options->linger_ms == 0)
        options->linger_ms = LINGER_MS_DEFAULT;
    if (options->in_flight_max == 0)
        options->in_flight_max = IN_FLIGHT_DEFAULT;
    if (options->first_sequence == 0)
        options->first_sequence = 1;
}

/* NULL, or what is wrong. */
static const char *find_fault(const struct rnl_ingest_options *options,
                              const char *stream)
{
    if (stream == NULL || stream[0] == '\0' ||
        strlen(stream) >= RNL_INGEST_STREAM_SIZE)
        return "stream must have 1 to 128 bytes";
    if (options->producer_id != NULL &&
        (options->producer_id[0] == '\0' ||
         strlen(options->producer_id) >= RNL_INGEST_PRODUCER_SIZE))
        return "producer_id must have 1 to 64 bytes";
    if (options->batch_events > RNL_BATCH_EVENTS_MAX)
        return "batch_events must be 1 to 65536";
    if (options->batch_bytes < BATCH_BYTES_MIN ||
        options->batch_bytes > BATCH_BYTES_MAX)
        return "batch_bytes must be 4096 to 8388608";
    if (options->linger_ms > RNL_WAIT_MS_MAX)
        return "linger_ms must be at most 86400000";
    if (options->in_flight_max > IN_FLIGHT_MAX)
        return "in_flight_max must be 1 to 1024";
    return NULL;
}

static const char *read_options(struct rnl_ingest *ingest, const char *stream,
                                const struct rnl_ingest_options *given)
{
    struct rnl_ingest_options *options = &ingest->options;
    if (!rnl_options_copy(options, sizeof(*options), given))
        return RNL_OPTIONS_FAULT;
    set_defaults(options);
    ingest->next_sequence = options->first_sequence;
    return find_fault(options, stream);
}

static void read_names(struct rnl_ingest *ingest, const char *stream)
{
    const char *producer_id = ingest->options.producer_id;
    snprintf(ingest->stream, sizeof(ingest->stream), "%s", stream);
    if (producer_id != NULL)
        snprintf(ingest->producer_id, sizeof(ingest->producer_id), "%s",
                 producer_id);
    else
        snprintf(ingest->producer_id, sizeof(ingest->producer_id),
                 "%016llx%016llx",
                 (unsigned long long)rnl_client_random(ingest->client, 0),
                 (unsigned long long)rnl_client_random(ingest->client, 0));
    /* The caller's string; it was copied. */
    ingest->options.producer_id = NULL;
}

static void on_linger(struct rnl_timer *timer, void *arg)
{
    struct rnl_ingest *ingest = arg;
    if (ingest->ended || rnl_ingest_flush(ingest) == RNL_OK)
        return;
    /* Without memory to seal them, the events wait once more. */
    int64_t due_ns =
        ingest->client->now_ns + ingest->options.linger_ms * RNL_NS_PER_MS;
    if (ingest->ended ||
        rnl_timer_start(&ingest->client->timers, timer, due_ns) != RNL_OK)
        rnl_ingest_fail(ingest);
}

enum rnl_code rnl_ingest_open(struct rnl_client *client, const char *stream,
                              const struct rnl_ingest_options *options,
                              struct rnl_ingest **ret_ingest)
{
    struct rnl_ingest *ingest = rnl_calloc(1, sizeof(*ingest));
    if (ingest == NULL)
        return rnl_client_fail(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
    ingest->client = client;
    const char *fault = read_options(ingest, stream, options);
    if (fault != NULL) {
        rnl_free(ingest);
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, "%s", fault);
    }
    read_names(ingest, stream);
    STAILQ_INIT(&ingest->queue);
    rnl_status_box_init(&ingest->status);
    ingest->linger.fire = on_linger;
    ingest->linger.arg = ingest;
    ingest->retry.fire = rnl_ingest_on_retry;
    ingest->retry.arg = ingest;
    ingest->attachment.destroy = destroy_attached;
    TAILQ_INSERT_TAIL(&client->attachments, &ingest->attachment, link);
    *ret_ingest = ingest;
    return RNL_OK;
}

/* --- telling the user --- */

static bool builders_empty(const struct rnl_ingest *ingest)
{
    for (unsigned i = 0; i < RNL_COLUMN_SETS; i++) {
        if (ingest->builders[i].event_count > 0)
            return false;
    }
    return true;
}

bool rnl_ingest_drained(const struct rnl_ingest *ingest)
{
    return ingest->sealed_count == 0 && builders_empty(ingest);
}

bool rnl_ingest_full(const struct rnl_ingest *ingest)
{
    return ingest->sealed_count >= ingest->options.in_flight_max;
}

/* --- events --- */

/* Encodes a builder's events and queues them. */
static enum rnl_code seal(struct rnl_ingest *ingest, struct rnl_batch *builder)
{
    struct rnl_batch_label label = {
        .stream = ingest->stream,
        .producer_id = ingest->producer_id,
        .sequence = ingest->next_sequence,
    };
    size_t len = rnl_batch_size(builder, &label);
    struct rnl_sealed *batch = rnl_malloc(sizeof(*batch) + len);
    if (batch == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_batch_encode(builder, &label, batch->data);
    batch->len = len;
    batch->event_count = builder->event_count;
    rnl_batch_reset(builder);
    STAILQ_INSERT_TAIL(&ingest->queue, batch, link);
    ingest->next_sequence++;
    ingest->sealed_count++;
    if (ingest->next == NULL)
        ingest->next = batch;
    ingest->was_full = ingest->was_full || rnl_ingest_full(ingest);
    return RNL_OK;
}

enum rnl_code rnl_ingest_flush(struct rnl_ingest *ingest)
{
    enum rnl_code code = RNL_OK;
    for (unsigned i = 0; i < RNL_COLUMN_SETS && code == RNL_OK; i++) {
        if (ingest->builders[i].event_count > 0)
            code = seal(ingest, &ingest->builders[i]);
    }
    rnl_timer_stop(&ingest->client->timers, &ingest->linger);
    enum rnl_code sent = rnl_ingest_send(ingest);
    rnl_client_report(ingest->client);
    if (sent == RNL_OK && code != RNL_OK)
        rnl_status_set(&ingest->status, code, "out of memory");
    return sent != RNL_OK ? sent : code;
}

static enum rnl_code refuse(struct rnl_ingest *ingest, enum rnl_code code,
                            const char *what)
{
    rnl_status_set(&ingest->status, code, "event %llu: %s",
                   (unsigned long long)ingest->counts.events, what);
    return code;
}

/* NULL, or what is wrong. */
static const char *check_event(const struct rnl_event *event)
{
    if (event->key == NULL || event->key_len < 1 ||
        event->key_len > RNL_EVENT_KEY_LEN_MAX)
        return "the key must have 1 to 256 bytes";
    if (event->has_value && !isfinite(event->value))
        return "the value must be finite";
    if (event->has_latency &&
        (!isfinite((float)event->latency_ms) || event->latency_ms < 0))
        return "the latency must be finite and not negative";
    if (event->has_time && event->time_ms < 1)
        return "the time must be 1 or more";
    return NULL;
}

static bool room_or_end(void *arg)
{
    const struct rnl_ingest *ingest = arg;
    return ingest->ended || !rnl_ingest_full(ingest);
}

static enum rnl_code wait_for_room(struct rnl_ingest *ingest)
{
    struct rnl_client *client = ingest->client;
    int64_t block_ms = ingest->options.block_ms;
    ingest->was_full = true;
    enum rnl_code code = RNL_DEADLINE_EXCEEDED;
    if (block_ms != 0 && !client->in_process)
        code = rnl_client_run_until(
            client, rnl_client_deadline(client, block_ms), room_or_end, ingest);
    if (code == RNL_CANCELLED)
        return refuse(ingest, code, "interrupted while waiting for room");
    if (code != RNL_OK)
        return refuse(ingest, RNL_RESOURCE_EXHAUSTED,
                      "too many batches wait to be acknowledged");
    return ingest->ended ? ingest->status.info.code : RNL_OK;
}

/* The builder of events like this one; NULL when memory is out. */
static struct rnl_batch *find_builder(struct rnl_ingest *ingest,
                                      const struct rnl_event *event)
{
    unsigned columns = rnl_event_columns(event);
    struct rnl_batch *builder = &ingest->builders[columns];
    if (builder->key_indexes == NULL &&
        !rnl_batch_init(builder, columns, ingest->options.batch_events,
                        ingest->options.batch_bytes))
        return NULL;
    return builder;
}

/* An event that cannot linger, for want of memory for the timer, goes with the
 * next batch that is sealed, or with rnl_ingest_flush. */
static void start_linger(struct rnl_ingest *ingest)
{
    if (ingest->linger.slot != 0 || ingest->options.linger_ms < 0)
        return;
    int64_t due_ns =
        rnl_client_deadline(ingest->client, ingest->options.linger_ms);
    if (rnl_timer_start(&ingest->client->timers, &ingest->linger, due_ns) ==
        RNL_OK)
        rnl_client_report(ingest->client);
}

/* A producer that blocks runs the client as it goes, so that batches are on
 * their way while it makes the next ones. */
static enum rnl_code send_sealed(struct rnl_ingest *ingest)
{
    enum rnl_code code = rnl_ingest_send(ingest);
    rnl_client_report(ingest->client);
    if (code == RNL_OK && ingest->options.block_ms != 0)
        rnl_client_turn(ingest->client);
    return code;
}

static enum rnl_code add(struct rnl_ingest *ingest,
                         const struct rnl_event *event)
{
    struct rnl_batch *builder = find_builder(ingest, event);
    if (builder == NULL)
        return refuse(ingest, RNL_RESOURCE_EXHAUSTED, "out of memory");
    enum rnl_batch_added added = rnl_batch_add(builder, event);
    bool sealed = added == RNL_BATCH_FULL;
    if (sealed) {
        if (seal(ingest, builder) != RNL_OK)
            return refuse(ingest, RNL_RESOURCE_EXHAUSTED, "out of memory");
        added = rnl_batch_add(builder, event);
    }
    if (added == RNL_BATCH_BAD_KEY)
        return refuse(ingest, RNL_INVALID_ARGUMENT, "the key must be UTF-8");
    ingest->counts.events++;
    ingest->was_busy = true;
    if (builder->event_count == ingest->options.batch_events)
        sealed = seal(ingest, builder) == RNL_OK || sealed;
    if (builder->event_count > 0)
        start_linger(ingest);
    return sealed ? send_sealed(ingest) : RNL_OK;
}

enum rnl_code rnl_ingest_event(struct rnl_ingest *ingest,
                               const struct rnl_event *event)
{
    if (ingest->ended)
        return ingest->status.info.code;
    const char *wrong = check_event(event);
    if (wrong != NULL)
        return refuse(ingest, RNL_INVALID_ARGUMENT, wrong);
    if (rnl_ingest_full(ingest)) {
        enum rnl_code code = wait_for_room(ingest);
        if (code != RNL_OK)
            return code;
    }
    return add(ingest, event);
}

/* --- waiting and looking --- */

static bool drained_or_end(void *arg)
{
    const struct rnl_ingest *ingest = arg;
    return ingest->ended || rnl_ingest_drained(ingest);
}

enum rnl_code rnl_ingest_drain(struct rnl_ingest *ingest, int64_t timeout_ms)
{
    struct rnl_client *client = ingest->client;
    int64_t deadline_ns = rnl_client_deadline(client, timeout_ms);
    enum rnl_code code = rnl_ingest_flush(ingest);
    if (code != RNL_OK)
        return rnl_client_conclude(client, &ingest->status.info);
    code = rnl_client_run_until(client, deadline_ns, drained_or_end, ingest);
    if (code == RNL_DEADLINE_EXCEEDED)
        return rnl_client_fail(client, code,
                               "%u batches not acknowledged within %lld ms",
                               ingest->sealed_count, (long long)timeout_ms);
    if (code != RNL_OK)
        return code;
    return ingest->ended ? rnl_client_conclude(client, &ingest->status.info)
                         : rnl_client_succeed(client);
}

void rnl_ingest_counts(const struct rnl_ingest *ingest,
                       struct rnl_ingest_counts *ret_counts)
{
    *ret_counts = ingest->counts;
}

const struct rnl_status_info *rnl_ingest_status(const struct rnl_ingest *ingest)
{
    return &ingest->status.info;
}
