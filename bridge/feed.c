/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include "alloc.h"
#include "core_link.h"
#include "pbjson.h"
#include "piece.h"
#include "worker.h"

struct rnl_feed {
    struct rnl_worker *worker;
    const struct rnl_feed_type *type;
    struct rnl_feed_owner owner;
    struct rnl_call *call;
    uint64_t after;
    /* The time before the next attempt, so that a core that is up but refuses
     * is not asked in a loop. */
    h2o_timeout_entry_t retry;
    /* Was destroyed from inside its own callback, which frees it. */
    bool busy;
    bool doomed;
};

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg);
static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg);

/* Opens the call, which waits for the core while it is away. */
static enum rnl_code open_call(struct rnl_feed *feed)
{
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    options.wait_for_connection = true;
    options.manual_consume = true;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = feed;
    feed->type->set_after(feed->owner.request, feed->after);
    const struct rnl_core_call what = {feed->type->rpc,
                                       feed->owner.authorization};
    return rnl_core_link_call(feed->worker->core, &what, feed->owner.request,
                              &options, &feed->call);
}

static void release(struct rnl_feed *feed)
{
    feed->worker->feed_count--;
    h2o_timeout_unlink(&feed->retry);
    rnl_call_destroy(feed->call);
    rnl_free(feed);
}

static void leave(struct rnl_feed *feed)
{
    feed->busy = false;
    if (feed->doomed)
        release(feed);
}

static void fail(struct rnl_feed *feed, enum rnl_code code, const char *message)
{
    const struct rnl_status_info status = {.code = code, .message = message};
    rnl_call_destroy(feed->call);
    feed->call = NULL;
    feed->owner.on_end(feed->owner.arg, &status);
}

static void on_retry(h2o_timeout_entry_t *entry)
{
    struct rnl_feed *feed =
        H2O_STRUCT_FROM_MEMBER(struct rnl_feed, retry, entry);
    feed->busy = true;
    enum rnl_code code = open_call(feed);
    if (code != RNL_OK)
        fail(feed, code, "the core could not be watched again");
    leave(feed);
}

static void take(struct rnl_feed *feed, const uint8_t *data, size_t len)
{
    struct rnl_piece *piece = NULL;
    ProtobufCMessage *message = protobuf_c_message_unpack(
        feed->type->response, &rnl_pb_allocator, len, data);
    if (message == NULL) {
        fail(feed, RNL_INTERNAL, "the core's message could not be decoded");
        return;
    }
    enum rnl_code code = feed->type->encode(message, feed->owner.state, &piece);
    rnl_pbjson_free(message);
    if (code != RNL_OK) {
        fail(feed, code, "the core's message could not be written");
        return;
    }
    if (piece == NULL) {
        rnl_feed_consume(feed, len);
        return;
    }
    piece->wire_len = len;
    if (piece->last_sequence > 0)
        feed->after = piece->last_sequence;
    rnl_count(&feed->worker->counters.frames_encoded, 1);
    feed->owner.on_piece(feed->owner.arg, piece);
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_feed *feed = arg;
    (void)call;
    feed->busy = true;
    take(feed, data, len);
    leave(feed);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_feed *feed = arg;
    feed->busy = true;
    status = rnl_core_link_status(feed->worker->core, status);
    if (status->code == RNL_UNAVAILABLE) {
        h2o_context_t *context = &feed->worker->context;
        feed->call = NULL;
        rnl_call_destroy(call);
        h2o_timeout_link(context->loop, &context->hundred_ms_timeout,
                         &feed->retry);
    } else {
        feed->owner.on_end(feed->owner.arg, status);
    }
    leave(feed);
}

bool rnl_feed_has_room(const struct rnl_worker *worker)
{
    return worker->feed_count < rnl_core_link_feeds_max(worker->core);
}

enum rnl_code rnl_feed_create(struct rnl_worker *worker,
                              const struct rnl_feed_type *type,
                              const struct rnl_feed_owner *owner,
                              uint64_t after, struct rnl_feed **ret_feed)
{
    struct rnl_feed *feed =
        rnl_feed_has_room(worker) ? rnl_calloc(1, sizeof(*feed)) : NULL;
    if (feed == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    worker->feed_count++;
    feed->worker = worker;
    feed->type = type;
    feed->owner = *owner;
    feed->after = after;
    feed->retry.cb = on_retry;
    enum rnl_code code = open_call(feed);
    if (code != RNL_OK) {
        release(feed);
        return code;
    }
    *ret_feed = feed;
    return RNL_OK;
}

void rnl_feed_destroy(struct rnl_feed *feed)
{
    if (feed == NULL)
        return;
    if (feed->busy)
        feed->doomed = true;
    else
        release(feed);
}

void rnl_feed_consume(struct rnl_feed *feed, size_t wire_len)
{
    if (feed->call != NULL)
        rnl_call_consume(feed->call, wire_len);
}
