/* SPDX-License-Identifier: Apache-2.0 */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "measure.h"

/* With a thousand streams, 100 us of work: not for each event refused. */
#define COUNT_AGAIN_NS INT64_C(1000000000)

static const char *name_of(const void *item)
{
    return ((const struct rnl_event_stream *)item)->name;
}

int64_t rnl_streams_wall_ms(const struct rnl_streams *streams)
{
    return streams->core->wall_ns / RNL_NS_PER_MS;
}

/* ---- names ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* What is wrong with it by itself. "." and ".." are steps in the path of a
 * URL: nobody could reach such a stream over HTTP. */
static const char *shape_fault(const char *name, size_t len)
{
    if (len == 0 || len > RNL_STREAM_NAME_LEN_MAX)
        return "must have 1 to 128 characters";
    for (size_t i = 0; i < len; i++)
        if (!is_name_byte(name[i]))
            return "may have a-z, A-Z, 0-9, '.', '_' and '-' alone";
    if (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')))
        return "must not be \".\" or \"..\"";
    return NULL;
}

static const char owned_by_server[] =
    "names that start with '_' belong to the server";

const char *rnl_streams_name_fault(const char *name, size_t len)
{
    const char *fault = shape_fault(name, len);
    return fault == NULL && name[0] == '_' ? owned_by_server : fault;
}

enum rnl_code rnl_streams_check_name(const char *name, size_t len,
                                     const char *field,
                                     struct rnl_field_error *error)
{
    const char *fault = shape_fault(name, len);
    if (fault != NULL)
        return rnl_field_error_set(error, field, "%s", fault);
    if (name[0] == '_')
        return rnl_field_error_text(error, RNL_PERMISSION_DENIED, "%s: %s",
                                    field, owned_by_server);
    return RNL_OK;
}

/* ---- memory ---- */

static bool is_full(const struct rnl_streams *streams)
{
    return streams->memory_bytes + streams->watch_bytes >=
           streams->core->options.max_stats_bytes;
}

enum rnl_code rnl_streams_say_full(const struct rnl_streams *streams,
                                   struct rnl_field_error *error)
{
    (void)rnl_field_error_text(
        error, RNL_RESOURCE_EXHAUSTED,
        "statistics take all of the %llu bytes that they may "
        "(--max-stats-bytes): delete streams",
        (unsigned long long)streams->core->options.max_stats_bytes);
    return RNL_RESOURCE_EXHAUSTED;
}

/* Takes note of what its meter takes. */
static void set_memory(struct rnl_event_stream *stream, uint64_t meter_bytes)
{
    struct rnl_streams *streams = stream->streams;
    uint64_t now = meter_bytes + sizeof(*stream) +
                   rnl_producers_memory(&stream->producers) +
                   rnl_kept_bytes(stream);
    streams->memory_bytes += now - stream->memory_bytes;
    stream->memory_bytes = now;
    stream->counted_ns = streams->core->now_ns;
    stream->uncounted_events = 0;
}

void rnl_event_stream_account(struct rnl_event_stream *stream)
{
    struct rnl_meter_info info;
    rnl_meter_info(stream->meter, rnl_streams_wall_ms(stream->streams), &info);
    set_memory(stream, info.memory_bytes);
}

void rnl_event_stream_on_viewed(struct rnl_event_stream *stream)
{
    rnl_event_stream_account(stream);
    if (!is_full(stream->streams))
        return;
    rnl_meter_forget_views(stream->meter);
    rnl_event_stream_account(stream);
}

void rnl_event_stream_on_counted(void *arg)
{
    struct rnl_event_stream *stream = arg;
    set_memory(stream, rnl_meter_memory(stream->meter));
    rnl_watch_hub_notice(stream->hub);
}

bool rnl_streams_full(struct rnl_streams *streams)
{
    if (!is_full(streams))
        return false;
    /* Streams that were silent may have given memory back, or can. */
    if (streams->core->now_ns - streams->counted_ns >= COUNT_AGAIN_NS) {
        streams->counted_ns = streams->core->now_ns;
        for (size_t i = 0; i < streams->by_name.count; i++) {
            struct rnl_event_stream *stream = streams->by_name.items[i];
            rnl_meter_forget_views(stream->meter);
            rnl_event_stream_account(stream);
        }
    }
    return is_full(streams);
}

/* ---- birth and death of a stream ---- */

static void stream_free(struct rnl_event_stream *stream)
{
    rnl_meter_destroy(stream->meter);
    rnl_producers_fini(&stream->producers);
    rnl_free(stream);
}

struct rnl_event_stream *rnl_streams_find(const struct rnl_streams *streams,
                                          const char *name)
{
    return rnl_sorted_find(&streams->by_name, name);
}

static enum rnl_code check_room(struct rnl_streams *streams, const char *name,
                                struct rnl_field_error *error)
{
    uint32_t max = streams->core->options.max_event_streams;
    if (!rnl_streams_is_own(name) &&
        streams->by_name.count - streams->own_count >= max) {
        (void)rnl_field_error_text(
            error, RNL_RESOURCE_EXHAUSTED,
            "there are %u streams, the most that there may be "
            "(--max-event-streams)",
            max);
        return RNL_RESOURCE_EXHAUSTED;
    }
    if (rnl_streams_full(streams))
        return rnl_streams_say_full(streams, error);
    return RNL_OK;
}

/* Has the meter count in a lane, where there are lanes; false: memory is
 * out. */
static bool defer(const struct rnl_streams *streams, struct rnl_meter *meter)
{
    struct rnl_lanes *lanes = streams->core->options.lanes;
    return lanes == NULL || rnl_meter_defer(meter, lanes) == RNL_OK;
}

/* Owns the meter, also on failure. */
static enum rnl_code add(struct rnl_streams *streams, const char *name,
                         struct rnl_meter *meter,
                         struct rnl_event_stream **ret_stream)
{
    struct rnl_event_stream *stream = NULL;
    if (rnl_sorted_reserve(&streams->by_name) == RNL_OK)
        stream = rnl_calloc(1, sizeof(*stream));
    if (stream == NULL || !defer(streams, meter)) {
        rnl_free(stream);
        rnl_meter_destroy(meter);
        return RNL_RESOURCE_EXHAUSTED;
    }
    snprintf(stream->name, sizeof(stream->name), "%s", name);
    stream->streams = streams;
    stream->meter = meter;
    stream->create_wall_ns = streams->core->wall_ns;
    rnl_producers_init(&stream->producers);
    rnl_meter_on_counted(meter, rnl_event_stream_on_counted, stream);
    rnl_sorted_insert(&streams->by_name, stream);
    streams->own_count += rnl_streams_is_own(name);
    rnl_keep_new(stream);
    *ret_stream = stream;
    return RNL_OK;
}

static enum rnl_code create(struct rnl_streams *streams, const char *name,
                            const struct rnl_meter_config *config,
                            struct rnl_event_stream **ret_stream)
{
    struct rnl_meter *meter;
    enum rnl_code code =
        rnl_meter_create(config, rnl_streams_wall_ms(streams), &meter);
    if (code == RNL_OK)
        code = add(streams, name, meter, ret_stream);
    if (code == RNL_OK)
        rnl_event_stream_account(*ret_stream);
    return code;
}

enum rnl_code rnl_streams_adopt(struct rnl_streams *streams,
                                const struct rnl_stream_origin *origin,
                                struct rnl_meter *meter,
                                struct rnl_event_stream **ret_stream)
{
    enum rnl_code code = add(streams, origin->name, meter, ret_stream);
    if (code != RNL_OK)
        return code;
    (*ret_stream)->create_wall_ns = origin->create_wall_ns;
    rnl_keep_found(*ret_stream, origin->number);
    return RNL_OK;
}

enum rnl_code rnl_streams_open(struct rnl_streams *streams, const char *name,
                               const struct rnl_meter_config *config,
                               struct rnl_event_stream **ret_stream,
                               struct rnl_field_error *error)
{
    struct rnl_event_stream *stream = rnl_streams_find(streams, name);
    if (stream != NULL) {
        *ret_stream = stream;
        return RNL_OK;
    }
    enum rnl_code code = check_room(streams, name, error);
    if (code != RNL_OK)
        return code;
    code = create(streams, name, config, ret_stream);
    if (code != RNL_OK)
        (void)rnl_field_error_text(error, code, "memory is out");
    return code;
}

enum rnl_code rnl_streams_open_default(struct rnl_streams *streams,
                                       const char *name,
                                       struct rnl_event_stream **ret_stream,
                                       struct rnl_field_error *error)
{
    struct rnl_event_stream *stream = rnl_streams_find(streams, name);
    if (stream != NULL) {
        *ret_stream = stream;
        return RNL_OK;
    }
    struct rnl_meter_config config = {0};
    struct rnl_meter_fault fault;
    enum rnl_code code = rnl_meter_config_check(&config, &fault);
    if (code != RNL_OK) {
        (void)rnl_field_error_text(error, RNL_INTERNAL,
                                   "the defaults are not valid");
        return RNL_INTERNAL;
    }
    return rnl_streams_open(streams, name, &config, ret_stream, error);
}

enum rnl_code rnl_streams_remove(struct rnl_event_stream *stream,
                                 struct rnl_keep_request *request)
{
    struct rnl_streams *streams = stream->streams;
    enum rnl_code code = rnl_keep_remove(stream, request);
    if (code != RNL_OK)
        return code;
    rnl_watch_hub_end(stream->hub);
    streams->memory_bytes -= stream->memory_bytes;
    rnl_sorted_remove(&streams->by_name, stream);
    streams->own_count -= rnl_streams_is_own(stream->name);
    stream_free(stream);
    return RNL_OK;
}

/* ---- life ---- */

enum rnl_code rnl_streams_create(struct rnl_core *core,
                                 struct rnl_streams **ret_streams)
{
    struct rnl_streams *streams = rnl_calloc(1, sizeof(*streams));
    if (streams == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_core_options *options = &core->options;
    if (options->max_event_streams == 0)
        options->max_event_streams = RNL_EVENT_STREAMS_MAX_DEFAULT;
    if (options->max_stats_bytes == 0)
        options->max_stats_bytes = RNL_STATS_BYTES_MAX_DEFAULT;
    streams->core = core;
    TAILQ_INIT(&streams->held);
    rnl_sorted_init(&streams->by_name, name_of);
    streams->measures = rnl_measures_create(streams);
    enum rnl_code code =
        streams->measures == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
    if (code == RNL_OK && options->stats_journal != NULL)
        code = rnl_keeper_create(streams, options->stats_journal,
                                 &streams->keeper);
    if (code == RNL_OK && streams->keeper != NULL)
        code = rnl_keeper_recover(streams->keeper);
    if (code == RNL_OK && streams->keeper != NULL)
        rnl_keeper_on_relief(streams->keeper, rnl_acks_relieve, streams);
    if (code != RNL_OK) {
        rnl_keeper_abandon(streams->keeper);
        rnl_streams_destroy(streams);
        return code;
    }
    *ret_streams = streams;
    return RNL_OK;
}

void rnl_streams_flush(struct rnl_streams *streams)
{
    rnl_keeper_flush(streams->keeper);
}

void rnl_streams_close(struct rnl_streams *streams)
{
    if (streams != NULL)
        rnl_keeper_close(streams->keeper);
}

void rnl_streams_abandon(struct rnl_streams *streams)
{
    rnl_keeper_abandon(streams->keeper);
}

void rnl_streams_destroy(struct rnl_streams *streams)
{
    if (streams == NULL)
        return;
    rnl_measures_destroy(streams->measures);
    /* It is closed: nothing can fail. */
    while (streams->by_name.count > 0)
        (void)!rnl_streams_remove(
            streams->by_name.items[streams->by_name.count - 1], NULL);
    rnl_keeper_destroy(streams->keeper);
    rnl_sorted_fini(&streams->by_name);
    rnl_event_decoder_fini(&streams->decoder);
    rnl_free(streams);
}

void rnl_streams_count(const struct rnl_streams *streams,
                       struct rnl_streams_counts *ret_counts)
{
    *ret_counts = (struct rnl_streams_counts){
        .streams = streams->by_name.count - streams->own_count,
        .events = streams->events,
        .memory_bytes = streams->memory_bytes + streams->watch_bytes,
    };
    rnl_keeper_count(streams->keeper, ret_counts);
}

/* ---- for the methods ---- */

void rnl_stream_finish_error(struct rnl_stream *stream, enum rnl_code code,
                             const struct rnl_field_error *error)
{
    if (code == RNL_INVALID_ARGUMENT && error->field[0] != '\0')
        rnl_stream_finish_field(stream, error->field, "%s", error->message);
    else if (error->retry_delay_ms > 0)
        rnl_stream_finish_retry(stream, code, error->retry_delay_ms, "%s",
                                error->message);
    else
        rnl_stream_finish(stream, code, "%s", error->message);
}

struct rnl_event_stream *rnl_stream_subject(struct rnl_stream *stream,
                                            const char *name)
{
    const char *fault = shape_fault(name, strlen(name));
    if (fault != NULL) {
        rnl_stream_finish_field(stream, "stream", "%s", fault);
        return NULL;
    }
    struct rnl_event_stream *found =
        rnl_streams_find(rnl_stream_core(stream)->streams, name);
    if (found == NULL)
        rnl_stream_finish(stream, RNL_NOT_FOUND, "there is no stream %s", name);
    return found;
}
