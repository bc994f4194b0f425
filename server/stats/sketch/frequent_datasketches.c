/* SPDX-License-Identifier: Apache-2.0 */
#include "frequent_datasketches.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "hash.h"
#include "hll_private.h"

enum {
    VERSION = 1,
    FAMILY = 10,
    PREAMBLE_EMPTY = 1,
    PREAMBLE_FULL = 4,
    FLAGS_EMPTY = 1 | 4,
    HEAD_LEN = 32,
    EMPTY_LEN = 8,
    LG_SIZE_MIN = 3,
    LG_SIZE_MAX = 31,
    /* Weight, length of the key, and a byte of it. */
    ITEM_LEN_MIN = 13,
};

/* An item to be written. */
struct item {
    uint64_t weight;
    const uint8_t *key;
    uint32_t key_len;
};

static void put_u64(uint8_t *out, uint64_t word)
{
    rnl_hll_put_u32(out, (uint32_t)word);
    rnl_hll_put_u32(out + 4, (uint32_t)(word >> 32));
}

static uint64_t get_u64(const uint8_t *in)
{
    return rnl_hll_get_u32(in) | (uint64_t)rnl_hll_get_u32(in + 4) << 32;
}

static uint64_t weight_of(const struct rnl_frequent_entry *entry)
{
    return entry->count > entry->saved ? entry->count - entry->saved : 0;
}

/* ---- write ---- */

/* Gives every item that is written to take, which may be NULL; returns their
 * number, and the bytes of their keys. */
static size_t walk(const struct rnl_frequent *frequent, struct item *take,
                   size_t *ret_key_bytes)
{
    size_t count = 0;
    size_t key_bytes = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &frequent->entries[i];
        if (frequent->hashes[i] == 0 || weight_of(entry) == 0)
            continue;
        if (take != NULL)
            take[count] = (struct item){
                .weight = weight_of(entry),
                .key = rnl_frequent_key(frequent, entry),
                .key_len = entry->key_len,
            };
        count++;
        key_bytes += entry->key_len;
    }
    *ret_key_bytes = key_bytes;
    return count;
}

static bool is_empty(const struct rnl_frequent *frequent, size_t count)
{
    return count == 0 && frequent->offset == 0;
}

size_t rnl_frequent_datasketches_len(const struct rnl_frequent *frequent)
{
    size_t key_bytes;
    size_t count = walk(frequent, NULL, &key_bytes);
    return is_empty(frequent, count) ? EMPTY_LEN
                                     : HEAD_LEN + 12 * count + key_bytes;
}

/* The smallest table, as a logarithm, that so many items fit. */
static uint8_t size_for(size_t count)
{
    uint8_t lg = LG_SIZE_MIN;
    while (lg < LG_SIZE_MAX && ((size_t)3 << lg) / 4 < count)
        lg++;
    return lg;
}

static int by_weight(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    if (left->weight != right->weight)
        return left->weight < right->weight ? 1 : -1;
    uint32_t len =
        left->key_len < right->key_len ? left->key_len : right->key_len;
    int order = memcmp(left->key, right->key, len);
    return order != 0 ? order
                      : (left->key_len > right->key_len) -
                            (left->key_len < right->key_len);
}

static void put_items(const struct item *items, size_t count, uint8_t *out)
{
    uint8_t *keys = out + 8 * count;
    for (size_t i = 0; i < count; i++) {
        put_u64(out + 8 * i, items[i].weight);
        rnl_hll_put_u32(keys, items[i].key_len);
        memcpy(keys + 4, items[i].key, items[i].key_len);
        keys += 4 + items[i].key_len;
    }
}

enum rnl_code rnl_frequent_datasketches_write(
    const struct rnl_frequent *frequent, uint64_t total, uint8_t *out)
{
    size_t key_bytes;
    size_t count = walk(frequent, NULL, &key_bytes);
    bool empty = is_empty(frequent, count);
    struct item *items = rnl_malloc((count + 1) * sizeof(*items));
    if (items == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    walk(frequent, items, &key_bytes);
    qsort(items, count, sizeof(*items), by_weight);
    memset(out, 0, empty ? EMPTY_LEN : HEAD_LEN);
    out[0] = empty ? PREAMBLE_EMPTY : PREAMBLE_FULL;
    out[1] = VERSION;
    out[2] = FAMILY;
    out[3] =
        size_for(frequent->entries_max > count ? frequent->entries_max : count);
    out[4] = size_for(count);
    out[5] = empty ? FLAGS_EMPTY : 0;
    if (!empty) {
        rnl_hll_put_u32(out + 8, (uint32_t)count);
        put_u64(out + 16, total);
        put_u64(out + 24, frequent->offset);
        put_items(items, count, out + HEAD_LEN);
    }
    rnl_free(items);
    return RNL_OK;
}

/* ---- read ---- */

static enum rnl_code check_head(const uint8_t *bytes, size_t len,
                                bool *ret_empty)
{
    if (len < EMPTY_LEN || bytes[2] != FAMILY)
        return RNL_INVALID_ARGUMENT;
    if (bytes[1] != VERSION)
        return bytes[1] > VERSION ? RNL_UNIMPLEMENTED : RNL_INVALID_ARGUMENT;
    uint8_t preamble = bytes[0] & 0x3F;
    *ret_empty = (bytes[5] & FLAGS_EMPTY) != 0;
    if (bytes[3] < bytes[4] || bytes[3] > LG_SIZE_MAX ||
        preamble != (*ret_empty ? PREAMBLE_EMPTY : PREAMBLE_FULL) ||
        (!*ret_empty && len < HEAD_LEN))
        return RNL_INVALID_ARGUMENT;
    return RNL_OK;
}

/* Checks all items, whose weights are there, before any is taken. Returns their
 * keys' bytes in all, or SIZE_MAX. */
static size_t check_items(const uint8_t *bytes, size_t len, size_t count)
{
    size_t at = HEAD_LEN + 8 * count;
    size_t key_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (len - at < 4)
            return SIZE_MAX;
        uint32_t key_len = rnl_hll_get_u32(bytes + at);
        if (key_len == 0 || key_len > RNL_FREQUENT_KEY_MAX ||
            len - at - 4 < key_len || get_u64(bytes + HEAD_LEN + 8 * i) == 0)
            return SIZE_MAX;
        at += 4 + key_len;
        key_bytes += key_len;
    }
    return at == len ? key_bytes : SIZE_MAX;
}

static void take_items(struct rnl_frequent *table, uint64_t seed,
                       const uint8_t *bytes, size_t count)
{
    const uint8_t *at = bytes + HEAD_LEN + 8 * count;
    for (size_t i = 0; i < count; i++) {
        uint32_t key_len = rnl_hll_get_u32(at);
        struct rnl_frequent_item item = {
            .hash = rnl_hash(at + 4, key_len, seed),
            .count = get_u64(bytes + HEAD_LEN + 8 * i),
            .key = at + 4,
            .key_len = key_len,
        };
        rnl_frequent_add(table, &item);
        at += 4 + key_len;
    }
}

enum rnl_code rnl_frequent_datasketches_read(struct rnl_frequent *target,
                                             uint64_t seed,
                                             const uint8_t *bytes, size_t len,
                                             uint64_t *ret_total)
{
    bool empty;
    enum rnl_code code = check_head(bytes, len, &empty);
    if (code != RNL_OK)
        return code;
    struct rnl_frequent table;
    rnl_frequent_init(&table, RNL_FREQUENT_UNLIMITED);
    size_t count = empty ? 0 : rnl_hll_get_u32(bytes + 8);
    if (!empty && count > (len - HEAD_LEN) / ITEM_LEN_MIN)
        return RNL_INVALID_ARGUMENT;
    size_t key_bytes = empty ? 0 : check_items(bytes, len, count);
    if (key_bytes == SIZE_MAX || (empty && len != EMPTY_LEN))
        return RNL_INVALID_ARGUMENT;
    bool may_purge;
    if (rnl_frequent_reserve(&table, count, key_bytes, &may_purge) != RNL_OK) {
        rnl_frequent_fini(&table);
        return RNL_RESOURCE_EXHAUSTED;
    }
    take_items(&table, seed, bytes, count);
    table.offset = empty ? 0 : get_u64(bytes + 24);
    *ret_total = empty ? 0 : get_u64(bytes + 16);
    rnl_frequent_fini(target);
    *target = table;
    return RNL_OK;
}
