/* SPDX-License-Identifier: Apache-2.0 */
/* The path GET /v1/events: its request, and who is joined when. */
#include <assert.h>
#include <string.h>

#include <runnel/v1/tokens.pb-c.h>

#include "core_link.h"
#include "handlers.h"
#include "job_events.h"
#include "jobs.h"
#include "multi.h"
#include "stats_events.h"
#include "unary.h"
#include "worker.h"

static const char *const own_params[] = {"job", "stream", "after", NULL};

/* --- joining --- */

static enum rnl_code make_source(const struct rnl_subscription *sub,
                                 struct rnl_text *key,
                                 ProtobufCMessage **ret_request,
                                 struct rnl_pbjson_error *error)
{
    if (strcmp(sub->type, "job") == 0) {
        rnl_text_init(key, RNL_QUERY_VALUE_MAX);
        rnl_text_put(key, sub->name, strlen(sub->name) + 1);
        *ret_request = rnl_watch_job_request(sub->name);
        return *ret_request != NULL && !key->failed ? RNL_OK
                                                    : RNL_RESOURCE_EXHAUSTED;
    }
    enum rnl_code code = rnl_stats_events_request(
        sub->multi->query, sub->name, own_params, ret_request, error);
    return code == RNL_OK ? rnl_stats_events_key(*ret_request, key) : code;
}

static enum rnl_code join(struct rnl_subscription *sub,
                          struct rnl_pbjson_error *error)
{
    struct rnl_text key = {0};
    ProtobufCMessage *request = NULL;
    sub->wants_join = false;
    rnl_member_init(&sub->member, &rnl_multi_sink,
                    sub->multi->cursor.after[sub->index],
                    sub->multi->streaming.exchange->authorization);
    enum rnl_code code = make_source(sub, &key, &request, error);
    if (code == RNL_OK)
        code = rnl_topic_join(sub->multi->streaming.exchange->worker,
                              strcmp(sub->type, "job") == 0 ? &rnl_job_events
                                                            : &rnl_stats_events,
                              key.data, request, &sub->member);
    else
        rnl_pbjson_free(request);
    rnl_text_fini(&key);
    return code;
}

/* --- the answer --- */

/* One send, of whoever has something; the turn goes round. */
static void on_ready(struct rnl_streaming *streaming)
{
    struct rnl_multi *multi =
        H2O_STRUCT_FROM_MEMBER(struct rnl_multi, streaming, streaming);
    struct rnl_pbjson_error error;
    rnl_multi_send_own(multi);
    const size_t count = multi->count;
    assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        struct rnl_subscription *sub = &multi->subs[(multi->turn + i) % count];
        if (!rnl_streaming_ready(streaming))
            break;
        if (sub->wants_join && join(sub, &error) != RNL_OK)
            rnl_streaming_finish(streaming, false);
        else if (multi->cursor.over[sub->index])
            rnl_topic_leave(&sub->member);
        else
            rnl_member_pump(&sub->member);
    }
    multi->turn = (multi->turn + 1) % count;
}

static void leave_all(struct rnl_multi *multi)
{
    for (size_t i = 0; i < multi->count; i++)
        rnl_topic_leave(&multi->subs[i].member);
    rnl_piece_queue_drop(&multi->queue);
}

static void on_gone(struct rnl_streaming *streaming)
{
    struct rnl_multi *multi =
        H2O_STRUCT_FROM_MEMBER(struct rnl_multi, streaming, streaming);
    leave_all(multi);
    rnl_sse_ended(streaming);
}

/* --- the request --- */

static bool fail(struct rnl_exchange *exchange, const char *field,
                 const char *what)
{
    struct rnl_pbjson_error error;
    snprintf(error.field, sizeof(error.field), "%s", field);
    snprintf(error.what, sizeof(error.what), "%s", what);
    rnl_exchange_fail_mapping(exchange, RNL_INVALID_ARGUMENT, &error);
    return false;
}

static bool is_known(const struct rnl_multi *multi, const char *type,
                     const char *name)
{
    for (size_t i = 0; i < multi->count; i++)
        if (strcmp(multi->subs[i].type, type) == 0 &&
            strcmp(multi->subs[i].name, name) == 0)
            return true;
    return false;
}

/* Takes the names in the order of the query, which ids follow. */
static bool take_names(struct rnl_exchange *exchange, struct rnl_multi *multi)
{
    for (size_t i = 0; i < exchange->query.count; i++) {
        const struct rnl_query_param *param = &exchange->query.params[i];
        bool is_job = strcmp(param->name, "job") == 0;
        if (!is_job && strcmp(param->name, "stream") != 0)
            continue;
        const char *type = is_job ? "job" : "stream";
        if (*param->value == '\0' ||
            strlen(param->value) >= RNL_QUERY_VALUE_MAX)
            return fail(exchange, type, "must be a name of 1 to 255 bytes");
        if (is_known(multi, type, param->value))
            return fail(exchange, type, "is given twice");
        if (multi->count == RNL_CURSOR_MAX)
            return fail(exchange, type, "a connection follows at most 64");
        struct rnl_subscription *sub = &multi->subs[multi->count];
        *sub = (struct rnl_subscription){.multi = multi,
                                         .type = type,
                                         .name = param->value,
                                         .index = multi->count,
                                         .wants_join = true};
        rnl_member_init(&sub->member, &rnl_multi_sink, 0, NULL);
        multi->count++;
    }
    return multi->count > 0 ||
           fail(exchange, "job", "name at least one job or stream to follow");
}

static bool take_cursor(struct rnl_exchange *exchange, struct rnl_multi *multi)
{
    struct rnl_cursor *cursor = &multi->cursor;
    char epoch[RNL_CURSOR_EPOCH_LEN + 1];
    if (!rnl_sse_take_cursor(exchange, RNL_CURSOR_MAX, cursor))
        return false;
    if (cursor->given && cursor->count != multi->count)
        return fail(exchange, "Last-Event-ID",
                    "is of another list of jobs and streams");
    cursor->count = multi->count;
    rnl_cursor_epoch(rnl_core_link_epoch(exchange->worker->core), epoch);
    bool is_of_epoch =
        cursor->epoch[0] == '\0' || strcmp(cursor->epoch, epoch) == 0;
    memcpy(cursor->epoch, epoch, sizeof(epoch));
    for (size_t i = 0; i < multi->count; i++) {
        static const struct rnl_status_info anew = {
            .code = RNL_OUT_OF_RANGE, .message = RNL_STATS_EVENTS_ANEW};
        struct rnl_subscription *sub = &multi->subs[i];
        if (cursor->over[i])
            sub->wants_join = false;
        else if (!is_of_epoch && strcmp(sub->type, "stream") == 0)
            rnl_multi_reset(sub, &anew);
    }
    return true;
}

static struct rnl_multi *create(struct rnl_exchange *exchange)
{
    h2o_mem_pool_t *pool = &exchange->req->pool;
    struct rnl_multi *multi = h2o_mem_alloc_pool(pool, sizeof(*multi));
    memset(multi, 0, sizeof(*multi));
    multi->subs =
        h2o_mem_alloc_pool(pool, RNL_CURSOR_MAX * sizeof(*multi->subs));
    multi->format = rnl_sse_format(exchange);
    multi->query = &exchange->query;
    multi->streaming.exchange = exchange;
    multi->streaming.on_ready = on_ready;
    multi->streaming.on_gone = on_gone;
    /* Until the answer has begun. */
    multi->streaming.busy = true;
    STAILQ_INIT(&multi->queue);
    struct rnl_piece *piece = rnl_sse_retry_piece(multi->format);
    if (piece != NULL)
        STAILQ_INSERT_TAIL(&multi->queue, piece, link);
    return multi;
}

/* Joins all, so that what is wrong with one is an answer and not an end. */
static bool join_all(struct rnl_exchange *exchange, struct rnl_multi *multi)
{
    struct rnl_pbjson_error error = {"", ""};
    for (size_t i = 0; i < multi->count; i++) {
        struct rnl_subscription *sub = &multi->subs[i];
        enum rnl_code code = sub->wants_join ? join(sub, &error) : RNL_OK;
        if (code == RNL_OK)
            continue;
        if (code == RNL_RESOURCE_EXHAUSTED)
            rnl_sse_fail_full(exchange);
        else
            rnl_exchange_fail_mapping(exchange, code, &error);
        return false;
    }
    return true;
}

static void follow(struct rnl_exchange *exchange)
{
    struct rnl_multi *multi = create(exchange);
    if (!take_names(exchange, multi) || !take_cursor(exchange, multi)) {
        leave_all(multi);
    } else if (rnl_multi_is_over(multi)) {
        leave_all(multi);
        rnl_exchange_reply(exchange, 204, NULL, "", 0);
    } else if (join_all(exchange, multi)) {
        rnl_sse_begin(exchange, &multi->streaming, multi->format);
    } else {
        leave_all(multi);
    }
}

/* --- rights --- */

static bool has_scope(const Runnel__V1__Token *token, const char *scope)
{
    for (size_t i = 0; i < token->n_scopes; i++)
        if (strcmp(token->scopes[i], scope) == 0 ||
            strcmp(token->scopes[i], "admin") == 0)
            return true;
    return false;
}

/* What the token lacks for this query; NULL: nothing. */
static const char *lacking(const struct rnl_exchange *exchange,
                           const Runnel__V1__Token *token)
{
    if (rnl_query_get(&exchange->query, "job") != NULL &&
        !has_scope(token, "jobs:read"))
        return "the token lacks the scope jobs:read";
    if (rnl_query_get(&exchange->query, "stream") != NULL &&
        !has_scope(token, "stats:read"))
        return "the token lacks the scope stats:read";
    return NULL;
}

static void on_token(struct rnl_exchange *exchange,
                     const ProtobufCMessage *response,
                     const struct rnl_status_info *status)
{
    const Runnel__V1__GetOwnTokenResponse *own = (const void *)response;
    if (own == NULL) {
        rnl_exchange_fail_status(exchange, status);
        return;
    }
    const char *lack =
        own->token != NULL ? lacking(exchange, own->token) : NULL;
    if (lack != NULL)
        rnl_exchange_fail_text(exchange, 403, RNL_PERMISSION_DENIED, lack);
    else
        follow(exchange);
}

/* The core checks each subscription by itself; asked before, so that what a
 * token does not allow is an answer and not an end. */
void rnl_handle_events(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.TokenService/GetOwnToken",
        .response = &runnel__v1__get_own_token_response__descriptor,
        .on_done = on_token};
    static const Runnel__V1__GetOwnTokenRequest request =
        RUNNEL__V1__GET_OWN_TOKEN_REQUEST__INIT;
    if (!rnl_core_link_ready(exchange->worker->core))
        rnl_exchange_fail_text(exchange, 0, RNL_UNAVAILABLE,
                               "the core is not connected");
    else if (exchange->authorization == NULL)
        follow(exchange);
    else
        rnl_probe_start(exchange, &probe, &request.base);
}
