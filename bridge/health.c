/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <runnel/v1/admin.pb-c.h>

#include "core_link.h"
#include "handlers.h"
#include "unary.h"
#include "worker.h"

static void reply_text(struct rnl_exchange *exchange, const char *text)
{
    rnl_exchange_reply(exchange, 200, "application/json", text, strlen(text));
}

/* The process runs and serves. */
void rnl_handle_healthz(struct rnl_exchange *exchange)
{
    reply_text(exchange, "{\"status\":\"ok\"}\n");
}

/* A store that cannot be written at the moment is told and no reason to send
 * readers elsewhere: every bridge of this core has the same one. */
static void reply_ready(struct rnl_exchange *exchange,
                        const ProtobufCMessage *response,
                        const struct rnl_status_info *status)
{
    const Runnel__V1__GetInfoResponse *info = (const void *)response;
    if (info == NULL && (status->code == RNL_UNAVAILABLE ||
                         status->code == RNL_DEADLINE_EXCEEDED))
        rnl_exchange_fail_text(exchange, 503, RNL_UNAVAILABLE,
                               "the core does not answer");
    else if (info == NULL || info->store_info == NULL)
        reply_text(exchange, "{\"status\":\"ready\"}\n");
    else if (info->store_info->state ==
             RUNNEL__V1__STORE_STATE__STORE_STATE_STALLED)
        reply_text(exchange, "{\"status\":\"ready\",\"store\":\"stalled\"}\n");
    else
        reply_text(exchange, "{\"status\":\"ready\",\"store\":\"writable\"}\n");
}

/* It can do work: the core answers, and the bridge is not on its way out. */
void rnl_handle_readyz(struct rnl_exchange *exchange)
{
    static const struct rnl_probe probe = {
        .rpc = "runnel.v1.AdminService/GetInfo",
        .response = &runnel__v1__get_info_response__descriptor,
        .on_done = reply_ready};
    static const Runnel__V1__GetInfoRequest request =
        RUNNEL__V1__GET_INFO_REQUEST__INIT;
    struct rnl_worker *worker = exchange->worker;
    if (worker->draining)
        rnl_exchange_fail_text(exchange, 503, RNL_UNAVAILABLE,
                               "the bridge is draining");
    else if (!rnl_core_link_ready(worker->core))
        rnl_exchange_fail_text(exchange, 503, RNL_UNAVAILABLE,
                               "the core is not connected");
    else
        rnl_probe_start(exchange, &probe, &request.base);
}
