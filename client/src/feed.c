/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <string.h>

#include "alloc.h"

/* When the server itself answers UNAVAILABLE over a connection that stays: the
 * first wait, and how often it doubles. */
#define RETRY_MS        100
#define RETRY_SHIFT_MAX 6u

static void restart(struct rnl_feed *feed);

void rnl_feed_enter(struct rnl_feed *feed)
{
    feed->busy++;
}

static void free_feed(struct rnl_feed *feed)
{
    rnl_timer_stop(&feed->client->timers, &feed->retry);
    rnl_call_destroy(feed->call);
    TAILQ_REMOVE(&feed->client->attachments, &feed->attachment, link);
    rnl_status_box_fini(&feed->status);
    feed->ops->free(feed);
}

bool rnl_feed_leave(struct rnl_feed *feed)
{
    feed->busy--;
    if (feed->busy > 0 || !feed->doomed)
        return false;
    free_feed(feed);
    return true;
}

void rnl_feed_destroy(struct rnl_feed *feed)
{
    feed->doomed = true;
    if (feed->busy == 0)
        free_feed(feed);
}

static void destroy_attached(struct rnl_attachment *attachment)
{
    rnl_feed_destroy((struct rnl_feed *)attachment);
}

_Static_assert(offsetof(struct rnl_feed, attachment) == 0,
               "an attachment is its feed");

/* --- the end --- */

/* feed->status says how. */
static void finish(struct rnl_feed *feed)
{
    rnl_timer_stop(&feed->client->timers, &feed->retry);
    rnl_call_destroy(feed->call);
    feed->call = NULL;
    if (feed->ended || feed->doomed)
        return;
    feed->ended = true;
    rnl_feed_enter(feed);
    feed->ops->end(feed, &feed->status);
    (void)rnl_feed_leave(feed);
}

void rnl_feed_fail(struct rnl_feed *feed, enum rnl_code code,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rnl_status_set_v(&feed->status, code, format, args);
    va_end(args);
    finish(feed);
}

/* --- calls --- */

static void on_retry(struct rnl_timer *timer, void *arg)
{
    (void)timer;
    restart(arg);
}

static int64_t retry_wait_ms(const struct rnl_feed *feed,
                             const struct rnl_status_info *status)
{
    if (status->retry_delay_ms > 0)
        return status->retry_delay_ms;
    if (feed->client->state != RNL_CLIENT_CONNECTED)
        return 0;
    unsigned shift =
        feed->attempts < RETRY_SHIFT_MAX ? feed->attempts : RETRY_SHIFT_MAX;
    /* With jitter, as for connections: watchers were many when it refused. */
    uint64_t wait_ms = (uint64_t)RETRY_MS << shift;
    return (int64_t)(wait_ms / 2 +
                     rnl_client_random(feed->client, wait_ms / 2 + 1));
}

static bool resumable(const struct rnl_feed *feed,
                      const struct rnl_status_info *status)
{
    if (feed->no_resume || feed->client->options.no_reconnect)
        return false;
    if (status->code == RNL_RESOURCE_EXHAUSTED)
        return status->retry_delay_ms > 0;
    return status->code == RNL_UNAVAILABLE &&
           (feed->opened || feed->wait_for_connection);
}

static void tell_connection(struct rnl_feed *feed, bool connected)
{
    if (feed->told_lost == !connected)
        return;
    feed->told_lost = !connected;
    feed->ops->connection(feed, connected);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct rnl_feed *feed = arg;
    bool again = resumable(feed, status);
    int64_t wait_ms = retry_wait_ms(feed, status);
    if (feed->complete)
        rnl_status_set(&feed->status, RNL_OK, "%s", "");
    else
        rnl_status_copy(&feed->status, status);
    rnl_call_destroy(call);
    feed->call = NULL;
    if (!again || feed->complete) {
        finish(feed);
        return;
    }
    rnl_feed_enter(feed);
    tell_connection(feed, false);
    if (rnl_feed_leave(feed))
        return;
    feed->retry.fire = on_retry;
    feed->retry.arg = feed;
    feed->held = feed->ops->behind != NULL && feed->ops->behind(feed);
    if (feed->held)
        return;
    if (wait_ms == 0)
        restart(feed);
    else if (rnl_timer_start(&feed->client->timers, &feed->retry,
                             feed->client->now_ns + wait_ms * RNL_NS_PER_MS) !=
             RNL_OK)
        rnl_feed_fail(feed, RNL_RESOURCE_EXHAUSTED, "out of memory");
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct rnl_feed *feed = arg;
    (void)call;
    feed->attempts = 0;
    rnl_feed_enter(feed);
    feed->ops->message(feed, data, len);
    (void)rnl_feed_leave(feed);
}

/* The request is made only now, when the epoch of the server is known. */
static void on_open(struct rnl_call *call, void *arg)
{
    struct rnl_feed *feed = arg;
    (void)call;
    if (!feed->opened)
        strncat(feed->epoch, feed->client->server.epoch,
                sizeof(feed->epoch) - 1);
    feed->opened = true;
    rnl_feed_enter(feed);
    enum rnl_code code = feed->ops->ask(feed);
    if (code != RNL_OK)
        rnl_feed_fail(feed, code, "%s", rnl_code_text(code));
    else if (!feed->ended)
        tell_connection(feed, true);
    (void)rnl_feed_leave(feed);
}

bool rnl_feed_epoch_changed(const struct rnl_feed *feed)
{
    return feed->opened && strncmp(feed->epoch, feed->client->server.epoch,
                                   sizeof(feed->epoch) - 1) != 0;
}

enum rnl_code rnl_feed_ask(struct rnl_feed *feed,
                           const ProtobufCMessage *request)
{
    size_t len = protobuf_c_message_get_packed_size(request);
    uint8_t *data = rnl_malloc(len + 1);
    if (data == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    protobuf_c_message_pack(request, data);
    enum rnl_code code = rnl_call_send(feed->call, data, len);
    rnl_free(data);
    if (code == RNL_OK)
        rnl_call_half_close(feed->call);
    return code;
}

static enum rnl_code start_call(struct rnl_feed *feed)
{
    struct rnl_call_options options = {
        .size = sizeof(options),
        .wait_for_connection = feed->wait_for_connection || feed->opened,
        .manual_consume = feed->manual_consume,
        .on_message = on_message,
        .on_end = on_end,
        .arg = feed,
    };
    enum rnl_code code =
        rnl_call_start(feed->client, feed->ops->method, &options, &feed->call);
    if (code == RNL_OK)
        feed->call->on_open = on_open;
    return code;
}

static void restart(struct rnl_feed *feed)
{
    feed->attempts++;
    enum rnl_code code = start_call(feed);
    if (code != RNL_OK)
        rnl_feed_fail(feed, code, "cannot go on: %s", rnl_code_text(code));
}

void rnl_feed_resume(struct rnl_feed *feed)
{
    if (!feed->held)
        return;
    feed->held = false;
    restart(feed);
}

enum rnl_code rnl_feed_start(struct rnl_feed *feed, struct rnl_client *client,
                             const struct rnl_feed_ops *ops)
{
    feed->client = client;
    feed->ops = ops;
    enum rnl_code code = start_call(feed);
    if (code != RNL_OK)
        return code;
    rnl_status_box_init(&feed->status);
    feed->attachment.destroy = destroy_attached;
    TAILQ_INSERT_TAIL(&client->attachments, &feed->attachment, link);
    return RNL_OK;
}

void rnl_feed_consume(struct rnl_feed *feed, size_t len)
{
    if (feed->call != NULL)
        rnl_call_consume(feed->call, len);
}
