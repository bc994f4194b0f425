/* SPDX-License-Identifier: Apache-2.0 */
#include "gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "bridge.h"
#include "exchange.h"
#include "host.h"
#include "rate_limit.h"
#include "worker.h"

/* Requests that a wrong token counts for. */
#define FAILURE_COST 10

#define RATE_TEXT_MAX 128

/* --- the host --- */

/* libh2o's name for a request without a Host: of HTTP/1.0, and of no
 * browser. */
static bool has_host(const h2o_req_t *req)
{
    const h2o_hostconf_t *none = req->conn->hosts[0];
    return req->input.authority.base != none->authority.hostport.base;
}

static bool is_host_allowed(const h2o_req_t *req)
{
    const struct rnl_bridge *bridge =
        rnl_worker_of((h2o_req_t *)(uintptr_t)req)->bridge;
    const h2o_iovec_t *host = &req->input.authority;
    /* With tokens a page from elsewhere has nothing to show, under any name. */
    bool any = bridge->token != NULL && bridge->allowed_hosts == NULL;
    return any || !has_host(req) ||
           rnl_host_is_loopback(host->base, host->len) ||
           rnl_host_is_listed(bridge->allowed_hosts, host->base, host->len);
}

/* --- the head --- */

static size_t head_bytes(const h2o_req_t *req)
{
    size_t bytes = 0;
    for (size_t i = 0; i < req->headers.size; i++)
        bytes += req->headers.entries[i].name->len +
                 req->headers.entries[i].value.len;
    return bytes;
}

/* --- the rate --- */

/* The key of the address; false where it is not counted. */
static bool address_key(h2o_req_t *req, uint64_t *ret_key)
{
    struct sockaddr_storage address;
    const void *bytes;
    if (req->conn->callbacks->get_peername(req->conn,
                                           (struct sockaddr *)&address) == 0)
        return false;
    size_t len = rnl_host_client((const struct sockaddr *)&address, &bytes);
    if (len > 0)
        *ret_key = rnl_rate_limit_key(rnl_worker_of(req)->rate, bytes, len);
    return len > 0;
}

/* What is shown is not judged here: who shows ever new tokens is known by the
 * address, which each wrong one is counted for. */
static bool token_key(h2o_req_t *req, uint64_t *ret_key)
{
    const h2o_iovec_t *value = rnl_request_header(req, "authorization");
    if (value == NULL)
        return false;
    *ret_key =
        rnl_rate_limit_key(rnl_worker_of(req)->rate, value->base, value->len);
    return true;
}

/* Seconds to wait; 0: the request may be made. */
static uint32_t wait_s(h2o_req_t *req)
{
    struct rnl_worker *worker = rnl_worker_of(req);
    uint64_t now_ms = rnl_worker_now(worker), key;
    uint32_t seconds = 0;
    if (worker->rate == NULL)
        return 0;
    bool has_token = token_key(req, &key);
    if (has_token &&
        !rnl_rate_limit_take(worker->rate, key, 1, now_ms, &seconds))
        return seconds;
    if (address_key(req, &key) &&
        !rnl_rate_limit_take(worker->rate, key, has_token ? 0 : 1, now_ms,
                             &seconds))
        return seconds;
    return 0;
}

static const char *rate_text(h2o_req_t *req)
{
    char *text = h2o_mem_alloc_pool(&req->pool, RATE_TEXT_MAX);
    snprintf(text, RATE_TEXT_MAX,
             "too many requests of this token or address: the limit is %" PRIu64
             " a second (--max-request-rate)",
             rnl_worker_of(req)->bridge->max_request_rate);
    return text;
}

void rnl_gate_note_failure(h2o_req_t *req)
{
    struct rnl_worker *worker = rnl_worker_of(req);
    uint32_t seconds;
    uint64_t key;
    if (worker->rate != NULL && address_key(req, &key))
        (void)rnl_rate_limit_take(worker->rate, key, FAILURE_COST,
                                  rnl_worker_now(worker), &seconds);
}

/* --- all of it --- */

bool rnl_gate_admit(h2o_req_t *req, struct rnl_problem *ret_problem)
{
    *ret_problem = (struct rnl_problem){.code = RNL_OK};
    if (!is_host_allowed(req)) {
        ret_problem->code = RNL_PERMISSION_DENIED;
        ret_problem->detail = "the bridge does not answer to this host name "
                              "(--allowed-host)";
        return false;
    }
    if (head_bytes(req) > RNL_HEAD_BYTES_MAX) {
        ret_problem->code = RNL_RESOURCE_EXHAUSTED;
        ret_problem->status = 431;
        ret_problem->detail = "the headers are above 65536 bytes";
        return false;
    }
    uint32_t seconds = wait_s(req);
    if (seconds == 0)
        return true;
    rnl_count(&rnl_worker_of(req)->counters.requests_limited, 1);
    ret_problem->code = RNL_RESOURCE_EXHAUSTED;
    ret_problem->detail = rate_text(req);
    ret_problem->retry_delay_ms = seconds * 1000;
    return false;
}
