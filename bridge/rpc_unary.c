/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"
#include "core_link.h"
#include "rpc.h"
#include "rpc_error.h"
#include "unary.h"
#include "worker.h"

/* A call under way; in the request's pool. */
struct pending {
    struct rnl_exchange *exchange;
    struct rnl_rpc rpc;
    struct rnl_call *call;
    /* The answer in the form of the request. */
    struct rnl_text text;
    bool answered;
    /* Why it could not be written. */
    enum rnl_code code;
};

static void release(struct pending *pending)
{
    rnl_call_destroy(pending->call);
    pending->call = NULL;
    rnl_text_fini(&pending->text);
}

static void on_dispose(struct rnl_exchange *exchange)
{
    release(exchange->state);
}

static void on_message(struct rnl_call *call, const uint8_t *data, size_t len,
                       void *arg)
{
    struct pending *pending = arg;
    struct rnl_text *text = &pending->text;
    const struct rnl_rpc_bytes answer = {data, len};
    bool has_envelope = pending->rpc.form.protocol == RNL_RPC_GRPC_WEB;
    (void)call;
    if (pending->answered)
        return;
    pending->answered = true;
    size_t at = has_envelope ? rnl_rpc_begin(text) : 0;
    pending->code = rnl_rpc_put_answer(text, &pending->rpc, answer);
    if (has_envelope)
        rnl_rpc_seal(text, at, 0);
}

static void reply(struct pending *pending)
{
    struct rnl_text *text = &pending->text;
    const struct rnl_rpc_form *form = &pending->rpc.form;
    if (form->protocol == RNL_RPC_GRPC_WEB)
        rnl_rpc_put_end(text, form, NULL);
    if (form->is_text)
        rnl_rpc_to_text(text);
    if (text->failed)
        rnl_exchange_fail_text(pending->exchange, 0, RNL_RESOURCE_EXHAUSTED,
                               "the answer is too large");
    else
        rnl_exchange_reply(pending->exchange, 200, rnl_rpc_form_type(form),
                           text->data, text->len);
}

static void on_end(struct rnl_call *call, const struct rnl_status_info *status,
                   void *arg)
{
    struct pending *pending = arg;
    (void)call;
    status = rnl_core_link_status(pending->exchange->worker->core, status);
    if (status->code != RNL_OK)
        rnl_exchange_fail_status(pending->exchange, status);
    else if (!pending->answered || pending->code != RNL_OK)
        rnl_exchange_fail_text(pending->exchange, 0,
                               pending->answered ? pending->code : RNL_INTERNAL,
                               "the core's answer could not be written");
    else
        reply(pending);
}

void rnl_rpc_unary(struct rnl_exchange *exchange, const struct rnl_rpc *rpc)
{
    struct pending *pending =
        h2o_mem_alloc_pool(&exchange->req->pool, sizeof(*pending));
    struct rnl_call_options options = RNL_OPTIONS_INIT(options);
    int64_t most_ms = (int64_t)exchange->worker->bridge->call_timeout_ms;
    *pending = (struct pending){.exchange = exchange, .rpc = *rpc};
    rnl_text_init(&pending->text, RNL_ANSWER_BYTES_MAX);
    options.timeout_ms = rpc->timeout_ms > 0 && rpc->timeout_ms < most_ms
                             ? rpc->timeout_ms
                             : most_ms;
    options.on_message = on_message;
    options.on_end = on_end;
    options.arg = pending;
    enum rnl_code code = rnl_rpc_start(exchange, rpc, &options, &pending->call);
    if (code != RNL_OK) {
        rnl_exchange_fail_text(exchange, 0, code,
                               "the request is larger than what the core "
                               "takes in one frame, or memory is out");
        return;
    }
    exchange->state = pending;
    exchange->on_dispose = on_dispose;
}
