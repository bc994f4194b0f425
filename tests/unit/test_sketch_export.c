/* SPDX-License-Identifier: Apache-2.0 */
/* ExportSketch: what is written can be read, and says the same. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aspect_bytes.h"
#include "export.h"
#include "fault.h"
#include "sketch/frequent_datasketches.h"
#include "sketch/hash.h"
#include "sketch/histogram_ddsketch.h"
#include "sketch/histogram_otlp.h"
#include "sketch/hll_datasketches.h"
#include "sketch/hll_redis.h"
#include "sketch/log_histogram.h"
#include "stream_fixture.h"

static struct event_batch batch;

static void fill(struct rnl_core *core, const char *name, int from, int count)
{
    batch_init(&batch, name);
    for (int i = from; i < from + count; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        batch_add(&batch, key, i + 1, (i + 1) / 8.0);
        if (batch.batch.n_key_indexes == 1000) {
            ingest_ok(core, &batch);
            batch_init(&batch, name);
        }
    }
    if (batch.batch.n_key_indexes > 0)
        ingest_ok(core, &batch);
}

static struct outcome export(struct rnl_core *core, const char *name, int kind,
                             int format)
{
    Runnel__V1__ExportSketchRequest request =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.kind = (Runnel__V1__SketchKind)kind;
    request.format = (Runnel__V1__SketchFormat)format;
    return call(core, "ExportSketch", &request.base,
                &runnel__v1__export_sketch_response__descriptor);
}

static double unique_of(struct rnl_core *core, const char *name)
{
    struct outcome outcome = get_stats(core, name, 0, 1);
    double value = ((Runnel__V1__GetStatsResponse *)outcome.answer)
                       ->stats->unique_keys->value;
    expect(outcome, RNL_OK, NULL);
    return value;
}

static void near(double value, double expected, double relative)
{
    if (!(fabs(value - expected) <= fabs(expected) * relative))
        fail_msg("%.17g, expected %.17g", value, expected);
}

typedef enum rnl_code reader(struct rnl_hll *hll, const uint8_t *bytes,
                             size_t len);

/* Exports the unique keys, reads them, and adds them to all. */
static double read_unique(struct rnl_core *core, const char *name, int format,
                          reader *read, struct rnl_hll *all)
{
    struct rnl_hll hll = {0};
    struct rnl_hll_estimate estimate;
    struct outcome outcome = export(core, name, RNL_SKETCH_OF_UNIQUE, format);
    assert_string_equal(outcome.message, "");
    Runnel__V1__ExportSketchResponse *answer = outcome.answer;
    assert_string_equal(answer->content_type, "application/octet-stream");
    assert_int_equal(rnl_hll_init(&hll, 14, RNL_HASH_NATIVE, 0), RNL_OK);
    assert_int_equal(read(&hll, answer->sketch.data, answer->sketch.len),
                     RNL_OK);
    rnl_hll_estimate(&hll, &estimate);
    if (all != NULL)
        assert_int_equal(rnl_hll_merge(all, &hll), RNL_OK);
    rnl_hll_fini(&hll);
    expect(outcome, RNL_OK, NULL);
    return estimate.value;
}

static void unique_keys_can_be_read_and_merged(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_hll all = {0};
    struct rnl_hll_estimate estimate;
    streams_setup(&core);
    fill(&core, "a", 0, 60000);
    fill(&core, "b", 40000, 60000);
    fill(&core, "few", 0, 50);
    assert_int_equal(rnl_hll_init(&all, 14, RNL_HASH_NATIVE, 0), RNL_OK);
    near(read_unique(&core, "a", RNL_SKETCH_FORMAT_RUNNEL, rnl_hll_deserialize,
                     &all),
         unique_of(&core, "a"), 1e-12);
    near(read_unique(&core, "b", RNL_SKETCH_FORMAT_RUNNEL, rnl_hll_deserialize,
                     &all),
         unique_of(&core, "b"), 1e-12);
    near(read_unique(&core, "few", RNL_SKETCH_FORMAT_RUNNEL,
                     rnl_hll_deserialize, &all),
         50, 1e-12);
    /* Three standard errors of 0.8 %. */
    rnl_hll_estimate(&all, &estimate);
    near(estimate.value, 100000, 0.025);
    rnl_hll_fini(&all);
    streams_teardown(&core);
}

static void few_keys_can_be_written_for_others(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core, "few", 0, 50);
    fill(&core, "many", 0, 60000);
    near(read_unique(&core, "few", RNL_SKETCH_FORMAT_REDIS, rnl_hll_redis_read,
                     NULL),
         50, 0.02);
    near(read_unique(&core, "few", RNL_SKETCH_FORMAT_DATASKETCHES,
                     rnl_hll_datasketches_read, NULL),
         50, 0.02);
    struct outcome outcome =
        export(&core, "many", RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_REDIS);
    assert_non_null(strstr(outcome.message, "known by name"));
    expect(outcome, RNL_FAILED_PRECONDITION, NULL);
    expect(export(&core, "many", RNL_SKETCH_OF_UNIQUE,
                  RNL_SKETCH_FORMAT_DATASKETCHES),
           RNL_FAILED_PRECONDITION, NULL);
    streams_teardown(&core);
}

/* Reads a distribution in a format into an empty histogram. */
static enum rnl_code read_distribution(struct rnl_histogram *histogram,
                                       int format,
                                       const ProtobufCBinaryData *sketch)
{
    const char *what;
    rnl_histogram_init(histogram);
    if (format == RNL_SKETCH_FORMAT_DDSKETCH)
        return rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_FLOOR,
                                            sketch->data, sketch->len, &what);
    if (format == RNL_SKETCH_FORMAT_OTEL)
        return rnl_histogram_merge_otlp(histogram, sketch->data, sketch->len,
                                        &what);
    struct rnl_digest_metric metric = {.rough = NULL};
    rnl_moments_init(&metric.moments);
    rnl_histogram_init(&metric.histogram);
    enum rnl_code code =
        rnl_digest_metric_read(&metric, sketch->data, sketch->len);
    assert_int_equal(metric.moments.count, 8000);
    rnl_moments_fini(&metric.moments);
    *histogram = metric.histogram;
    return code;
}

static void check_distribution(struct rnl_core *core, int kind, int format)
{
    struct rnl_histogram histogram;
    struct outcome outcome = export(core, "web", kind, format);
    assert_string_equal(outcome.message, "");
    Runnel__V1__ExportSketchResponse *answer = outcome.answer;
    assert_string_equal(answer->content_type, format == RNL_SKETCH_FORMAT_RUNNEL
                                                  ? "application/octet-stream"
                                                  : "application/x-protobuf");
    assert_int_equal(read_distribution(&histogram, format, &answer->sketch),
                     RNL_OK);
    assert_int_equal(rnl_histogram_count(&histogram), 8000);
    near(rnl_histogram_quantile(&histogram, 0.5),
         kind == RNL_SKETCH_OF_VALUE ? 4000 : 500, RNL_HISTOGRAM_ERROR + 1e-3);
    rnl_histogram_fini(&histogram);
    expect(outcome, RNL_OK, NULL);
}

static void distributions_can_be_read(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core, "web", 0, 8000);
    for (int format = RNL_SKETCH_FORMAT_RUNNEL;
         format <= RNL_SKETCH_FORMAT_OTEL; format++) {
        check_distribution(&core, RNL_SKETCH_OF_VALUE, format);
        check_distribution(&core, RNL_SKETCH_OF_LATENCY, format);
    }
    streams_teardown(&core);
}

static void frequencies_can_be_read(void **state)
{
    (void)state;
    struct rnl_core core;
    struct rnl_frequent frequent;
    uint64_t total;
    streams_setup(&core);
    fill(&core, "web", 0, 300);
    fill(&core, "web", 0, 100);
    struct outcome outcome = export(&core, "web", RNL_SKETCH_OF_FREQUENCY,
                                    RNL_SKETCH_FORMAT_DATASKETCHES);
    assert_string_equal(outcome.message, "");
    Runnel__V1__ExportSketchResponse *answer = outcome.answer;
    rnl_frequent_init(&frequent, 2);
    assert_int_equal(rnl_frequent_datasketches_read(&frequent, 1,
                                                    answer->sketch.data,
                                                    answer->sketch.len, &total),
                     RNL_OK);
    assert_int_equal(total, 400);
    assert_int_equal(frequent.entry_count, 300);
    const struct rnl_frequent_entry *entry =
        rnl_frequent_find(&frequent, rnl_hash("k99", 3, 1));
    assert_non_null(entry);
    assert_int_equal(entry->count, 2);
    rnl_frequent_fini(&frequent);
    expect(outcome, RNL_OK, NULL);
    streams_teardown(&core);
}

static void an_empty_stream_has_empty_sketches(void **state)
{
    (void)state;
    struct rnl_core core;
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    streams_setup(&core);
    config.name = (char *)"web";
    expect(create_stream(&core, &config), RNL_OK, NULL);
    near(read_unique(&core, "web", RNL_SKETCH_FORMAT_RUNNEL,
                     rnl_hll_deserialize, NULL),
         0, 0);
    near(read_unique(&core, "web", RNL_SKETCH_FORMAT_REDIS, rnl_hll_redis_read,
                     NULL),
         0, 0);
    for (int format = RNL_SKETCH_FORMAT_RUNNEL;
         format <= RNL_SKETCH_FORMAT_OTEL; format++)
        expect(export(&core, "web", RNL_SKETCH_OF_VALUE, format), RNL_OK, NULL);
    streams_teardown(&core);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct rnl_core core;
    streams_setup(&core);
    fill(&core, "web", 0, 10);
    expect(export(&core, "web", 0, 1), RNL_INVALID_ARGUMENT, "kind");
    expect(export(&core, "web", 5, 1), RNL_INVALID_ARGUMENT, "kind");
    expect(export(&core, "web", 1, 0), RNL_INVALID_ARGUMENT, "format");
    expect(export(&core, "web", 1, 6), RNL_INVALID_ARGUMENT, "format");
    expect(
        export(&core, "web", RNL_SKETCH_OF_UNIQUE, RNL_SKETCH_FORMAT_DDSKETCH),
        RNL_INVALID_ARGUMENT, "format");
    expect(export(&core, "web", RNL_SKETCH_OF_VALUE, RNL_SKETCH_FORMAT_REDIS),
           RNL_INVALID_ARGUMENT, "format");
    expect(
        export(&core, "web", RNL_SKETCH_OF_FREQUENCY, RNL_SKETCH_FORMAT_REDIS),
        RNL_INVALID_ARGUMENT, "format");
    expect(export(&core, "nobody", 1, 1), RNL_NOT_FOUND, NULL);
    Runnel__V1__ExportSketchRequest request =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    request.stream = (char *)"web";
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_UNIQUE;
    request.format = RUNNEL__V1__SKETCH_FORMAT__SKETCH_FORMAT_RUNNEL;
    request.window_seconds = 61;
    expect(call(&core, "ExportSketch", &request.base,
                &runnel__v1__export_sketch_response__descriptor),
           RNL_INVALID_ARGUMENT, "window_seconds");
    streams_teardown(&core);
}

static void want_of_memory_costs_the_call(void **state)
{
    (void)state;
    static const int formats[] = {
        RNL_SKETCH_FORMAT_RUNNEL,       RNL_SKETCH_FORMAT_REDIS,
        RNL_SKETCH_FORMAT_DATASKETCHES, RNL_SKETCH_FORMAT_RUNNEL,
        RNL_SKETCH_FORMAT_DDSKETCH,     RNL_SKETCH_FORMAT_OTEL};
    struct rnl_core core;
    streams_setup(&core);
    fill(&core, "web", 0, 300);
    for (size_t i = 0; i < 6; i++) {
        Runnel__V1__ExportSketchRequest request =
            RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
        request.stream = (char *)"web";
        request.kind = i < 3 ? RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_UNIQUE
                             : RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_VALUE;
        request.format = (Runnel__V1__SketchFormat)formats[i];
        size_t refused = 0;
        for (size_t k = 1; k < 200; k++) {
            struct rnl_stream stream;
            fault_at(k, false);
            fake_call(&stream, &core, &rnl_stats_service, "ExportSketch",
                      &request.base);
            size_t seen = fault_stop();
            if (stream.code != RNL_OK)
                assert_int_equal(stream.code, RNL_RESOURCE_EXHAUSTED);
            refused += stream.code != RNL_OK;
            fake_close(&stream);
            if (seen < k)
                break;
        }
        assert_true(refused > 0);
    }
    streams_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unique_keys_can_be_read_and_merged),
        cmocka_unit_test(few_keys_can_be_written_for_others),
        cmocka_unit_test(distributions_can_be_read),
        cmocka_unit_test(frequencies_can_be_read),
        cmocka_unit_test(an_empty_stream_has_empty_sketches),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(want_of_memory_costs_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
