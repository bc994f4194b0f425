/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request: its limit, and what it is compressed with. */
#ifndef RNL_BRIDGE_BODY_H
#define RNL_BRIDGE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"

/* What bodies and messages may be compressed with, as a header says it. */
#define RNL_BODY_ENCODINGS "identity, gzip"

/* Whether the body is within the bridge's limit; else the exchange has failed.
 */
bool rnl_body_fits(struct rnl_exchange *exchange);

/* Fails the exchange, since name says value, which is none of
 * RNL_BODY_ENCODINGS. */
void rnl_body_refuse_encoding(struct rnl_exchange *exchange, int status,
                              enum rnl_code code, const char *name,
                              const h2o_iovec_t *value);

/* Undoes what the header content-encoding says, in place. False: the exchange
 * has failed. */
bool rnl_body_decode(struct rnl_exchange *exchange);

/* Replaces gzip by what it stands for, which goes with the request and is
 * within the bridge's limit of a body. False: the exchange has failed; what
 * names it: "body". */
bool rnl_body_inflate(struct rnl_exchange *exchange, const char *what,
                      const uint8_t **data, size_t *len);

#endif
