/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libh2o 2.2.5 lets pass in the head of a request and a handler cannot
 * see any more: a body whose length is given twice. Two readers of the same
 * bytes, one of them a proxy in front of us, may then find two different
 * requests in them (request smuggling); RFC 9112, 6.3 has such requests
 * refused.
 */
#ifndef RNL_BRIDGE_HEAD_H
#define RNL_BRIDGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a head, which ends with an empty line, has more than one of
 * Content-Length and Transfer-Encoding, or Transfer-Encoding in HTTP/1.0. data
 * may go on after the head. */
bool rnl_head_is_ambiguous(const char *data, size_t len);

#endif
