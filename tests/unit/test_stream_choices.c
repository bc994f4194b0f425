/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream chooses when it is created: how distinct keys are counted, by
 * whose hash, and which time sorts events. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "export.h"
#include "fault.h"
#include "sketch/hll_datasketches.h"
#include "sketch/hll_redis.h"
#include "sketch/ultraloglog.h"
#include "stream_fixture.h"

#define KEYS 60000

static struct event_batch batch;

static Runnel__V1__StreamConfig config_of(const char *name)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t)name;
    return config;
}

static void create_hashed(struct rnl_core *core, const char *name, int hash,
                          uint32_t precision)
{
    Runnel__V1__StreamConfig config = config_of(name);
    config.key_hash = (Runnel__V1__KeyHash)hash;
    config.unique_precision = precision;
    expect(create_stream(core, &config), RNL_OK, NULL);
}

/* Half of the batches have a second for each four events, so that their parts
 * are added event by event, and some of those are late. */
static void fill(struct rnl_core *core, const char *name)
{
    batch_init(&batch, name);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        batch_add(&batch, key, i, 1);
        size_t count = batch.batch.n_key_indexes;
        batch.offsets[count - 1] = (uint32_t)(count / 4 * 1000);
        if (count < 1000)
            continue;
        if (i / 1000 % 2 == 1) {
            batch_time(&batch, START_MS - 4000000);
            batch.batch.n_time_offsets_ms = count;
        }
        ingest_ok(core, &batch);
        batch_init(&batch, name);
    }
}

static struct outcome export(struct rnl_core *core, const char *name,
                             int format, uint32_t window_seconds)
{
    Runnel__V1__ExportSketchRequest request =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_UNIQUE;
    request.format = (Runnel__V1__SketchFormat)format;
    request.window_seconds = window_seconds;
    return call(core, "ExportSketch", &request.base,
                &runnel__v1__export_sketch_response__descriptor);
}

/* The sketch of all keys that fill makes, by itself. */
static void sketch_all(struct rnl_hll *hll, enum rnl_hash_profile profile,
                       unsigned precision)
{
    assert_int_equal(rnl_hll_init(hll, precision, profile, 0), RNL_OK);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        size_t len = (size_t)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(
            rnl_hll_update(hll, rnl_hash_profiled(profile, key, len, 0)),
            RNL_OK);
    }
}

static struct rnl_meter_estimate unique_of(struct rnl_core *core,
                                           const char *name)
{
    struct outcome outcome = get_stats(core, name, 0, 1);
    const Runnel__V1__Estimate *unique =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->unique_keys;
    struct rnl_meter_estimate estimate = {unique->value, unique->lower,
                                          unique->upper, unique->confidence};
    expect(outcome, RNL_OK, NULL);
    return estimate;
}

static void assert_bytes(struct outcome outcome, const uint8_t *bytes,
                         size_t len)
{
    assert_string_equal(outcome.message, "");
    const Runnel__V1__ExportSketchResponse *answer = outcome.answer;
    assert_int_equal(answer->sketch.len, len);
    assert_memory_equal(answer->sketch.data, bytes, len);
    expect(outcome, RNL_OK, NULL);
}

static void redis_has_its_registers_of_any_number_of_keys(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_hll all = {0};
    struct rnl_hll_estimate estimate;
    uint8_t bytes[RNL_HLL_REDIS_DENSE_LEN];
    streams_setup(&core);
    create_hashed(&core, "r", RNL_KEY_HASH_REDIS, 0);
    fill(&core, "r");
    sketch_all(&all, RNL_HASH_REDIS, 14);
    assert_int_equal(rnl_hll_redis_len(&all), sizeof(bytes));
    rnl_hll_redis_write(&all, bytes);
    assert_bytes(export(&core, "r", RNL_SKETCH_FORMAT_REDIS, 0), bytes,
                 sizeof(bytes));
    rnl_hll_estimate(&all, &estimate);
    assert_true(fabs(unique_of(&core, "r").value - estimate.value) < 1e-6);
    expect(export(&core, "r", RNL_SKETCH_FORMAT_REDIS, 60), RNL_OK, NULL);
    expect(export(&core, "r", RNL_SKETCH_FORMAT_DATASKETCHES, 0),
           RNL_FAILED_PRECONDITION, NULL);
    rnl_hll_fini(&all);
    streams_teardown(&core);
}

static void datasketches_has_its_registers_too(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_hll all = {0};
    streams_setup(&core);
    create_hashed(&core, "d", RNL_KEY_HASH_DATASKETCHES, 12);
    fill(&core, "d");
    sketch_all(&all, RNL_HASH_DATASKETCHES, 12);
    size_t len = rnl_hll_datasketches_len(&all);
    uint8_t *bytes = rnl_malloc(len);
    assert_non_null(bytes);
    rnl_hll_datasketches_write(&all, bytes);
    assert_bytes(export(&core, "d", RNL_SKETCH_FORMAT_DATASKETCHES, 0), bytes,
                 len);
    rnl_free(bytes);
    rnl_hll_fini(&all);
    streams_teardown(&core);
}

static void few_keys_stay_exact_whatever_the_hash(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    for (int hash = RNL_KEY_HASH_RUNNEL; hash <= RNL_KEY_HASH_DATASKETCHES;
         hash++) {
        char name[16];
        snprintf(name, sizeof(name), "h%d", hash);
        create_hashed(&core, name, hash, 0);
        batch_init(&batch, name);
        for (int i = 0; i < 300; i++) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", i % 150);
            batch_add(&batch, key, i, 1);
        }
        ingest_ok(&core, &batch);
        struct rnl_meter_estimate estimate = unique_of(&core, name);
        assert_true(estimate.value == 150 && estimate.confidence == 1);
        expect(export(&core, name, RNL_SKETCH_FORMAT_REDIS, 0), RNL_OK, NULL);
        expect(export(&core, name, RNL_SKETCH_FORMAT_DATASKETCHES, 0), RNL_OK,
               NULL);
    }
    streams_teardown(&core);
}

static void ultraloglog_counts_and_is_written_for_runnel_alone(void **state)
{
    (void)state;
    struct rnl_core core;
    Runnel__V1__StreamConfig config = config_of("u");
    struct rnl_hll read = {0};
    struct rnl_hll_estimate estimate;
    streams_setup(&core);
    config.unique_algorithm =
        RUNNEL__V1__UNIQUE_ALGORITHM__UNIQUE_ALGORITHM_ULTRALOGLOG;
    expect(create_stream(&core, &config), RNL_OK, NULL);
    fill(&core, "u");
    struct rnl_meter_estimate unique = unique_of(&core, "u");
    /* Four standard errors of 0.61 %; the hash has no seed, so no chance. */
    assert_true(fabs(unique.value / KEYS - 1) < 0.025);
    assert_true(unique.confidence < 1);
    /* The bounds are those of two standard errors of UltraLogLog. */
    assert_true(unique.upper - unique.lower < 4.2 * 0.00612 * KEYS);
    struct outcome outcome = export(&core, "u", RNL_SKETCH_FORMAT_RUNNEL, 0);
    const Runnel__V1__ExportSketchResponse *answer = outcome.answer;
    assert_memory_equal(answer->sketch.data, "RULL", 4);
    assert_int_equal(rnl_ull_init(&read, 14, 0), RNL_OK);
    assert_int_equal(
        rnl_hll_deserialize(&read, answer->sketch.data, answer->sketch.len),
        RNL_OK);
    rnl_hll_estimate(&read, &estimate);
    assert_true(fabs(estimate.value - unique.value) < 1e-6);
    rnl_hll_fini(&read);
    expect(outcome, RNL_OK, NULL);
    outcome = export(&core, "u", RNL_SKETCH_FORMAT_REDIS, 0);
    assert_non_null(strstr(outcome.message, "key_hash"));
    expect(outcome, RNL_FAILED_PRECONDITION, NULL);
    streams_teardown(&core);
}

static uint64_t count_of(struct rnl_core *core, const char *name,
                         uint32_t window_seconds)
{
    struct outcome outcome = get_stats(core, name, window_seconds, 1);
    uint64_t count =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->count;
    expect(outcome, RNL_OK, NULL);
    return count;
}

static void by_arrival_no_event_is_late_or_ahead(void **state)
{
    (void)state;
    struct rnl_core core;
    Runnel__V1__StreamConfig config = config_of("a");
    streams_setup(&core);
    config.time_basis = RUNNEL__V1__TIME_BASIS__TIME_BASIS_ARRIVAL;
    expect(create_stream(&core, &config), RNL_OK, NULL);
    static const int64_t times[] = {1, START_MS - 7200000, START_MS + 7200000};
    for (size_t i = 0; i < 3; i++) {
        batch_one(&batch, "a", "k", 1);
        batch_time(&batch, times[i]);
        ingest_ok(&core, &batch);
        batch_one(&batch, "e", "k", 1);
        batch_time(&batch, times[i]);
        expect(ingest(&core, &batch), i < 2 ? RNL_OK : RNL_INVALID_ARGUMENT,
               NULL);
    }
    assert_int_equal(count_of(&core, "a", 60), 3);
    assert_int_equal(count_of(&core, "e", 60), 1);
    streams_teardown(&core);
}

static void defaults_are_shown_and_others_conflict(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    Runnel__V1__StreamConfig config = config_of("s");
    struct outcome outcome = create_stream(&core, &config);
    const Runnel__V1__StreamConfig *made =
        ((Runnel__V1__CreateStreamResponse *)outcome.answer)->stream->config;
    assert_int_equal(made->unique_algorithm, RNL_UNIQUE_BY_HYPERLOGLOG);
    assert_int_equal(made->key_hash, RNL_KEY_HASH_RUNNEL);
    assert_int_equal(made->time_basis, RNL_TIME_BASIS_EVENT);
    expect(outcome, RNL_OK, NULL);
    config.key_hash = RUNNEL__V1__KEY_HASH__KEY_HASH_RUNNEL;
    expect(create_stream(&core, &config), RNL_OK, NULL);
    config.key_hash = RUNNEL__V1__KEY_HASH__KEY_HASH_REDIS;
    outcome = create_stream(&core, &config);
    assert_non_null(strstr(outcome.message, "key_hash"));
    expect(outcome, RNL_ALREADY_EXISTS, NULL);
    config = config_of("s");
    config.unique_algorithm =
        RUNNEL__V1__UNIQUE_ALGORITHM__UNIQUE_ALGORITHM_ULTRALOGLOG;
    outcome = create_stream(&core, &config);
    assert_non_null(strstr(outcome.message, "unique_algorithm"));
    expect(outcome, RNL_ALREADY_EXISTS, NULL);
    config = config_of("s");
    config.time_basis = RUNNEL__V1__TIME_BASIS__TIME_BASIS_ARRIVAL;
    outcome = create_stream(&core, &config);
    assert_non_null(strstr(outcome.message, "time_basis"));
    expect(outcome, RNL_ALREADY_EXISTS, NULL);
    streams_teardown(&core);
}

static void what_does_not_go_together_is_refused(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    Runnel__V1__StreamConfig config = config_of("s");
    config.key_hash = RUNNEL__V1__KEY_HASH__KEY_HASH_REDIS;
    config.unique_precision = 12;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.unique_precision");
    config.unique_precision = 14;
    config.unique_algorithm =
        RUNNEL__V1__UNIQUE_ALGORITHM__UNIQUE_ALGORITHM_ULTRALOGLOG;
    expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
           "config.unique_algorithm");
    for (int wrong = -1; wrong <= 9; wrong += 10) {
        config = config_of("s");
        config.key_hash = (Runnel__V1__KeyHash)wrong;
        expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
               "config.key_hash");
        config = config_of("s");
        config.unique_algorithm = (Runnel__V1__UniqueAlgorithm)wrong;
        expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
               "config.unique_algorithm");
        config = config_of("s");
        config.time_basis = (Runnel__V1__TimeBasis)wrong;
        expect(create_stream(&core, &config), RNL_INVALID_ARGUMENT,
               "config.time_basis");
    }
    streams_teardown(&core);
}

/* Whole or not at all with the second hash, too. */
static void want_of_memory_costs_the_batch(void **state)
{
    (void)state;
    for (size_t k = 1; k < 100; k++) {
        struct rnl_core core;
        struct rnl_stream stream;
        streams_setup(&core);
        create_hashed(&core, "r", RNL_KEY_HASH_REDIS, 0);
        Runnel__V1__IngestBatchRequest request =
            RUNNEL__V1__INGEST_BATCH_REQUEST__INIT;
        batch_init(&batch, "r");
        for (int i = 0; i < 500; i++) {
            char key[16];
            snprintf(key, sizeof(key), "k%d", i);
            batch_add(&batch, key, i, 1);
        }
        request.batch = &batch.batch;
        fault_at(k, false);
        fake_call(&stream, &core, &rnl_event_service, "IngestBatch",
                  &request.base);
        size_t seen = fault_stop();
        double counted = unique_of(&core, "r").value;
        /* It may be the answer that found no memory. */
        assert_true(counted == 500 ||
                    (counted == 0 && stream.code == RNL_RESOURCE_EXHAUSTED));
        fake_close(&stream);
        streams_teardown(&core);
        if (seen < k)
            return;
    }
    fail_msg("no end of allocations");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_has_its_registers_of_any_number_of_keys),
        cmocka_unit_test(datasketches_has_its_registers_too),
        cmocka_unit_test(few_keys_stay_exact_whatever_the_hash),
        cmocka_unit_test(ultraloglog_counts_and_is_written_for_runnel_alone),
        cmocka_unit_test(by_arrival_no_event_is_late_or_ahead),
        cmocka_unit_test(defaults_are_shown_and_others_conflict),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(want_of_memory_costs_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
