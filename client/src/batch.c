/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <assert.h>
#include <string.h>

#include "alloc.h"
#include "wire.h"

/* Field numbers of EventBatch. */
enum {
    BATCH_STREAM = 1,
    BATCH_KEYS = 2,
    BATCH_KEY_LENGTHS = 3,
    BATCH_KEY_INDEXES = 4,
    BATCH_VALUES = 5,
    BATCH_LATENCIES = 6,
    BATCH_TIME_BASE = 7,
    BATCH_TIME_OFFSETS = 8,
    BATCH_PRODUCER_ID = 9,
    BATCH_PRODUCER_SEQUENCE = 10,
};

/* A key length of 1 to 256 takes at most two bytes as a varint. */
#define KEY_LENGTH_BYTES 2

unsigned rnl_event_columns(const struct rnl_event *event)
{
    return (event->has_value ? RNL_COLUMN_VALUE : 0u) |
           (event->has_latency ? RNL_COLUMN_LATENCY : 0u) |
           (event->has_time ? RNL_COLUMN_TIME : 0u);
}

/* --- building --- */

static bool alloc_columns(struct rnl_batch *batch)
{
    size_t count = batch->event_count_max;
    batch->key_indexes = rnl_calloc(count, sizeof(batch->key_indexes[0]));
    if ((batch->columns & RNL_COLUMN_VALUE) != 0)
        batch->values = rnl_calloc(count, sizeof(batch->values[0]));
    if ((batch->columns & RNL_COLUMN_LATENCY) != 0)
        batch->latencies = rnl_calloc(count, sizeof(batch->latencies[0]));
    if ((batch->columns & RNL_COLUMN_TIME) != 0)
        batch->times = rnl_calloc(count, sizeof(batch->times[0]));
    return batch->key_indexes != NULL &&
           ((batch->columns & RNL_COLUMN_VALUE) == 0 ||
            batch->values != NULL) &&
           ((batch->columns & RNL_COLUMN_LATENCY) == 0 ||
            batch->latencies != NULL) &&
           ((batch->columns & RNL_COLUMN_TIME) == 0 || batch->times != NULL);
}

bool rnl_batch_init(struct rnl_batch *batch, unsigned columns,
                    uint32_t event_count_max, size_t byte_max)
{
    *batch = (struct rnl_batch){
        .columns = columns,
        .event_count_max = event_count_max,
        .byte_max = byte_max,
        .event_bytes =
            sizeof(uint32_t) +
            ((columns & RNL_COLUMN_VALUE) != 0 ? sizeof(double) : 0) +
            ((columns & RNL_COLUMN_LATENCY) != 0 ? sizeof(float) : 0) +
            ((columns & RNL_COLUMN_TIME) != 0 ? sizeof(uint32_t) : 0),
    };
    if (alloc_columns(batch) &&
        rnl_key_table_init(&batch->keys, event_count_max, byte_max))
        return true;
    rnl_batch_fini(batch);
    return false;
}

void rnl_batch_fini(struct rnl_batch *batch)
{
    rnl_key_table_fini(&batch->keys);
    rnl_free(batch->key_indexes);
    rnl_free(batch->values);
    rnl_free(batch->latencies);
    rnl_free(batch->times);
    *batch = (struct rnl_batch){0};
}

void rnl_batch_reset(struct rnl_batch *batch)
{
    rnl_key_table_reset(&batch->keys);
    batch->event_count = 0;
}

/* As if the key were new: a little early at times, and cheap. */
static bool has_room(const struct rnl_batch *batch,
                     const struct rnl_event *event)
{
    if (batch->event_count == 0)
        return true;
    size_t bytes = ((size_t)batch->event_count + 1) * batch->event_bytes +
                   batch->keys.len + event->key_len +
                   ((size_t)batch->keys.key_count + 1) * KEY_LENGTH_BYTES;
    return batch->event_count < batch->event_count_max &&
           bytes <= batch->byte_max;
}

/* Offsets have 32 bits: 49 days a batch. False when the event is too far from
 * the others. */
static bool widen_time(struct rnl_batch *batch, int64_t time_ms)
{
    int64_t min = batch->time_min;
    int64_t max = batch->time_max;
    if (batch->event_count == 0 || time_ms < min)
        min = time_ms;
    if (batch->event_count == 0 || time_ms > max)
        max = time_ms;
    if ((uint64_t)max - (uint64_t)min > UINT32_MAX)
        return false;
    batch->time_min = min;
    batch->time_max = max;
    return true;
}

enum rnl_batch_added rnl_batch_add(struct rnl_batch *batch,
                                   const struct rnl_event *event)
{
    assert(rnl_event_columns(event) == batch->columns);
    uint32_t at = batch->event_count;
    if (!has_room(batch, event))
        return RNL_BATCH_FULL;
    if (batch->times != NULL && !widen_time(batch, event->time_ms))
        return RNL_BATCH_FULL;
    if (!rnl_key_table_add(&batch->keys, event->key, event->key_len,
                           &batch->key_indexes[at]))
        return RNL_BATCH_BAD_KEY;
    if (batch->values != NULL)
        batch->values[at] = event->value;
    if (batch->latencies != NULL)
        batch->latencies[at] = (float)event->latency_ms;
    if (batch->times != NULL)
        batch->times[at] = event->time_ms;
    batch->event_count++;
    return RNL_BATCH_ADDED;
}

/* --- encoding --- */

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* Of a bytes field; nothing for an empty one. */
static size_t field_size(size_t len)
{
    return len == 0 ? 0 : 1 + varint_size(len) + len;
}

static uint32_t key_length(const struct rnl_key_table *keys, uint32_t position)
{
    return keys->ends[position] -
           (position == 0 ? 0 : keys->ends[position - 1]);
}

static size_t lengths_size(const struct rnl_key_table *keys)
{
    size_t size = keys->key_count;
    for (uint32_t i = 0; i < keys->key_count; i++)
        size += key_length(keys, i) >= 0x80;
    return size;
}

static size_t body_size(const struct rnl_batch *batch,
                        const struct rnl_batch_label *label)
{
    size_t count = batch->event_count;
    size_t size = field_size(strlen(label->stream)) +
                  field_size(batch->keys.len) +
                  field_size(lengths_size(&batch->keys)) +
                  field_size(count * sizeof(uint32_t)) +
                  field_size(strlen(label->producer_id)) + 1 +
                  varint_size(label->sequence);
    if (batch->values != NULL)
        size += field_size(count * sizeof(double));
    if (batch->latencies != NULL)
        size += field_size(count * sizeof(float));
    if (batch->times != NULL)
        size += 1 + varint_size((uint64_t)batch->time_min) +
                field_size(count * sizeof(uint32_t));
    return size;
}

size_t rnl_batch_size(const struct rnl_batch *batch,
                      const struct rnl_batch_label *label)
{
    return field_size(body_size(batch, label));
}

static uint8_t *put_head(uint8_t *out, uint32_t number, size_t len)
{
    return rnl_wire_put_head(out, number, RNL_WIRE_BYTES, len);
}

static uint8_t *put_bytes(uint8_t *out, uint32_t number, const void *data,
                          size_t len)
{
    if (len == 0)
        return out;
    out = put_head(out, number, len);
    memcpy(out, data, len);
    return out + len;
}

static uint8_t *put_number(uint8_t *out, uint32_t number, uint64_t value)
{
    return rnl_wire_put_head(out, number, RNL_WIRE_VARINT, value);
}

/* A column of items of 4 or 8 bytes. */
static uint8_t *put_column(uint8_t *out, uint32_t number, const void *items,
                           size_t count, size_t size)
{
    uint8_t *at = put_bytes(out, number, items, count * size);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    for (uint8_t *item = at - count * size; item < at; item += size) {
        for (size_t i = 0; i < size / 2; i++) {
            uint8_t byte = item[i];
            item[i] = item[size - 1 - i];
            item[size - 1 - i] = byte;
        }
    }
#endif
    return at;
}

static uint8_t *put_lengths(uint8_t *out, const struct rnl_key_table *keys)
{
    out = put_head(out, BATCH_KEY_LENGTHS, lengths_size(keys));
    for (uint32_t i = 0; i < keys->key_count; i++)
        out += rnl_wire_put_varint(out, key_length(keys, i));
    return out;
}

static uint8_t *put_times(uint8_t *out, const struct rnl_batch *batch)
{
    uint32_t offset;
    out = put_number(out, BATCH_TIME_BASE, (uint64_t)batch->time_min);
    out =
        put_head(out, BATCH_TIME_OFFSETS, batch->event_count * sizeof(offset));
    for (uint32_t i = 0; i < batch->event_count; i++) {
        offset = (uint32_t)(batch->times[i] - batch->time_min);
        for (unsigned shift = 0; shift < 32; shift += 8)
            *out++ = (uint8_t)(offset >> shift);
    }
    return out;
}

void rnl_batch_encode(const struct rnl_batch *batch,
                      const struct rnl_batch_label *label, uint8_t *out)
{
    size_t count = batch->event_count;
    uint8_t *at = put_head(out, 1, body_size(batch, label));
    at = put_bytes(at, BATCH_STREAM, label->stream, strlen(label->stream));
    at = put_bytes(at, BATCH_KEYS, batch->keys.bytes, batch->keys.len);
    at = put_lengths(at, &batch->keys);
    at = put_column(at, BATCH_KEY_INDEXES, batch->key_indexes, count,
                    sizeof(uint32_t));
    if (batch->values != NULL)
        at = put_column(at, BATCH_VALUES, batch->values, count, sizeof(double));
    if (batch->latencies != NULL)
        at = put_column(at, BATCH_LATENCIES, batch->latencies, count,
                        sizeof(float));
    if (batch->times != NULL)
        at = put_times(at, batch);
    at = put_bytes(at, BATCH_PRODUCER_ID, label->producer_id,
                   strlen(label->producer_id));
    at = put_number(at, BATCH_PRODUCER_SEQUENCE, label->sequence);
    assert(at == out + rnl_batch_size(batch, label));
    (void)at;
}
