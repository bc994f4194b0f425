/* SPDX-License-Identifier: Apache-2.0 */
/* The decoder of event batches against protobuf-c, and against bytes that mean
 * no good. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <runnel/v1/events.pb-c.h>

#include "event_batch.h"
#include "fault.h"
#include "wire.h"

#define EVENTS_MAX 64
#define BYTES_MAX  8192

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (seed >> 33) % below;
}

/* ---- writing ---- */

struct writer {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

static void put(struct writer *writer, const void *data, size_t len)
{
    assert_true(writer->len + len <= sizeof(writer->bytes));
    if (len > 0)
        memcpy(writer->bytes + writer->len, data, len);
    writer->len += len;
}

static void put_varint(struct writer *writer, uint64_t value)
{
    uint8_t bytes[RNL_VARINT_MAX];
    put(writer, bytes, rnl_wire_put_varint(bytes, value));
}

static void put_tag(struct writer *writer, unsigned number,
                    enum rnl_wire_type type)
{
    put_varint(writer, (uint64_t)number << 3 | (unsigned)type);
}

static void put_block(struct writer *writer, unsigned number, const void *data,
                      size_t len)
{
    put_tag(writer, number, RNL_WIRE_BYTES);
    put_varint(writer, len);
    put(writer, data, len);
}

/* ---- a batch and its encodings ---- */

struct sample {
    Runnel__V1__EventBatch batch;
    uint8_t keys[1024];
    uint32_t key_lengths[EVENTS_MAX];
    uint32_t key_indexes[EVENTS_MAX];
    double values[EVENTS_MAX];
    float latencies[EVENTS_MAX];
    uint32_t offsets[EVENTS_MAX];
};

static void sample_init(struct sample *sample, size_t events)
{
    Runnel__V1__EventBatch *batch = &sample->batch;
    *batch = (Runnel__V1__EventBatch)RUNNEL__V1__EVENT_BATCH__INIT;
    batch->stream = (char *)"web.hits";
    batch->keys.data = sample->keys;
    batch->key_lengths = sample->key_lengths;
    batch->key_indexes = sample->key_indexes;
    batch->n_key_lengths = 1 + draw(events < 3 ? 1 : events);
    for (size_t i = 0; i < batch->n_key_lengths; i++) {
        /* Some take two bytes as a varint. */
        uint32_t len = draw(20) == 0 && batch->keys.len < 300
                           ? 200
                           : (uint32_t)(1 + draw(9));
        memset(sample->keys + batch->keys.len, (int)('a' + i % 26), len);
        batch->keys.len += len;
        sample->key_lengths[i] = len;
    }
    batch->n_key_indexes = events;
    for (size_t i = 0; i < events; i++) {
        sample->key_indexes[i] = (uint32_t)draw(batch->n_key_lengths);
        sample->values[i] = (double)draw(1000000) / 7 - 5000;
        sample->latencies[i] = (float)draw(100000) / 3;
        sample->offsets[i] = (uint32_t)draw(60000);
    }
    batch->values = sample->values;
    batch->latencies_ms = sample->latencies;
    batch->time_offsets_ms = sample->offsets;
    batch->n_values = draw(2) * events;
    batch->n_latencies_ms = draw(2) * events;
    batch->n_time_offsets_ms = draw(2) * events;
    batch->time_base_ms = draw(2) == 0 ? 0 : 1700000000000 + (int64_t)draw(99);
    batch->producer_id = (char *)(draw(2) == 0 ? "" : "producer-7");
    batch->producer_sequence = draw(1000);
}

/* A column as protobuf allows it: packed, entry by entry, or in parts. */
static void put_column(struct writer *writer, unsigned number,
                       const uint8_t *items, size_t count, size_t width)
{
    size_t at = 0;
    if (count == 0 && draw(4) == 0)
        put_block(writer, number, items, 0);
    while (at < count) {
        size_t part = draw(3) == 0 ? 1 + draw(count - at) : count - at;
        if (draw(3) != 0) {
            put_block(writer, number, items + at * width, part * width);
        } else {
            for (size_t i = at; i < at + part; i++) {
                put_tag(writer, number,
                        width == 8 ? RNL_WIRE_FIXED64 : RNL_WIRE_FIXED32);
                put(writer, items + i * width, width);
            }
        }
        at += part;
    }
}

static void put_lengths(struct writer *writer, const struct sample *sample)
{
    const size_t count = sample->batch.n_key_lengths;
    size_t at = 0;
    while (at < count) {
        struct writer packed = {.len = 0};
        size_t part = draw(3) == 0 ? 1 + draw(count - at) : count - at;
        bool is_packed = draw(3) != 0;
        for (size_t i = at; i < at + part; i++) {
            if (!is_packed)
                put_tag(writer, 3, RNL_WIRE_VARINT);
            put_varint(is_packed ? &packed : writer, sample->key_lengths[i]);
        }
        if (is_packed)
            put_block(writer, 3, packed.bytes, packed.len);
        at += part;
    }
}

static void put_number(struct writer *writer, unsigned number, uint64_t value)
{
    if (value == 0)
        return;
    put_tag(writer, number, RNL_WIRE_VARINT);
    put_varint(writer, value);
}

static void put_field(struct writer *writer, const struct sample *sample,
                      unsigned number)
{
    const Runnel__V1__EventBatch *batch = &sample->batch;
    const void *lent = sample->values;
    switch (number) {
    case 1:
        put_block(writer, 1, batch->stream, strlen(batch->stream));
        break;
    case 2:
        put_block(writer, 2, sample->keys, batch->keys.len);
        break;
    case 3:
        put_lengths(writer, sample);
        break;
    case 4:
        put_column(writer, 4, (const uint8_t *)sample->key_indexes,
                   batch->n_key_indexes, 4);
        break;
    case 5:
        put_column(writer, 5, lent, batch->n_values, 8);
        break;
    case 6:
        put_column(writer, 6, (const uint8_t *)sample->latencies,
                   batch->n_latencies_ms, 4);
        break;
    case 7:
        put_number(writer, 7, (uint64_t)batch->time_base_ms);
        break;
    case 8:
        put_column(writer, 8, (const uint8_t *)sample->offsets,
                   batch->n_time_offsets_ms, 4);
        break;
    case 9:
        put_block(writer, 9, batch->producer_id, strlen(batch->producer_id));
        break;
    case 10:
        put_number(writer, 10, batch->producer_sequence);
        break;
    default:
        put_block(writer, 90 + number, "unknown", 7);
    }
}

/* In any order of fields, with some that nobody knows, in one message or
 * two. */
static void put_sample(struct writer *writer, const struct sample *sample)
{
    unsigned order[12] = {0};
    for (unsigned i = 0; i < 12; i++) {
        unsigned at = (unsigned)draw(i + 1);
        order[i] = order[at];
        order[at] = i + 1;
    }
    size_t cut = draw(3) == 0 ? draw(13) : 12;
    struct writer batch = {.len = 0};
    for (size_t i = 0; i < cut; i++)
        put_field(&batch, sample, order[i]);
    put_block(writer, 1, batch.bytes, batch.len);
    if (cut == 12)
        return;
    put_block(writer, 2, "later", 5);
    batch.len = 0;
    for (size_t i = cut; i < 12; i++)
        put_field(&batch, sample, order[i]);
    put_block(writer, 1, batch.bytes, batch.len);
}

/* ---- checking ---- */

static void check_column(const void *got, const void *expected, size_t count,
                         size_t width)
{
    if (count == 0) {
        assert_null(got);
        return;
    }
    assert_int_equal((uintptr_t)got % width, 0);
    assert_memory_equal(got, expected, count * width);
}

static void check_sample(const struct rnl_event_batch *got,
                         const struct sample *sample)
{
    const Runnel__V1__EventBatch *batch = &sample->batch;
    const struct rnl_meter_batch *columns = &got->columns;
    assert_int_equal(got->stream_len, strlen(batch->stream));
    assert_memory_equal(got->stream, batch->stream, got->stream_len);
    assert_int_equal(got->producer_id_len, strlen(batch->producer_id));
    assert_memory_equal(got->producer_id, batch->producer_id,
                        got->producer_id_len);
    assert_true(got->producer_sequence == batch->producer_sequence);
    assert_int_equal(columns->keys_len, batch->keys.len);
    assert_memory_equal(columns->keys, sample->keys, columns->keys_len);
    assert_int_equal(columns->key_count, batch->n_key_lengths);
    assert_int_equal(columns->event_count, batch->n_key_indexes);
    assert_true(columns->time_base_ms == batch->time_base_ms);
    check_column(columns->key_lengths, sample->key_lengths,
                 batch->n_key_lengths, 4);
    check_column(columns->key_indexes, sample->key_indexes,
                 batch->n_key_indexes, 4);
    check_column(columns->values, sample->values, batch->n_values, 8);
    check_column(columns->latencies_ms, sample->latencies,
                 batch->n_latencies_ms, 4);
    check_column(columns->time_offsets_ms, sample->offsets,
                 batch->n_time_offsets_ms, 4);
}

static enum rnl_code decode(struct rnl_event_decoder *decoder,
                            const uint8_t *data, size_t len,
                            struct rnl_event_batch *batch,
                            struct rnl_meter_fault *fault)
{
    memset(fault, 0, sizeof(*fault));
    return rnl_event_batch_decode(decoder, data, len, batch, fault);
}

/* ---- cases ---- */

/* protobuf-c's own encoding, at every alignment. */
static void a_canonical_batch_is_decoded_wherever_it_lies(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    static uint8_t place[BYTES_MAX];
    for (seed = 1; seed <= 200; seed++) {
        uint64_t kept = seed;
        struct sample sample;
        sample_init(&sample, 1 + draw(EVENTS_MAX));
        Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
        request.batch = &sample.batch;
        for (size_t shift = 0; shift < 8; shift++) {
            struct rnl_event_batch batch;
            struct rnl_meter_fault fault;
            size_t len =
                runnel__v1__ingest_request__pack(&request, place + shift);
            assert_int_equal(
                decode(&decoder, place + shift, len, &batch, &fault), RNL_OK);
            check_sample(&batch, &sample);
        }
        seed = kept;
    }
    rnl_event_decoder_fini(&decoder);
}

/* What lies aligned is not copied. */
static void aligned_columns_are_lent(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    _Alignas(8) uint8_t place[256];
    bool lent[8] = {false};
    for (size_t shift = 0; shift < 8; shift++) {
        const uint32_t length = 1;
        const uint32_t indexes[4] = {0, 0, 0, 0};
        struct rnl_event_batch batch;
        struct rnl_meter_fault fault;
        Runnel__V1__IngestRequest request = RUNNEL__V1__INGEST_REQUEST__INIT;
        Runnel__V1__EventBatch message = RUNNEL__V1__EVENT_BATCH__INIT;
        message.keys.data = (uint8_t *)(uintptr_t) "k";
        message.keys.len = 1;
        message.key_lengths = (uint32_t *)(uintptr_t)&length;
        message.n_key_lengths = 1;
        message.key_indexes = (uint32_t *)(uintptr_t)indexes;
        message.n_key_indexes = 4;
        request.batch = &message;
        size_t len = runnel__v1__ingest_request__pack(&request, place + shift);
        assert_int_equal(decode(&decoder, place + shift, len, &batch, &fault),
                         RNL_OK);
        const uint8_t *at = (const void *)batch.columns.key_indexes;
        lent[shift] = at > place && at < place + sizeof(place);
    }
    size_t count = 0;
    for (size_t shift = 0; shift < 8; shift++)
        count += lent[shift];
    assert_int_equal(count, 2);
    rnl_event_decoder_fini(&decoder);
}

static void any_encoding_of_a_batch_is_the_same(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    for (uint64_t round = 1; round <= 3000; round++) {
        struct sample sample;
        struct writer writer = {.len = 0};
        struct rnl_event_batch batch;
        struct rnl_meter_fault fault;
        seed = round;
        sample_init(&sample, 1 + draw(EVENTS_MAX));
        put_sample(&writer, &sample);
        /* The harness itself: protobuf-c agrees that it is that batch. */
        Runnel__V1__IngestRequest *request =
            runnel__v1__ingest_request__unpack(NULL, writer.len, writer.bytes);
        assert_non_null(request);
        assert_int_equal(request->batch->n_values, sample.batch.n_values);
        runnel__v1__ingest_request__free_unpacked(request, NULL);
        assert_int_equal(
            decode(&decoder, writer.bytes, writer.len, &batch, &fault), RNL_OK);
        check_sample(&batch, &sample);
    }
    rnl_event_decoder_fini(&decoder);
}

/* A copy of its own for each length, so that a read behind it is seen. */
static void every_truncation_is_refused_or_whole(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    for (uint64_t round = 1; round <= 40; round++) {
        struct sample sample;
        struct writer writer = {.len = 0};
        seed = round;
        sample_init(&sample, 1 + draw(20));
        put_sample(&writer, &sample);
        for (size_t len = 0; len < writer.len; len++) {
            struct rnl_event_batch batch;
            struct rnl_meter_fault fault;
            uint8_t *copy = malloc(len + 1);
            assert_non_null(copy);
            memcpy(copy, writer.bytes, len);
            enum rnl_code code = decode(&decoder, copy, len, &batch, &fault);
            if (code == RNL_INVALID_ARGUMENT) {
                assert_non_null(fault.field);
                assert_non_null(fault.what);
            } else {
                assert_int_equal(code, RNL_OK);
            }
            free(copy);
        }
    }
    rnl_event_decoder_fini(&decoder);
}

/* Keeps the reads from being left out. */
static volatile double sink;

static void read_all(const struct rnl_event_batch *batch)
{
    const struct rnl_meter_batch *columns = &batch->columns;
    double sum = 0;
    assert_in_range(columns->event_count, 1, RNL_METER_BATCH_EVENTS_MAX);
    assert_true(columns->key_count <= RNL_METER_BATCH_EVENTS_MAX);
    for (size_t i = 0; i < columns->event_count; i++) {
        sum += columns->key_indexes[i];
        sum += columns->values == NULL ? 0 : columns->values[i];
        sum += columns->latencies_ms == NULL ? 0
                                             : (double)columns->latencies_ms[i];
        sum +=
            columns->time_offsets_ms == NULL ? 0 : columns->time_offsets_ms[i];
    }
    for (size_t i = 0; i < columns->key_count; i++)
        sum += columns->key_lengths[i];
    for (size_t i = 0; i < columns->keys_len; i++)
        sum += columns->keys[i];
    sink = sum;
}

/* Corrupted bytes are refused, or are another batch of sound shape. */
static void corrupted_batches_never_read_beyond(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    size_t refused = 0;
    for (uint64_t round = 1; round <= 20000; round++) {
        struct sample sample;
        struct writer writer = {.len = 0};
        struct rnl_event_batch batch;
        struct rnl_meter_fault fault;
        seed = round;
        sample_init(&sample, 1 + draw(20));
        put_sample(&writer, &sample);
        for (uint64_t hits = 1 + draw(4); hits > 0; hits--)
            writer.bytes[draw(writer.len)] = (uint8_t)draw(256);
        uint8_t *copy = malloc(writer.len);
        assert_non_null(copy);
        memcpy(copy, writer.bytes, writer.len);
        if (decode(&decoder, copy, writer.len, &batch, &fault) == RNL_OK)
            read_all(&batch);
        else
            refused++;
        free(copy);
    }
    assert_in_range(refused, 1000, 19999);
    rnl_event_decoder_fini(&decoder);
}

static void check_refused(const struct writer *batch, const char *field,
                          const char *what)
{
    struct rnl_event_decoder decoder = {0};
    static struct writer request;
    struct rnl_event_batch got;
    struct rnl_meter_fault fault;
    request.len = 0;
    put_block(&request, 1, batch->bytes, batch->len);
    assert_int_equal(decode(&decoder, request.bytes, request.len, &got, &fault),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.field, field);
    assert_string_equal(fault.what, what);
    assert_true(fault.index == SIZE_MAX);
    rnl_event_decoder_fini(&decoder);
}

static void a_bad_shape_names_its_field(void **state)
{
    (void)state;
    const uint32_t indexes[2] = {0, 0};
    const uint8_t bytes[24] = {0};
    struct writer writer = {.len = 0};
    check_refused(&writer, "key_indexes", "has no entries: 1 to 65536");
    put_block(&writer, 4, indexes, 7);
    check_refused(&writer, "key_indexes", "ends inside of an entry");
    writer.len = 0;
    put_block(&writer, 4, indexes, 8);
    put_block(&writer, 5, bytes, 24);
    check_refused(&writer, "values",
                  "must be empty or have one entry for each of key_indexes");
    writer.len = 0;
    put_block(&writer, 4, indexes, 8);
    put_block(&writer, 6, bytes, 4);
    check_refused(&writer, "latencies_ms",
                  "must be empty or have one entry for each of key_indexes");
    writer.len = 0;
    put_block(&writer, 4, indexes, 8);
    put_block(&writer, 8, bytes, 4);
    check_refused(&writer, "time_offsets_ms",
                  "must be empty or have one entry for each of key_indexes");
    writer.len = 0;
    put_tag(&writer, 5, RNL_WIRE_FIXED32);
    put(&writer, bytes, 4);
    check_refused(&writer, "values", "has another wire type");
    writer.len = 0;
    put_number(&writer, 1, 7);
    check_refused(&writer, "stream", "has another wire type");
    writer.len = 0;
    put_block(&writer, 10, bytes, 1);
    check_refused(&writer, "producer_sequence", "has another wire type");
    writer.len = 0;
    put_block(&writer, 3, "\x80\x80", 2);
    check_refused(&writer, "key_lengths", "ends inside of an entry");
    writer.len = 0;
    put(&writer, "\x07", 1);
    check_refused(&writer, "", "the bytes are not an EventBatch");
}

static void a_request_without_a_batch_says_so(void **state)
{
    (void)state;
    struct rnl_event_decoder decoder = {0};
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault;
    uint8_t none[1] = {0};
    assert_int_equal(decode(&decoder, none, 0, &batch, &fault),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(fault.what, "is missing");
    rnl_event_decoder_fini(&decoder);
}

/* ---- bounds ---- */

/* A request with a column of so many zeros, packed or not. Free it. */
static uint8_t *long_column(unsigned number, size_t count, size_t width,
                            bool packed, size_t *ret_len)
{
    bool is_varint = number == 3;
    size_t room = 64 + count * (width + 1);
    uint8_t *bytes = calloc(1, room);
    assert_non_null(bytes);
    size_t item = is_varint ? 1 : width;
    uint8_t tag = (uint8_t)(number << 3 | (is_varint    ? RNL_WIRE_VARINT
                                           : width == 8 ? RNL_WIRE_FIXED64
                                                        : RNL_WIRE_FIXED32));
    uint8_t *body = bytes + 16;
    uint8_t *at = body;
    if (packed) {
        *at++ = (uint8_t)(number << 3 | RNL_WIRE_BYTES);
        at += rnl_wire_put_varint(at, count * item);
        at += count * item;
    } else {
        for (size_t i = 0; i < count; i++) {
            *at = tag;
            at += 1 + item;
        }
    }
    size_t body_len = (size_t)(at - body);
    uint8_t head[16];
    head[0] = 1 << 3 | RNL_WIRE_BYTES;
    size_t head_len = 1 + rnl_wire_put_varint(head + 1, body_len);
    memmove(bytes + head_len, body, body_len);
    memcpy(bytes, head, head_len);
    *ret_len = head_len + body_len;
    return bytes;
}

static void a_column_has_at_most_65536_entries(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        size_t width;
        const char *name;
    } columns[] = {
        {3, 4, "key_lengths"},  {4, 4, "key_indexes"},     {5, 8, "values"},
        {6, 4, "latencies_ms"}, {8, 4, "time_offsets_ms"},
    };
    struct rnl_event_decoder decoder = {0};
    for (size_t i = 0; i < 10; i++) {
        struct rnl_event_batch batch;
        struct rnl_meter_fault fault;
        size_t len;
        uint8_t *bytes = long_column(columns[i / 2].number, 65537,
                                     columns[i / 2].width, i % 2 == 0, &len);
        assert_int_equal(decode(&decoder, bytes, len, &batch, &fault),
                         RNL_INVALID_ARGUMENT);
        assert_string_equal(fault.field, columns[i / 2].name);
        assert_string_equal(fault.what, "has more than 65536 entries");
        free(bytes);
    }
    size_t len;
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault;
    uint8_t *bytes = long_column(4, 65536, 4, false, &len);
    assert_int_equal(decode(&decoder, bytes, len, &batch, &fault), RNL_OK);
    assert_int_equal(batch.columns.event_count, 65536);
    free(bytes);
    size_t kept = 0;
    for (size_t i = 0; i < RNL_COLUMN_COUNT; i++)
        kept += decoder.columns[i].own_cap;
    assert_true(kept <= 1536 * 1024);
    rnl_event_decoder_fini(&decoder);
}

static void want_of_memory_is_reported(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 30; round++) {
        struct sample sample;
        struct writer writer = {.len = 0};
        struct rnl_event_batch batch;
        struct rnl_meter_fault fault;
        seed = round;
        sample_init(&sample, EVENTS_MAX);
        put_sample(&writer, &sample);
        for (size_t k = 1;; k++) {
            struct rnl_event_decoder decoder = {0};
            fault_at(k, round % 2 == 0);
            enum rnl_code code =
                decode(&decoder, writer.bytes, writer.len, &batch, &fault);
            size_t seen = fault_stop();
            if (code == RNL_OK)
                check_sample(&batch, &sample);
            else
                assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
            rnl_event_decoder_fini(&decoder);
            if (seen < k)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_canonical_batch_is_decoded_wherever_it_lies),
        cmocka_unit_test(aligned_columns_are_lent),
        cmocka_unit_test(any_encoding_of_a_batch_is_the_same),
        cmocka_unit_test(every_truncation_is_refused_or_whole),
        cmocka_unit_test(corrupted_batches_never_read_beyond),
        cmocka_unit_test(a_bad_shape_names_its_field),
        cmocka_unit_test(a_request_without_a_batch_says_so),
        cmocka_unit_test(a_column_has_at_most_65536_entries),
        cmocka_unit_test(want_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
