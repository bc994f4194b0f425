/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of events, read back by protobuf-c: what was put in, and nothing
 * else, for every set of columns and at every bound. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runnel/v1/events.pb-c.h>

#include "batch.h"
#include "fault.h"

#define EVENTS_MAX 1000

static const struct rnl_batch_label label = {"web", "producer-1", 300};

static struct rnl_event event_of(unsigned columns, const char *key, double n)
{
    return (struct rnl_event){
        .key = key,
        .key_len = strlen(key),
        .has_value = (columns & RNL_COLUMN_VALUE) != 0,
        .has_latency = (columns & RNL_COLUMN_LATENCY) != 0,
        .has_time = (columns & RNL_COLUMN_TIME) != 0,
        .value = -n,
        .latency_ms = n / 4,
        .time_ms = 1700000000000 + (int64_t)n,
    };
}

/* The caller frees it. Demands that the size was foretold. */
static Runnel__V1__IngestRequest *decode(const struct rnl_batch *batch)
{
    size_t len = rnl_batch_size(batch, &label);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    bytes[len] = 0xa5;
    rnl_batch_encode(batch, &label, bytes);
    assert_int_equal(bytes[len], 0xa5);
    Runnel__V1__IngestRequest *request =
        runnel__v1__ingest_request__unpack(NULL, len, bytes);
    free(bytes);
    assert_non_null(request);
    assert_non_null(request->batch);
    assert_string_equal(request->batch->stream, label.stream);
    assert_string_equal(request->batch->producer_id, label.producer_id);
    assert_int_equal(request->batch->producer_sequence, label.sequence);
    return request;
}

/* Where the key of an event begins. */
static const uint8_t *key_of(const Runnel__V1__EventBatch *batch, size_t event,
                             size_t *ret_len)
{
    size_t at = 0;
    uint32_t index = batch->key_indexes[event];
    assert_true(index < batch->n_key_lengths);
    for (uint32_t i = 0; i < index; i++)
        at += batch->key_lengths[i];
    *ret_len = batch->key_lengths[index];
    assert_true(at + *ret_len <= batch->keys.len);
    return batch->keys.data + at;
}

static void check_event(const Runnel__V1__EventBatch *batch, size_t at,
                        const struct rnl_event *event)
{
    size_t len;
    const uint8_t *key = key_of(batch, at, &len);
    assert_int_equal(len, event->key_len);
    assert_memory_equal(key, event->key, len);
    if (event->has_value)
        assert_true(batch->values[at] == event->value);
    if (event->has_latency)
        assert_true(batch->latencies_ms[at] == (float)event->latency_ms);
    if (event->has_time)
        assert_int_equal(batch->time_base_ms +
                             (int64_t)batch->time_offsets_ms[at],
                         event->time_ms);
}

static void every_set_of_columns_is_read_back(void **state)
{
    static const char *const keys[] = {"b", "a", "b", "", "c"};
    static char long_key[257];
    (void)state;
    memset(long_key, 'k', 256);
    for (unsigned columns = 0; columns < RNL_COLUMN_SETS; columns++) {
        struct rnl_batch batch;
        struct rnl_event events[5];
        assert_true(rnl_batch_init(&batch, columns, 10, 4096));
        for (size_t i = 0; i < 5; i++) {
            const char *key = keys[i][0] == '\0' ? long_key : keys[i];
            /* The times fall, so that the base moves. */
            events[i] = event_of(columns, key, 100 - (double)i * 7);
            assert_int_equal(rnl_event_columns(&events[i]), columns);
            assert_int_equal(rnl_batch_add(&batch, &events[i]),
                             RNL_BATCH_ADDED);
        }
        Runnel__V1__IngestRequest *request = decode(&batch);
        const Runnel__V1__EventBatch *read = request->batch;
        assert_int_equal(read->n_key_indexes, 5);
        assert_int_equal(read->n_key_lengths, 4);
        assert_int_equal(read->n_values, events[0].has_value ? 5 : 0);
        assert_int_equal(read->n_latencies_ms, events[0].has_latency ? 5 : 0);
        assert_int_equal(read->n_time_offsets_ms, events[0].has_time ? 5 : 0);
        for (size_t i = 0; i < 5; i++)
            check_event(read, i, &events[i]);
        runnel__v1__ingest_request__free_unpacked(request, NULL);
        rnl_batch_fini(&batch);
    }
}

static void a_batch_ends_at_its_events(void **state)
{
    struct rnl_batch batch;
    struct rnl_event event = event_of(0, "key", 1);
    (void)state;
    assert_true(rnl_batch_init(&batch, 0, 3, 4096));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
        assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_FULL);
        assert_int_equal(batch.event_count, 3);
        rnl_batch_reset(&batch);
    }
    rnl_batch_fini(&batch);
}

/* The bound holds for the encoded request, with room for its label. */
static void a_batch_ends_at_its_bytes(void **state)
{
    (void)state;
    for (unsigned columns = 0; columns < RNL_COLUMN_SETS; columns++) {
        struct rnl_batch batch;
        char key[257];
        unsigned n = 0;
        assert_true(rnl_batch_init(&batch, columns, 65536, 4096));
        enum rnl_batch_added added;
        do {
            /* Distinct, and of all lengths. */
            int len = (int)(1 + n * 7 % 250);
            snprintf(key, sizeof(key), "%0*u", len < 5 ? 5 : len, n++);
            struct rnl_event event = event_of(columns, key, n);
            added = rnl_batch_add(&batch, &event);
        } while (added == RNL_BATCH_ADDED);
        assert_int_equal(added, RNL_BATCH_FULL);
        assert_true(batch.event_count > 20);
        assert_true(rnl_batch_size(&batch, &label) < 4096 + 64);
        rnl_batch_fini(&batch);
    }
}

/* Offsets have 32 bits. */
static void times_too_far_apart_need_another_batch(void **state)
{
    struct rnl_batch batch;
    struct rnl_event event = event_of(RNL_COLUMN_TIME, "key", 0);
    const int64_t first = event.time_ms;
    (void)state;
    assert_true(rnl_batch_init(&batch, RNL_COLUMN_TIME, 10, 4096));
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
    event.time_ms = first + UINT32_MAX;
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
    event.time_ms = first - 1;
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_FULL);
    event.time_ms = first + (int64_t)UINT32_MAX + 1;
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_FULL);
    Runnel__V1__IngestRequest *request = decode(&batch);
    assert_int_equal(request->batch->time_base_ms, first);
    assert_int_equal(request->batch->time_offsets_ms[1], UINT32_MAX);
    runnel__v1__ingest_request__free_unpacked(request, NULL);
    /* The ends of the clock, one after the other. */
    rnl_batch_reset(&batch);
    event.time_ms = 1;
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
    event.time_ms = INT64_MAX;
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_FULL);
    rnl_batch_reset(&batch);
    assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
    rnl_batch_fini(&batch);
}

static void a_key_that_is_not_text_is_refused_and_leaves_no_trace(void **state)
{
    struct rnl_batch batch;
    struct rnl_event good = event_of(RNL_COLUMN_VALUE, "good", 1);
    struct rnl_event bad = event_of(RNL_COLUMN_VALUE, "b\xff", 2);
    (void)state;
    assert_true(rnl_batch_init(&batch, RNL_COLUMN_VALUE, 10, 4096));
    assert_int_equal(rnl_batch_add(&batch, &bad), RNL_BATCH_BAD_KEY);
    assert_int_equal(rnl_batch_add(&batch, &good), RNL_BATCH_ADDED);
    assert_int_equal(rnl_batch_add(&batch, &bad), RNL_BATCH_BAD_KEY);
    Runnel__V1__IngestRequest *request = decode(&batch);
    assert_int_equal(request->batch->n_key_indexes, 1);
    assert_int_equal(request->batch->n_key_lengths, 1);
    check_event(request->batch, 0, &good);
    runnel__v1__ingest_request__free_unpacked(request, NULL);
    rnl_batch_fini(&batch);
}

/* Many keys, some of them alike, over many batches of one builder. */
static void many_keys_are_told_apart(void **state)
{
    struct rnl_batch batch;
    static char keys[EVENTS_MAX][16];
    (void)state;
    assert_true(rnl_batch_init(&batch, 0, EVENTS_MAX, 1 << 20));
    for (unsigned round = 1; round <= 20; round++) {
        unsigned distinct = round * 37;
        for (unsigned i = 0; i < EVENTS_MAX; i++) {
            snprintf(keys[i], sizeof(keys[i]), "key-%u", i * i % distinct);
            struct rnl_event event = event_of(0, keys[i], i);
            assert_int_equal(rnl_batch_add(&batch, &event), RNL_BATCH_ADDED);
        }
        Runnel__V1__IngestRequest *request = decode(&batch);
        assert_true(request->batch->n_key_lengths <= distinct);
        for (unsigned i = 0; i < EVENTS_MAX; i++) {
            struct rnl_event event = event_of(0, keys[i], i);
            check_event(request->batch, i, &event);
        }
        runnel__v1__ingest_request__free_unpacked(request, NULL);
        rnl_batch_reset(&batch);
    }
    rnl_batch_fini(&batch);
}

static void without_memory_there_is_no_batch(void **state)
{
    struct rnl_batch batch;
    (void)state;
    fault_count();
    assert_true(rnl_batch_init(&batch, 7, 100, 4096));
    size_t count = fault_stop();
    rnl_batch_fini(&batch);
    assert_true(count >= 7);
    for (size_t k = 1; k <= count; k++) {
        fault_at(k, false);
        assert_false(rnl_batch_init(&batch, 7, 100, 4096));
        fault_stop();
        assert_null(batch.key_indexes);
        rnl_batch_fini(&batch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_of_columns_is_read_back),
        cmocka_unit_test(a_batch_ends_at_its_events),
        cmocka_unit_test(a_batch_ends_at_its_bytes),
        cmocka_unit_test(times_too_far_apart_need_another_batch),
        cmocka_unit_test(a_key_that_is_not_text_is_refused_and_leaves_no_trace),
        cmocka_unit_test(many_keys_are_told_apart),
        cmocka_unit_test(without_memory_there_is_no_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
