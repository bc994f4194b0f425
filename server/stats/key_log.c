/* SPDX-License-Identifier: Apache-2.0 */
#include "key_log.h"

#include <string.h>

#include "alloc.h"

#define CAP_MIN       16
#define KEYS_CAP_MIN  256
#define BYTES_PER_ROW (sizeof(uint64_t) + 3 * sizeof(uint32_t))

size_t rnl_key_log_size_of(size_t cap)
{
    return cap * BYTES_PER_ROW + sizeof(uint32_t);
}

void rnl_key_log_fini(struct rnl_key_log *log)
{
    rnl_free(log->hashes);
    rnl_free(log->keys);
    *log = (struct rnl_key_log){0};
}

size_t rnl_key_log_size(const struct rnl_key_log *log)
{
    return (log->cap == 0 ? 0 : rnl_key_log_size_of(log->cap)) + log->keys_cap;
}

bool rnl_key_log_fits(const struct rnl_key_log *log, uint64_t rows,
                      uint64_t key_bytes)
{
    return rows <= RNL_KEY_LOG_ROWS_MAX - log->count &&
           key_bytes <= RNL_KEY_LOG_BYTES_MAX - rnl_key_log_bytes(log);
}

struct rnl_frequent_item rnl_key_log_item(const struct rnl_key_log *log,
                                          size_t i)
{
    return (struct rnl_frequent_item){.hash = log->hashes[i],
                                      .count = log->counts[i],
                                      .saved = log->saved[i],
                                      .key = log->keys + log->starts[i],
                                      .key_len = rnl_key_log_len(log, i)};
}

/* ---- room ---- */

/* At least double, so that many small batches cost no more than one. */
static size_t next_cap(size_t cap, size_t need, size_t least, size_t most)
{
    cap = cap * 2 > need ? cap * 2 : need;
    cap = cap > least ? cap : least;
    return cap < most ? cap : most;
}

static void set_columns(struct rnl_key_log *log, uint64_t *hashes, size_t cap)
{
    log->hashes = hashes;
    log->counts = (uint32_t *)(hashes + cap);
    log->saved = log->counts + cap;
    log->starts = log->saved + cap;
    log->cap = (uint32_t)cap;
}

static enum rnl_code grow_rows(struct rnl_key_log *log, size_t need, bool slack)
{
    if (need <= log->cap)
        return RNL_OK;
    size_t cap =
        slack ? next_cap(log->cap, need, CAP_MIN, RNL_KEY_LOG_ROWS_MAX) : need;
    uint64_t *hashes = rnl_malloc(rnl_key_log_size_of(cap));
    if (hashes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_key_log old = *log;
    size_t count = old.count;
    set_columns(log, hashes, cap);
    log->starts[0] = 0;
    if (count > 0) {
        memcpy(log->hashes, old.hashes, count * sizeof(*old.hashes));
        memcpy(log->counts, old.counts, count * sizeof(*old.counts));
        memcpy(log->saved, old.saved, count * sizeof(*old.saved));
        memcpy(log->starts, old.starts, (count + 1) * sizeof(*old.starts));
    }
    rnl_free(old.hashes);
    return RNL_OK;
}

static enum rnl_code grow_keys(struct rnl_key_log *log, size_t need, bool slack)
{
    if (need <= log->keys_cap)
        return RNL_OK;
    size_t cap = slack ? next_cap(log->keys_cap, need, KEYS_CAP_MIN,
                                  RNL_KEY_LOG_BYTES_MAX)
                       : need;
    uint8_t *keys = rnl_realloc(log->keys, cap);
    if (keys == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    log->keys = keys;
    log->keys_cap = (uint32_t)cap;
    return RNL_OK;
}

enum rnl_code rnl_key_log_reserve(struct rnl_key_log *log, size_t rows,
                                  size_t key_bytes, bool slack)
{
    size_t bytes = rnl_key_log_bytes(log) + key_bytes;
    if (grow_rows(log, log->count + rows, slack) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return grow_keys(log, bytes, slack);
}

/* ---- rows ---- */

void rnl_key_log_add_item(struct rnl_key_log *log,
                          const struct rnl_frequent_item *item)
{
    uint32_t i = log->count;
    uint32_t at = log->starts[i];
    memcpy(log->keys + at, item->key, item->key_len);
    log->hashes[i] = item->hash;
    log->counts[i] = (uint32_t)item->count;
    log->saved[i] = (uint32_t)item->saved;
    log->starts[i + 1] = at + item->key_len;
    log->count++;
}

void rnl_key_log_add_one(struct rnl_key_log *log,
                         const struct rnl_key_rows *rows, size_t k,
                         uint32_t weight)
{
    const struct rnl_frequent_item item = {.hash = rows->hashes[k],
                                           .count = weight,
                                           .key = rows->keys + rows->starts[k],
                                           .key_len = rows->starts[k + 1] -
                                                      rows->starts[k]};
    rnl_key_log_add_item(log, &item);
}

static bool all_weigh(const struct rnl_key_rows *rows)
{
    uint32_t least = UINT32_MAX;
    for (size_t k = 0; k < rows->count; k++)
        least = rows->weights[k] < least ? rows->weights[k] : least;
    return least > 0;
}

/* Appends the keys of columns, not empty, and the ends of each. */
static void add_keys(struct rnl_key_log *log, const uint8_t *keys,
                     const uint32_t *starts, size_t count)
{
    uint32_t at = log->starts[log->count];
    uint32_t *ends = log->starts + log->count + 1;
    for (size_t k = 0; k < count; k++)
        ends[k] = at + starts[k + 1];
    memcpy(log->keys + at, keys, starts[count]);
}

/* The common case: a batch of one pane, column by column. */
static void add_all(struct rnl_key_log *log, const struct rnl_key_rows *rows)
{
    size_t count = rows->count;
    add_keys(log, rows->keys, rows->starts, count);
    memcpy(log->hashes + log->count, rows->hashes,
           count * sizeof(*rows->hashes));
    memcpy(log->counts + log->count, rows->weights,
           count * sizeof(*rows->weights));
    memset(log->saved + log->count, 0, count * sizeof(*log->saved));
    log->count += (uint32_t)count;
}

void rnl_key_log_add(struct rnl_key_log *log, const struct rnl_key_rows *rows)
{
    if (rows->count > 0 && all_weigh(rows)) {
        add_all(log, rows);
        return;
    }
    for (size_t k = 0; k < rows->count; k++) {
        if (rows->weights[k] != 0)
            rnl_key_log_add_one(log, rows, k, rows->weights[k]);
    }
}

void rnl_key_log_add_log(struct rnl_key_log *log,
                         const struct rnl_key_log *other)
{
    size_t count = other->count;
    log->offset += other->offset;
    if (count == 0)
        return;
    add_keys(log, other->keys, other->starts, count);
    memcpy(log->hashes + log->count, other->hashes,
           count * sizeof(*log->hashes));
    memcpy(log->counts + log->count, other->counts,
           count * sizeof(*log->counts));
    memcpy(log->saved + log->count, other->saved, count * sizeof(*log->saved));
    log->count += other->count;
}

void rnl_key_log_add_table(struct rnl_key_log *log,
                           const struct rnl_frequent *table)
{
    size_t slots = rnl_frequent_slots(table);
    log->offset += table->offset;
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &table->entries[i];
        if (table->hashes[i] == 0)
            continue;
        const struct rnl_frequent_item item = {
            .hash = table->hashes[i],
            .count = entry->count,
            .saved = entry->saved,
            .key = rnl_frequent_key(table, entry),
            .key_len = entry->key_len};
        rnl_key_log_add_item(log, &item);
    }
}

void rnl_key_log_pour(const struct rnl_key_log *log, struct rnl_frequent *table)
{
    table->offset += log->offset;
    for (size_t i = 0; i < log->count; i++) {
        const struct rnl_frequent_item item = rnl_key_log_item(log, i);
        rnl_frequent_add(table, &item);
    }
}
