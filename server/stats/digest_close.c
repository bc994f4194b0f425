/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of keys made short, and digests made small when they are over. */
#include <string.h>

#include "alloc.h"
#include "digest_private.h"

#include "sketch/rank.h"

/* Keys that are handed to the sketches at a time. */
#define CHUNK 64

/* The distinct keys of a log, in the order in which they first came. */
struct tally {
    const struct rnl_key_log *log;
    /* Hash, and count less saved. */
    struct rnl_rank *ranks;
    /* As many: for choosing. */
    struct rnl_rank *scratch;
    uint32_t *counts;
    /* The row where each is first. */
    uint16_t *rows;
    /* Open addressing by hash: position in ranks, and one. */
    uint16_t *slots;
    uint32_t slots_log2;
    size_t count;
};

static size_t slots_len(const struct tally *tally)
{
    return (size_t)1 << tally->slots_log2;
}

static void tally_fini(struct tally *tally)
{
    rnl_free(tally->ranks);
    rnl_free(tally->slots);
}

static enum rnl_code tally_init(struct tally *tally,
                                const struct rnl_key_log *log)
{
    size_t rows = log->count;
    *tally = (struct tally){.log = log, .slots_log2 = 6};
    while (slots_len(tally) < 2 * rows)
        tally->slots_log2++;
    tally->ranks = rnl_malloc((rows + 1) *
                              (2 * sizeof(*tally->ranks) +
                               sizeof(*tally->counts) + sizeof(*tally->rows)));
    tally->slots = rnl_calloc(slots_len(tally), sizeof(*tally->slots));
    if (tally->ranks == NULL || tally->slots == NULL) {
        tally_fini(tally);
        return RNL_RESOURCE_EXHAUSTED;
    }
    tally->scratch = tally->ranks + rows;
    tally->counts = (uint32_t *)(tally->scratch + rows);
    tally->rows = (uint16_t *)(tally->counts + rows);
    return RNL_OK;
}

static void tally_fill(struct tally *tally)
{
    const struct rnl_key_log *log = tally->log;
    size_t mask = slots_len(tally) - 1;
    /* Who chooses keys knows their hashes, and could have all meet in one slot;
     * where the table lies in memory nobody knows. */
    uint64_t odd =
        ((uintptr_t)tally->slots >> 4) * UINT64_C(0x9E3779B97F4A7C16) + 1;
    for (size_t i = 0; i < log->count; i++) {
        uint64_t hash = log->hashes[i];
        uint32_t counter = log->counts[i] - log->saved[i];
        size_t slot = (size_t)(hash * odd >> (64 - tally->slots_log2));
        while (tally->slots[slot] != 0 &&
               tally->ranks[tally->slots[slot] - 1].hash != hash)
            slot = (slot + 1) & mask;
        if (tally->slots[slot] != 0) {
            size_t at = tally->slots[slot] - 1U;
            tally->ranks[at].counter += counter;
            tally->counts[at] += log->counts[i];
            continue;
        }
        size_t at = tally->count++;
        tally->ranks[at] = (struct rnl_rank){counter, hash};
        tally->counts[at] = log->counts[i];
        tally->rows[at] = (uint16_t)i;
        tally->slots[slot] = (uint16_t)tally->count;
    }
}

static enum rnl_code tally_make(struct tally *tally,
                                const struct rnl_key_log *log)
{
    if (tally_init(tally, log) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    tally_fill(tally);
    return RNL_OK;
}

enum rnl_code rnl_digest_count_log(const struct rnl_digest *digest,
                                   uint64_t *ret_count)
{
    struct tally tally;
    if (tally_make(&tally, &digest->log) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    *ret_count = tally.count;
    tally_fini(&tally);
    return RNL_OK;
}

/* ---- which keys stay ---- */

/* Positions in a tally, those that stay before the others. */
struct choice {
    uint16_t order[RNL_KEY_LOG_ROWS_MAX];
    size_t kept;
    size_t key_bytes;
    /* Counter of the first that goes; 0: none goes. */
    uint64_t cut;
};

static size_t key_len(const struct tally *tally, size_t at)
{
    return rnl_key_log_len(tally->log, tally->rows[at]);
}

/* All keys stay in a log that is open, or that has few, or that knows all. */
static bool all_stay(const struct rnl_digest *digest, const struct tally *tally)
{
    if (!digest->closed || tally->count <= digest->limits.entries)
        return true;
    if (tally->count > digest->limits.entries_exact || tally->log->offset > 0)
        return false;
    size_t bytes = 0;
    for (size_t i = 0; i < tally->count; i++)
        bytes += key_len(tally, i);
    return bytes <= RNL_DIGEST_EXACT_BYTES_MAX;
}

/* Without a branch for each: whether a key stays cannot be predicted. */
static void choose(const struct rnl_digest *digest, const struct tally *tally,
                   struct choice *choice)
{
    struct rnl_rank out = {0, 0};
    bool all = all_stay(digest, tally);
    if (!all)
        out = rnl_rank_nth(tally->ranks, tally->count, digest->limits.entries,
                           tally->scratch);
    size_t last = tally->count;
    choice->kept = 0;
    choice->key_bytes = 0;
    choice->cut = out.counter;
    for (size_t i = 0; i < tally->count; i++) {
        bool stays = all || rnl_rank_before(&tally->ranks[i], &out);
        choice->order[stays ? choice->kept : --last] = (uint16_t)i;
        choice->kept += stays;
        choice->key_bytes += stays ? key_len(tally, i) : 0;
    }
}

/* ---- where they go ---- */

/* The log of those that stay, in as much memory as they need. */
static enum rnl_code make_log(const struct tally *tally,
                              const struct choice *choice,
                              struct rnl_key_log *made)
{
    const struct rnl_key_log *log = tally->log;
    *made = (struct rnl_key_log){.offset = log->offset + choice->cut};
    if (rnl_key_log_reserve(made, choice->kept, choice->key_bytes, false) !=
        RNL_OK) {
        rnl_key_log_fini(made);
        return RNL_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < choice->kept; i++) {
        size_t at = choice->order[i];
        struct rnl_frequent_item item = rnl_key_log_item(log, tally->rows[at]);
        item.count = tally->counts[at];
        item.saved = item.count - tally->ranks[at].counter + choice->cut;
        rnl_key_log_add_item(made, &item);
    }
    return RNL_OK;
}

/* Two events a counter. */
static uint32_t width_for(uint64_t total, uint32_t width_log2_max)
{
    uint32_t log2 = RNL_REST_WIDTH_LOG2_MIN;
    while (log2 < width_log2_max && (UINT64_C(2) << log2) < total)
        log2++;
    return log2;
}

static uint32_t width_of_others(const struct rnl_digest *digest,
                                const struct tally *tally,
                                const struct choice *choice)
{
    uint64_t weight = 0;
    for (size_t i = choice->kept; i < tally->count; i++)
        weight += tally->counts[choice->order[i]];
    return width_for(weight, digest->limits.width_log2_max);
}

static enum rnl_code reserve_others(struct rnl_digest *digest, uint32_t width,
                                    size_t others)
{
    if (others == 0)
        return RNL_OK;
    if (rnl_rest_prepare(&digest->rest, width) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (!rnl_digest_counts_fallen(digest))
        return RNL_OK;
    return rnl_hll_expect(&digest->fallen, others) != RNL_OK
               ? RNL_RESOURCE_EXHAUSTED
               : rnl_hll_reserve(&digest->fallen, others);
}

/* Those that do not stay go to the two sketches. */
static void move_others(struct rnl_digest *digest, uint32_t width,
                        const struct tally *tally, const struct choice *choice)
{
    struct rnl_count_min_item items[CHUNK];
    uint64_t hashes[CHUNK];
    for (size_t i = choice->kept; i < tally->count;) {
        size_t count = 0;
        for (; i < tally->count && count < CHUNK; i++, count++) {
            size_t at = choice->order[i];
            hashes[count] = tally->ranks[at].hash;
            items[count] =
                (struct rnl_count_min_item){hashes[count], tally->counts[at]};
        }
        rnl_count_min_update_batch(rnl_rest_of(&digest->rest, width), items,
                                   count);
        if (rnl_digest_counts_fallen(digest))
            rnl_digest_reserved(
                rnl_hll_update_batch(&digest->fallen, hashes, count));
    }
}

static void rewrite(struct rnl_digest *digest, const struct tally *tally,
                    const struct choice *choice)
{
    struct rnl_key_log made;
    uint32_t width = width_of_others(digest, tally, choice);
    bool knows_all = digest->log.offset == 0;
    if (digest->closed && width < digest->width_log2)
        width = digest->width_log2;
    if (reserve_others(digest, width, tally->count - choice->kept) != RNL_OK ||
        make_log(tally, choice, &made) != RNL_OK)
        return;
    move_others(digest, width, tally, choice);
    if (knows_all)
        digest->distinct = tally->count;
    if (digest->closed)
        digest->width_log2 = width;
    rnl_key_log_fini(&digest->log);
    digest->log = made;
    digest->unsaved = true;
}

/* ---- the whole ---- */

/* One that stays as long as it is would only have to be read again soon. */
static bool is_worth_it(const struct rnl_digest *digest,
                        const struct choice *choice)
{
    return digest->closed || (choice->kept <= RNL_KEY_LOG_ROWS_MAX / 2 &&
                              choice->key_bytes <= RNL_KEY_LOG_BYTES_MAX / 2);
}

void rnl_digest_compact(struct rnl_digest *digest)
{
    struct tally tally;
    struct choice choice;
    if (digest->log.count == 0 || tally_make(&tally, &digest->log) != RNL_OK)
        return;
    choose(digest, &tally, &choice);
    if (is_worth_it(digest, &choice))
        rewrite(digest, &tally, &choice);
    tally_fini(&tally);
}

static void trim(struct rnl_digest *digest, size_t entries)
{
    if (digest->keys.entry_count > entries &&
        rnl_digest_prepare_fall(digest, 0) != RNL_OK)
        return;
    enum rnl_code code = rnl_frequent_trim(&digest->keys, entries);
    (void)code; /* stays as large as it is */
    rnl_hll_trim(&digest->fallen);
}

static void fold(struct rnl_digest *digest, uint32_t width_log2)
{
    if (digest->width_log2 <= width_log2)
        return;
    digest->width_log2 = width_log2;
    rnl_rest_fold(&digest->rest, width_log2);
}

static void close_table(struct rnl_digest *digest)
{
    const struct rnl_digest_limits *limits = &digest->limits;
    bool exact = digest->keys.offset == 0 &&
                 digest->keys.keys_len <= RNL_DIGEST_EXACT_BYTES_MAX;
    trim(digest, exact ? limits->entries_exact : limits->entries);
    fold(digest,
         width_for(rnl_rest_total(&digest->rest), limits->width_log2_max));
}

/* A log takes a third of the memory. Without any for it, the table stays. */
static void table_to_log(struct rnl_digest *digest)
{
    struct rnl_frequent *keys = &digest->keys;
    struct rnl_key_log log = {0};
    if (digest->count > UINT32_MAX ||
        !rnl_key_log_fits(&log, keys->entry_count, keys->keys_len) ||
        rnl_key_log_reserve(&log, keys->entry_count, keys->keys_len, false) !=
            RNL_OK) {
        rnl_key_log_fini(&log);
        return;
    }
    rnl_key_log_add_table(&log, keys);
    struct rnl_frequent empty;
    rnl_frequent_init(&empty, digest->limits.entries_exact);
    empty.spill = keys->spill;
    empty.spill_arg = keys->spill_arg;
    rnl_frequent_fini(keys);
    *keys = empty;
    digest->log = log;
    digest->logged = true;
}

void rnl_digest_close(struct rnl_digest *digest)
{
    digest->unsaved = true;
    if (!digest->logged) {
        digest->closed = true;
        close_table(digest);
        table_to_log(digest);
        return;
    }
    if (!digest->closed) {
        digest->closed = true;
        digest->width_log2 = RNL_REST_WIDTH_LOG2_MIN;
        rnl_rest_fold(&digest->rest, digest->limits.width_log2_max);
        digest->keys.entries_max = digest->limits.entries_exact;
    }
    rnl_digest_compact(digest);
}
