/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking functions: they run the client by poll(2). */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "alloc.h"
#include "call_private.h"

int64_t rnl_client_deadline(struct rnl_client *client, int64_t timeout_ms)
{
    if (timeout_ms < 0 || timeout_ms > RNL_WAIT_MS_MAX)
        return INT64_MAX;
    return client->clock_ns() + timeout_ms * RNL_NS_PER_MS;
}

enum rnl_code rnl_client_conclude(struct rnl_client *client,
                                  const struct rnl_status_info *info)
{
    rnl_status_copy(&client->status, info);
    return info->code;
}

enum rnl_code rnl_client_fail(struct rnl_client *client, enum rnl_code code,
                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    rnl_status_set_v(&client->status, code, format, args);
    va_end(args);
    return code;
}

/* Polls once, until deadline_ns at the latest. True: something was there. */
static bool poll_once(struct rnl_client *client, int64_t deadline_ns)
{
    int64_t now_ns = client->clock_ns();
    int64_t due_ns = rnl_client_due(client);
    if (deadline_ns < due_ns)
        due_ns = deadline_ns;
    int timeout_ms = -1;
    if (due_ns != INT64_MAX) {
        int64_t ms = (due_ns - now_ns + RNL_NS_PER_MS - 1) / RNL_NS_PER_MS;
        timeout_ms = (int)(ms < 0                 ? 0
                           : ms > RNL_WAIT_MS_MAX ? RNL_WAIT_MS_MAX
                                                  : ms);
    }
    struct pollfd poll_fd = {
        .fd = client->fd,
        .events = (short)rnl_client_events(client),
    };
    int count = poll(&poll_fd, 1, timeout_ms);
    bool due = rnl_client_due(client) <= client->clock_ns();
    if (count > 0 || due)
        rnl_client_process(client, count > 0 ? poll_fd.revents : 0);
    return count != 0 || due;
}

enum rnl_code rnl_client_run_until(struct rnl_client *client,
                                   int64_t deadline_ns, bool (*done)(void *arg),
                                   void *arg)
{
    if (client->in_process)
        return RNL_FAILED_PRECONDITION;
    while (!done(arg)) {
        if (client->clock_ns() >= deadline_ns)
            return RNL_DEADLINE_EXCEEDED;
        (void)poll_once(client, deadline_ns);
    }
    return RNL_OK;
}

enum rnl_code rnl_client_poll(struct rnl_client *client, int64_t timeout_ms)
{
    if (client->in_process)
        return RNL_FAILED_PRECONDITION;
    return poll_once(client, rnl_client_deadline(client, timeout_ms))
               ? RNL_OK
               : RNL_DEADLINE_EXCEEDED;
}

/* --- connecting --- */

struct attempt {
    struct rnl_client *client;
    unsigned failures;
    bool once;
};

static bool attempt_over(void *arg)
{
    const struct attempt *attempt = arg;
    const struct rnl_client *client = attempt->client;
    return client->state == RNL_CLIENT_CONNECTED ||
           (client->state == RNL_CLIENT_CLOSED &&
            client->link_due_ns == INT64_MAX) ||
           (attempt->once && client->failures != attempt->failures);
}

enum rnl_code rnl_client_await_connected(struct rnl_client *client,
                                         int64_t timeout_ms)
{
    struct attempt attempt = {client, client->failures, timeout_ms == 0};
    int64_t deadline_ns =
        timeout_ms == 0 ? INT64_MAX : rnl_client_deadline(client, timeout_ms);
    rnl_link_want(client);
    enum rnl_code code =
        rnl_client_run_until(client, deadline_ns, attempt_over, &attempt);
    if (code == RNL_OK && client->state == RNL_CLIENT_CONNECTED) {
        static const struct rnl_status_info fine = {.message = ""};
        return rnl_client_conclude(client, &fine);
    }
    if (code == RNL_OK)
        return rnl_client_conclude(client, &client->lost.info);
    return rnl_client_fail(client, code, "not connected within %lld ms: %s",
                           (long long)timeout_ms, client->lost.info.message);
}

/* --- unary calls --- */

void rnl_buffer_fini(struct rnl_buffer *buffer)
{
    rnl_free(buffer->data);
    *buffer = (struct rnl_buffer){0};
}

struct unary {
    struct rnl_client *client;
    struct rnl_call *call;
    struct rnl_buffer answer;
    bool answered;
    bool out_of_memory;
    bool ended;
};

static void on_answer(struct rnl_call *call, const uint8_t *data, size_t len,
                      void *arg)
{
    struct unary *unary = arg;
    (void)call;
    if (unary->answered)
        return;
    unary->answered = true;
    unary->answer.data = rnl_malloc(len + 1);
    unary->out_of_memory = unary->answer.data == NULL;
    if (unary->out_of_memory)
        return;
    memcpy(unary->answer.data, data, len);
    unary->answer.len = len;
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct unary *unary = arg;
    (void)call;
    unary->ended = true;
    rnl_status_copy(&unary->client->status, status);
}

static bool unary_over(void *arg)
{
    const struct unary *unary = arg;
    return unary->ended;
}

/* The server refused it without having looked at it, and there will be
 * another connection. */
static bool worth_repeating(const struct unary *unary)
{
    const struct rnl_status_info *status = &unary->client->status.info;
    return status->code == RNL_UNAVAILABLE && status->not_started &&
           unary->call->id != 0;
}

static enum rnl_code judge(struct unary *unary)
{
    struct rnl_client *client = unary->client;
    if (client->status.info.code != RNL_OK)
        return client->status.info.code;
    if (unary->out_of_memory)
        return rnl_client_fail(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
    if (!unary->answered)
        return rnl_client_fail(client, RNL_INTERNAL,
                               "the server ended the call without an answer");
    return RNL_OK;
}

static enum rnl_code run_once(struct unary *unary, const char *method,
                              const struct rnl_request *request,
                              int64_t timeout_ms)
{
    struct rnl_call_options options = {
        .size = sizeof(options),
        .timeout_ms = timeout_ms < 0 ? 0 : timeout_ms,
        .send_buffer_bytes = request->len + 1,
        .on_message = on_answer,
        .on_end = on_end,
        .arg = unary,
    };
    unary->ended = false;
    enum rnl_code code =
        rnl_call_start(unary->client, method, &options, &unary->call);
    if (code != RNL_OK)
        return rnl_client_fail(unary->client, code,
                               "the call could not be started");
    code = rnl_call_send(unary->call, request->data, request->len);
    if (code != RNL_OK)
        return rnl_client_fail(unary->client, code,
                               "the request of %zu bytes is too large, or "
                               "memory is out",
                               request->len);
    rnl_call_half_close(unary->call);
    code = rnl_client_run_until(unary->client, INT64_MAX, unary_over, unary);
    if (code != RNL_OK)
        return rnl_client_fail(unary->client, code,
                               "must not block inside of a callback");
    return judge(unary);
}

enum rnl_code rnl_call_unary(struct rnl_client *client, const char *method,
                             const struct rnl_request *request,
                             struct rnl_buffer *ret_answer)
{
    struct unary unary = {.client = client};
    int64_t timeout_ms = request->timeout_ms == 0
                             ? client->options.call_timeout_ms
                             : request->timeout_ms;
    int64_t deadline_ns = rnl_client_deadline(client, timeout_ms);
    enum rnl_code code;
    bool again;
    do {
        code = run_once(&unary, method, request, timeout_ms);
        again = code == RNL_UNAVAILABLE && worth_repeating(&unary);
        rnl_call_destroy(unary.call);
        unary.call = NULL;
        if (deadline_ns != INT64_MAX)
            timeout_ms = (deadline_ns - client->clock_ns()) / RNL_NS_PER_MS;
        again = again && (deadline_ns == INT64_MAX || timeout_ms > 0);
    } while (again);
    if (code != RNL_OK) {
        rnl_buffer_fini(&unary.answer);
        return code;
    }
    *ret_answer = unary.answer;
    return RNL_OK;
}
