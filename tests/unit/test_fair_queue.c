/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which jobs begin, against a plain model of it, and the limits
 * that an operator may set. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"
#include "kind_limits.h"
#include "splitmix.h"

static struct rnl_job *wait_in(struct rnl_fair_queue *queue, int32_t priority,
                               const char *tenant)
{
    struct rnl_job *job = calloc(1, sizeof(*job));
    assert_non_null(job);
    assert_int_equal(rnl_job_lane_use(queue, priority, tenant, &job->lane),
                     RNL_OK);
    rnl_fair_queue_add(job);
    return job;
}

static void drop(struct rnl_job *job)
{
    rnl_job_lane_leave(job->lane);
    free(job);
}

/* Begins the next job and returns its tenant; the job is gone. */
static void begin_next(struct rnl_fair_queue *queue, char ret_tenant[32])
{
    struct rnl_job *job = rnl_fair_queue_first(queue);
    assert_non_null(job);
    snprintf(ret_tenant, 32, "%s", job->lane->tenant);
    rnl_fair_queue_begin(job);
    drop(job);
}

static void tenants_take_turns_whatever_their_backlog(void **state)
{
    (void)state;
    struct rnl_fair_queue queue;
    char tenant[32];
    rnl_fair_queue_init(&queue, 1);
    for (int i = 0; i < 1000; i++)
        (void)wait_in(&queue, 0, "greedy");
    for (int i = 0; i < 3; i++) {
        (void)wait_in(&queue, 0, "small");
        (void)wait_in(&queue, 0, "third");
    }
    assert_int_equal(queue.job_count, 1006);
    static const char *const turns[] = {"greedy", "small", "third"};
    for (size_t i = 0; i < 9; i++) {
        begin_next(&queue, tenant);
        assert_string_equal(tenant, turns[i % 3]);
    }
    /* Who comes back does not jump the line, nor waits for the backlog. */
    (void)wait_in(&queue, 0, "small");
    begin_next(&queue, tenant);
    assert_string_equal(tenant, "greedy");
    begin_next(&queue, tenant);
    assert_string_equal(tenant, "small");
    while (queue.job_count > 0)
        begin_next(&queue, tenant);
    assert_int_equal(queue.lane_count, 0);
    rnl_fair_queue_fini(&queue);
}

static void priority_goes_before_turns(void **state)
{
    (void)state;
    struct rnl_fair_queue queue;
    char tenant[32];
    rnl_fair_queue_init(&queue, 1);
    assert_int_equal(rnl_fair_queue_level(&queue), -1);
    assert_null(rnl_fair_queue_first(&queue));
    (void)wait_in(&queue, -100, "low");
    (void)wait_in(&queue, 100, "high");
    (void)wait_in(&queue, 100, "high");
    (void)wait_in(&queue, -28, "word");
    assert_int_equal(rnl_fair_queue_level(&queue), 200);
    static const char *const order[] = {"high", "high", "word", "low"};
    for (size_t i = 0; i < 4; i++) {
        begin_next(&queue, tenant);
        assert_string_equal(tenant, order[i]);
    }
    rnl_fair_queue_fini(&queue);
}

/* Whose turn it was has it again. */
static void a_job_that_is_given_back_is_the_first_again(void **state)
{
    (void)state;
    struct rnl_fair_queue queue;
    rnl_fair_queue_init(&queue, 5);
    struct rnl_job *first = wait_in(&queue, 0, "a");
    struct rnl_job *second = wait_in(&queue, 0, "a");
    struct rnl_job *other = wait_in(&queue, 0, "b");
    rnl_fair_queue_begin(first);
    assert_ptr_equal(rnl_fair_queue_first(&queue), other);
    rnl_fair_queue_return(first);
    assert_ptr_equal(rnl_fair_queue_first(&queue), first);
    assert_int_equal(queue.job_count, 3);
    rnl_fair_queue_begin(first);
    rnl_fair_queue_begin(other);
    rnl_fair_queue_begin(second);
    assert_null(rnl_fair_queue_first(&queue));
    rnl_fair_queue_return(other);
    assert_ptr_equal(rnl_fair_queue_first(&queue), other);
    rnl_fair_queue_remove(other);
    drop(first);
    drop(second);
    drop(other);
    rnl_fair_queue_fini(&queue);
}

/* ---- a model: a list of all, walked ---- */

#define MODEL_JOBS    20000
#define MODEL_TENANTS 7
#define MODEL_LEVELS  3

struct model {
    /* Jobs in the order in which they came; NULL: gone. */
    struct rnl_job *jobs[MODEL_JOBS];
    size_t count;
    /* Tenants that wait, in the order of their turns. */
    int line[MODEL_LEVELS][MODEL_TENANTS];
    int line_len[MODEL_LEVELS];
    int waiting[MODEL_LEVELS][MODEL_TENANTS];
};

static const int32_t priorities[MODEL_LEVELS] = {-100, 0, 100};

static void model_leave_line(struct model *model, int level, int tenant)
{
    int *line = model->line[level];
    int at = 0;
    while (line[at] != tenant)
        at++;
    memmove(line + at, line + at + 1,
            (size_t)(--model->line_len[level] - at) * sizeof(line[0]));
}

static void model_add(struct model *model, struct rnl_fair_queue *queue,
                      uint64_t random)
{
    int level = (int)(random % MODEL_LEVELS);
    int tenant = (int)(random / 16 % MODEL_TENANTS);
    char name[32];
    snprintf(name, sizeof(name), "tenant %d", tenant);
    struct rnl_job *job = wait_in(queue, priorities[level], name);
    job->attempt = (uint32_t)(level * MODEL_TENANTS + tenant);
    model->jobs[model->count++] = job;
    if (model->waiting[level][tenant]++ == 0)
        model->line[level][model->line_len[level]++] = tenant;
}

static void model_forget(struct model *model, size_t at, bool had_turn)
{
    struct rnl_job *job = model->jobs[at];
    int level = (int)job->attempt / MODEL_TENANTS;
    int tenant = (int)job->attempt % MODEL_TENANTS;
    bool last = --model->waiting[level][tenant] == 0;
    if (last || had_turn)
        model_leave_line(model, level, tenant);
    if (!last && had_turn)
        model->line[level][model->line_len[level]++] = tenant;
    model->jobs[at] = NULL;
    drop(job);
}

static size_t model_first(const struct model *model)
{
    int level = MODEL_LEVELS - 1;
    while (model->line_len[level] == 0)
        level--;
    uint32_t want = (uint32_t)(level * MODEL_TENANTS + model->line[level][0]);
    size_t at = 0;
    while (model->jobs[at] == NULL || model->jobs[at]->attempt != want)
        at++;
    return at;
}

static void any_mix_is_as_the_model_says(void **state)
{
    (void)state;
    static struct model model;
    struct rnl_fair_queue queue;
    uint64_t seed = 7;
    rnl_fair_queue_init(&queue, seed);
    while (model.count < 2000 || queue.job_count > 0) {
        uint64_t random = splitmix(&seed);
        if (model.count < 2000 && random % 8 < 4) {
            model_add(&model, &queue, random >> 8);
        } else if (queue.job_count > 0 && random % 8 < 7) {
            size_t at = model_first(&model);
            struct rnl_job *first = rnl_fair_queue_first(&queue);
            assert_ptr_equal(first, model.jobs[at]);
            rnl_fair_queue_begin(first);
            model_forget(&model, at, true);
        } else if (queue.job_count > 0) {
            /* A cancel, of any that waits. */
            size_t at = (size_t)(random >> 8) % model.count;
            if (model.jobs[at] == NULL)
                continue;
            rnl_fair_queue_remove(model.jobs[at]);
            model_forget(&model, at, false);
        }
    }
    assert_null(rnl_fair_queue_first(&queue));
    rnl_fair_queue_fini(&queue);
}

/* As many tenants as jobs: the table grows, and everybody has a turn. */
static void each_of_many_tenants_has_its_turn(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    struct rnl_fair_queue queue;
    char name[32];
    rnl_fair_queue_init(&queue, 99);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        (void)wait_in(&queue, 0, name);
        (void)wait_in(&queue, 0, name);
    }
    assert_int_equal(queue.lane_count, COUNT);
    for (int i = 0; i < 2 * COUNT; i++) {
        char tenant[32];
        snprintf(name, sizeof(name), "t%d", i % COUNT);
        begin_next(&queue, tenant);
        assert_string_equal(tenant, name);
    }
    assert_int_equal(queue.lane_count, 0);
    rnl_fair_queue_fini(&queue);
}

static void a_lane_without_memory_is_refused(void **state)
{
    (void)state;
    struct rnl_fair_queue queue;
    struct rnl_job_lane *lane = NULL;
    rnl_fair_queue_init(&queue, 1);
    for (size_t k = 1; k <= 2; k++) {
        fault_at(k, false);
        enum rnl_code code = rnl_job_lane_use(&queue, 0, "x", &lane);
        fault_stop();
        assert_int_equal(code, RNL_RESOURCE_EXHAUSTED);
        assert_null(lane);
    }
    assert_int_equal(rnl_job_lane_use(&queue, 0, "x", &lane), RNL_OK);
    rnl_job_lane_leave(lane);
    rnl_fair_queue_fini(&queue);
}

/* ---- limits ---- */

static void limits_are_read_and_bad_ones_refused(void **state)
{
    (void)state;
    struct rnl_kind_limits limits = {.count = 0};
    const char *error = NULL;
    assert_int_equal(
        rnl_kind_limits_parse("echo=2,my.llm_1-a=1000000", &limits, &error),
        RNL_OK);
    assert_int_equal(rnl_kind_limits_of(&limits, "echo"), 2);
    assert_int_equal(rnl_kind_limits_of(&limits, "my.llm_1-a"), 1000000);
    assert_true(rnl_kind_limits_of(&limits, "ech") == UINT64_MAX);
    assert_true(rnl_kind_limits_of(NULL, "echo") == UINT64_MAX);
    static const char *const bad[] = {
        "echo",        "echo=",
        "echo=0",      "echo=1000001",
        "echo=-1",     "echo=1x",
        "=1",          "Echo=1",
        "echo=1,",     ",echo=1",
        "echo=1,,",    "echo=1,echo=2",
        "echo=1 ,b=2", "echo=99999999999999999999",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = NULL;
        assert_int_equal(rnl_kind_limits_parse(bad[i], &limits, &error),
                         RNL_INVALID_ARGUMENT);
        assert_non_null(error);
    }
    /* What was there stays. */
    assert_int_equal(rnl_kind_limits_of(&limits, "echo"), 2);
    assert_int_equal(rnl_kind_limits_parse("", &limits, &error), RNL_OK);
    assert_int_equal(limits.count, 0);
}

static void more_kinds_than_fit_are_refused(void **state)
{
    (void)state;
    char text[RNL_KIND_LIMITS_MAX * 16] = "";
    struct rnl_kind_limits limits;
    const char *error = NULL;
    size_t len = 0;
    for (int i = 0; i < RNL_KIND_LIMITS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%sk%d=1",
                                i == 0 ? "" : ",", i);
    assert_int_equal(rnl_kind_limits_parse(text, &limits, &error), RNL_OK);
    assert_int_equal(limits.count, RNL_KIND_LIMITS_MAX);
    snprintf(text + len, sizeof(text) - len, ",one-more=1");
    assert_int_equal(rnl_kind_limits_parse(text, &limits, &error),
                     RNL_INVALID_ARGUMENT);
    assert_string_equal(error, "at most 64 kinds");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_take_turns_whatever_their_backlog),
        cmocka_unit_test(priority_goes_before_turns),
        cmocka_unit_test(a_job_that_is_given_back_is_the_first_again),
        cmocka_unit_test(any_mix_is_as_the_model_says),
        cmocka_unit_test(each_of_many_tenants_has_its_turn),
        cmocka_unit_test(a_lane_without_memory_is_refused),
        cmocka_unit_test(limits_are_read_and_bad_ones_refused),
        cmocka_unit_test(more_kinds_than_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
