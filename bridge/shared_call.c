/* SPDX-License-Identifier: Apache-2.0 */
#include "shared_call.h"

#include <string.h>

#include <xxhash.h>

#include "alloc.h"
#include "core_link.h"
#include "identity.h"
#include "unary.h"
#include "worker.h"

/* One of those that wait for a call; in its request's pool. */
struct rider {
    struct rnl_exchange *exchange;
    struct rnl_shared_call *shared;
    LIST_ENTRY(rider) link;
};

LIST_HEAD(riders, rider);

/* Rounds of the loop that a call may let pass after the one before, as long as
 * each brings somebody: clients that were just answered ask again, and a call
 * costs as much as it saves to some ten of them. */
#define ROUNDS_MAX 3

struct rnl_shared_call {
    struct rnl_worker *worker;
    const struct rnl_route *route;
    /* Path and query as they were sent, the rights, and the call's request;
     * owned. */
    char *path;
    size_t path_len;
    char *authorization;
    struct rnl_request request;
    size_t place;
    struct rnl_call *call;
    /* Of the link, when the call was made: it leaves with the next one. */
    uint64_t turn;
    ProtobufCMessage *response;
    /* Being answered: who goes away now leaves it alone. */
    bool ended;
    struct riders riders;
    /* Of the next call, and since when there are any. */
    struct riders waiting;
    uint64_t waiting_since_ms;
    /* Among those that rest between two calls, for how many rounds yet, and
     * whether this one has brought somebody. */
    bool rests;
    bool joined;
    uint32_t rounds_left;
    LIST_ENTRY(rnl_shared_call) link;
};

static size_t place_of(const h2o_iovec_t *path)
{
    return XXH3_64bits(path->base, path->len) % RNL_SHARED_CALLS_MAX;
}

bool rnl_shared_call_fits(const struct rnl_exchange *exchange)
{
    return strcmp(exchange->route->verb, "GET") == 0 &&
           exchange->req->entity.len == 0;
}

static void destroy(struct rnl_shared_call *shared)
{
    struct rnl_shared_call **place = &shared->worker->shared[shared->place];
    if (*place == shared)
        *place = NULL;
    if (shared->rests)
        LIST_REMOVE(shared, link);
    rnl_call_destroy(shared->call);
    rnl_pbjson_free(shared->response);
    if (shared->authorization != NULL)
        explicit_bzero(shared->authorization, strlen(shared->authorization));
    rnl_free(shared->authorization);
    rnl_free((void *)(uintptr_t)shared->request.data);
    rnl_free(shared->path);
    rnl_free(shared);
}

static void on_dispose(struct rnl_exchange *exchange)
{
    struct rider *rider = exchange->state;
    struct rnl_shared_call *shared = rider->shared;
    LIST_REMOVE(rider, link);
    if (LIST_EMPTY(&shared->riders) && LIST_EMPTY(&shared->waiting) &&
        !shared->ended)
        destroy(shared);
}

static void ride(struct rnl_shared_call *shared, struct riders *riders,
                 struct rnl_exchange *exchange)
{
    struct rider *rider =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*rider));
    *rider = (struct rider){.exchange = exchange, .shared = shared};
    LIST_INSERT_HEAD(riders, rider, link);
    exchange->state = rider;
    exchange->on_dispose = on_dispose;
    rnl_worker_wait_begin(exchange->req);
}

/* --- the answer --- */

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_shared_call *shared = arg;
    (void)call;
    rnl_pbjson_free(shared->response);
    shared->response = protobuf_c_message_unpack(shared->route->response,
                                                 &rnl_pb_allocator, len, data);
}

/* The next that waits, which waits no longer; NULL: there is none. */
static struct rnl_exchange *take_exchange(struct rnl_shared_call *shared)
{
    struct rider *rider = LIST_FIRST(&shared->riders);
    if (rider == NULL)
        return NULL;
    LIST_REMOVE(rider, link);
    /* The handler may put its own state there. */
    rider->exchange->on_dispose = NULL;
    rider->exchange->state = NULL;
    return rider->exchange;
}

/* Writes the response once for all. */
static void reply_all(struct rnl_shared_call *shared)
{
    struct rnl_exchange *exchange;
    struct rnl_pbjson_error error;
    struct rnl_text text;
    rnl_text_init(&text, RNL_ANSWER_BYTES_MAX);
    enum rnl_code code = rnl_pbjson_write(shared->response, &text, &error);
    rnl_text_put_byte(&text, '\n');
    while ((exchange = take_exchange(shared)) != NULL) {
        if (code != RNL_OK)
            rnl_exchange_fail_mapping(exchange, code, &error);
        else
            rnl_exchange_reply(exchange, 200, "application/json", text.data,
                               text.len);
    }
    rnl_text_fini(&text);
}

/* Answers all riders. */
static void answer(struct rnl_shared_call *shared,
                   const struct rnl_status_info *status)
{
    static const struct rnl_status_info no_answer = {
        .code = RNL_INTERNAL,
        .message = "the core's answer could not be decoded"};
    struct rnl_exchange *exchange;
    if (status->code == RNL_OK && shared->response == NULL)
        status = &no_answer;
    status = rnl_core_link_status(shared->worker->core, status);
    if (status->code == RNL_OK && shared->route->reply == NULL)
        reply_all(shared);
    while ((exchange = take_exchange(shared)) != NULL) {
        if (status->code == RNL_OK)
            shared->route->reply(exchange, shared->response);
        else
            rnl_exchange_fail_status(exchange, status);
    }
}

/* --- the call --- */

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg);

static enum rnl_code start(struct rnl_shared_call *shared, uint64_t waited_ms)
{
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    uint64_t timeout_ms = shared->worker->bridge->call_timeout_ms;
    options.timeout_ms =
        waited_ms < timeout_ms ? (int64_t)(timeout_ms - waited_ms) : 1;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = shared;
    const struct rnl_core_call what = {shared->route->rpc,
                                       shared->authorization};
    shared->turn = rnl_core_link_turn(shared->worker->core);
    return rnl_core_link_call_bytes(shared->worker->core, &what,
                                    &shared->request, &options, &shared->call);
}

/* Makes the next call, for those that wait. */
static void go_on(struct rnl_shared_call *shared)
{
    struct rider *rider;
    struct rnl_exchange *exchange;
    uint64_t now_ms = rnl_worker_now(shared->worker);
    while ((rider = LIST_FIRST(&shared->waiting)) != NULL) {
        LIST_REMOVE(rider, link);
        LIST_INSERT_HEAD(&shared->riders, rider, link);
    }
    enum rnl_code code = start(shared, now_ms - shared->waiting_since_ms);
    if (code == RNL_OK)
        return;
    shared->ended = true;
    while ((exchange = take_exchange(shared)) != NULL)
        rnl_unary_fail_start(exchange, code);
    destroy(shared);
}

static void rest(struct rnl_shared_call *shared)
{
    rnl_call_destroy(shared->call);
    shared->call = NULL;
    rnl_pbjson_free(shared->response);
    shared->response = NULL;
    shared->ended = false;
    shared->joined = true;
    shared->rests = true;
    shared->rounds_left = ROUNDS_MAX;
    LIST_INSERT_HEAD(&shared->worker->resting, shared, link);
}

bool rnl_shared_calls_round(struct rnl_worker *worker)
{
    struct rnl_shared_call *shared, *next;
    for (shared = LIST_FIRST(&worker->resting); shared != NULL; shared = next) {
        next = LIST_NEXT(shared, link);
        bool is_over = !shared->joined || shared->rounds_left-- == 0;
        shared->joined = false;
        if (!is_over)
            continue;
        LIST_REMOVE(shared, link);
        shared->rests = false;
        go_on(shared);
    }
    return !LIST_EMPTY(&worker->resting);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_shared_call *shared = arg;
    (void)call;
    shared->ended = true;
    answer(shared, status);
    if (LIST_EMPTY(&shared->waiting))
        destroy(shared);
    else
        rest(shared);
}

/* Who comes after the call has left waits for the next. */
static void join(struct rnl_shared_call *shared, struct rnl_exchange *exchange)
{
    struct rnl_worker *worker = exchange->worker;
    bool has_left = shared->turn != rnl_core_link_turn(worker->core);
    struct riders *riders = has_left ? &shared->waiting : &shared->riders;
    if (has_left && LIST_EMPTY(riders))
        shared->waiting_since_ms = rnl_worker_now(worker);
    else
        rnl_count(&worker->counters.calls_shared, 1);
    shared->joined = true;
    ride(shared, riders, exchange);
}

bool rnl_shared_call_join(struct rnl_exchange *exchange)
{
    const h2o_iovec_t *path = &exchange->req->input.path;
    struct rnl_shared_call *shared = exchange->worker->shared[place_of(path)];
    if (shared == NULL || shared->route != exchange->route ||
        shared->path_len != path->len ||
        memcmp(shared->path, path->base, path->len) != 0 ||
        !rnl_authorization_equal(shared->authorization,
                                 exchange->authorization))
        return false;
    join(shared, exchange);
    return true;
}

/* NULL when memory is out. */
static struct rnl_shared_call *create(const struct rnl_exchange *exchange,
                                      const ProtobufCMessage *request)
{
    const h2o_iovec_t *path = &exchange->req->input.path;
    struct rnl_shared_call *shared = rnl_calloc(1, sizeof(*shared));
    if (shared == NULL)
        return NULL;
    shared->worker = exchange->worker;
    shared->route = exchange->route;
    shared->place = place_of(path);
    shared->path = rnl_strndup(path->base, path->len);
    shared->path_len = path->len;
    if (exchange->authorization != NULL)
        shared->authorization = rnl_strdup(exchange->authorization);
    if (shared->path != NULL &&
        rnl_core_link_pack(request, &shared->request) == RNL_OK &&
        (exchange->authorization == NULL || shared->authorization != NULL))
        return shared;
    destroy(shared);
    return NULL;
}

void rnl_shared_call_start(struct rnl_exchange *exchange,
                           const ProtobufCMessage *request)
{
    struct rnl_shared_call *shared = create(exchange, request);
    enum rnl_code code =
        shared != NULL ? start(shared, 0) : RNL_RESOURCE_EXHAUSTED;
    if (code != RNL_OK) {
        if (shared != NULL)
            destroy(shared);
        rnl_unary_fail_start(exchange, code);
        return;
    }
    exchange->worker->shared[shared->place] = shared;
    ride(shared, &shared->riders, exchange);
}
