/* SPDX-License-Identifier: Apache-2.0 */
/* One request, one answer, blocking. */
#include <string.h>

#include "alloc.h"
#include "call_private.h"

void rnl_buffer_fini(struct rnl_buffer *buffer)
{
    rnl_free(buffer->data);
    *buffer = (struct rnl_buffer){0};
}

struct unary {
    struct rnl_client *client;
    struct rnl_call *call;
    struct rnl_buffer answer;
    /* Of the call; not the client's, which other callbacks may set. */
    struct rnl_status_box end;
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
    rnl_status_copy(&unary->end, status);
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
    return unary->ended && unary->end.info.code == RNL_UNAVAILABLE &&
           unary->end.info.not_started && unary->call->id != 0;
}

static enum rnl_code judge(struct unary *unary)
{
    struct rnl_client *client = unary->client;
    if (unary->end.info.code != RNL_OK)
        return rnl_client_conclude(client, &unary->end.info);
    if (unary->out_of_memory)
        return rnl_client_fail(client, RNL_RESOURCE_EXHAUSTED, "out of memory");
    if (!unary->answered)
        return rnl_client_fail(client, RNL_INTERNAL,
                               "the server ended the call without an answer");
    return rnl_client_succeed(client);
}

static enum rnl_code refuse_request(const struct unary *unary,
                                    enum rnl_code code, size_t len)
{
    size_t max = rnl_call_message_max(unary->call);
    if (len > max)
        return rnl_client_fail(unary->client, code,
                               "the request of %zu bytes is above the limit "
                               "of %zu",
                               len, max);
    return rnl_client_fail(unary->client, code, "out of memory");
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
        return code;
    code = rnl_call_send(unary->call, request->data, request->len);
    if (code != RNL_OK)
        return refuse_request(unary, code, request->len);
    rnl_call_half_close(unary->call);
    code = rnl_client_run_until(unary->client, INT64_MAX, unary_over, unary);
    return code == RNL_OK ? judge(unary) : code;
}

/* Repeats while that is safe and there is time. */
static enum rnl_code run(struct unary *unary, const char *method,
                         const struct rnl_request *request, int64_t timeout_ms)
{
    struct rnl_client *client = unary->client;
    int64_t deadline_ns = rnl_client_deadline(client, timeout_ms);
    enum rnl_code code;
    bool again;
    do {
        code = run_once(unary, method, request, timeout_ms);
        again = worth_repeating(unary);
        rnl_call_destroy(unary->call);
        unary->call = NULL;
        if (deadline_ns != INT64_MAX)
            timeout_ms = (deadline_ns - client->clock_ns()) / RNL_NS_PER_MS;
        again = again && (deadline_ns == INT64_MAX || timeout_ms > 0);
    } while (again);
    return code;
}

enum rnl_code rnl_call_unary(struct rnl_client *client, const char *method,
                             const struct rnl_request *request,
                             struct rnl_buffer *ret_answer)
{
    struct unary unary = {.client = client};
    int64_t timeout_ms = request->timeout_ms == 0
                             ? client->options.call_timeout_ms
                             : request->timeout_ms;
    rnl_status_box_init(&unary.end);
    enum rnl_code code = run(&unary, method, request, timeout_ms);
    rnl_status_box_fini(&unary.end);
    if (code != RNL_OK) {
        rnl_buffer_fini(&unary.answer);
        return code;
    }
    *ret_answer = unary.answer;
    return RNL_OK;
}
