/* SPDX-License-Identifier: Apache-2.0 */
#include "files.h"

#include <h2o/file.h>

#include "cors.h"
#include "exchange.h"

/* style-src 'unsafe-inline' is not in it: styles set by script (element.style)
 * are not inline styles in the sense of CSP. */
static const char policy[] =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

static bool is_client(const h2o_iovec_t *path)
{
    return h2o_memis(path->base, path->len, H2O_STRLIT("/runnel.js")) ||
           h2o_memis(path->base, path->len, H2O_STRLIT("/runnel.d.ts"));
}

/* Adds headers and lets the file handler answer. */
static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    rnl_request_set_header(req, "content-security-policy", policy);
    rnl_request_set_header(req, "x-content-type-options", "nosniff");
    rnl_request_set_header(req, "referrer-policy", "no-referrer");
    rnl_request_set_header(req, "cross-origin-opener-policy", "same-origin");
    rnl_request_set_header(req, "cross-origin-resource-policy", "same-origin");
    /* Always asks whether its copy (ETag) is still good. */
    rnl_request_set_header(req, "cache-control", "no-cache");
    if (is_client(&req->path_normalized) && !rnl_cors_allow_read(req))
        rnl_request_set_header(req, "vary", "origin");
    return -1;
}

void rnl_files_register(h2o_pathconf_t *path, const char *root)
{
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = on_request;
    h2o_file_register(path, root, h2o_file_default_index_files, path->mimemap,
                      0);
}
