/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the digest share. */
#ifndef RNL_STATS_DIGEST_PRIVATE_H
#define RNL_STATS_DIGEST_PRIVATE_H

#include <assert.h>

#include "digest.h"

/* For what cannot fail, since its memory was taken before. */
static inline void rnl_digest_reserved(enum rnl_code code)
{
    assert(code == RNL_OK);
    (void)code;
}

/* Its sketch of distinct keys takes those alone that fall out of the table. */
static inline bool rnl_digest_counts_fallen(const struct rnl_digest *digest)
{
    const int profile = digest->fallen.profile;
    return profile == RNL_HASH_NATIVE;
}

static inline struct rnl_count_min *rnl_digest_own_rest(
    const struct rnl_digest *digest)
{
    return rnl_rest_of(&digest->rest, digest->width_log2);
}

/* What the table can have missed of a key that is not there: at most that many
 * events, and not more than its offset. */
uint64_t rnl_digest_missed(const struct rnl_digest *digest, uint64_t hash);

/* Makes ready for keys that fall out of the table: at most those in it and
 * those to come. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_prepare_fall(struct rnl_digest *digest,
                                                   size_t keys);

/* Makes room in the table. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_reserve_keys(struct rnl_digest *digest,
                                                   size_t keys,
                                                   size_t key_bytes);

/* Makes room for more events with as many keys (rows with their own counts, of
 * a batch or of another digest) in the log, or, when they do not fit, in the
 * table. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_make_room(struct rnl_digest *digest,
                                                uint64_t events, size_t keys,
                                                size_t key_bytes);

/* From the log into the table, in the order in which the rows came. Errors:
 * RNL_RESOURCE_EXHAUSTED; nothing changed. */
RNL_MUST_USE enum rnl_code rnl_digest_end_log(struct rnl_digest *digest);

/* ---- digest_close.c ---- */

/* Puts equal keys of the log together; of a closed one only those stay that it
 * is to keep. Does nothing where that gains too little, or without memory. */
void rnl_digest_compact(struct rnl_digest *digest);

/* Distinct keys of the log. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_count_log(const struct rnl_digest *digest,
                                                uint64_t *ret_count);

#endif
