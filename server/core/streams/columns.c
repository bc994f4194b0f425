/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <float.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert((RNL_COLUMNS_SLOTS & (RNL_COLUMNS_SLOTS - 1)) == 0 &&
                   RNL_COLUMNS_SLOTS >= 2 * RNL_COLUMNS_MAX,
               "a probe always meets a free slot");

void rnl_columns_reset(struct rnl_columns *columns)
{
    columns->count = 0;
    columns->key_count = 0;
    columns->key_bytes = 0;
    memset(columns->slots, 0, sizeof(columns->slots));
}

/* The slot of a key, or the free one where it would go. */
static size_t find_slot(const struct rnl_columns *columns, const char *key,
                        size_t key_len)
{
    size_t slot = XXH3_64bits(key, key_len) & (RNL_COLUMNS_SLOTS - 1);
    for (;;) {
        uint16_t entry = columns->slots[slot];
        if (entry == 0)
            return slot;
        size_t index = (size_t)entry - 1;
        if (columns->key_lengths[index] == key_len &&
            memcmp(columns->keys + columns->key_offsets[index], key, key_len) ==
                0)
            return slot;
        slot = (slot + 1) & (RNL_COLUMNS_SLOTS - 1);
    }
}

static bool add_key(struct rnl_columns *columns, size_t slot, const char *key,
                    size_t key_len)
{
    if (columns->key_bytes + key_len > RNL_COLUMNS_KEY_BYTES)
        return false;
    size_t index = columns->key_count++;
    memcpy(columns->keys + columns->key_bytes, key, key_len);
    columns->key_offsets[index] = (uint32_t)columns->key_bytes;
    columns->key_lengths[index] = (uint32_t)key_len;
    columns->key_bytes += key_len;
    columns->slots[slot] = (uint16_t)(index + 1);
    return true;
}

bool rnl_columns_add(struct rnl_columns *columns,
                     const struct rnl_column_event *event)
{
    if (columns->count == RNL_COLUMNS_MAX)
        return false;
    size_t slot = find_slot(columns, event->key, event->key_len);
    if (columns->slots[slot] == 0 &&
        !add_key(columns, slot, event->key, event->key_len))
        return false;
    size_t at = columns->count++;
    columns->key_indexes[at] = (uint32_t)columns->slots[slot] - 1;
    columns->values[at] = event->value;
    columns->latencies_ms[at] =
        event->latency_ms > FLT_MAX ? FLT_MAX : (float)event->latency_ms;
    columns->times_ms[at] = event->time_ms;
    return true;
}

void rnl_columns_batch(const struct rnl_columns *columns,
                       struct rnl_meter_batch *ret_batch)
{
    *ret_batch = (struct rnl_meter_batch){
        .keys = columns->keys,
        .keys_len = columns->key_bytes,
        .key_lengths = columns->key_lengths,
        .key_count = columns->key_count,
        .key_indexes = columns->key_indexes,
        .event_count = columns->count,
        .values = columns->values,
        .latencies_ms = columns->latencies_ms,
    };
}
