/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/streams/{stream}/events: one request is one batch, in whichever
 * format; it is taken whole or not at all. */
#include <string.h>

#include <runnel/v1/events.pb-c.h>

#include "alloc.h"
#include "events_text.h"
#include "handlers.h"
#include "unary.h"
#include "worker.h"

#define RPC "runnel.v1.EventService/IngestBatch"

/* A request under construction. */
struct ingest {
    struct rnl_exchange *exchange;
    Runnel__V1__EventBatch *batch;
    struct rnl_event_names names;
    struct rnl_pbjson_error error;
};

static void on_done(struct rnl_exchange *exchange,
                    const ProtobufCMessage *response,
                    const struct rnl_status_info *status)
{
    if (response != NULL)
        rnl_exchange_reply_message(exchange, 200, response);
    else
        rnl_exchange_fail_status(exchange, status);
}

static void send_batch(struct ingest *ingest)
{
    static const struct rnl_probe probe = {
        .rpc = RPC,
        .response = &runnel__v1__ingest_batch_response__descriptor,
        .on_done = on_done};
    Runnel__V1__IngestBatchRequest request =
        RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
    request.batch = ingest->batch;
    rnl_probe_start(ingest->exchange, &probe, &request.base);
}

static enum rnl_code fail(struct ingest *ingest, const char *field,
                          const char *what)
{
    snprintf(ingest->error.field, sizeof(ingest->error.field), "%s", field);
    snprintf(ingest->error.what, sizeof(ingest->error.what), "%s", what);
    return RNL_INVALID_ARGUMENT;
}

/* The column that a parameter names, or NULL. */
static const char **column_of(struct rnl_event_names *names, const char *name)
{
    if (strcmp(name, "key") == 0)
        return &names->key;
    if (strcmp(name, "value") == 0)
        return &names->value;
    if (strcmp(name, "latency") == 0)
        return &names->latency;
    return strcmp(name, "time") == 0 ? &names->time : NULL;
}

/* Takes the query: which columns are meant, and what makes a repeated request
 * count once. */
static enum rnl_code take_query(struct ingest *ingest)
{
    const struct rnl_query *query = &ingest->exchange->query;
    struct rnl_event_names *names = &ingest->names;
    for (size_t i = 0; i < query->count; i++) {
        const char *name = query->params[i].name;
        const char *value = query->params[i].value;
        const char **column = column_of(names, name);
        if (column != NULL && *value == '\0')
            return fail(ingest, name, "must name a column");
        if (column != NULL)
            *column = value;
        else if (strcmp(name, "producer_id") == 0 && *value == '\0')
            return fail(ingest, name, "must not be empty");
        else if (strcmp(name, "producer_id") == 0)
            ingest->batch->producer_id = (char *)(uintptr_t)value;
        else if (strcmp(name, "producer_sequence") != 0)
            return fail(ingest, name, "there is no such parameter");
        else if (!rnl_query_number(value, 1, INT64_MAX,
                                   &ingest->batch->producer_sequence))
            return fail(ingest, name,
                        "must be a whole number from 1 to 2^63 - 1");
    }
    return RNL_OK;
}

/* Reads the body in the format that its type says. */
static enum rnl_code read_events(struct ingest *ingest,
                                 struct rnl_columns *columns)
{
    const struct rnl_exchange *exchange = ingest->exchange;
    const h2o_iovec_t *body = &exchange->req->entity;
    const char *data = body->base != NULL ? body->base : "";
    struct rnl_table table = {.separator = ',', .names = ingest->names};
    if (rnl_exchange_content_is(exchange, "application/json"))
        return rnl_events_from_json(columns, data, body->len, &ingest->error);
    if (rnl_exchange_content_is(exchange, "application/x-ndjson") ||
        rnl_exchange_content_is(exchange, "application/jsonl"))
        return rnl_events_from_ndjson(columns, data, body->len, &ingest->error);
    if (rnl_exchange_content_is(exchange, "text/tab-separated-values"))
        table.separator = '\t';
    else if (!rnl_exchange_content_is(exchange, "text/csv"))
        return RNL_UNIMPLEMENTED;
    return rnl_events_from_table(columns, &table, data, body->len,
                                 &ingest->error);
}

static enum rnl_code take_text(struct ingest *ingest,
                               struct rnl_columns *columns)
{
    const char *field, *what;
    enum rnl_code code = read_events(ingest, columns);
    if (code == RNL_OK)
        code = rnl_columns_fill(columns, ingest->batch, &field, &what);
    else
        return code;
    return code == RNL_INVALID_ARGUMENT ? fail(ingest, field, what) : code;
}

static void refuse(struct ingest *ingest, enum rnl_code code)
{
    if (code == RNL_UNIMPLEMENTED)
        rnl_exchange_fail_text(
            ingest->exchange, 415, RNL_INVALID_ARGUMENT,
            "the body must be application/json, application/x-ndjson, "
            "text/csv, text/tab-separated-values or application/x-protobuf");
    else if (code == RNL_RESOURCE_EXHAUSTED)
        rnl_exchange_fail_text(ingest->exchange, 413, code,
                               "the events take more memory than there is "
                               "for a request");
    else
        rnl_exchange_fail_mapping(ingest->exchange, code, &ingest->error);
}

static void handle_text(struct ingest *ingest)
{
    struct rnl_columns *columns = NULL;
    enum rnl_code code = rnl_columns_create(&columns);
    if (code == RNL_OK)
        code = take_text(ingest, columns);
    if (code == RNL_OK)
        send_batch(ingest);
    else
        refuse(ingest, code);
    rnl_columns_destroy(columns);
}

/* An EventBatch as it is; its stream may be left out, since the path has
 * it. */
static void handle_protobuf(struct ingest *ingest, const char *stream)
{
    const h2o_iovec_t *body = &ingest->exchange->req->entity;
    Runnel__V1__EventBatch *batch = runnel__v1__event_batch__unpack(
        &rnl_pb_allocator, body->len, (const uint8_t *)body->base);
    if (batch == NULL) {
        fail(ingest, "", "the body is not a runnel.v1.EventBatch");
        refuse(ingest, RNL_INVALID_ARGUMENT);
        return;
    }
    char *own = batch->stream;
    if (*own != '\0' && strcmp(own, stream) != 0) {
        fail(ingest, "stream", "is not the one of the path");
        refuse(ingest, RNL_INVALID_ARGUMENT);
    } else {
        batch->stream = (char *)(uintptr_t)stream;
        ingest->batch = batch;
        send_batch(ingest);
        batch->stream = own;
    }
    rnl_pbjson_free(&batch->base);
}

void rnl_handle_ingest(struct rnl_exchange *exchange)
{
    Runnel__V1__EventBatch batch = RUNNEL__V1__EVENT_BATCH__INIT;
    struct ingest ingest = {.exchange = exchange, .batch = &batch};
    const char *stream = rnl_exchange_param(exchange, "stream");
    batch.stream = (char *)(uintptr_t)stream;
    if (rnl_exchange_content_is(exchange, "application/x-protobuf")) {
        handle_protobuf(&ingest, stream);
        return;
    }
    enum rnl_code code = take_query(&ingest);
    if (code == RNL_OK)
        handle_text(&ingest);
    else
        refuse(&ingest, code);
}
