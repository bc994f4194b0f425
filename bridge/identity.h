/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a request is for. The bridge has rights of its own at the core (its
 * token), and never uses them for somebody else: each call carries what the
 * browser showed, as the metadata "authorization", and the core judges that
 * alone. Who shows nothing is passed on as nobody.
 *
 * A browser shows a token by the header `Authorization: Bearer TOKEN`, or,
 * where it cannot set headers (EventSource), by ?ticket= (ticket.h).
 */
#ifndef RNL_BRIDGE_IDENTITY_H
#define RNL_BRIDGE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

/* What an entry of metadata may take, less "authorization" and "Bearer ". */
#define RNL_BEARER_BYTES_MAX 1000

struct rnl_exchange;

/* Sets exchange->authorization; false when the request was answered with a
 * problem, since what it shows cannot be a token. The query has been taken. */
bool rnl_identity_take(struct rnl_exchange *exchange);

/* The token of "Bearer TOKEN" in a header's value, or NULL when it is none of
 * 1 to RNL_BEARER_BYTES_MAX visible ASCII characters. */
const char *rnl_bearer_of(const char *value, size_t len, size_t *ret_len);

/* Whether two are the same; either may be NULL. Takes the same time wherever
 * they differ. */
bool rnl_authorization_equal(const char *a, const char *b);

#endif
