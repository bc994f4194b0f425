/* SPDX-License-Identifier: Apache-2.0 */
/* The life of calls: started, opened, ended, freed. */
#include <string.h>

#include "alloc.h"
#include "call_private.h"

#define SEND_BUFFER_MAX ((size_t)1 << 30)

/* False when memory is out: the server has heard nothing then. */
static bool open_stream(struct rnl_call *call)
{
    struct rnl_client *client = call->client;
    call->id = client->next_id;
    if (rnl_streams_add(client, call)) {
        if (rnl_call_send_head(call))
            return true;
        rnl_streams_remove(client, rnl_streams_find(client, call->id));
    }
    call->id = 0;
    return false;
}

void rnl_call_open(struct rnl_call *call)
{
    struct rnl_client *client = call->client;
    if (!open_stream(call)) {
        rnl_call_fail(call, RNL_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    client->next_id += 2;
    rnl_free(call->head);
    call->head = NULL;
    call->send_credit = client->server_credit;
    call->receive_credit = client->options.credit_bytes;
    call->state = RNL_CALL_RUNNING;
    TAILQ_REMOVE(&client->waiting, call, link);
    TAILQ_INSERT_TAIL(&client->running, call, link);
    rnl_call_make_ready(call);
    if (call->on_open != NULL) {
        call->busy++;
        call->on_open(call, call->options.arg);
        (void)rnl_call_leave(call);
    }
}

/* --- starting and freeing --- */

void rnl_call_drop_queue(struct rnl_call *call)
{
    struct rnl_outgoing *message;
    while ((message = STAILQ_FIRST(&call->queue)) != NULL) {
        STAILQ_REMOVE_HEAD(&call->queue, link);
        rnl_free(message);
    }
    call->queued_bytes = 0;
}

static struct rnl_call_list *list_of(struct rnl_call *call)
{
    struct rnl_client *client = call->client;
    switch (call->state) {
    case RNL_CALL_WAITING:
        return &client->waiting;
    case RNL_CALL_RUNNING:
        return &client->running;
    case RNL_CALL_ENDED:
        return &client->ended;
    case RNL_CALL_DONE:
        break;
    }
    return &client->done;
}

static void free_call(struct rnl_call *call)
{
    TAILQ_REMOVE(list_of(call), call, link);
    if (call->ready)
        TAILQ_REMOVE(&call->client->ready, call, ready_link);
    rnl_timer_stop(&call->client->timers, &call->timer);
    rnl_call_drop_queue(call);
    rnl_free(call->head);
    rnl_free(call->cancel_reason);
    rnl_status_box_fini(&call->end);
    rnl_free(call);
}

static void on_deadline(struct rnl_timer *timer, void *arg)
{
    struct rnl_call *call = arg;
    const struct rnl_client *client = call->client;
    long long timeout_ms = (long long)call->options.timeout_ms;
    (void)timer;
    if (call->state != RNL_CALL_WAITING || client->phase == RNL_PHASE_UP)
        rnl_call_fail(call, RNL_DEADLINE_EXCEEDED, "not done within %lld ms",
                      timeout_ms);
    else
        rnl_call_fail(call, RNL_DEADLINE_EXCEEDED,
                      "not connected to %s within %lld ms%s%s",
                      client->address.text, timeout_ms,
                      client->lost.info.message[0] == '\0' ? "" : ": ",
                      client->lost.info.message);
}

static enum rnl_code start_deadline(struct rnl_call *call)
{
    int64_t timeout_ms = call->options.timeout_ms;
    call->deadline_ns = INT64_MAX;
    if (timeout_ms == 0)
        return RNL_OK;
    rnl_client_tick(call->client);
    call->deadline_ns = rnl_client_deadline(call->client, timeout_ms);
    call->timer.fire = on_deadline;
    call->timer.arg = call;
    return rnl_timer_start(&call->client->timers, &call->timer,
                           call->deadline_ns);
}

/* NULL, or what is wrong. */
static const char *read_options(struct rnl_call_options *options,
                                const struct rnl_call_options *given)
{
    if (!rnl_options_copy(options, sizeof(*options), given))
        return RNL_OPTIONS_FAULT;
    if (options->timeout_ms < 0)
        return "timeout_ms must not be negative";
    if (options->send_buffer_bytes > SEND_BUFFER_MAX)
        return "send_buffer_bytes must be at most 1073741824";
    if (options->send_buffer_bytes == 0)
        options->send_buffer_bytes = RNL_CALL_SEND_BUFFER_DEFAULT;
    return NULL;
}

enum rnl_code rnl_call_start(struct rnl_client *client, const char *method,
                             const struct rnl_call_options *options,
                             struct rnl_call **ret_call)
{
    struct rnl_call own = {.client = client};
    const char *fault = read_options(&own.options, options);
    if (fault == NULL)
        fault = rnl_call_head_fault(&own.options, method);
    if (fault != NULL)
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, "%s", fault);
    struct rnl_call *call = rnl_malloc(sizeof(*call));
    if (call == NULL)
        return rnl_client_fail(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
    *call = own;
    STAILQ_INIT(&call->queue);
    rnl_status_box_init(&call->end);
    TAILQ_INSERT_TAIL(&client->waiting, call, link);
    enum rnl_code code = rnl_call_encode_head(call, method);
    if (code == RNL_OK)
        code = start_deadline(call);
    if (code != RNL_OK) {
        free_call(call);
        return rnl_client_fail(client, code, "out of memory");
    }
    rnl_link_want(client);
    rnl_client_report(client);
    *ret_call = call;
    return RNL_OK;
}

/* The stream outlives the call until the server's Status. */
static void abandon_stream(struct rnl_call *call)
{
    struct rnl_open_stream *stream = rnl_streams_find(call->client, call->id);
    if (stream == NULL)
        return;
    stream->call = NULL;
    enum rnl_frame_kind last =
        call->complete ? RNL_FRAME_HALF_CLOSE : RNL_FRAME_CANCEL;
    /* Without memory for it the server stalls for want of credit. */
    if (!call->cancel_sent)
        (void)rnl_output_frame(call->client, call->id, last, NULL, 0);
}

void rnl_call_destroy(struct rnl_call *call)
{
    if (call == NULL)
        return;
    if (call->busy > 0) {
        call->doomed = true;
        return;
    }
    struct rnl_client *client = call->client;
    if (call->state == RNL_CALL_RUNNING)
        abandon_stream(call);
    free_call(call);
    rnl_client_report(client);
}

static void free_list(struct rnl_call_list *list)
{
    struct rnl_call *call;
    while ((call = TAILQ_FIRST(list)) != NULL)
        free_call(call);
}

void rnl_calls_free(struct rnl_client *client)
{
    free_list(&client->waiting);
    free_list(&client->running);
    free_list(&client->ended);
    free_list(&client->done);
}

struct rnl_client *rnl_call_client(const struct rnl_call *call)
{
    return call->client;
}

/* --- ending --- */

void rnl_call_end(struct rnl_call *call, const struct rnl_status_info *info)
{
    if (call->state == RNL_CALL_ENDED || call->state == RNL_CALL_DONE)
        return;
    if (call->state == RNL_CALL_RUNNING)
        abandon_stream(call);
    rnl_call_unready(call);
    rnl_call_drop_queue(call);
    rnl_timer_stop(&call->client->timers, &call->timer);
    rnl_status_copy(&call->end, info);
    TAILQ_REMOVE(list_of(call), call, link);
    call->state = RNL_CALL_ENDED;
    TAILQ_INSERT_TAIL(&call->client->ended, call, link);
}

void rnl_call_fail(struct rnl_call *call, enum rnl_code code,
                   const char *format, ...)
{
    struct rnl_status_box box;
    va_list args;
    rnl_status_box_init(&box);
    va_start(args, format);
    rnl_status_set_v(&box, code, format, args);
    va_end(args);
    box.info.not_started = call->state == RNL_CALL_WAITING;
    rnl_call_end(call, &box.info);
    rnl_status_box_fini(&box);
}

bool rnl_call_leave(struct rnl_call *call)
{
    call->busy--;
    if (call->busy > 0 || !call->doomed)
        return false;
    rnl_call_destroy(call);
    return true;
}

void rnl_calls_deliver(struct rnl_client *client)
{
    struct rnl_call *call;
    while ((call = TAILQ_FIRST(&client->ended)) != NULL) {
        TAILQ_REMOVE(&client->ended, call, link);
        call->state = RNL_CALL_DONE;
        TAILQ_INSERT_TAIL(&client->done, call, link);
        call->busy++;
        if (call->options.on_end != NULL && !call->doomed)
            call->options.on_end(call, &call->end.info, call->options.arg);
        (void)rnl_call_leave(call);
    }
}

void rnl_calls_lose(struct rnl_client *client,
                    const struct rnl_status_info *info, uint32_t last_id)
{
    struct rnl_call *call = TAILQ_FIRST(&client->running);
    while (call != NULL) {
        struct rnl_call *next = TAILQ_NEXT(call, link);
        if (call->id > last_id)
            rnl_call_end(call, info);
        call = next;
    }
}

void rnl_calls_refuse(struct rnl_client *client,
                      const struct rnl_status_info *info, bool all)
{
    struct rnl_call *call = TAILQ_FIRST(&client->waiting);
    while (call != NULL) {
        struct rnl_call *next = TAILQ_NEXT(call, link);
        if (all || !call->options.wait_for_connection)
            rnl_call_end(call, info);
        call = next;
    }
}

/* A long reason is cut, and not inside of a character. */
static size_t reason_len(const char *reason)
{
    size_t len = strnlen(reason, RNL_CANCEL_REASON_MAX);
    while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
        len--;
    return len;
}

void rnl_call_cancel(struct rnl_call *call, const char *reason)
{
    if (call->cancel_wanted)
        return;
    call->cancel_wanted = true;
    if (call->state == RNL_CALL_WAITING)
        rnl_call_fail(call, RNL_CANCELLED, "cancelled before it was sent");
    if (call->state == RNL_CALL_RUNNING) {
        /* Without memory the server is not told why. */
        if (reason != NULL)
            call->cancel_reason = rnl_strndup(reason, reason_len(reason));
        rnl_call_drop_queue(call);
        rnl_call_make_ready(call);
    }
    rnl_client_report(call->client);
}
