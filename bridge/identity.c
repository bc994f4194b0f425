/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <string.h>
#include <time.h>

#include "bridge.h"
#include "exchange.h"
#include "ticket.h"
#include "worker.h"

/* "Bearer TOKEN", in the request's pool. */
static const char *bearer(struct rnl_exchange *exchange, const char *token,
                          size_t len)
{
    return h2o_concat(&exchange->req->pool,
                      h2o_iovec_init(H2O_STRLIT("Bearer ")),
                      h2o_iovec_init(token, len))
        .base;
}

static bool refuse(struct rnl_exchange *exchange, const char *why)
{
    rnl_exchange_fail_text(exchange, 401, RNL_UNAUTHENTICATED, why);
    return false;
}

/* Without a token of its own the bridge is on a core that has none. */
static bool take_nobody(struct rnl_exchange *exchange)
{
    exchange->authorization =
        exchange->worker->bridge->token != NULL ? "" : NULL;
    return true;
}

/* Takes the parameter `ticket` out of the query, which it is no part of to
 * anybody else. NULL: there is none. */
static const char *cut_ticket(struct rnl_exchange *exchange)
{
    struct rnl_query *query = &exchange->query;
    const char *ticket = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, "ticket") == 0)
            ticket = query->params[i].value;
        else
            query->params[kept++] = query->params[i];
    }
    query->count = kept;
    return ticket;
}

static bool take_ticket(struct rnl_exchange *exchange, const char *ticket)
{
    const h2o_iovec_t *path = &exchange->req->input.path;
    char wanted[RNL_TICKET_PATH_MAX], token[RNL_BEARER_BYTES_MAX + 1];
    if (!rnl_ticket_path(path->base, path->len, wanted) ||
        !rnl_ticket_open(exchange->worker->bridge->ticket_key, ticket, wanted,
                         time(NULL), token))
        return refuse(exchange, "the ticket is of another path, or has "
                                "expired");
    if (token[0] == '\0')
        return take_nobody(exchange);
    exchange->authorization = bearer(exchange, token, strlen(token));
    return true;
}

bool rnl_identity_take(struct rnl_exchange *exchange)
{
    const h2o_iovec_t *value = rnl_exchange_header(exchange, "authorization");
    const char *ticket = exchange->route->streams ? cut_ticket(exchange) : NULL;
    size_t len;
    if (value == NULL)
        return ticket != NULL ? take_ticket(exchange, ticket)
                              : take_nobody(exchange);
    const char *token = rnl_bearer_of(value->base, value->len, &len);
    if (token == NULL)
        return refuse(exchange, "authorization: must be Bearer and a token of "
                                "1 to 1000 visible ASCII characters");
    exchange->authorization = bearer(exchange, token, len);
    return true;
}
