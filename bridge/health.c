/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core_link.h"
#include "handlers.h"
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

/* It can do work: the core is connected, and the bridge is not on its way
 * out. */
void rnl_handle_readyz(struct rnl_exchange *exchange)
{
    struct rnl_worker *worker = exchange->worker;
    if (worker->draining)
        rnl_exchange_fail_text(exchange, 503, RNL_UNAVAILABLE,
                               "the bridge is draining");
    else if (!rnl_core_link_ready(worker->core))
        rnl_exchange_fail_text(exchange, 503, RNL_UNAVAILABLE,
                               "the core is not connected");
    else
        reply_text(exchange, "{\"status\":\"ready\"}\n");
}
