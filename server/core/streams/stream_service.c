/* SPDX-License-Identifier: Apache-2.0 */
/* The methods of StatsService about streams themselves: create, list, get,
 * delete. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "registry.h"
#include "stream_config.h"
#include "timestamp.h"

/* A StreamInfo with what it points to. */
struct info_box {
    Runnel__V1__StreamInfo info;
    Runnel__V1__StreamConfig config;
    Google__Protobuf__Timestamp create_time;
    Google__Protobuf__Timestamp last_event_time;
};

/* Borrows from the stream. */
static void describe(struct rnl_event_stream *stream, struct info_box *box)
{
    struct rnl_meter_info meter;
    rnl_event_stream_account(stream);
    rnl_meter_info(stream->meter, rnl_streams_wall_ms(stream->streams), &meter);
    box->info = (Runnel__V1__StreamInfo)RUNNEL__V1__STREAM_INFO__INIT;
    rnl_stream_config_write(rnl_meter_config(stream->meter), stream->name,
                            &box->config);
    box->info.config = &box->config;
    rnl_timestamp_set(&box->create_time, stream->create_wall_ns);
    box->info.create_time = &box->create_time;
    box->info.count = meter.count;
    box->info.rate = meter.rate;
    if (meter.last_event_ms != 0) {
        rnl_timestamp_set_ms(&box->last_event_time, meter.last_event_ms);
        box->info.last_event_time = &box->last_event_time;
    }
    box->info.memory_bytes = stream->memory_bytes;
}

/* ---- CreateStream ---- */

static void reply_created(struct rnl_ack *ack, struct rnl_event_stream *created,
                          bool existing)
{
    struct info_box box;
    Runnel__V1__CreateStreamResponse response =
        RUNNEL__V1__CREATE_STREAM_RESPONSE__INIT;
    describe(created, &box);
    response.stream = &box.info;
    response.existing = existing;
    ack->request.repeatable = true;
    rnl_ack_await(ack, created, &response.base);
}

static enum rnl_code read_config(const Runnel__V1__CreateStreamRequest *request,
                                 struct rnl_meter_config *ret_config,
                                 struct rnl_field_error *error)
{
    if (request->config == NULL)
        return rnl_field_error_set(error, "config", "is missing");
    const char *name = request->config->name;
    enum rnl_code code =
        rnl_streams_check_name(name, strlen(name), "config.name", error);
    if (code != RNL_OK)
        return code;
    return rnl_stream_config_read(request->config, ret_config, error);
}

/* The stream that is asked for, found or made. Errors: error is filled. */
static enum rnl_code open_asked(struct rnl_streams *streams,
                                const Runnel__V1__CreateStreamRequest *request,
                                struct rnl_event_stream **ret_found,
                                struct rnl_field_error *error)
{
    struct rnl_meter_config config;
    enum rnl_code code = read_config(request, &config, error);
    if (code != RNL_OK)
        return code;
    if (rnl_keeper_refuses(streams->keeper, error))
        return RNL_RESOURCE_EXHAUSTED;
    /* Without one, config was refused. */
    assert(request->config != NULL);
    const char *name = request->config->name;
    code = rnl_streams_open(streams, name, &config, ret_found, error);
    if (code != RNL_OK)
        return code;
    const char *difference = rnl_stream_config_difference(
        &config, rnl_meter_config((*ret_found)->meter));
    if (difference == NULL)
        return RNL_OK;
    return rnl_field_error_text(error, RNL_ALREADY_EXISTS,
                                "there is a stream %s with another %s", name,
                                difference);
}

static void create(struct rnl_stream *stream,
                   const Runnel__V1__CreateStreamRequest *request)
{
    struct rnl_streams *streams = rnl_stream_core(stream)->streams;
    struct rnl_field_error error;
    struct rnl_event_stream *found;
    bool existing = request->config != NULL &&
                    rnl_streams_find(streams, request->config->name) != NULL;
    struct rnl_ack *ack = rnl_ack_unary(stream);
    if (ack == NULL)
        return;
    enum rnl_code code = open_asked(streams, request, &found, &error);
    if (code == RNL_OK) {
        reply_created(ack, found, existing);
        return;
    }
    rnl_ack_drop(ack);
    rnl_stream_finish_error(stream, code, &error);
}

void rnl_stream_on_create(struct rnl_stream *stream, const uint8_t *data,
                          size_t len)
{
    Runnel__V1__CreateStreamRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__create_stream_request__descriptor, data, len);
    if (request == NULL)
        return;
    create(stream, request);
    rnl_request_free(request);
}

/* ---- GetStream, DeleteStream ---- */

void rnl_stream_on_get(struct rnl_stream *stream, const uint8_t *data,
                       size_t len)
{
    Runnel__V1__GetStreamRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__get_stream_request__descriptor, data, len);
    if (request == NULL)
        return;
    struct rnl_event_stream *found =
        rnl_stream_subject(stream, request->stream);
    if (found != NULL) {
        struct info_box box;
        Runnel__V1__GetStreamResponse response =
            RUNNEL__V1__GET_STREAM_RESPONSE__INIT;
        describe(found, &box);
        response.stream = &box.info;
        rnl_stream_reply(stream, &response.base);
    }
    rnl_request_free(request);
}

static void delete (struct rnl_stream *stream, const char *name)
{
    struct rnl_field_error error;
    enum rnl_code code =
        rnl_streams_check_name(name, strlen(name), "stream", &error);
    if (code != RNL_OK) {
        rnl_stream_finish_error(stream, code, &error);
        return;
    }
    struct rnl_event_stream *found = rnl_stream_subject(stream, name);
    if (found == NULL)
        return;
    struct rnl_keeper *keeper = found->streams->keeper;
    struct rnl_ack *ack = rnl_ack_unary(stream);
    if (ack == NULL)
        return;
    Runnel__V1__DeleteStreamResponse response =
        RUNNEL__V1__DELETE_STREAM_RESPONSE__INIT;
    rnl_ack_set(ack, &response.base);
    if (rnl_streams_remove(found, &ack->request) != RNL_OK) {
        rnl_ack_drop(ack);
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
    } else if (!rnl_keep_durable(keeper)) {
        ack->request.done(&ack->request, RNL_OK);
    }
}

void rnl_stream_on_delete(struct rnl_stream *stream, const uint8_t *data,
                          size_t len)
{
    Runnel__V1__DeleteStreamRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__delete_stream_request__descriptor, data, len);
    if (request == NULL)
        return;
    delete (stream, request->stream);
    rnl_request_free(request);
}

/* ---- ListStreams ---- */

/* What a StreamInfo takes in its list, with tag and length. */
#define LIST_ITEM_HEAD 4

struct page {
    struct info_box *boxes;
    Runnel__V1__StreamInfo **items;
    size_t count;
};

/* Describes streams from a position on, as many as fit the peer's frames, one
 * at least. */
static void fill_page(const struct rnl_streams *streams, size_t position,
                      size_t bytes_max, struct page *page)
{
    size_t cap = page->count;
    size_t bytes = 0;
    page->count = 0;
    for (; page->count < cap && position < streams->by_name.count; position++) {
        struct info_box *box = &page->boxes[page->count];
        describe(streams->by_name.items[position], box);
        bytes += LIST_ITEM_HEAD +
                 runnel__v1__stream_info__get_packed_size(&box->info);
        if (page->count > 0 && bytes > bytes_max)
            return;
        page->items[page->count++] = &box->info;
    }
}

/* The token of a page is the last name before it: streams that come or go do
 * not move those that stay. */
static void reply_list(struct rnl_stream *stream, const char *after,
                       struct page *page)
{
    const struct rnl_streams *streams = rnl_stream_core(stream)->streams;
    const struct rnl_sorted *by_name = &streams->by_name;
    Runnel__V1__ListStreamsResponse response =
        RUNNEL__V1__LIST_STREAMS_RESPONSE__INIT;
    size_t position = rnl_sorted_position(by_name, after);
    if (after[0] != '\0' && rnl_sorted_find(by_name, after) != NULL)
        position++;
    size_t room = rnl_stream_message_max(stream);
    const size_t token_room = RNL_STREAM_NAME_LEN_MAX + LIST_ITEM_HEAD;
    fill_page(streams, position, room > token_room ? room - token_room : 0,
              page);
    response.streams = page->items;
    response.n_streams = page->count;
    if (page->count > 0 && position + page->count < by_name->count)
        response.next_page_token = page->items[page->count - 1]->config->name;
    rnl_stream_reply(stream, &response.base);
}

static void list(struct rnl_stream *stream,
                 const Runnel__V1__ListStreamsRequest *request)
{
    size_t streams = rnl_stream_core(stream)->streams->by_name.count;
    struct page page = {.count = request->page_size == 0
                                     ? RNL_STREAM_PAGE_DEFAULT
                                     : request->page_size};
    if (page.count > RNL_STREAM_PAGE_MAX) {
        rnl_stream_finish_field(stream, "page_size", "must be at most %d",
                                RNL_STREAM_PAGE_MAX);
        return;
    }
    if (strlen(request->page_token) > RNL_STREAM_NAME_LEN_MAX) {
        rnl_stream_finish_field(stream, "page_token",
                                "is not the token of a page");
        return;
    }
    if (page.count > streams)
        page.count = streams;
    page.boxes = rnl_calloc(page.count + 1, sizeof(page.boxes[0]));
    page.items = rnl_calloc(page.count + 1, sizeof(page.items[0]));
    if (page.boxes != NULL && page.items != NULL)
        reply_list(stream, request->page_token, &page);
    else
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED, "memory is out");
    rnl_free(page.items);
    rnl_free(page.boxes);
}

void rnl_stream_on_list(struct rnl_stream *stream, const uint8_t *data,
                        size_t len)
{
    Runnel__V1__ListStreamsRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__list_streams_request__descriptor, data, len);
    if (request == NULL)
        return;
    list(stream, request);
    rnl_request_free(request);
}
