/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two aspects of a digest as bytes, each to be merged elsewhere by itself: its
 * keys, with all that is known of their number and frequencies, and the values
 * of a metric. Each is a frame of sketch/bytes.h around frames of its sketches.
 * (digest_bytes.h has a whole digest, to go on with it.)
 *
 *     keys    "RKEY" | 1 | events | lost events | lost offset | merged keys
 *             | table | distinct keys | number of Count-Mins | Count-Mins
 *     metric  "RDST" | 1 | moments | histogram | rough: 0, or 1 and
 *             summed | unsummed | sums | ends
 *
 * Numbers are varints, and each sketch comes after its length. Equal digests
 * give equal bytes.
 */
#ifndef RNL_STATS_ASPECT_BYTES_H
#define RNL_STATS_ASPECT_BYTES_H

#include "digest.h"

/* Events and values that bytes may claim, so that sums of some do not
 * overflow. */
#define RNL_DIGEST_COUNT_MAX (UINT64_C(1) << 62)

/* ---- keys ---- */

size_t rnl_digest_keys_len(const struct rnl_digest *digest);

/* Writes that many bytes. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_keys_write(
    const struct rnl_digest *digest, uint8_t *out);

/*
 * Reads them into a new digest, in which they replace the settings: its sketch
 * of distinct keys is the one that was written, of any precision, profile and
 * kind, and its table is one that is never purged. That hashes are those of the
 * keys is not checked.
 *
 * Errors: RNL_INVALID_ARGUMENT: not what rnl_digest_keys_write wrote, or
 * damaged; RNL_UNIMPLEMENTED: a later version; RNL_RESOURCE_EXHAUSTED. The
 * digest is then good for rnl_digest_fini alone.
 */
RNL_MUST_USE enum rnl_code rnl_digest_keys_read(struct rnl_digest *digest,
                                                const uint8_t *bytes,
                                                size_t len);

/* ---- a metric ---- */

size_t rnl_digest_metric_len(const struct rnl_digest_metric *metric);
void rnl_digest_metric_write(const struct rnl_digest_metric *metric,
                             uint8_t *out);

/* Reads it into an empty one. Errors as above; metric is then to be finished
 * with its digest. */
RNL_MUST_USE enum rnl_code rnl_digest_metric_read(
    struct rnl_digest_metric *metric, const uint8_t *bytes, size_t len);

/* Reads a sketch of distinct keys of either kind into one that was zeroed.
 * Errors as those of rnl_hll_deserialize. */
RNL_MUST_USE enum rnl_code rnl_digest_hll_read(struct rnl_hll *hll,
                                               const uint8_t *bytes,
                                               size_t len);

#endif
