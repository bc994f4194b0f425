/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A digest as bytes, so that it goes on after a restart as if there had been
 * none: not only its answers are kept, but what decides the next purge as well.
 *
 *     "RDIG" | 1 | width | count | anomalies | distinct | lost events
 *            | lost offset | merged keys | parts | ... | hash
 *
 * parts has a bit for each sketch that is there; each comes with its length, in
 * its own bytes (sketch/, aspect_bytes.h).
 */
#ifndef RNL_STATS_DIGEST_BYTES_H
#define RNL_STATS_DIGEST_BYTES_H

#include "digest.h"

/* Exact length. */
size_t rnl_digest_bytes_len(const struct rnl_digest *digest);

/* Writes that many bytes. */
void rnl_digest_bytes_write(const struct rnl_digest *digest, uint8_t *out);

/*
 * Fills a digest that was initialised with settings and is empty. Errors:
 * RNL_INVALID_ARGUMENT: not what rnl_digest_bytes_write wrote of a digest with
 * these settings, or damaged; RNL_UNIMPLEMENTED: of a later version;
 * RNL_RESOURCE_EXHAUSTED. Finish the digest all the same.
 */
RNL_MUST_USE enum rnl_code rnl_digest_bytes_read(
    struct rnl_digest *digest, const struct rnl_digest_settings *settings,
    const uint8_t *bytes, size_t len);

#endif
