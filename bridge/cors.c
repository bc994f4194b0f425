/* SPDX-License-Identifier: Apache-2.0 */
#include "cors.h"

#include <string.h>

#include "bridge.h"
#include "name_list.h"
#include "worker.h"

/* The second lines are what clients of Connect and gRPC-Web send, and read. */
#define ALLOWED_HEADERS                                                       \
    "authorization, content-type, idempotency-key, last-event-id, "           \
    "traceparent, "                                                           \
    "connect-protocol-version, connect-timeout-ms, connect-accept-encoding, " \
    "connect-content-encoding, grpc-timeout, x-grpc-web, x-user-agent"
#define EXPOSED_HEADERS                                    \
    "location, retry-after, "                              \
    "grpc-status, grpc-message, grpc-status-details-bin, " \
    "accept-encoding, connect-accept-encoding, grpc-accept-encoding"

bool rnl_cors_listed(const char *list, const char *origin, size_t len)
{
    const char *item;
    size_t item_len;
    while (list != NULL &&
           (item = rnl_name_list_next(&list, &item_len)) != NULL) {
        if ((item_len == 1 && *item == '*') ||
            (item_len == len && memcmp(item, origin, len) == 0))
            return true;
    }
    return false;
}

/* "http://HOST" or "https://HOST" (a front proxy may speak TLS), where HOST is
 * what this request was sent to. */
static bool is_same_origin(const h2o_req_t *req, const h2o_iovec_t *origin)
{
    static const char *const schemes[] = {"http://", "https://"};
    const h2o_iovec_t *host = &req->input.authority;
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if (origin->len == len + host->len &&
            memcmp(origin->base, schemes[i], len) == 0 &&
            memcmp(origin->base + len, host->base, host->len) == 0)
            return true;
    }
    return false;
}

static bool is_safe(const h2o_iovec_t *method)
{
    return h2o_memis(method->base, method->len, "GET", 3) ||
           h2o_memis(method->base, method->len, "HEAD", 4) ||
           h2o_memis(method->base, method->len, "OPTIONS", 7);
}

bool rnl_cors_allow_read(h2o_req_t *req)
{
    const h2o_iovec_t *origin = rnl_request_header(req, "origin");
    if (origin == NULL ||
        !rnl_cors_listed(rnl_worker_of(req)->bridge->cors_origins, origin->base,
                         origin->len))
        return false;
    h2o_iovec_t copy = h2o_strdup(&req->pool, origin->base, origin->len);
    rnl_request_set_header(req, "access-control-allow-origin", copy.base);
    rnl_request_set_header(req, "access-control-expose-headers",
                           EXPOSED_HEADERS);
    rnl_request_set_header(req, "vary", "origin");
    return true;
}

static void answer_options(struct rnl_exchange *exchange, const char *allow)
{
    rnl_exchange_set_header(exchange, "allow", allow);
    rnl_exchange_set_header(exchange, "access-control-allow-methods", allow);
    rnl_exchange_set_header(exchange, "access-control-allow-headers",
                            ALLOWED_HEADERS);
    rnl_exchange_set_header(exchange, "access-control-max-age", "600");
    rnl_exchange_reply(exchange, 204, NULL, "", 0);
}

bool rnl_cors_admit(struct rnl_exchange *exchange, const char *allow)
{
    h2o_req_t *req = exchange->req;
    const h2o_iovec_t *origin = rnl_request_header(req, "origin");
    bool listed = rnl_cors_allow_read(req);
    if (h2o_memis(req->method.base, req->method.len, "OPTIONS", 7) &&
        allow[0] != '\0') {
        answer_options(exchange, allow);
        return false;
    }
    if (origin == NULL || listed || is_safe(&req->method) ||
        is_same_origin(req, origin))
        return true;
    rnl_exchange_fail_text(exchange, 403, RNL_PERMISSION_DENIED,
                           "pages of this origin may not change anything here "
                           "(--cors-origin)");
    return false;
}
