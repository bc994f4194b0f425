/* SPDX-License-Identifier: Apache-2.0 */
#include "event_batch.h"

#include <string.h>

#include "alloc.h"
#include "wire.h"

#define ENTRIES_MAX RNL_METER_BATCH_EVENTS_MAX

/* Field numbers of EventBatch; the tests decode with protobuf-c as well. */
enum {
    REQUEST_BATCH = 1,
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

/* How a column lies in memory, and on the wire when it is not packed. */
struct shape {
    const char *name;
    size_t width;
    enum rnl_wire_type type;
};

static const struct shape shapes[RNL_COLUMN_COUNT] = {
    [RNL_COLUMN_KEY_LENGTHS] = {"key_lengths", 4, RNL_WIRE_VARINT},
    [RNL_COLUMN_KEY_INDEXES] = {"key_indexes", 4, RNL_WIRE_FIXED32},
    [RNL_COLUMN_VALUES] = {"values", 8, RNL_WIRE_FIXED64},
    [RNL_COLUMN_LATENCIES] = {"latencies_ms", 4, RNL_WIRE_FIXED32},
    [RNL_COLUMN_TIME_OFFSETS] = {"time_offsets_ms", 4, RNL_WIRE_FIXED32},
};

_Static_assert(sizeof(uint32_t) == 4 && sizeof(float) == 4 &&
                   sizeof(double) == 8,
               "columns are as wide in memory as on the wire");

/* One decoding. */
struct decoding {
    struct rnl_event_decoder *decoder;
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault;
};

static enum rnl_code refuse(struct decoding *decoding, const char *field,
                            const char *what)
{
    decoding->fault = (struct rnl_meter_fault){
        .field = field,
        .index = SIZE_MAX,
        .what = what,
    };
    return RNL_INVALID_ARGUMENT;
}

/* ---- columns ---- */

void rnl_event_decoder_fini(struct rnl_event_decoder *decoder)
{
    for (size_t i = 0; i < RNL_COLUMN_COUNT; i++)
        rnl_free(decoder->columns[i].own);
    *decoder = (struct rnl_event_decoder){0};
}

static enum rnl_code reserve(struct rnl_event_decoder *decoder,
                             enum rnl_event_column id, size_t len)
{
    size_t cap = decoder->columns[id].own_cap;
    if (len <= cap)
        return RNL_OK;
    cap = cap < 4096 ? 4096 : cap;
    while (cap < len)
        cap *= 2;
    bool lent = decoder->columns[id].at != decoder->columns[id].own;
    uint8_t *own = rnl_realloc(decoder->columns[id].own, cap);
    if (own == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (!lent)
        decoder->columns[id].at = own;
    decoder->columns[id].own = own;
    decoder->columns[id].own_cap = cap;
    return RNL_OK;
}

/* Sees that the column lies in its own memory, with room for more bytes. */
static enum rnl_code own_column(struct rnl_event_decoder *decoder,
                                enum rnl_event_column id, size_t more)
{
    size_t len = decoder->columns[id].len;
    if (reserve(decoder, id, len + more) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    uint8_t *own = decoder->columns[id].own;
    if (decoder->columns[id].at != own && len > 0)
        memcpy(own, decoder->columns[id].at, len);
    decoder->columns[id].at = own;
    return RNL_OK;
}

/* Adds entries as they lie on the wire: the first part is lent, and copied
 * only when a second one comes. */
static enum rnl_code add_part(struct decoding *decoding,
                              enum rnl_event_column id, const uint8_t *data,
                              size_t len)
{
    struct rnl_event_decoder *decoder = decoding->decoder;
    const struct shape *shape = &shapes[id];
    size_t before = decoder->columns[id].len;
    if (len % shape->width != 0)
        return refuse(decoding, shape->name, "ends inside of an entry");
    if (before + len > ENTRIES_MAX * shape->width)
        return refuse(decoding, shape->name, "has more than 65536 entries");
    if (len == 0)
        return RNL_OK;
    if (before == 0) {
        decoder->columns[id].at = data;
    } else {
        if (own_column(decoder, id, len) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        memcpy(decoder->columns[id].own + before, data, len);
    }
    decoder->columns[id].len = before + len;
    return RNL_OK;
}

/* Saturates: the engine refuses any length above 256, and names its index. */
static enum rnl_code add_length(struct decoding *decoding, uint64_t value)
{
    struct rnl_event_decoder *decoder = decoding->decoder;
    const enum rnl_event_column id = RNL_COLUMN_KEY_LENGTHS;
    uint32_t length = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    if (decoder->columns[id].len == ENTRIES_MAX * sizeof(length))
        return refuse(decoding, shapes[id].name, "has more than 65536 entries");
    if (own_column(decoder, id, sizeof(length)) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    memcpy(decoder->columns[id].own + decoder->columns[id].len, &length,
           sizeof(length));
    decoder->columns[id].len += sizeof(length);
    return RNL_OK;
}

/* Packed varints, nearly all of one byte. */
static enum rnl_code add_lengths(struct decoding *decoding, const uint8_t *data,
                                 size_t len)
{
    struct rnl_event_decoder *decoder = decoding->decoder;
    const enum rnl_event_column id = RNL_COLUMN_KEY_LENGTHS;
    size_t room = ENTRIES_MAX * 4 - decoder->columns[id].len;
    if (len == 0)
        return RNL_OK;
    /* Each takes a byte at least. */
    size_t short_max = len < room / 4 ? len : room / 4;
    if (own_column(decoder, id, short_max * 4) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    uint32_t *out = (uint32_t *)(void *)(decoder->columns[id].own +
                                         decoder->columns[id].len);
    size_t count = 0;
    while (count < short_max && data[count] < 0x80) {
        out[count] = data[count];
        count++;
    }
    decoder->columns[id].len += count * 4;
    struct rnl_wire wire = {data + count, data + len};
    while (wire.at < wire.end) {
        uint64_t value;
        if (!rnl_wire_varint(&wire, &value))
            return refuse(decoding, shapes[id].name, "ends inside of an entry");
        enum rnl_code code = add_length(decoding, value);
        if (code != RNL_OK)
            return code;
    }
    return RNL_OK;
}

static enum rnl_code take_column(struct decoding *decoding,
                                 enum rnl_event_column id,
                                 const struct rnl_wire *wire,
                                 const struct rnl_wire_field *field)
{
    const struct shape *shape = &shapes[id];
    if (field->type == RNL_WIRE_BYTES)
        return id == RNL_COLUMN_KEY_LENGTHS
                   ? add_lengths(decoding, field->data, field->len)
                   : add_part(decoding, id, field->data, field->len);
    if (field->type != shape->type)
        return refuse(decoding, shape->name, "has another wire type");
    if (id == RNL_COLUMN_KEY_LENGTHS)
        return add_length(decoding, field->value);
    /* Not packed: the entry is what was just read. */
    return add_part(decoding, id, wire->at - shape->width, shape->width);
}

/* ---- fields ---- */

static enum rnl_code take_bytes(struct decoding *decoding, const char *name,
                                const struct rnl_wire_field *field,
                                const uint8_t **ret_data, size_t *ret_len)
{
    if (field->type != RNL_WIRE_BYTES)
        return refuse(decoding, name, "has another wire type");
    *ret_data = field->data;
    *ret_len = field->len;
    return RNL_OK;
}

static enum rnl_code take_number(struct decoding *decoding, const char *name,
                                 const struct rnl_wire_field *field,
                                 uint64_t *ret_value)
{
    if (field->type != RNL_WIRE_VARINT)
        return refuse(decoding, name, "has another wire type");
    *ret_value = field->value;
    return RNL_OK;
}

static enum rnl_code take_field(struct decoding *decoding,
                                const struct rnl_wire *wire,
                                const struct rnl_wire_field *field)
{
    struct rnl_event_batch *batch = &decoding->batch;
    uint64_t base;
    enum rnl_code code;
    switch (field->number) {
    case BATCH_STREAM:
        return take_bytes(decoding, "stream", field, &batch->stream,
                          &batch->stream_len);
    case BATCH_KEYS:
        return take_bytes(decoding, "keys", field, &batch->columns.keys,
                          &batch->columns.keys_len);
    case BATCH_KEY_LENGTHS:
        return take_column(decoding, RNL_COLUMN_KEY_LENGTHS, wire, field);
    case BATCH_KEY_INDEXES:
        return take_column(decoding, RNL_COLUMN_KEY_INDEXES, wire, field);
    case BATCH_VALUES:
        return take_column(decoding, RNL_COLUMN_VALUES, wire, field);
    case BATCH_LATENCIES:
        return take_column(decoding, RNL_COLUMN_LATENCIES, wire, field);
    case BATCH_TIME_BASE:
        code = take_number(decoding, "time_base_ms", field, &base);
        if (code == RNL_OK)
            batch->columns.time_base_ms = (int64_t)base;
        return code;
    case BATCH_TIME_OFFSETS:
        return take_column(decoding, RNL_COLUMN_TIME_OFFSETS, wire, field);
    case BATCH_PRODUCER_ID:
        return take_bytes(decoding, "producer_id", field, &batch->producer_id,
                          &batch->producer_id_len);
    case BATCH_PRODUCER_SEQUENCE:
        return take_number(decoding, "producer_sequence", field,
                           &batch->producer_sequence);
    default:
        return RNL_OK;
    }
}

static enum rnl_code take_batch(struct decoding *decoding, const uint8_t *data,
                                size_t len)
{
    struct rnl_wire wire = {data, data + len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        enum rnl_code code = take_field(decoding, &wire, &field);
        if (code != RNL_OK)
            return code;
    }
    if (result == RNL_WIRE_BROKEN)
        return refuse(decoding, "", "the bytes are not an EventBatch");
    return RNL_OK;
}

/* ---- the whole ---- */

static bool is_aligned(const void *at, size_t width)
{
    return (uintptr_t)at % width == 0;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
static void swap_bytes(uint8_t *item, size_t len, size_t width)
{
    for (uint8_t *end = item + len; item < end; item += width) {
        for (size_t i = 0; i < width / 2; i++) {
            uint8_t byte = item[i];
            item[i] = item[width - 1 - i];
            item[width - 1 - i] = byte;
        }
    }
}
#endif

/* The column as the engine wants it; NULL when it is empty. */
static enum rnl_code settle(struct decoding *decoding, enum rnl_event_column id,
                            const void **ret_items)
{
    struct rnl_event_decoder *decoder = decoding->decoder;
    bool must_own = !is_aligned(decoder->columns[id].at, shapes[id].width);
    *ret_items = NULL;
    if (decoder->columns[id].len == 0)
        return RNL_OK;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    must_own = true;
#endif
    if (must_own && own_column(decoder, id, 0) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    if (id != RNL_COLUMN_KEY_LENGTHS)
        swap_bytes(decoder->columns[id].own, decoder->columns[id].len,
                   shapes[id].width);
#endif
    *ret_items = decoder->columns[id].at;
    return RNL_OK;
}

static enum rnl_code check_shape(struct decoding *decoding)
{
    const struct rnl_event_decoder *decoder = decoding->decoder;
    size_t count = decoder->columns[RNL_COLUMN_KEY_INDEXES].len / 4;
    if (count == 0)
        return refuse(decoding, "key_indexes", "has no entries: 1 to 65536");
    for (size_t i = RNL_COLUMN_VALUES; i < RNL_COLUMN_COUNT; i++) {
        size_t entries = decoder->columns[i].len / shapes[i].width;
        if (entries != 0 && entries != count)
            return refuse(decoding, shapes[i].name,
                          "must be empty or have one entry for each of "
                          "key_indexes");
    }
    decoding->batch.columns.event_count = count;
    decoding->batch.columns.key_count =
        decoder->columns[RNL_COLUMN_KEY_LENGTHS].len / 4;
    return RNL_OK;
}

static enum rnl_code settle_all(struct decoding *decoding)
{
    struct rnl_meter_batch *columns = &decoding->batch.columns;
    const void *items[RNL_COLUMN_COUNT];
    for (int i = 0; i < RNL_COLUMN_COUNT; i++) {
        enum rnl_code code =
            settle(decoding, (enum rnl_event_column)i, &items[i]);
        if (code != RNL_OK)
            return code;
    }
    columns->key_lengths = items[RNL_COLUMN_KEY_LENGTHS];
    columns->key_indexes = items[RNL_COLUMN_KEY_INDEXES];
    columns->values = items[RNL_COLUMN_VALUES];
    columns->latencies_ms = items[RNL_COLUMN_LATENCIES];
    columns->time_offsets_ms = items[RNL_COLUMN_TIME_OFFSETS];
    return RNL_OK;
}

static enum rnl_code decode_request(struct decoding *decoding,
                                    const uint8_t *data, size_t len)
{
    struct rnl_wire wire = {data, data + len};
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    bool found = false;
    while ((result = rnl_wire_next(&wire, &field)) == RNL_WIRE_FIELD) {
        if (field.number != REQUEST_BATCH)
            continue;
        if (field.type != RNL_WIRE_BYTES)
            return refuse(decoding, "", "has another wire type");
        enum rnl_code code = take_batch(decoding, field.data, field.len);
        if (code != RNL_OK)
            return code;
        found = true;
    }
    if (result == RNL_WIRE_BROKEN)
        return refuse(decoding, "", "the bytes are not a request to ingest");
    if (!found)
        return refuse(decoding, "", "is missing");
    enum rnl_code code = check_shape(decoding);
    return code == RNL_OK ? settle_all(decoding) : code;
}

enum rnl_code rnl_event_batch_decode(struct rnl_event_decoder *decoder,
                                     const uint8_t *data, size_t len,
                                     struct rnl_event_batch *ret_batch,
                                     struct rnl_meter_fault *ret_fault)
{
    static const uint8_t nothing[1];
    struct decoding decoding = {
        .decoder = decoder,
        .batch = {.stream = nothing,
                  .producer_id = nothing,
                  .columns = {.keys = nothing},
                  .request = data,
                  .request_len = len},
    };
    for (size_t i = 0; i < RNL_COLUMN_COUNT; i++) {
        decoder->columns[i].at = NULL;
        decoder->columns[i].len = 0;
    }
    enum rnl_code code = decode_request(&decoding, data, len);
    if (code == RNL_OK)
        *ret_batch = decoding.batch;
    else if (code == RNL_INVALID_ARGUMENT)
        *ret_fault = decoding.fault;
    return code;
}
