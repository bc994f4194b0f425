/* SPDX-License-Identifier: Apache-2.0 */
/* Events in: of jobs, of calls, and of the server itself, all the same way. */
#include <stdio.h>
#include <string.h>

#include "registry.h"
#include "utf8.h"

/* How much a stream may change until its memory is looked at again. */
#define COUNT_EVENTS 4096
#define COUNT_NS     INT64_C(10000000)

/* The meter looks at each of its panes for that, some hundred: not for each
 * batch of a few events. Where it counts in a lane it has looked already. */
static void account_sometimes(struct rnl_event_stream *stream, uint32_t events)
{
    if (stream->streams->core->options.lanes != NULL) {
        rnl_event_stream_on_counted(stream);
        return;
    }
    stream->uncounted_events += events;
    if (stream->uncounted_events >= COUNT_EVENTS ||
        stream->streams->core->now_ns - stream->counted_ns >= COUNT_NS)
        rnl_event_stream_account(stream);
}

enum rnl_code rnl_streams_say_fault(const struct rnl_meter_fault *fault,
                                    struct rnl_field_error *error)
{
    char field[sizeof(error->field)];
    const char *dot = fault->field[0] == '\0' ? "" : ".";
    if (fault->index == SIZE_MAX)
        snprintf(field, sizeof(field), "batch%s%s", dot, fault->field);
    else
        snprintf(field, sizeof(field), "batch%s%s[%zu]", dot, fault->field,
                 fault->index);
    return rnl_field_error_set(error, field, "%s", fault->what);
}

static enum rnl_code take(struct rnl_event_stream *stream,
                          const struct rnl_meter_batch *batch,
                          struct rnl_meter_taken *ret_taken,
                          struct rnl_field_error *error)
{
    struct rnl_streams *streams = stream->streams;
    struct rnl_meter_fault fault;
    if (rnl_streams_full(streams))
        return rnl_streams_say_full(streams, error);
    enum rnl_code code = rnl_meter_ingest(
        stream->meter, batch, rnl_streams_wall_ms(streams), ret_taken, &fault);
    if (code == RNL_INVALID_ARGUMENT)
        return rnl_streams_say_fault(&fault, error);
    if (code != RNL_OK)
        return rnl_field_error_text(error, code, "memory is out");
    if (!rnl_streams_is_own(stream->name))
        streams->events += ret_taken->accepted_events;
    account_sometimes(stream, ret_taken->accepted_events);
    rnl_watch_hub_notice(stream->hub);
    return RNL_OK;
}

enum rnl_code rnl_streams_take(struct rnl_streams *streams, const char *name,
                               const struct rnl_meter_batch *batch,
                               struct rnl_meter_taken *ret_taken,
                               struct rnl_field_error *error)
{
    struct rnl_event_stream *stream;
    enum rnl_code code =
        rnl_streams_open_default(streams, name, &stream, error);
    if (code != RNL_OK)
        return code;
    return take(stream, batch, ret_taken, error);
}

static enum rnl_code check_producer(const struct rnl_event_batch *batch,
                                    struct rnl_field_error *error)
{
    if (batch->producer_id_len > RNL_PRODUCER_ID_LEN_MAX ||
        !rnl_utf8_valid(batch->producer_id, batch->producer_id_len))
        return rnl_field_error_set(error, "batch.producer_id",
                                   "must be UTF-8 of at most %d bytes",
                                   RNL_PRODUCER_ID_LEN_MAX);
    if (batch->producer_id_len > 0 && batch->producer_sequence == 0)
        return rnl_field_error_set(error, "batch.producer_sequence",
                                   "must be 1 or more with a producer_id");
    return RNL_OK;
}

/* The producer is looked up before and noted after, so that a batch that is
 * refused can come again. */
static enum rnl_code take_once(struct rnl_event_stream *stream,
                               const struct rnl_event_batch *batch,
                               struct rnl_event_receipt *receipt,
                               struct rnl_field_error *error)
{
    struct rnl_producer *producer;
    if (rnl_producers_touch(&stream->producers, batch->producer_id,
                            batch->producer_id_len, &producer) != RNL_OK)
        return rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                                    "memory is out");
    if (batch->producer_sequence <= producer->sequence) {
        rnl_meter_duplicate(stream->meter);
        receipt->duplicate = true;
        return RNL_OK;
    }
    enum rnl_code code = take(stream, &batch->columns, &receipt->taken, error);
    if (code == RNL_OK)
        producer->sequence = batch->producer_sequence;
    else if (producer->sequence == 0)
        rnl_producers_forget(&stream->producers, producer);
    return code;
}

enum rnl_code rnl_streams_take_batch(struct rnl_streams *streams,
                                     const struct rnl_event_batch *batch,
                                     struct rnl_event_receipt *ret_receipt,
                                     struct rnl_field_error *error)
{
    char name[RNL_STREAM_NAME_LEN_MAX + 1];
    struct rnl_event_stream *stream;
    *ret_receipt = (struct rnl_event_receipt){0};
    enum rnl_code code = rnl_streams_check_name(
        (const char *)batch->stream, batch->stream_len, "batch.stream", error);
    if (code == RNL_OK)
        code = check_producer(batch, error);
    if (code != RNL_OK)
        return code;
    memcpy(name, batch->stream, batch->stream_len);
    name[batch->stream_len] = '\0';
    bool is_new = rnl_streams_find(streams, name) == NULL;
    code = rnl_streams_open_default(streams, name, &stream, error);
    if (code != RNL_OK)
        return code;
    if (batch->producer_id_len > 0)
        code = take_once(stream, batch, ret_receipt, error);
    else
        code = take(stream, &batch->columns, &ret_receipt->taken, error);
    /* A bad batch does not make a stream. */
    if (code != RNL_OK && is_new)
        rnl_streams_remove(stream);
    return code;
}
