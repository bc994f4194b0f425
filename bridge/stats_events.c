/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/streams/{stream}/stats/events: a `stats` event for each snapshot, of
 * the windows that changed (the first one of all), and an `anomaly` event for
 * each anomaly, with its sequence as id. Snapshots have no id: the newest one
 * is all that counts, and what a client goes on after are anomalies.
 */
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "bind.h"
#include "handlers.h"
#include "sse.h"
#include "stats_state.h"
#include "unary.h"

/* A request as JSON: a name and eight windows. */
#define KEY_BYTES_MAX 4096

static void set_after(ProtobufCMessage *request, uint64_t after)
{
    ((Runnel__V1__WatchStatsRequest *)(void *)request)->after_anomaly = after;
}

static enum rnl_code encode(const ProtobufCMessage *message, void *state,
                            struct rnl_frame **ret_frame)
{
    return rnl_stats_state_take(state, (const void *)message, ret_frame);
}

static enum rnl_code greet(void *state, uint64_t after,
                           struct rnl_frame **ret_frame)
{
    return rnl_stats_state_greet(state, after, ret_frame);
}

static void *create_state(void)
{
    return rnl_stats_state_create();
}

static void destroy_state(void *state)
{
    rnl_stats_state_destroy(state);
}

static const struct rnl_topic_kind kind = {
    .feed = {.rpc = "runnel.v1.StatsService/WatchStats",
             .response = &runnel__v1__watch_stats_response__descriptor,
             .set_after = set_after,
             .encode = encode},
    .greet = greet,
    .create_state = create_state,
    .destroy_state = destroy_state,
};

/* All parameters but `after` are fields of the request. */
static enum rnl_code make_request(const struct rnl_exchange *exchange,
                                  ProtobufCMessage **ret_request,
                                  struct rnl_pbjson_error *error)
{
    const ProtobufCMessageDescriptor *descriptor =
        &runnel__v1__watch_stats_request__descriptor;
    json_t *object = json_object();
    enum rnl_code code =
        rnl_bind(object, descriptor, "stream",
                 rnl_exchange_param(exchange, "stream"), error);
    for (size_t i = 0; i < exchange->query.count && code == RNL_OK; i++) {
        const struct rnl_query_param *param = &exchange->query.params[i];
        if (strcmp(param->name, "after") != 0)
            code =
                rnl_bind(object, descriptor, param->name, param->value, error);
    }
    if (code == RNL_OK)
        code = rnl_pbjson_read(descriptor, object, ret_request, error);
    json_decref(object);
    return code;
}

/* Equal requests share a topic. */
static void follow(struct rnl_exchange *exchange, ProtobufCMessage *request,
                   uint64_t after)
{
    struct rnl_text key;
    struct rnl_pbjson_error error;
    rnl_text_init(&key, KEY_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(request, &key, &error);
    rnl_text_put_byte(&key, '\0');
    if (code == RNL_OK && !key.failed) {
        const struct rnl_sse_source source = {
            .kind = &kind, .key = key.data, .request = request, .after = after};
        rnl_sse_start(exchange, &source);
    } else {
        rnl_pbjson_free(request);
        rnl_exchange_fail_text(exchange, 400, RNL_INVALID_ARGUMENT,
                               "the query asks for too much");
    }
    rnl_text_fini(&key);
}

static void on_stream(struct rnl_exchange *exchange,
                      const ProtobufCMessage *response,
                      const struct rnl_status_info *status)
{
    struct rnl_sse_cursor cursor;
    struct rnl_pbjson_error error;
    ProtobufCMessage *request = NULL;
    if (response == NULL) {
        rnl_exchange_fail_status(exchange, status);
        return;
    }
    if (!rnl_sse_take_cursor(exchange, &cursor))
        return;
    enum rnl_code code = make_request(exchange, &request, &error);
    if (code == RNL_OK)
        follow(exchange, request, cursor.after);
    else
        rnl_exchange_fail_mapping(exchange, code, &error);
}

void rnl_handle_stats_events(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.StatsService/GetStream",
        .response = &runnel__v1__get_stream_response__descriptor,
        .on_done = on_stream};
    Runnel__V1__GetStreamRequest request = RUNNEL__V1__GET_STREAM_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)rnl_exchange_param(exchange, "stream");
    rnl_probe_start(exchange, &probe, &request.base);
}
