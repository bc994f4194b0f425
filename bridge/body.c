/* SPDX-License-Identifier: Apache-2.0 */
#include "body.h"

#include <inttypes.h>
#include <stdio.h>

#include "bridge.h"
#include "gunzip.h"
#include "worker.h"

/* Of a header's value that an error repeats. */
#define ECHOED_MAX 32

static uint64_t limit(const struct rnl_exchange *exchange)
{
    return exchange->worker->bridge->max_body_bytes;
}

bool rnl_body_fits(struct rnl_exchange *exchange)
{
    size_t len = exchange->req->entity.len;
    char what[128];
    if (len <= limit(exchange))
        return true;
    snprintf(what, sizeof(what),
             "the body has %zu bytes; the limit of the bridge is %" PRIu64
             " (--max-body-bytes)",
             len, limit(exchange));
    rnl_exchange_fail_text(exchange, 413, RNL_RESOURCE_EXHAUSTED, what);
    return false;
}

static void free_text(void *text)
{
    rnl_text_fini(text);
}

bool rnl_body_inflate(struct rnl_exchange *exchange, const char *what,
                      const uint8_t **data, size_t *len)
{
    char why[160];
    struct rnl_text *text =
        h2o_mem_alloc_shared(&exchange->req->pool, sizeof(*text), free_text);
    rnl_text_init(text, (size_t)limit(exchange));
    if (*len == 0)
        return true;
    enum rnl_code code = rnl_gunzip(*data, *len, text);
    *data = (const uint8_t *)text->data;
    *len = text->len;
    if (code == RNL_OK)
        return true;
    if (code == RNL_INVALID_ARGUMENT)
        snprintf(why, sizeof(why), "the %s is not gzip", what);
    else
        snprintf(why, sizeof(why),
                 "the %s is, uncompressed, above the limit of the bridge, "
                 "%" PRIu64 " bytes (--max-body-bytes), or memory is out",
                 what, limit(exchange));
    rnl_exchange_fail_text(exchange, code == RNL_INVALID_ARGUMENT ? 400 : 413,
                           code, why);
    return false;
}

void rnl_body_refuse_encoding(struct rnl_exchange *exchange, int status,
                              enum rnl_code code, const char *name,
                              const h2o_iovec_t *value)
{
    char what[ECHOED_MAX + 128];
    snprintf(what, sizeof(what),
             "%s: \"%.*s\" is not supported; the encodings that "
             "are: " RNL_BODY_ENCODINGS,
             name, (int)(value->len < ECHOED_MAX ? value->len : ECHOED_MAX),
             value->base);
    rnl_exchange_set_header(exchange, "accept-encoding", RNL_BODY_ENCODINGS);
    rnl_exchange_fail_text(exchange, status, code, what);
}

bool rnl_body_decode(struct rnl_exchange *exchange)
{
    h2o_iovec_t *body = &exchange->req->entity;
    const h2o_iovec_t *value =
        rnl_exchange_header(exchange, "content-encoding");
    if (body->len == 0 || value == NULL || value->len == 0 ||
        h2o_lcstris(value->base, value->len, "identity", 8))
        return true;
    if (!h2o_lcstris(value->base, value->len, "gzip", 4)) {
        rnl_body_refuse_encoding(exchange, 415, RNL_INVALID_ARGUMENT,
                                 "content-encoding", value);
        return false;
    }
    const uint8_t *data = (const uint8_t *)body->base;
    size_t len = body->len;
    if (!rnl_body_inflate(exchange, "body", &data, &len))
        return false;
    *body = h2o_iovec_init((const char *)data, len);
    return true;
}
