/* SPDX-License-Identifier: Apache-2.0 */
#include "content_hash.h"

#include "sketch/hash.h"

/* The first seeds. */
enum { OF_BATCH = 1, OF_SKETCH = 2 };

/* A column that is not there is one without entries. */
static uint64_t add(uint64_t hash, const void *column, size_t len)
{
    return column == NULL ? rnl_hash("", 0, hash) : rnl_hash(column, len, hash);
}

static uint64_t known(uint64_t hash)
{
    return hash == RNL_CONTENT_UNKNOWN ? 1 : hash;
}

uint64_t rnl_content_of_batch(const struct rnl_meter_batch *batch)
{
    size_t events = batch->event_count;
    uint64_t hash = OF_BATCH;
    hash = add(hash, batch->keys, batch->keys_len);
    hash = add(hash, batch->key_lengths,
               batch->key_count * sizeof(batch->key_lengths[0]));
    hash =
        add(hash, batch->key_indexes, events * sizeof(batch->key_indexes[0]));
    hash = add(hash, batch->values, events * sizeof(batch->values[0]));
    hash =
        add(hash, batch->latencies_ms, events * sizeof(batch->latencies_ms[0]));
    hash = add(hash, &batch->time_base_ms, sizeof(batch->time_base_ms));
    hash = add(hash, batch->time_offsets_ms,
               events * sizeof(batch->time_offsets_ms[0]));
    return known(hash);
}

uint64_t rnl_content_of_sketch(const struct rnl_import *import)
{
    const uint32_t head[] = {(uint32_t)import->of, (uint32_t)import->format};
    uint64_t hash = add(OF_SKETCH, head, sizeof(head));
    return known(add(hash, import->bytes, import->len));
}
