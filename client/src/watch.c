/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches of jobs. The sequence of the last event received is the cursor: it
 * is asked for again after every lost connection, and every event is checked
 * to be the next one, so that neither a gap nor a repetition can pass
 * unseen.
 */
#include <string.h>

#include "alloc.h"
#include "feed.h"
#include "job_model.h"
#include "typed.h"
#include "wire.h"

/* A job id has 26 characters; what is longer cannot be one. */
#define JOB_ID_SIZE 129

/* An event that waits for rnl_watch_next. Credit bounds their number: what is
 * not fetched is not granted again. */
struct waiting_event {
    STAILQ_ENTRY(waiting_event) link;
    size_t len;
    uint8_t data[];
};

struct rnl_watch {
    struct rnl_feed feed;
    struct rnl_watch_options options;
    char job_id[JOB_ID_SIZE];
    /* Of the last event received, and of the last one delivered. */
    uint64_t received;
    uint64_t delivered;
    struct rnl_arena arena;
    struct rnl_job_event event;
    /* Without on_event. */
    STAILQ_HEAD(, waiting_event) queue;
    struct waiting_event *current;
};

_Static_assert(offsetof(struct rnl_watch, feed) == 0, "a feed is its watch");

static struct rnl_watch *watch_of(struct rnl_feed *feed)
{
    return (struct rnl_watch *)feed;
}

static bool pulls(const struct rnl_watch *watch)
{
    return watch->options.on_event == NULL;
}

static enum rnl_code ask(struct rnl_feed *feed)
{
    struct rnl_watch *watch = watch_of(feed);
    /* The job, and what its sequences counted, was of another store. A job
     * that has the same id all the same must not be taken for it. */
    if (rnl_feed_epoch_changed(feed)) {
        rnl_feed_fail(feed, RNL_NOT_FOUND,
                      "job %s is gone: the core at %s was restarted without "
                      "its earlier jobs",
                      watch->job_id, feed->client->address.text);
        return RNL_OK;
    }
    Runnel__V1__WatchJobRequest request = RUNNEL__V1__WATCH_JOB_REQUEST__INIT;
    request.job_id = watch->job_id;
    request.after_sequence = watch->received;
    return rnl_feed_ask(feed, &request.base);
}

/* --- events --- */

/* What must be known of an event before it is unpacked. */
struct event_head {
    uint64_t first;
    uint64_t last;
    /* It is the last one of the job. */
    bool terminal;
};

enum {
    RESPONSE_EVENT = 1,
    EVENT_SEQUENCE = 1,
    EVENT_FIRST_SEQUENCE = 2,
    EVENT_STATE = 6,
    STATE_CHANGE_STATE = 1,
};

static bool is_terminal(const struct rnl_wire_field *change)
{
    struct rnl_wire wire = {change->data, change->data + change->len};
    struct rnl_wire_field field;
    uint64_t state = 0;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == STATE_CHANGE_STATE)
            state = field.value;
    }
    return state <= INT32_MAX &&
           rnl_job_state_terminal((enum rnl_job_state)state);
}

static void read_event(const struct rnl_wire_field *event,
                       struct event_head *head)
{
    struct rnl_wire wire = {event->data, event->data + event->len};
    struct rnl_wire_field field;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == EVENT_SEQUENCE)
            head->last = field.value;
        else if (field.number == EVENT_FIRST_SEQUENCE)
            head->first = field.value;
        else if (field.number == EVENT_STATE && field.type == RNL_WIRE_BYTES)
            head->terminal = is_terminal(&field);
    }
}

/* What cannot be read leaves a head that is not the next event's. */
static struct event_head read_head(const uint8_t *data, size_t len)
{
    struct event_head head = {0};
    struct rnl_wire wire = {data, data + len};
    struct rnl_wire_field field;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD) {
        if (field.number == RESPONSE_EVENT && field.type == RNL_WIRE_BYTES)
            read_event(&field, &head);
    }
    if (head.first == 0)
        head.first = head.last;
    return head;
}

/* Unpacks into watch->event. */
static enum rnl_code decode(struct rnl_watch *watch, const uint8_t *data,
                            size_t len)
{
    rnl_arena_reset(&watch->arena);
    const Runnel__V1__WatchJobResponse *response = rnl_arena_unpack(
        &watch->arena, &runnel__v1__watch_job_response__descriptor, data, len);
    if (response == NULL && watch->arena.exhausted)
        return RNL_RESOURCE_EXHAUSTED;
    if (response == NULL || response->event == NULL)
        return RNL_INTERNAL;
    rnl_job_event_convert(response->event, &watch->event);
    watch->event.encoded = data;
    watch->event.encoded_len = len;
    watch->delivered = watch->event.sequence;
    return RNL_OK;
}

static void fail(struct rnl_watch *watch, enum rnl_code code)
{
    if (code == RNL_RESOURCE_EXHAUSTED)
        rnl_feed_fail(&watch->feed, code, "out of memory");
    else
        rnl_feed_fail(&watch->feed, code,
                      "the event after sequence %llu cannot be read",
                      (unsigned long long)watch->delivered);
}

static void deliver(struct rnl_watch *watch, const uint8_t *data, size_t len)
{
    enum rnl_code code = decode(watch, data, len);
    if (code == RNL_OK)
        watch->options.on_event(watch, &watch->event, watch->options.arg);
    else
        fail(watch, code);
}

static void keep(struct rnl_watch *watch, const uint8_t *data, size_t len)
{
    struct waiting_event *event = rnl_malloc(sizeof(*event) + len);
    if (event == NULL) {
        fail(watch, RNL_RESOURCE_EXHAUSTED);
        return;
    }
    event->len = len;
    memcpy(event->data, data, len);
    STAILQ_INSERT_TAIL(&watch->queue, event, link);
}

static void on_message(struct rnl_feed *feed, const uint8_t *data, size_t len)
{
    struct rnl_watch *watch = watch_of(feed);
    struct event_head head = read_head(data, len);
    if (head.first != watch->received + 1 || head.last < head.first) {
        rnl_feed_fail(feed, RNL_DATA_LOSS,
                      "the server did not go on with event %llu",
                      (unsigned long long)watch->received + 1);
        return;
    }
    watch->received = head.last;
    feed->complete = head.terminal;
    if (pulls(watch))
        keep(watch, data, len);
    else
        deliver(watch, data, len);
}

static void on_connection(struct rnl_feed *feed, bool connected)
{
    struct rnl_watch *watch = watch_of(feed);
    if (watch->options.on_connection != NULL)
        watch->options.on_connection(watch, connected, watch->options.arg);
}

/* Events that wait for rnl_watch_next. */
static bool is_behind(struct rnl_feed *feed)
{
    return !STAILQ_EMPTY(&watch_of(feed)->queue);
}

/* A server that has nothing after a sequence but the end says OK at once;
 * events, and then OK before the terminal one, are a fault of its. */
static bool ended_early(const struct rnl_watch *watch,
                        const struct rnl_status_box *status)
{
    return status->info.code == RNL_OK && !watch->feed.complete &&
           (watch->received != watch->options.after_sequence ||
            watch->received == 0);
}

static void on_end(struct rnl_feed *feed, struct rnl_status_box *status)
{
    struct rnl_watch *watch = watch_of(feed);
    if (ended_early(watch, status))
        rnl_status_set(status, RNL_INTERNAL,
                       "the server ended the watch after event %llu, before "
                       "the job had ended",
                       (unsigned long long)watch->received);
    if (watch->options.on_end != NULL)
        watch->options.on_end(watch, &status->info, watch->options.arg);
}

static void drop_queue(struct rnl_watch *watch)
{
    struct waiting_event *event;
    while ((event = STAILQ_FIRST(&watch->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&watch->queue, link);
        rnl_free(event);
    }
}

static void free_watch(struct rnl_feed *feed)
{
    struct rnl_watch *watch = watch_of(feed);
    drop_queue(watch);
    rnl_free(watch->current);
    rnl_arena_fini(&watch->arena);
    rnl_free(watch);
}

/* --- the public functions --- */

enum rnl_code rnl_watch_start(struct rnl_client *client, const char *job_id,
                              const struct rnl_watch_options *options,
                              struct rnl_watch **ret_watch)
{
    static const struct rnl_feed_ops ops = {
        .method = "runnel.v1.JobService/WatchJob",
        .ask = ask,
        .message = on_message,
        .connection = on_connection,
        .behind = is_behind,
        .end = on_end,
        .free = free_watch,
    };
    struct rnl_watch_options own;
    if (!rnl_options_copy(&own, sizeof(own), options))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    if (job_id == NULL || job_id[0] == '\0' || strlen(job_id) >= JOB_ID_SIZE)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT,
                               "job_id must have 1 to %d bytes",
                               JOB_ID_SIZE - 1);
    struct rnl_watch *watch = rnl_calloc(1, sizeof(*watch));
    if (watch == NULL)
        return rnl_typed_no_memory(client);
    watch->options = own;
    memcpy(watch->job_id, job_id, strlen(job_id));
    watch->received = watch->options.after_sequence;
    watch->delivered = watch->received;
    watch->feed.no_resume = watch->options.no_resume;
    watch->feed.wait_for_connection = watch->options.wait_for_connection;
    watch->feed.manual_consume = watch->options.manual_consume || pulls(watch);
    STAILQ_INIT(&watch->queue);
    enum rnl_code code = rnl_feed_start(&watch->feed, client, &ops);
    if (code != RNL_OK) {
        rnl_free(watch);
        return code;
    }
    *ret_watch = watch;
    return RNL_OK;
}

static bool event_or_end(void *arg)
{
    const struct rnl_watch *watch = arg;
    return !STAILQ_EMPTY(&watch->queue) || watch->feed.ended;
}

/* The event stays valid until the next call, and counts as consumed. Without
 * memory it stays where it is, for the next call. */
static enum rnl_code take(struct rnl_watch *watch)
{
    struct rnl_client *client = watch->feed.client;
    struct waiting_event *event = STAILQ_FIRST(&watch->queue);
    enum rnl_code code = decode(watch, event->data, event->len);
    if (code == RNL_RESOURCE_EXHAUSTED)
        return rnl_typed_no_memory(client);
    STAILQ_REMOVE_HEAD(&watch->queue, link);
    rnl_free(watch->current);
    watch->current = event;
    rnl_feed_consume(&watch->feed, event->len);
    if (STAILQ_EMPTY(&watch->queue))
        rnl_feed_resume(&watch->feed);
    if (code == RNL_OK)
        return rnl_client_succeed(client);
    /* Nothing may follow what could not be read. */
    drop_queue(watch);
    fail(watch, code);
    return rnl_client_conclude(client, &watch->feed.status.info);
}

enum rnl_code rnl_watch_next(struct rnl_watch *watch, int64_t timeout_ms,
                             const struct rnl_job_event **ret_event)
{
    struct rnl_client *client = watch->feed.client;
    if (!pulls(watch))
        return rnl_client_fail(client, RNL_FAILED_PRECONDITION,
                               "this watch gives its events to on_event");
    enum rnl_code code = rnl_client_run_until(
        client, rnl_client_deadline(client, timeout_ms), event_or_end, watch);
    if (code == RNL_DEADLINE_EXCEEDED)
        return rnl_client_fail(client, code, "no event within %lld ms",
                               (long long)timeout_ms);
    if (code != RNL_OK)
        return code;
    bool got = !STAILQ_EMPTY(&watch->queue);
    code = got ? take(watch)
               : rnl_client_conclude(client, &watch->feed.status.info);
    if (code == RNL_OK)
        *ret_event = got ? &watch->event : NULL;
    return code;
}

uint64_t rnl_watch_sequence(const struct rnl_watch *watch)
{
    return watch->delivered;
}

void rnl_watch_consume(struct rnl_watch *watch, size_t len)
{
    rnl_feed_consume(&watch->feed, len);
}

void rnl_watch_destroy(struct rnl_watch *watch)
{
    if (watch != NULL)
        rnl_feed_destroy(&watch->feed);
}

enum rnl_code rnl_job_output(struct rnl_client *client, const char *id,
                             bool (*sink)(const void *data, size_t len,
                                          void *arg),
                             void *arg, enum rnl_job_state *ret_state)
{
    struct rnl_watch *watch = NULL;
    enum rnl_code code = rnl_watch_start(client, id, NULL, &watch);
    if (code != RNL_OK || watch == NULL)
        return code;
    const struct rnl_job_event *event = NULL;
    enum rnl_job_state state = RNL_JOB_UNSPECIFIED;
    while ((code = rnl_watch_next(watch, -1, &event)) == RNL_OK &&
           event != NULL) {
        if (event->kind == RNL_JOB_EVENT_STATE)
            state = event->state;
        if (event->kind == RNL_JOB_EVENT_DELTA &&
            !sink(event->data, event->len, arg)) {
            code = rnl_client_fail(client, RNL_CANCELLED,
                                   "the output was not wanted any more");
            break;
        }
    }
    rnl_watch_destroy(watch);
    if (code == RNL_OK && ret_state != NULL)
        *ret_state = state;
    return code;
}
