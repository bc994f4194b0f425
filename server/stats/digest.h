/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All statistics of a set of events: of one pane, of a window, of all time.
 * Digests of disjoint sets merge into the digest of their union.
 *
 * Keys. The table of frequent keys (sketch/frequent.h) takes every key first.
 * Only what falls out of it goes to the Count-Min and to the HyperLogLog. Three
 * things follow. A digest of few keys is exact, in keys and in frequencies, and
 * small. A frequent key touches one cache line an update, not one for each
 * sketch. And the Count-Min carries the rare keys alone, so that its error,
 * which grows with all that is in it, is a fraction of the usual one.
 *
 * With the hash of another program (RNL_HASH_REDIS, RNL_HASH_DATASKETCHES) the
 * HyperLogLog takes every key instead: the table has no room for a second hash
 * of each, and hands out hashes, not keys.
 *
 * Before the table comes a log (key_log.h): a digest writes its keys down, and
 * puts them into a table only when there are too many of them. When it is over
 * it has a log again, of the keys that it keeps. Either form stands for the
 * same events, within the same bounds.
 *
 * Whole or not at all: rnl_digest_reserve takes the memory for what is to come,
 * rnl_digest_add then cannot fail.
 */
#ifndef RNL_STATS_DIGEST_H
#define RNL_STATS_DIGEST_H

#include "key_log.h"
#include "meter.h"
#include "rest.h"
#include "rough.h"

#include "sketch/frequent.h"
#include "sketch/hyperloglog.h"
#include "sketch/log_histogram.h"
#include "sketch/moments.h"

/* Keys together that a closed digest which knows all of them keeps beyond
 * limits.entries. */
#define RNL_DIGEST_EXACT_BYTES_MAX 65536

/* What a digest keeps once it is closed. */
struct rnl_digest_limits {
    /* Keys, and those of one that knows all of its keys, which is the same or
     * more. */
    size_t entries;
    size_t entries_exact;
    /* The sketch behind them has two events a counter, but is not wider. */
    uint32_t width_log2_max;
};

struct rnl_digest_settings {
    /* It begins with a log of its keys. */
    bool logged;
    /* It begins as one that was closed: few events are to come. */
    bool closed;
    struct rnl_digest_limits limits;
    uint32_t unique_precision;
    /* UltraLogLog; with RNL_HASH_NATIVE only. */
    bool ultra;
    enum rnl_hash_profile profile;
    uint64_t hash_seed;
    /* Keys of the table, and the width of the Count-Min behind it. */
    size_t entries_max;
    uint32_t width_log2;
};

/* The values of one metric. */
struct rnl_digest_metric {
    /* Of the values that came one by one. */
    struct rnl_moments moments;
    /* Of all values. */
    struct rnl_histogram histogram;
    /* Those of them that came as bins. NULL: none. */
    struct rnl_rough *rough;
};

struct rnl_digest {
    /* The keys are in log, and the table is empty; or in the table. */
    bool logged;
    bool closed;
    struct rnl_digest_limits limits;
    struct rnl_key_log log;
    uint32_t width_log2;
    /* Changed since it was written last: digest_bytes.h. */
    bool unsaved;
    uint64_t count;
    uint64_t anomaly_count;
    /* Distinct keys, where they were counted before some were left out; 0:
     * that is not known. */
    uint64_t distinct;
    struct rnl_frequent keys;
    /* Events of keys that are not in the table, or were not yet; its own width
     * is width_log2. */
    struct rnl_rest rest;
    /* These keys; with a foreign hash profile all. */
    struct rnl_hll fallen;
    /* What merged sketches bring (import.h). Events of keys that a table of
     * another program had dropped without a trace, and the most that one key
     * can have lost there. */
    uint64_t lost_events;
    uint64_t lost_offset;
    /* fallen has keys that came as a sketch: the table does not name all. */
    bool merged_keys;
    struct rnl_digest_metric metrics[RNL_METER_METRICS];
};

/* Events that share a digest. All pointers are borrowed. */
struct rnl_digest_part {
    size_t event_count;
    /* Position of each event's key; NULL: weights are there already. */
    const uint32_t *key_indexes;
    /* The distinct keys; weights are their events. Keys without events are
     * skipped. */
    struct rnl_key_rows rows;
    /* What the HyperLogLog takes of them; NULL when that is hashes, too. */
    const uint64_t *unique_hashes;
    /* NULL: no event has that metric. */
    const double *values;
    const float *latencies_ms;
    struct rnl_spread spreads[RNL_METER_METRICS];
};

/* The profile of the numbers of the schema. */
enum rnl_hash_profile rnl_digest_profile(enum rnl_key_hash hash);

/* Cannot fail; allocates nothing. The digest must not move afterwards. */
void rnl_digest_init(struct rnl_digest *digest,
                     const struct rnl_digest_settings *settings);

void rnl_digest_fini(struct rnl_digest *digest);

/* Makes room for event_count events of part (all of them, or fewer with as
 * many keys). Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_reserve(
    struct rnl_digest *digest, const struct rnl_digest_part *part);

/* Counts the events of part, for which there is room. */
void rnl_digest_add(struct rnl_digest *digest,
                    const struct rnl_digest_part *part);

/* Adds the events of source. Errors: RNL_RESOURCE_EXHAUSTED; target is as
 * before, but for memory. */
RNL_MUST_USE enum rnl_code rnl_digest_merge(struct rnl_digest *target,
                                            const struct rnl_digest *source);

/* It is over: what is kept is made small, as far as memory allows. Further
 * events may come, and cost more. May be called again. */
void rnl_digest_close(struct rnl_digest *digest);

/* ---- answers ---- */

/* Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_unique(
    const struct rnl_digest *digest, struct rnl_meter_estimate *ret_estimate);

/*
 * Copies the sketch of all distinct keys, those of the table among them, into
 * hll, which was zeroed. *ret_named: the table has every one of them.
 * Errors: RNL_RESOURCE_EXHAUSTED; hll is to be finished all the same.
 */
RNL_MUST_USE enum rnl_code rnl_digest_keys(const struct rnl_digest *digest,
                                           struct rnl_hll *hll,
                                           bool *ret_named);

/* Adds the keys of the table to a sketch of any profile. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_digest_add_table(const struct rnl_digest *digest,
                                                struct rnl_hll *hll);

/* entry may be NULL: the key is not in the table. */
void rnl_digest_frequency(const struct rnl_digest *digest, uint64_t hash,
                          const struct rnl_frequent_entry *entry,
                          struct rnl_meter_frequency *ret_frequency);

/* Bytes of memory besides itself. */
size_t rnl_digest_heap_bytes(const struct rnl_digest *digest);

#endif
