/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <runnel/v1/jobs.pb-c.h>
#include <runnel/v1/stats.pb-c.h>

#include "bind.h"

#define LIST      (&runnel__v1__list_jobs_request__descriptor)
#define STATS     (&runnel__v1__get_stats_request__descriptor)
#define FREQUENCY (&runnel__v1__get_frequency_request__descriptor)
#define GET       (&runnel__v1__get_job_request__descriptor)
#define CREATE    (&runnel__v1__create_job_request__descriptor)
#define QUANTILES (&runnel__v1__get_quantiles_request__descriptor)
#define RANK      (&runnel__v1__get_rank_request__descriptor)

static struct rnl_pbjson_error error;

/* What binding parameters ("name=value" each, then NULL) makes of {}. */
static void assert_bound(const ProtobufCMessageDescriptor *descriptor,
                         const char *const *params, const char *want)
{
    json_t *object = json_object();
    for (; *params != NULL; params++) {
        char name[64];
        size_t len = strcspn(*params, "=");
        snprintf(name, sizeof(name), "%.*s", (int)len, *params);
        if (rnl_bind(object, descriptor, name, *params + len + 1, &error) !=
            RNL_OK)
            fail_msg("%s: %s: %s", *params, error.field, error.what);
    }
    char *got = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(got, want);
    free(got);
    json_decref(object);
}

/* The last of the parameters is refused, by its name. */
static void assert_refused(const ProtobufCMessageDescriptor *descriptor,
                           const char *const *params)
{
    json_t *object = json_object();
    enum rnl_code code = RNL_OK;
    char name[64] = "";
    for (; *params != NULL; params++) {
        assert_int_equal(code, RNL_OK);
        size_t len = strcspn(*params, "=");
        snprintf(name, sizeof(name), "%.*s", (int)len, *params);
        code = rnl_bind(object, descriptor, name, *params + len + 1, &error);
    }
    assert_int_equal(code, RNL_INVALID_ARGUMENT);
    assert_string_equal(error.field, name);
    assert_int_not_equal(error.what[0], '\0');
    json_decref(object);
}

#define BOUND(descriptor, want, ...) \
    assert_bound(descriptor, (const char *const[]){__VA_ARGS__, NULL}, want)
#define REFUSED(descriptor, ...) \
    assert_refused(descriptor, (const char *const[]){__VA_ARGS__, NULL})

static void fields_are_bound_in_either_spelling(void **state)
{
    (void)state;
    BOUND(LIST, "{\"page_size\":\"5\"}", "page_size=5");
    BOUND(LIST, "{\"page_size\":\"5\"}", "pageSize=5");
    BOUND(GET, "{\"include_input\":true}", "include_input=true");
    BOUND(LIST, "{\"kind\":\"\"}", "kind=");
    REFUSED(LIST, "page_size=5", "pageSize=5");
    REFUSED(GET, "include_input=1");
    REFUSED(GET, "nope=1");
    REFUSED(GET, "=1");
    REFUSED(CREATE, "input=x");
}

static void repeated_fields_take_several(void **state)
{
    (void)state;
    BOUND(FREQUENCY, "{\"keys\":[\"a\",\"b\",\"c\"]}", "keys=a", "key=b",
          "keys=c");
    BOUND(QUANTILES, "{\"q\":[\"0.5\",\"1\"]}", "q=0.5", "q=1");
    BOUND(RANK, "{\"values\":[\"1\"]}", "value=1");
}

static void enums_are_bound_by_their_short_names_too(void **state)
{
    (void)state;
    BOUND(LIST, "{\"states\":[\"JOB_STATE_RUNNING\",\"JOB_STATE_FAILED\"]}",
          "state=running", "states=JOB_STATE_FAILED");
    BOUND(RANK, "{\"metric\":\"METRIC_LATENCY\"}", "metric=latency");
    REFUSED(LIST, "state=lost");
    REFUSED(LIST, "state=2");
    REFUSED(RANK, "metric=");
}

static void entries_of_maps_have_a_dot(void **state)
{
    (void)state;
    BOUND(LIST, "{\"labels\":{\"a.b\":\"2\",\"team\":\"x\"}}", "labels.team=x",
          "labels.a.b=2");
    REFUSED(LIST, "labels.team=x", "labels.team=y");
    REFUSED(LIST, "kind.x=1");
    REFUSED(LIST, "nope.x=1");
    REFUSED(LIST, "labels=x");
}

static void a_window_is_seconds(void **state)
{
    (void)state;
    BOUND(STATS, "{\"window_seconds\":\"300\"}", "window=5m");
    BOUND(STATS, "{\"window_seconds\":\"0\"}", "window=all");
    BOUND(STATS, "{\"window_seconds\":\"60\"}", "window_seconds=60");
    REFUSED(STATS, "window=5x");
    REFUSED(STATS, "window=5m", "window=1m");
    REFUSED(LIST, "window=5m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_bound_in_either_spelling),
        cmocka_unit_test(repeated_fields_take_several),
        cmocka_unit_test(enums_are_bound_by_their_short_names_too),
        cmocka_unit_test(entries_of_maps_have_a_dot),
        cmocka_unit_test(a_window_is_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
