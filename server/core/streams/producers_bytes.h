/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The producers of a stream as bytes, in the order in which they are forgotten.
 *
 *     "RPRD" | 2 | number | length, id, sequence, content ... | hash
 *
 * content has 8 bytes. Version 1 had none: it is read, and they are unknown
 * (content_hash.h).
 */
#ifndef RNL_STREAMS_PRODUCERS_BYTES_H
#define RNL_STREAMS_PRODUCERS_BYTES_H

#include "producers.h"

size_t rnl_producers_bytes_len(const struct rnl_producers *producers);

/* Writes that many bytes. */
void rnl_producers_bytes_write(const struct rnl_producers *producers,
                               uint8_t *out);

/* Adds them to producers, which are empty. Errors: RNL_INVALID_ARGUMENT: not
 * what rnl_producers_bytes_write wrote, or damaged; RNL_UNIMPLEMENTED: of a
 * later version; RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_producers_bytes_read(
    struct rnl_producers *producers, const uint8_t *bytes, size_t len);

#endif
