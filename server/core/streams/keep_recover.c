/* SPDX-License-Identifier: Apache-2.0 */
/* The streams that a journal has: each from its row, its parts and its log. */
#include <string.h>

#include "alloc.h"
#include "keeper_private.h"
#include "meter_bytes.h"
#include "producers_bytes.h"
#include "stream_config.h"

_Static_assert(RNL_KEEP_PART_PRODUCERS >= RNL_METER_PART_END,
               "the meter's keys come first");

/* The stream at hand. */
struct found {
    struct rnl_keeper *keeper;
    uint64_t number;
    int64_t create_ns;
    char name[RNL_STREAM_NAME_LEN_MAX + 1];
    struct rnl_meter_config config;
    /* NULL until its meter is made: of a head, or at its first log. */
    struct rnl_event_stream *stream;
    bool is_whole;
};

/* What is found cannot be read: it was written otherwise. */
static enum rnl_code as_found(enum rnl_code code)
{
    return code == RNL_INVALID_ARGUMENT ? RNL_DATA_LOSS : code;
}

/* The meter becomes the stream's. */
static enum rnl_code adopt(struct found *found, struct rnl_meter *meter)
{
    const struct rnl_stream_origin origin = {
        .name = found->name,
        .create_wall_ns = found->create_ns,
        .number = found->number,
    };
    return rnl_streams_adopt(found->keeper->streams, &origin, meter,
                             &found->stream);
}

static enum rnl_code adopt_new(struct found *found)
{
    struct rnl_meter *meter;
    enum rnl_code code = rnl_meter_create(
        &found->config, found->create_ns / RNL_NS_PER_MS, &meter);
    return code == RNL_OK ? adopt(found, meter) : code;
}

/* All parts are there: what follows is the log, or the next stream. */
static enum rnl_code end_parts(struct found *found)
{
    if (found->is_whole || found->number == 0)
        return RNL_OK;
    found->is_whole = true;
    if (found->stream == NULL)
        return adopt_new(found);
    return as_found(rnl_meter_restore_end(found->stream->meter));
}

static enum rnl_code end_stream(struct found *found)
{
    enum rnl_code code = end_parts(found);
    if (code != RNL_OK || found->stream == NULL)
        return code;
    rnl_meter_on_advance(found->stream->meter, rnl_kept_advanced,
                         &found->stream->kept);
    rnl_event_stream_account(found->stream);
    found->stream = NULL;
    return RNL_OK;
}

/* protobuf-c answers NULL both for bytes that are no message and for lack of
 * memory; this tells which it was. */
static void *alloc_noting_failure(void *arg, size_t size)
{
    void *block = rnl_malloc(size);
    if (block == NULL)
        *(bool *)arg = true;
    return block;
}

static void free_block(void *arg, void *block)
{
    (void)arg;
    rnl_free(block);
}

static enum rnl_code take_config(struct found *found,
                                 const Runnel__V1__StreamConfig *config)
{
    struct rnl_field_error error;
    size_t len = strlen(config->name);
    if (len > RNL_STREAM_NAME_LEN_MAX ||
        rnl_streams_find(found->keeper->streams, config->name) != NULL)
        return RNL_DATA_LOSS;
    memcpy(found->name, config->name, len + 1);
    return as_found(rnl_stream_config_read(config, &found->config, &error));
}

static enum rnl_code read_config(struct found *found,
                                 const struct rnl_stats_record *record)
{
    bool out_of_memory = false;
    ProtobufCAllocator allocator = {alloc_noting_failure, free_block,
                                    &out_of_memory};
    Runnel__V1__StreamConfig *config = runnel__v1__stream_config__unpack(
        &allocator, record->len, record->data);
    if (config == NULL)
        return out_of_memory ? RNL_RESOURCE_EXHAUSTED : RNL_DATA_LOSS;
    enum rnl_code code = take_config(found, config);
    runnel__v1__stream_config__free_unpacked(config, &allocator);
    return code;
}

static enum rnl_code begin_stream(struct found *found,
                                  const struct rnl_stats_record *record)
{
    enum rnl_code code = end_stream(found);
    if (code != RNL_OK)
        return code;
    *found = (struct found){.keeper = found->keeper,
                            .number = record->stream,
                            .create_ns = record->time_ns};
    if (record->stream >= found->keeper->next_number)
        found->keeper->next_number = record->stream + 1;
    return read_config(found, record);
}

static enum rnl_code take_part(struct found *found,
                               const struct rnl_stats_record *record)
{
    if (record->key == RNL_METER_PART_HEAD) {
        struct rnl_meter *meter;
        enum rnl_code code = rnl_meter_restore(&found->config, record->data,
                                               record->len, &meter);
        return code == RNL_OK ? adopt(found, meter) : code;
    }
    if (found->stream == NULL)
        return RNL_DATA_LOSS;
    if (record->key == RNL_KEEP_PART_PRODUCERS)
        return rnl_producers_bytes_read(&found->stream->producers, record->data,
                                        record->len);
    return rnl_meter_restore_part(found->stream->meter, record->key,
                                  record->data, record->len);
}

static enum rnl_code take_log(struct found *found,
                              const struct rnl_stats_record *record)
{
    enum rnl_code code = end_parts(found);
    if (code != RNL_OK)
        return code;
    found->stream->kept.logged_bytes += record->len;
    found->keeper->logged_bytes += record->len;
    /* The part that was saved does not know of those in the log. */
    found->stream->kept.producers_changed = true;
    return rnl_kept_replay(found->stream, record->data, record->len);
}

static enum rnl_code take_record(void *arg,
                                 const struct rnl_stats_record *record)
{
    struct found *found = arg;
    if (record->kind == RNL_STATS_STREAM)
        return begin_stream(found, record);
    if (found->number == 0 || record->stream != found->number)
        return RNL_DATA_LOSS;
    if (record->kind == RNL_STATS_PART)
        return as_found(take_part(found, record));
    return record->kind == RNL_STATS_LOG ? take_log(found, record)
                                         : RNL_DATA_LOSS;
}

/* Tells the operator which stream it was. */
static void say_failure(const struct found *found, enum rnl_code code)
{
    struct rnl_field_error *error =
        found->keeper->streams->core->options.start_error;
    const char *what =
        code == RNL_UNIMPLEMENTED        ? "was written by a newer version"
        : code == RNL_RESOURCE_EXHAUSTED ? "needs more memory than there is"
                                         : "is damaged";
    if (error == NULL)
        return;
    if (found->number == 0)
        (void)rnl_field_error_text(error, code,
                                   "what is stored of event streams %s", what);
    else
        (void)rnl_field_error_text(error, code,
                                   "what is stored of event stream %s %s",
                                   found->name, what);
}

enum rnl_code rnl_keeper_recover(struct rnl_keeper *keeper)
{
    struct found found = {.keeper = keeper};
    enum rnl_code code =
        keeper->journal->ops->recover(keeper->journal, take_record, &found);
    if (code == RNL_OK)
        code = end_stream(&found);
    if (code != RNL_OK)
        say_failure(&found, code);
    return code;
}
