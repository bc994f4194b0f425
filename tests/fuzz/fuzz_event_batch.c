/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of events: what the decoder takes is what protobuf-c reads. */
#include "fuzz.h"

#include <string.h>

#include <runnel/v1/events.pb-c.h>

#include "event_batch.h"
#include "wire.h"

static void same(const void *got, const void *expected, size_t got_count,
                 size_t expected_count, size_t width)
{
    FUZZ_CHECK(got_count == expected_count ||
               (got == NULL && expected_count == 0));
    if (expected_count > 0)
        FUZZ_CHECK(memcmp(got, expected, expected_count * width) == 0);
}

static void compare(const struct rnl_event_batch *got,
                    const Runnel__V1__EventBatch *expected)
{
    const struct rnl_meter_batch *columns = &got->columns;
    size_t count = columns->event_count;
    same(columns->keys, expected->keys.data, columns->keys_len,
         expected->keys.len, 1);
    same(columns->key_indexes, expected->key_indexes, count,
         expected->n_key_indexes, 4);
    same(columns->values, expected->values, columns->values == NULL ? 0 : count,
         expected->n_values, 8);
    same(columns->latencies_ms, expected->latencies_ms,
         columns->latencies_ms == NULL ? 0 : count, expected->n_latencies_ms,
         4);
    same(columns->time_offsets_ms, expected->time_offsets_ms,
         columns->time_offsets_ms == NULL ? 0 : count,
         expected->n_time_offsets_ms, 4);
    FUZZ_CHECK(columns->key_count == expected->n_key_lengths);
    FUZZ_CHECK(columns->time_base_ms == expected->time_base_ms);
    FUZZ_CHECK(got->producer_sequence == expected->producer_sequence);
}

/* protobuf-c 1.4 loses numbers when it merges two parts of a message; protoc
 * and this decoder do not. */
static bool is_in_parts(const uint8_t *data, size_t size)
{
    struct rnl_wire wire = {data, data + size};
    struct rnl_wire_field field;
    int parts = 0;
    while (rnl_wire_next(&wire, &field) == RNL_WIRE_FIELD)
        parts += field.number == 1;
    return parts > 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rnl_event_decoder decoder = {0};
    struct rnl_event_batch batch;
    struct rnl_meter_fault fault = {0};
    enum rnl_code code =
        rnl_event_batch_decode(&decoder, data, size, &batch, &fault);
    if (code == RNL_OK) {
        FUZZ_CHECK(batch.columns.event_count > 0);
        Runnel__V1__IngestRequest *request =
            runnel__v1__ingest_request__unpack(NULL, size, data);
        if (request != NULL && !is_in_parts(data, size))
            compare(&batch, request->batch);
        runnel__v1__ingest_request__free_unpacked(request, NULL);
    } else {
        FUZZ_CHECK(code == RNL_INVALID_ARGUMENT);
        FUZZ_CHECK(fault.field != NULL && fault.what != NULL);
    }
    rnl_event_decoder_fini(&decoder);
    return 0;
}
