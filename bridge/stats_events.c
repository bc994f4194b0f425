/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/streams/{stream}/stats/events: a `stats` event for each snapshot, of
 * the windows that changed (the first one of all), and an `anomaly` event for
 * each anomaly, with the core's epoch and its sequence as id. Snapshots have no
 * id: the newest one is all that counts, and what a client goes on after are
 * anomalies.
 */
#include "stats_events.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "alloc.h"
#include "bind.h"
#include "core_link.h"
#include "handlers.h"
#include "sse.h"
#include "stats_state.h"
#include "unary.h"
#include "worker.h"

/* WatchStatsRequest of stats.proto. */
#define INTERVAL_MS_MIN 100
#define INTERVAL_MS_MAX 3600000

/* A request as JSON: a name and eight windows. */
#define KEY_BYTES_MAX 4096

static void set_after(ProtobufCMessage *request, uint64_t after)
{
    ((Runnel__V1__WatchStatsRequest *)(void *)request)->after_anomaly = after;
}

static enum rnl_code encode(const ProtobufCMessage *message, void *state,
                            struct rnl_piece **ret_piece)
{
    return rnl_stats_state_take(state, (const void *)message, ret_piece);
}

static enum rnl_code greet(void *state, uint64_t after,
                           struct rnl_piece **ret_piece)
{
    return rnl_stats_state_greet(state, after, ret_piece);
}

static void *create_state(struct rnl_worker *worker)
{
    return rnl_stats_state_create(rnl_core_link_epoch(worker->core));
}

static void destroy_state(void *state)
{
    rnl_stats_state_destroy(state);
}

const struct rnl_topic_kind rnl_stats_events = {
    .feed = {.rpc = "runnel.v1.StatsService/WatchStats",
             .response = &runnel__v1__watch_stats_response__descriptor,
             .set_after = set_after,
             .encode = encode},
    .greet = greet,
    .create_state = create_state,
    .destroy_state = destroy_state,
};

/* --- requests --- */

static bool is_other(const char *name, const char *const *others)
{
    for (; *others != NULL; others++)
        if (strcmp(name, *others) == 0)
            return true;
    return false;
}

static enum rnl_code fail(struct rnl_pbjson_error *error, const char *field,
                          const char *what)
{
    snprintf(error->field, sizeof(error->field), "%s", field);
    snprintf(error->what, sizeof(error->what), "%s", what);
    return RNL_INVALID_ARGUMENT;
}

/* Checked here, since an answer that has begun can only end. */
static enum rnl_code check_interval(const ProtobufCMessage *request,
                                    struct rnl_pbjson_error *error)
{
    const Runnel__V1__WatchStatsRequest *watch = (const void *)request;
    if (watch->interval_ms == 0 || (watch->interval_ms >= INTERVAL_MS_MIN &&
                                    watch->interval_ms <= INTERVAL_MS_MAX))
        return RNL_OK;
    return fail(error, "interval_ms", "must be between 100 and 3600000");
}

enum rnl_code rnl_stats_events_request(const struct rnl_query *query,
                                       const char *stream,
                                       const char *const *others,
                                       ProtobufCMessage **ret_request,
                                       struct rnl_pbjson_error *ret_error)
{
    const ProtobufCMessageDescriptor *descriptor =
        &runnel__v1__watch_stats_request__descriptor;
    json_t *object = json_object();
    enum rnl_code code =
        rnl_bind(object, descriptor, "stream", stream, ret_error);
    for (size_t i = 0; i < query->count && code == RNL_OK; i++) {
        const struct rnl_query_param *param = &query->params[i];
        if (!is_other(param->name, others))
            code = rnl_bind(object, descriptor, param->name, param->value,
                            ret_error);
    }
    ProtobufCMessage *request = NULL;
    if (code == RNL_OK)
        code = rnl_pbjson_read(descriptor, object, &request, ret_error);
    json_decref(object);
    if (code == RNL_OK)
        code = check_interval(request, ret_error);
    if (code == RNL_OK)
        *ret_request = request;
    else
        rnl_pbjson_free(request);
    return code;
}

enum rnl_code rnl_stats_events_key(const ProtobufCMessage *request,
                                   struct rnl_text *ret_key)
{
    struct rnl_pbjson_error error;
    rnl_text_init(ret_key, KEY_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(request, ret_key, &error);
    rnl_text_put_byte(ret_key, '\0');
    if (code == RNL_OK && !ret_key->failed)
        return RNL_OK;
    rnl_text_fini(ret_key);
    return code == RNL_OK ? RNL_RESOURCE_EXHAUSTED : code;
}

/* --- the path --- */

static void follow(struct rnl_exchange *exchange, ProtobufCMessage *request,
                   uint64_t after)
{
    struct rnl_text key;
    if (rnl_stats_events_key(request, &key) != RNL_OK) {
        rnl_pbjson_free(request);
        rnl_exchange_fail_text(exchange, 400, RNL_INVALID_ARGUMENT,
                               "the query asks for too much");
        return;
    }
    const struct rnl_sse_source source = {.kind = &rnl_stats_events,
                                          .key = key.data,
                                          .request = request,
                                          .after = after};
    rnl_sse_start(exchange, &source);
    rnl_text_fini(&key);
}

/* Sequences of another store mean nothing in this one. */
static bool is_of_epoch(const struct rnl_exchange *exchange,
                        const struct rnl_cursor *cursor)
{
    char epoch[RNL_CURSOR_EPOCH_LEN + 1];
    rnl_cursor_epoch(rnl_core_link_epoch(exchange->worker->core), epoch);
    return cursor->epoch[0] == '\0' || strcmp(cursor->epoch, epoch) == 0;
}

static bool has_window(const Runnel__V1__StreamConfig *config, uint32_t seconds)
{
    for (size_t i = 0; i < config->n_window_seconds; i++)
        if (config->window_seconds[i] == seconds)
            return true;
    return seconds == 0;
}

/* What the core would refuse when the answer has begun. */
static enum rnl_code check_stream(const ProtobufCMessage *request,
                                  const Runnel__V1__StreamConfig *config,
                                  struct rnl_pbjson_error *error)
{
    const Runnel__V1__WatchStatsRequest *watch = (const void *)request;
    for (size_t i = 0; i < watch->n_window_seconds; i++)
        if (!has_window(config, watch->window_seconds[i]))
            return fail(error, "window_seconds",
                        "the stream has no such window");
    return watch->top <= config->top_capacity
               ? RNL_OK
               : fail(error, "top", "is above the stream's top_capacity");
}

/* Answers with a problem and returns NULL when it cannot be followed. */
static ProtobufCMessage *take_request(struct rnl_exchange *exchange,
                                      const Runnel__V1__StreamConfig *config)
{
    static const char *const others[] = {"after", NULL};
    struct rnl_pbjson_error error;
    ProtobufCMessage *request = NULL;
    enum rnl_code code = rnl_stats_events_request(
        &exchange->query, rnl_exchange_param(exchange, "stream"), others,
        &request, &error);
    if (code == RNL_OK)
        code = check_stream(request, config, &error);
    if (code == RNL_OK)
        return request;
    rnl_pbjson_free(request);
    rnl_exchange_fail_mapping(exchange, code, &error);
    return NULL;
}

static void on_stream(struct rnl_exchange *exchange,
                      const ProtobufCMessage *response,
                      const struct rnl_status_info *status)
{
    static const struct rnl_status_info anew = {
        .code = RNL_OUT_OF_RANGE, .message = RNL_STATS_EVENTS_ANEW};
    const Runnel__V1__GetStreamResponse *got = (const void *)response;
    struct rnl_cursor cursor;
    if (got == NULL || got->stream == NULL || got->stream->config == NULL) {
        rnl_exchange_fail_status(exchange, status);
        return;
    }
    if (!rnl_sse_take_cursor(exchange, 1, &cursor))
        return;
    ProtobufCMessage *request = take_request(exchange, got->stream->config);
    if (request == NULL)
        return;
    if (is_of_epoch(exchange, &cursor)) {
        follow(exchange, request, cursor.after[0]);
    } else {
        rnl_pbjson_free(request);
        rnl_sse_reset(exchange, &anew);
    }
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
