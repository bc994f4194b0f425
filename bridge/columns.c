/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"

#include <math.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "alloc.h"

#define EVENTS_MIN 64

/* Open addressing, at most half full: a power of two. */
#define SLOTS_MIN 128

/* All distinct keys together: above it the batch fits into no frame. */
#define KEYS_BYTES_MAX ((size_t)RNL_COLUMNS_EVENTS_MAX * RNL_COLUMNS_KEY_MAX)

struct rnl_columns {
    size_t count;
    size_t cap;
    uint32_t *indexes;
    double *values;
    float *latencies;
    int64_t *times;
    uint32_t *offsets;
    /* Which columns the first event had. */
    struct rnl_event first;

    /* The distinct keys: their bytes, lengths, places, and a hash table of
     * their numbers + 1. */
    char *keys;
    size_t keys_len;
    size_t keys_cap;
    uint32_t *key_lens;
    size_t *key_starts;
    size_t key_count;
    uint32_t *slots;
    size_t slot_count;
    /* Keys come from strangers: their places in the table must not be
     * theirs to choose. */
    uint64_t seed;
};

enum rnl_code rnl_columns_create(struct rnl_columns **ret_columns)
{
    struct rnl_columns *columns = rnl_calloc(1, sizeof(*columns));
    if (columns == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    columns->slots = rnl_calloc(SLOTS_MIN, sizeof(*columns->slots));
    if (columns->slots == NULL) {
        rnl_free(columns);
        return RNL_RESOURCE_EXHAUSTED;
    }
    columns->slot_count = SLOTS_MIN;
    if (getrandom(&columns->seed, sizeof(columns->seed), GRND_NONBLOCK) < 0)
        columns->seed = (uintptr_t)columns;
    *ret_columns = columns;
    return RNL_OK;
}

void rnl_columns_destroy(struct rnl_columns *columns)
{
    if (columns == NULL)
        return;
    rnl_free(columns->indexes);
    rnl_free(columns->values);
    rnl_free(columns->latencies);
    rnl_free(columns->times);
    rnl_free(columns->offsets);
    rnl_free(columns->keys);
    rnl_free(columns->key_lens);
    rnl_free(columns->key_starts);
    rnl_free(columns->slots);
    rnl_free(columns);
}

static bool grow(void *array, size_t cap, size_t size)
{
    void *grown = rnl_realloc(*(void **)array, cap * size);
    if (grown == NULL)
        return false;
    *(void **)array = grown;
    return true;
}

/* All arrays have room for one an event, used or not: the largest batch takes
 * 2 MiB in all. */
static bool make_room(struct rnl_columns *columns)
{
    if (columns->count < columns->cap)
        return true;
    size_t cap = columns->cap == 0 ? EVENTS_MIN : columns->cap * 2;
    if (!grow(&columns->indexes, cap, sizeof(*columns->indexes)) ||
        !grow(&columns->values, cap, sizeof(*columns->values)) ||
        !grow(&columns->latencies, cap, sizeof(*columns->latencies)) ||
        !grow(&columns->times, cap, sizeof(*columns->times)) ||
        !grow(&columns->offsets, cap, sizeof(*columns->offsets)) ||
        !grow(&columns->key_lens, cap, sizeof(*columns->key_lens)) ||
        !grow(&columns->key_starts, cap, sizeof(*columns->key_starts)))
        return false;
    columns->cap = cap;
    return true;
}

/* The slot that holds a key, or the free one where it belongs. */
static uint32_t *find_slot(const struct rnl_columns *columns, const char *key,
                           size_t len)
{
    size_t mask = columns->slot_count - 1;
    size_t at = (size_t)XXH3_64bits_withSeed(key, len, columns->seed) & mask;
    for (;; at = (at + 1) & mask) {
        uint32_t number = columns->slots[at];
        if (number == 0)
            break;
        if (columns->key_lens[number - 1] == len &&
            memcmp(columns->keys + columns->key_starts[number - 1], key, len) ==
                0)
            break;
    }
    return &columns->slots[at];
}

static bool grow_slots(struct rnl_columns *columns)
{
    if (columns->key_count * 2 < columns->slot_count)
        return true;
    uint32_t *old = columns->slots;
    uint32_t *slots = rnl_calloc(columns->slot_count * 2, sizeof(*slots));
    if (slots == NULL)
        return false;
    columns->slots = slots;
    columns->slot_count *= 2;
    for (size_t i = 0; i < columns->key_count; i++)
        *find_slot(columns, columns->keys + columns->key_starts[i],
                   columns->key_lens[i]) = (uint32_t)i + 1;
    rnl_free(old);
    return true;
}

static bool append_key(struct rnl_columns *columns, const char *key, size_t len)
{
    if (len > columns->keys_cap - columns->keys_len) {
        size_t cap = columns->keys_cap * 2 + 4096;
        if (cap > KEYS_BYTES_MAX)
            cap = KEYS_BYTES_MAX;
        if (!grow(&columns->keys, cap, 1))
            return false;
        columns->keys_cap = cap;
    }
    columns->key_starts[columns->key_count] = columns->keys_len;
    columns->key_lens[columns->key_count] = (uint32_t)len;
    memcpy(columns->keys + columns->keys_len, key, len);
    columns->keys_len += len;
    columns->key_count++;
    return true;
}

static bool number_key(struct rnl_columns *columns, const char *key, size_t len,
                       uint32_t *ret_number)
{
    if (!grow_slots(columns))
        return false;
    uint32_t *slot = find_slot(columns, key, len);
    if (*slot == 0) {
        if (!append_key(columns, key, len))
            return false;
        *slot = (uint32_t)columns->key_count;
    }
    *ret_number = *slot - 1;
    return true;
}

/* Whether an event has the columns that the first one had. */
static const char *odd_column(const struct rnl_event *first,
                              const struct rnl_event *event)
{
    if (event->has_value != first->has_value)
        return "value";
    if (event->has_latency != first->has_latency)
        return "latencyMs";
    return event->has_time != first->has_time ? "time" : NULL;
}

/* The core would name a place in the columns, which the sender has not seen. */
static const char *bad_number(const struct rnl_event *event,
                              const char **ret_field)
{
    *ret_field = "value";
    if (event->has_value && !isfinite(event->value))
        return "must be a finite number";
    *ret_field = "latencyMs";
    if (event->has_latency &&
        !(event->latency_ms >= 0 && isfinite((float)event->latency_ms)))
        return "must be a finite number of milliseconds, not below 0";
    return NULL;
}

static const char *check(const struct rnl_columns *columns,
                         const struct rnl_event *event, const char **ret_field)
{
    *ret_field = "key";
    if (event->key_len == 0)
        return "must be given and not empty";
    if (event->key_len > RNL_COLUMNS_KEY_MAX)
        return "must be at most 256 bytes";
    const char *bad = bad_number(event, ret_field);
    if (bad != NULL)
        return bad;
    *ret_field = "";
    if (columns->count == RNL_COLUMNS_EVENTS_MAX)
        return "a request takes at most 65536 events: send more requests";
    const char *odd =
        columns->count > 0 ? odd_column(&columns->first, event) : NULL;
    if (odd == NULL)
        return NULL;
    *ret_field = odd;
    return "must be given with every event of a request or with none";
}

enum rnl_code rnl_columns_add(struct rnl_columns *columns,
                              const struct rnl_event *event,
                              const char **ret_field, const char **ret_what)
{
    const char *what = check(columns, event, ret_field);
    if (what != NULL) {
        *ret_what = what;
        return RNL_INVALID_ARGUMENT;
    }
    uint32_t number;
    if (!make_room(columns) ||
        !number_key(columns, event->key, event->key_len, &number))
        return RNL_RESOURCE_EXHAUSTED;
    if (columns->count == 0)
        columns->first = *event;
    columns->indexes[columns->count] = number;
    columns->values[columns->count] = event->value;
    columns->latencies[columns->count] = (float)event->latency_ms;
    columns->times[columns->count] = event->time_ms;
    columns->count++;
    return RNL_OK;
}

/* Times become offsets from the earliest. */
static bool fill_times(struct rnl_columns *columns,
                       Runnel__V1__EventBatch *batch)
{
    int64_t base = columns->times[0], last = columns->times[0];
    for (size_t i = 1; i < columns->count; i++) {
        base = columns->times[i] < base ? columns->times[i] : base;
        last = columns->times[i] > last ? columns->times[i] : last;
    }
    if ((uint64_t)last - (uint64_t)base > UINT32_MAX)
        return false;
    for (size_t i = 0; i < columns->count; i++)
        columns->offsets[i] = (uint32_t)(columns->times[i] - base);
    batch->time_base_ms = base;
    batch->n_time_offsets_ms = columns->count;
    batch->time_offsets_ms = columns->offsets;
    return true;
}

enum rnl_code rnl_columns_fill(struct rnl_columns *columns,
                               Runnel__V1__EventBatch *batch,
                               const char **ret_field, const char **ret_what)
{
    *ret_field = "";
    *ret_what = "there is no event in the request";
    if (columns->count == 0)
        return RNL_INVALID_ARGUMENT;
    batch->keys.data = (uint8_t *)columns->keys;
    batch->keys.len = columns->keys_len;
    batch->n_key_lengths = columns->key_count;
    batch->key_lengths = columns->key_lens;
    batch->n_key_indexes = columns->count;
    batch->key_indexes = columns->indexes;
    batch->n_values = columns->first.has_value ? columns->count : 0;
    batch->values = columns->values;
    batch->n_latencies_ms = columns->first.has_latency ? columns->count : 0;
    batch->latencies_ms = columns->latencies;
    *ret_field = "time";
    *ret_what = "must lie within 49 days of each other in a request";
    if (columns->first.has_time && !fill_times(columns, batch))
        return RNL_INVALID_ARGUMENT;
    return RNL_OK;
}
