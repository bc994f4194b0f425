/* SPDX-License-Identifier: Apache-2.0 */
/* MergeSketch as a call: once for each number of a producer, and what is wrong
 * is named. What a merge does is in test_sketch_merge.c. */
#include "test.h"

#include <string.h>

#include "export.h"
#include "stream_fixture.h"

static struct event_batch batch;

static struct outcome export(struct rnl_core *core, const char *name, int kind)
{
    Runnel__V1__ExportSketchRequest request =
        RUNNEL__V1__EXPORT_SKETCH_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.kind = (Runnel__V1__SketchKind)kind;
    request.format = RUNNEL__V1__SKETCH_FORMAT__SKETCH_FORMAT_RUNNEL;
    return call(core, "ExportSketch", &request.base,
                &runnel__v1__export_sketch_response__descriptor);
}

static Runnel__V1__MergeSketchRequest request_of(const char *name, int kind,
                                                 const struct outcome *exported)
{
    const Runnel__V1__ExportSketchResponse *answer = exported->answer;
    Runnel__V1__MergeSketchRequest request =
        RUNNEL__V1__MERGE_SKETCH_REQUEST__INIT;
    request.stream = (char *)(uintptr_t)name;
    request.kind = (Runnel__V1__SketchKind)kind;
    request.format = RUNNEL__V1__SKETCH_FORMAT__SKETCH_FORMAT_RUNNEL;
    request.sketch = answer->sketch;
    return request;
}

static struct outcome merge(struct rnl_core *core,
                            const Runnel__V1__MergeSketchRequest *request)
{
    return call(core, "MergeSketch", &request->base,
                &runnel__v1__merge_sketch_response__descriptor);
}

static void assert_merged(struct outcome outcome, uint64_t count,
                          bool duplicate)
{
    assert_string_equal(outcome.message, "");
    const Runnel__V1__MergeSketchResponse *answer = outcome.answer;
    assert_int_equal(answer->count, count);
    assert_int_equal(answer->duplicate, duplicate);
    expect(outcome, RNL_OK, NULL);
}

static uint64_t values_of(struct rnl_core *core, const char *name)
{
    struct outcome outcome = get_stats(core, name, 0, 1);
    uint64_t count =
        ((Runnel__V1__GetStatsResponse *)outcome.answer)->stats->value->count;
    expect(outcome, RNL_OK, NULL);
    return count;
}

static void setup(struct rnl_core *core)
{
    streams_setup(core);
    batch_init(&batch, "from");
    for (int i = 0; i < 10; i++)
        batch_add(&batch, "k", i, 1);
    ingest_ok(core, &batch);
    batch_one(&batch, "into", "k", 5);
    ingest_ok(core, &batch);
}

static void a_sketch_is_merged_once_for_each_number(void **state)
{
    (void)state;
    struct rnl_core core;
    setup(&core);
    struct outcome exported = export(&core, "from", RNL_SKETCH_OF_VALUE);
    Runnel__V1__MergeSketchRequest request =
        request_of("into", RNL_SKETCH_OF_VALUE, &exported);
    request.producer_id = (char *)"job-7";
    request.producer_sequence = 3;
    assert_merged(merge(&core, &request), 10, false);
    assert_merged(merge(&core, &request), 0, true);
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_LATENCY;
    expect(merge(&core, &request), RNL_ALREADY_EXISTS, NULL);
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_VALUE;
    request.sketch.len--;
    expect(merge(&core, &request), RNL_ALREADY_EXISTS, NULL);
    request.sketch.len++;
    request.producer_sequence = 2;
    assert_merged(merge(&core, &request), 0, true);
    assert_int_equal(values_of(&core, "into"), 11);
    request.producer_sequence = 4;
    assert_merged(merge(&core, &request), 10, false);
    request.producer_id = (char *)"";
    request.producer_sequence = 0;
    assert_merged(merge(&core, &request), 10, false);
    assert_merged(merge(&core, &request), 10, false);
    assert_int_equal(values_of(&core, "into"), 41);
    expect(exported, RNL_OK, NULL);
    streams_teardown(&core);
}

static void a_sketch_that_was_refused_may_come_again(void **state)
{
    (void)state;
    struct rnl_core core;
    setup(&core);
    struct outcome exported = export(&core, "from", RNL_SKETCH_OF_VALUE);
    Runnel__V1__MergeSketchRequest request =
        request_of("into", RNL_SKETCH_OF_LATENCY, &exported);
    request.producer_id = (char *)"p";
    request.producer_sequence = 1;
    request.sketch.len--;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "sketch");
    request.sketch.len++;
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_VALUE;
    assert_merged(merge(&core, &request), 10, false);
    expect(exported, RNL_OK, NULL);
    streams_teardown(&core);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    struct rnl_core core;
    char long_id[66];
    setup(&core);
    memset(long_id, 'x', 65);
    long_id[65] = '\0';
    struct outcome exported = export(&core, "from", RNL_SKETCH_OF_VALUE);
    const Runnel__V1__MergeSketchRequest good =
        request_of("into", RNL_SKETCH_OF_VALUE, &exported);
    Runnel__V1__MergeSketchRequest request = good;
    request.stream = (char *)"nobody";
    expect(merge(&core, &request), RNL_NOT_FOUND, NULL);
    request.stream = (char *)"a b";
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "stream");
    request.stream = (char *)"_rpc";
    expect(merge(&core, &request), RNL_PERMISSION_DENIED, NULL);
    request = good;
    request.kind = (Runnel__V1__SketchKind)0;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "kind");
    request = good;
    request.format = (Runnel__V1__SketchFormat)6;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "format");
    request.format = RUNNEL__V1__SKETCH_FORMAT__SKETCH_FORMAT_REDIS_HYLL;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "format");
    request = good;
    request.kind = RUNNEL__V1__SKETCH_KIND__SKETCH_KIND_UNIQUE;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "sketch");
    request = good;
    request.producer_id = (char *)"p";
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "producer_sequence");
    request.producer_id = long_id;
    request.producer_sequence = 1;
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "producer_id");
    request.producer_id = (char *)"";
    expect(merge(&core, &request), RNL_INVALID_ARGUMENT, "producer_id");
    assert_int_equal(values_of(&core, "into"), 1);
    expect(exported, RNL_OK, NULL);
    streams_teardown(&core);
}

static void a_server_that_is_full_merges_nothing(void **state)
{
    (void)state;
    struct rnl_core core;
    setup(&core);
    struct outcome exported = export(&core, "from", RNL_SKETCH_OF_VALUE);
    Runnel__V1__MergeSketchRequest request =
        request_of("into", RNL_SKETCH_OF_VALUE, &exported);
    core.options.max_stats_bytes = 1;
    expect(merge(&core, &request), RNL_RESOURCE_EXHAUSTED, NULL);
    core.options.max_stats_bytes = UINT64_MAX;
    assert_merged(merge(&core, &request), 10, false);
    expect(exported, RNL_OK, NULL);
    streams_teardown(&core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sketch_is_merged_once_for_each_number),
        cmocka_unit_test(a_sketch_that_was_refused_may_come_again),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_server_that_is_full_merges_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
