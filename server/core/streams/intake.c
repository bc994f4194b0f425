/* SPDX-License-Identifier: Apache-2.0 */
/* Events in: of jobs, of calls, and of the server itself, all the same way; and
 * sketches of events. */
#include <stdio.h>
#include <string.h>

#include "content_hash.h"
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
    if (code != RNL_OK) {
        /* Its time may have moved. */
        rnl_keep_changed(stream);
        return rnl_field_error_text(error, code, "memory is out");
    }
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
    if (code == RNL_OK)
        code = take(stream, batch, ret_taken, error);
    if (code == RNL_OK)
        rnl_keep_changed(stream);
    return code;
}

uint64_t rnl_streams_last_number(struct rnl_streams *streams, const char *name,
                                 const char *producer_id)
{
    struct rnl_event_stream *stream = rnl_streams_find(streams, name);
    struct rnl_producer *producer;
    if (stream == NULL ||
        rnl_producers_touch(&stream->producers, (const uint8_t *)producer_id,
                            strlen(producer_id), &producer) != RNL_OK)
        return 0;
    uint64_t number = producer->sequence;
    if (number == 0)
        rnl_producers_forget(&stream->producers, producer);
    return number;
}

enum rnl_code rnl_intake_replay(struct rnl_event_stream *stream,
                                const struct rnl_event_batch *batch,
                                int64_t wall_ms)
{
    struct rnl_producer *producer = NULL;
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    if (batch->producer_id_len > RNL_PRODUCER_ID_LEN_MAX)
        return RNL_INVALID_ARGUMENT;
    if (batch->producer_id_len > 0 &&
        rnl_producers_touch(&stream->producers, batch->producer_id,
                            batch->producer_id_len, &producer) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    enum rnl_code code = rnl_meter_ingest(stream->meter, &batch->columns,
                                          wall_ms, &taken, &fault);
    if (code == RNL_OK && producer != NULL) {
        producer->sequence = batch->producer_sequence;
        producer->content = rnl_content_of_batch(&batch->columns);
    }
    return code;
}

/* ---- once ---- */

/* Who sends, and which of its numbers. */
struct turn {
    const uint8_t *id;
    size_t id_len;
    uint64_t sequence;
    /* Of what is sent (content_hash.h). */
    uint64_t content;
    /* Of the request: "batch." */
    const char *path;
    struct rnl_producer *producer;
};

static enum rnl_code check_turn(const struct turn *turn,
                                struct rnl_field_error *error)
{
    char field[sizeof(error->field)];
    if (turn->id_len > RNL_PRODUCER_ID_LEN_MAX ||
        !rnl_utf8_valid(turn->id, turn->id_len)) {
        snprintf(field, sizeof(field), "%sproducer_id", turn->path);
        return rnl_field_error_set(error, field,
                                   "must be UTF-8 of at most %d bytes",
                                   RNL_PRODUCER_ID_LEN_MAX);
    }
    if (turn->id_len > 0 && turn->sequence == 0) {
        snprintf(field, sizeof(field), "%sproducer_sequence", turn->path);
        return rnl_field_error_set(error, field,
                                   "must be 1 or more with a producer_id");
    }
    /* Who numbers expects that a repetition counts once. */
    if (turn->id_len == 0 && turn->sequence > 0) {
        snprintf(field, sizeof(field), "%sproducer_id", turn->path);
        return rnl_field_error_set(
            error, field, "must not be empty with a producer_sequence");
    }
    return RNL_OK;
}

/* The number of the last batch with something else: to say that it was counted
 * would lose it. Of the numbers below, what they were is not known any more. */
static bool is_taken_by_another(const struct turn *turn)
{
    const struct rnl_producer *producer = turn->producer;
    return turn->sequence == producer->sequence &&
           producer->content != RNL_CONTENT_UNKNOWN &&
           turn->content != producer->content;
}

static enum rnl_code say_taken(const struct turn *turn,
                               struct rnl_field_error *error)
{
    return rnl_field_error_text(
        error, RNL_ALREADY_EXISTS,
        "%sproducer_sequence: the number %llu was taken by another batch or "
        "sketch of this producer",
        turn->path, (unsigned long long)turn->sequence);
}

static enum rnl_code find_producer(struct rnl_event_stream *stream,
                                   struct turn *turn,
                                   struct rnl_field_error *error)
{
    return rnl_producers_touch(&stream->producers, turn->id, turn->id_len,
                               &turn->producer) == RNL_OK
               ? RNL_OK
               : rnl_field_error_text(error, RNL_RESOURCE_EXHAUSTED,
                                      "memory is out");
}

/* The producer is looked up before and noted after, so that what is refused can
 * come again. */
static enum rnl_code begin_turn(struct rnl_event_stream *stream,
                                struct turn *turn, bool *ret_duplicate,
                                struct rnl_field_error *error)
{
    *ret_duplicate = false;
    if (turn->id_len == 0)
        return RNL_OK;
    enum rnl_code code = find_producer(stream, turn, error);
    if (code != RNL_OK)
        return code;
    if (is_taken_by_another(turn))
        return say_taken(turn, error);
    *ret_duplicate = turn->sequence <= turn->producer->sequence;
    if (*ret_duplicate) {
        rnl_meter_duplicate(stream->meter);
        rnl_keep_duplicate(stream, turn->id, turn->id_len);
    }
    return RNL_OK;
}

static void end_turn(struct rnl_event_stream *stream, const struct turn *turn,
                     enum rnl_code code)
{
    if (turn->producer == NULL)
        return;
    if (code == RNL_OK) {
        turn->producer->sequence = turn->sequence;
        turn->producer->content = turn->content;
    } else if (turn->producer->sequence == 0) {
        rnl_producers_forget(&stream->producers, turn->producer);
    }
}

static enum rnl_code take_once(struct rnl_event_stream *stream,
                               const struct rnl_event_batch *batch,
                               struct turn *turn,
                               struct rnl_event_receipt *receipt,
                               struct rnl_field_error *error)
{
    enum rnl_code code = begin_turn(stream, turn, &receipt->duplicate, error);
    if (code != RNL_OK || receipt->duplicate)
        return code;
    code = take(stream, &batch->columns, &receipt->taken, error);
    if (code == RNL_OK)
        rnl_keep_batch(stream, batch, rnl_streams_wall_ms(stream->streams));
    end_turn(stream, turn, code);
    return code;
}

enum rnl_code rnl_streams_take_batch(struct rnl_streams *streams,
                                     const struct rnl_event_batch *batch,
                                     struct rnl_event_receipt *ret_receipt,
                                     struct rnl_field_error *error)
{
    char name[RNL_STREAM_NAME_LEN_MAX + 1];
    struct rnl_event_stream *stream;
    struct turn turn = {.id = batch->producer_id,
                        .id_len = batch->producer_id_len,
                        .sequence = batch->producer_sequence,
                        .path = "batch."};
    *ret_receipt = (struct rnl_event_receipt){0};
    enum rnl_code code = rnl_streams_check_name(
        (const char *)batch->stream, batch->stream_len, "batch.stream", error);
    if (code == RNL_OK)
        code = check_turn(&turn, error);
    if (code != RNL_OK)
        return code;
    if (rnl_keeper_refuses(streams->keeper, error))
        return RNL_RESOURCE_EXHAUSTED;
    memcpy(name, batch->stream, batch->stream_len);
    name[batch->stream_len] = '\0';
    bool is_new = rnl_streams_find(streams, name) == NULL;
    code = rnl_streams_open_default(streams, name, &stream, error);
    if (code != RNL_OK)
        return code;
    if (turn.id_len > 0)
        turn.content = rnl_content_of_batch(&batch->columns);
    code = take_once(stream, batch, &turn, ret_receipt, error);
    /* A bad batch does not make a stream; the journal has not seen it. */
    if (code != RNL_OK && is_new)
        (void)!rnl_streams_remove(stream, NULL);
    ret_receipt->stream = stream;
    ret_receipt->numbered = batch->producer_id_len > 0;
    return code;
}

enum rnl_code rnl_streams_take_numbered(struct rnl_streams *streams,
                                        const struct rnl_stream_source *source,
                                        const struct rnl_meter_batch *batch,
                                        struct rnl_field_error *error)
{
    struct rnl_event_stream *stream;
    struct rnl_meter_taken taken;
    struct turn turn = {.id = (const uint8_t *)source->producer,
                        .id_len = strlen(source->producer),
                        .sequence = source->number,
                        .content = RNL_CONTENT_UNKNOWN};
    enum rnl_code code =
        rnl_streams_open_default(streams, source->stream, &stream, error);
    if (code == RNL_OK)
        code = find_producer(stream, &turn, error);
    if (code != RNL_OK)
        return code;
    code = take(stream, batch, &taken, error);
    end_turn(stream, &turn, code);
    if (code == RNL_OK)
        rnl_keep_changed(stream);
    return code;
}

/* ---- sketches ---- */

static enum rnl_code merge(struct rnl_event_stream *stream,
                           const struct rnl_import *import, uint64_t *ret_count,
                           struct rnl_field_error *error)
{
    struct rnl_import_fault fault;
    if (rnl_streams_full(stream->streams))
        return rnl_streams_say_full(stream->streams, error);
    enum rnl_code code =
        rnl_meter_import(stream->meter, import, ret_count, &fault);
    if (code == RNL_INVALID_ARGUMENT)
        return rnl_field_error_set(error, fault.field, "%s", fault.what);
    if (code == RNL_FAILED_PRECONDITION)
        return rnl_field_error_text(error, code, "the %s %s", fault.field,
                                    fault.what);
    if (code != RNL_OK)
        return rnl_field_error_text(error, code, "memory is out");
    rnl_keep_changed(stream);
    rnl_event_stream_account(stream);
    rnl_watch_hub_notice(stream->hub);
    return RNL_OK;
}

enum rnl_code rnl_streams_take_sketch(struct rnl_streams *streams,
                                      const struct rnl_sketch_offer *offer,
                                      struct rnl_sketch_receipt *ret_receipt,
                                      struct rnl_field_error *error)
{
    struct turn turn = {.id = offer->producer_id,
                        .id_len = offer->producer_id_len,
                        .sequence = offer->producer_sequence,
                        .path = ""};
    *ret_receipt = (struct rnl_sketch_receipt){0};
    enum rnl_code code = rnl_streams_check_name(
        offer->stream, strlen(offer->stream), "stream", error);
    if (code == RNL_OK)
        code = check_turn(&turn, error);
    if (code != RNL_OK)
        return code;
    if (rnl_keeper_refuses(streams->keeper, error))
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_event_stream *stream = rnl_streams_find(streams, offer->stream);
    if (stream == NULL)
        return rnl_field_error_text(error, RNL_NOT_FOUND,
                                    "there is no stream %s", offer->stream);
    ret_receipt->into = stream;
    if (turn.id_len > 0)
        turn.content = rnl_content_of_sketch(&offer->import);
    code = begin_turn(stream, &turn, &ret_receipt->duplicate, error);
    if (code != RNL_OK || ret_receipt->duplicate)
        return code;
    code = merge(stream, &offer->import, &ret_receipt->count, error);
    end_turn(stream, &turn, code);
    return code;
}
