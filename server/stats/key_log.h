/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and their counts one after the other, as they came: what a pane has in
 * place of a table while there is little in it, and again once it is closed. To
 * write a row down costs a fraction of looking a key up in a table that has
 * left the caches, and most panes of most streams are over before the log is
 * full. Then equal keys are put together and the heaviest are chosen
 * (digest_close.c), in scratch memory that the caches hold. A closed log is a
 * third of a table of the same keys, and is merged from its first row to its
 * last.
 *
 * What rows mean is what entries of a table mean (sketch/frequent.h), but that
 * a key may have several: its count and saved are their sums. Columns of 32
 * bits, so that a digest of more than UINT32_MAX events has a table.
 */
#ifndef RNL_STATS_KEY_LOG_H
#define RNL_STATS_KEY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "sketch/bytes.h"
#include "sketch/frequent.h"

/* One or two batches of the greatest variety that is usual. Row numbers fit 16
 * bits. */
#define RNL_KEY_LOG_ROWS_MAX  8192
#define RNL_KEY_LOG_BYTES_MAX 262144

/* All 0: empty, without memory. */
struct rnl_key_log {
    /* Columns, one block: hash, count, saved and first byte of each row's key;
     * starts has an entry more, so that a key ends where the next begins. */
    uint64_t *hashes;
    uint32_t *counts;
    uint32_t *saved;
    uint32_t *starts;
    uint8_t *keys;
    uint32_t count;
    uint32_t cap;
    uint32_t keys_cap;
    /* As that of a table. */
    uint64_t offset;
};

/* Keys and their weights in columns, borrowed. */
struct rnl_key_rows {
    const uint64_t *hashes;
    const uint32_t *weights;
    const uint8_t *keys;
    /* count + 1 */
    const uint32_t *starts;
    size_t count;
};

void rnl_key_log_fini(struct rnl_key_log *log);

static inline uint32_t rnl_key_log_bytes(const struct rnl_key_log *log)
{
    return log->count == 0 ? 0 : log->starts[log->count];
}

static inline uint32_t rnl_key_log_len(const struct rnl_key_log *log, size_t i)
{
    return log->starts[i + 1] - log->starts[i];
}

/* Row i as an item of a table. */
struct rnl_frequent_item rnl_key_log_item(const struct rnl_key_log *log,
                                          size_t i);

/* Whether rows with keys of that many bytes together still fit the limits. */
bool rnl_key_log_fits(const struct rnl_key_log *log, uint64_t rows,
                      uint64_t key_bytes);

/* Makes room for rows that fit; without slack: for these and no more. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_key_log_reserve(struct rnl_key_log *log,
                                               size_t rows, size_t key_bytes,
                                               bool slack);

/* The following append what there is room for. Rows without weight are left
 * out. */
void rnl_key_log_add(struct rnl_key_log *log, const struct rnl_key_rows *rows);

/* Row k of rows, with that weight. */
void rnl_key_log_add_one(struct rnl_key_log *log,
                         const struct rnl_key_rows *rows, size_t k,
                         uint32_t weight);

void rnl_key_log_add_item(struct rnl_key_log *log,
                          const struct rnl_frequent_item *item);

/* All rows and the offset of another log, or of a table. */
void rnl_key_log_add_log(struct rnl_key_log *log,
                         const struct rnl_key_log *other);
void rnl_key_log_add_table(struct rnl_key_log *log,
                           const struct rnl_frequent *table);

/* Adds all rows and the offset to a table that has room for them. */
void rnl_key_log_pour(const struct rnl_key_log *log,
                      struct rnl_frequent *table);

/* ---- bytes, without a frame: a part of digest_bytes.h ---- */

/* Offset, rows, their bytes; for each row: count, saved, key. */
void rnl_key_log_write(struct rnl_writer *writer,
                       const struct rnl_key_log *log);

/* Fills an empty log with what was written of one that is not empty; seed is
 * that of the hashes. Errors: RNL_INVALID_ARGUMENT, RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_key_log_read(struct rnl_key_log *log,
                                            uint64_t seed, struct rnl_wire *in);

/* Bytes of memory of that many rows, without their keys; and of all. */
size_t rnl_key_log_size_of(size_t rows);
size_t rnl_key_log_size(const struct rnl_key_log *log);

#endif
