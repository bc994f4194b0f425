/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a browser makes for another origin's page. A foreign page may
 * read answers only when its origin is on --cors-origin's list; and it may not
 * change anything unasked: a form or a simple request of any web page reaches
 * a bridge on loopback, and needs no permission to be sent.
 */
#ifndef RNL_BRIDGE_CORS_H
#define RNL_BRIDGE_CORS_H

#include "exchange.h"

/* Adds headers, and answers what need not go further: a preflight, or a
 * foreign request that would change something. False when it did. allow is
 * the list of methods of the path, for a preflight. */
bool rnl_cors_admit(struct rnl_exchange *exchange, const char *allow);

/* Adds to an answer what lets a page of a listed origin read it; false: that of
 * the request is none. */
bool rnl_cors_allow_read(h2o_req_t *req);

/* Whether a comma-separated list holds an origin, or is "*". */
bool rnl_cors_listed(const char *list, const char *origin, size_t len);

#endif
