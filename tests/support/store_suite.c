/* SPDX-License-Identifier: Apache-2.0 */
#include "store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "fault.h"
#include "store_memory.h"
#include "test.h"

#define SECOND INT64_C(1000000000)

static const struct store_factory *factory;

static const struct store_limits roomy = {
    .jobs_max = 1000,
    .log_bytes_max = 1 << 20,
    .bytes_max = 64 << 20,
};

/* What the store reported. */
struct probe {
    struct rnl_store *store;
    int committed_count;
    uint64_t committed_sequence;
    int removed_count;
    char removed_id[RNL_JOB_ID_LEN + 1];
    int order;
};

struct ask {
    struct rnl_store_request request;
    struct probe *probe;
    int done_count;
    int order;
};

static void on_committed(void *arg, const char *job_id, uint64_t sequence)
{
    struct probe *probe = arg;
    assert_int_equal(strlen(job_id), RNL_JOB_ID_LEN);
    probe->committed_count++;
    probe->committed_sequence = sequence;
}

static void on_removed(void *arg, const char *job_id)
{
    struct probe *probe = arg;
    probe->removed_count++;
    memcpy(probe->removed_id, job_id, RNL_JOB_ID_LEN + 1);
}

static void on_done(struct rnl_store_request *request, enum rnl_code code)
{
    struct ask *ask = (struct ask *)request;
    assert_int_equal(code, RNL_OK);
    ask->done_count++;
    ask->order = ++ask->probe->order;
}

static struct rnl_store *begin(struct probe *probe,
                               const struct store_limits *limits)
{
    *probe = (struct probe){0};
    probe->store = factory->create(limits);
    assert_non_null(probe->store);
    probe->store->listener = (struct rnl_store_listener){
        .committed = on_committed,
        .removed = on_removed,
        .arg = probe,
    };
    return probe->store;
}

static void settle(struct rnl_store *store)
{
    factory->settle(store);
}

/* ---- builders ---- */

/* A job as the engine would make it; the texts point into it. */
struct sample {
    Runnel__V1__Job job;
    char id[RNL_JOB_ID_LEN + 1];
    Google__Protobuf__Timestamp end_time;
    Google__Protobuf__Duration retention;
    Runnel__V1__Payload input;
    Runnel__V1__Job__LabelsEntry label;
    Runnel__V1__Job__LabelsEntry *labels[1];
};

static void sample_init(struct sample *sample, int number)
{
    *sample = (struct sample){
        .job = RUNNEL__V1__JOB__INIT,
        .end_time = GOOGLE__PROTOBUF__TIMESTAMP__INIT,
        .retention = GOOGLE__PROTOBUF__DURATION__INIT,
        .input = RUNNEL__V1__PAYLOAD__INIT,
        .label = RUNNEL__V1__JOB__LABELS_ENTRY__INIT,
    };
    snprintf(sample->id, sizeof(sample->id), "%026d", number);
    sample->job.id = sample->id;
    sample->job.kind = (char *)"echo";
    sample->job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED;
    sample->retention.seconds = 60;
    sample->job.retention = &sample->retention;
    sample->label.key = (char *)"parity";
    sample->label.value = (char *)(number % 2 == 0 ? "even" : "odd");
    sample->labels[0] = &sample->label;
    sample->job.labels = sample->labels;
    sample->job.n_labels = 1;
}

static enum rnl_code append(struct rnl_store *store, const char *id,
                            uint64_t sequence, const char *text)
{
    struct rnl_event event = {
        .sequence = sequence,
        .time_ns = (int64_t)sequence * SECOND,
        .type = RNL_EVENT_TEXT,
        .data = (const uint8_t *)text,
        .len = strlen(text),
    };
    return store->ops->append(store, id, &event, 1);
}

static enum rnl_code put_sample(struct rnl_store *store, struct sample *sample)
{
    struct rnl_event first = {
        .sequence = 1,
        .time_ns = SECOND,
        .type = RNL_EVENT_STATE,
        .data = (const uint8_t *)"q",
        .len = 1,
    };
    struct rnl_request_hash hash = {.low = 7, .high = 9};
    return store->ops->put(store, &sample->job, &hash, &first, NULL);
}

static void put(struct rnl_store *store, int number)
{
    struct sample sample;
    sample_init(&sample, number);
    assert_int_equal(put_sample(store, &sample), RNL_OK);
}

static void end(struct rnl_store *store, int number, uint64_t sequence,
                int64_t end_s)
{
    struct sample sample;
    sample_init(&sample, number);
    static const uint8_t data[RNL_STORE_END_MAX] = "e";
    struct rnl_event event = {
        .sequence = sequence,
        .type = RNL_EVENT_END,
        .data = data,
        .len = sizeof(data),
    };
    assert_int_equal(store->ops->append(store, sample.id, &event, 1), RNL_OK);
    sample.job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
    sample.end_time.seconds = end_s;
    sample.job.end_time = &sample.end_time;
    assert_int_equal(store->ops->update(store, &sample.job, NULL), RNL_OK);
}

static bool stored(struct rnl_store *store, int number)
{
    struct sample sample;
    sample_init(&sample, number);
    struct rnl_store_log log;
    return store->ops->log(store, sample.id, &log) == RNL_OK;
}

/* ---- cases ---- */

static void a_job_is_read_back_as_it_was_put(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct sample sample;
    sample_init(&sample, 1);
    sample.input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    sample.input.text = (char *)"the input";
    sample.job.input = &sample.input;
    assert_int_equal(put_sample(store, &sample), RNL_OK);
    assert_int_equal(put_sample(store, &sample), RNL_ALREADY_EXISTS);

    Runnel__V1__Job *job;
    assert_int_equal(store->ops->get(store, sample.id, false, &job), RNL_OK);
    assert_string_equal(job->kind, "echo");
    assert_string_equal(job->labels[0]->value, "odd");
    assert_null(job->input);
    runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    assert_int_equal(store->ops->get(store, sample.id, true, &job), RNL_OK);
    assert_string_equal(job->input->text, "the input");
    runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    assert_int_equal(store->ops->get(store, "0", true, &job), RNL_NOT_FOUND);
    factory->destroy(store);
}

static void an_input_is_read_alone(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct sample with;
    struct sample without;
    Runnel__V1__Payload *input;
    sample_init(&with, 1);
    sample_init(&without, 2);
    with.input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    with.input.text = (char *)"the input";
    with.job.input = &with.input;
    without.job.input = NULL;
    assert_int_equal(put_sample(store, &with), RNL_OK);
    assert_int_equal(put_sample(store, &without), RNL_OK);
    assert_int_equal(store->ops->input(store, with.id, &input), RNL_OK);
    assert_string_equal(input->text, "the input");
    runnel__v1__payload__free_unpacked(input, &rnl_pb_allocator);
    assert_int_equal(store->ops->input(store, without.id, &input), RNL_OK);
    assert_int_equal(input->content_case,
                     RUNNEL__V1__PAYLOAD__CONTENT__NOT_SET);
    runnel__v1__payload__free_unpacked(input, &rnl_pb_allocator);
    assert_int_equal(store->ops->input(store, "0", &input), RNL_NOT_FOUND);
    factory->destroy(store);
}

static void check_peek(struct rnl_store *store, const struct sample *sample,
                       Runnel__V1__JobState state)
{
    struct rnl_store_record record;
    assert_int_equal(store->ops->peek(store, sample->id, false, &record),
                     RNL_OK);
    assert_int_equal(record.input_len, 0);
    assert_int_equal(record.first_sequence, 1);
    assert_int_equal(record.ended,
                     state >= RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    assert_int_equal(store->ops->peek(store, sample->id, true, &record),
                     RNL_OK);
    Runnel__V1__Payload *input = runnel__v1__payload__unpack(
        &rnl_pb_allocator, record.input_len, record.input);
    assert_string_equal(input->text, "the input");
    runnel__v1__payload__free_unpacked(input, &rnl_pb_allocator);
    Runnel__V1__Job *job = runnel__v1__job__unpack(
        &rnl_pb_allocator, record.record_len, record.record);
    assert_string_equal(job->id, sample->id);
    assert_int_equal(job->state, state);
    assert_string_equal(job->labels[0]->value, "odd");
    runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
}

static void a_record_is_lent_as_it_is_now(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct rnl_store_record record;
    struct sample sample;
    sample_init(&sample, 1);
    sample.input.content_case = RUNNEL__V1__PAYLOAD__CONTENT_TEXT;
    sample.input.text = (char *)"the input";
    sample.job.input = &sample.input;
    assert_int_equal(put_sample(store, &sample), RNL_OK);
    settle(store);
    check_peek(store, &sample, RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED);
    end(store, 1, 2, 10);
    check_peek(store, &sample, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    settle(store);
    check_peek(store, &sample, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    /* Others that end may take its place in memory. */
    put(store, 2);
    end(store, 2, 2, 11);
    settle(store);
    check_peek(store, &sample, RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED);
    assert_int_equal(store->ops->peek(store, "0", false, &record),
                     RNL_NOT_FOUND);
    factory->destroy(store);
}

static void an_update_changes_what_can_change(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct sample sample;
    Google__Protobuf__Timestamp not_before = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Runnel__V1__Job *job;
    put(store, 1);
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        sample_init(&sample, 1);
        sample.job.state = RUNNEL__V1__JOB_STATE__JOB_STATE_RUNNING;
        sample.job.attempt = attempt;
        sample.job.output_bytes = 1000 >> attempt;
        sample.job.output_content_type = (char *)(attempt == 2 ? "a/b" : "");
        not_before.seconds = attempt;
        sample.job.not_before = attempt == 3 ? NULL : &not_before;
        assert_int_equal(store->ops->update(store, &sample.job, NULL), RNL_OK);
        store->ops->linger(store, sample.id);
        assert_int_equal(store->ops->get(store, sample.id, false, &job),
                         RNL_OK);
        assert_int_equal(job->state, sample.job.state);
        assert_int_equal(job->attempt, attempt);
        assert_int_equal(job->output_bytes, 1000 >> attempt);
        assert_string_equal(job->output_content_type,
                            sample.job.output_content_type);
        assert_string_equal(job->kind, "echo");
        if (attempt == 3)
            assert_null(job->not_before);
        else
            assert_int_equal(job->not_before->seconds, attempt);
        assert_int_equal(job->n_labels, 1);
        assert_int_equal(job->retention->seconds, 60);
        runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
        settle(store);
    }
    store->ops->linger(store, "0");
    factory->destroy(store);
}

static void done_comes_later_once_and_in_order(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct ask asks[2] = {{.probe = &probe}, {.probe = &probe}};
    asks[0].request.done = on_done;
    asks[1].request.done = on_done;
    struct sample sample;
    sample_init(&sample, 1);
    struct rnl_event first = {.sequence = 1, .type = RNL_EVENT_STATE};
    struct rnl_request_hash hash = {0};
    assert_int_equal(
        store->ops->put(store, &sample.job, &hash, &first, &asks[0].request),
        RNL_OK);
    assert_int_equal(store->ops->remove(store, sample.id, &asks[1].request),
                     RNL_OK);
    assert_int_equal(asks[0].done_count + asks[1].done_count, 0);
    assert_int_equal(probe.removed_count, 0);
    settle(store);
    settle(store);
    assert_int_equal(asks[0].done_count, 1);
    assert_int_equal(asks[1].done_count, 1);
    assert_int_equal(asks[0].order, 1);
    assert_int_equal(asks[1].order, 2);
    assert_int_equal(probe.removed_count, 1);
    assert_string_equal(probe.removed_id, sample.id);
    factory->destroy(store);
}

static void a_refused_call_is_never_done(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct ask ask = {.probe = &probe, .request.done = on_done};
    assert_int_equal(
        store->ops->remove(store, "00000000000000000000000000", &ask.request),
        RNL_NOT_FOUND);
    settle(store);
    assert_int_equal(ask.done_count, 0);
    factory->destroy(store);
}

static void events_are_reported_by_watermark_and_read_in_pages(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    put(store, 1);
    const char *id = "00000000000000000000000001";
    char text[16];
    for (uint64_t i = 2; i <= 5000; i++) {
        snprintf(text, sizeof(text), "%u", (unsigned)i);
        assert_int_equal(append(store, id, i, text), RNL_OK);
    }
    static struct rnl_store_page page;
    assert_int_equal(store->ops->read(store, id, 0, SIZE_MAX, &page), RNL_OK);
    assert_true(page.count == 0 || probe.committed_count > 0);
    settle(store);
    assert_int_equal(probe.committed_sequence, 5000);
    assert_in_range(probe.committed_count, 1, 4999);

    uint64_t after = 1;
    while (after < 5000) {
        assert_int_equal(store->ops->read(store, id, after, 100, &page),
                         RNL_OK);
        assert_in_range(page.count, 1, RNL_STORE_PAGE_MAX);
        size_t bytes = 0;
        for (size_t i = 0; i < page.count; i++) {
            const struct rnl_event *event = &page.events[i];
            bytes += event->len;
            assert_in_range(bytes, 1, 100);
            assert_int_equal(event->sequence, ++after);
            assert_int_equal(event->time_ns, (int64_t)after * SECOND);
            int len = snprintf(text, sizeof(text), "%u", (unsigned)after);
            assert_int_equal(event->len, len);
            assert_memory_equal(event->data, text, event->len);
        }
    }
    assert_int_equal(
        store->ops->read(store, id, 1, RNL_STORE_PAGE_BYTES, &page), RNL_OK);
    assert_in_range(page.count, 2, RNL_STORE_PAGE_MAX);
    assert_int_equal(store->ops->read(store, id, 5000, 100, &page), RNL_OK);
    assert_int_equal(page.count, 0);
    assert_int_equal(store->ops->read(store, id, 9999, 100, &page), RNL_OK);
    assert_int_equal(page.count, 0);
    factory->destroy(store);
}

static void a_page_holds_one_event_at_least(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    put(store, 1);
    const char *id = "00000000000000000000000001";
    char *big = malloc(200001);
    memset(big, 'x', 200000);
    big[200000] = '\0';
    assert_int_equal(append(store, id, 2, big), RNL_OK);
    assert_int_equal(append(store, id, 3, "small"), RNL_OK);
    settle(store);
    static struct rnl_store_page page;
    assert_int_equal(store->ops->read(store, id, 1, 10, &page), RNL_OK);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.events[0].len, 200000);
    assert_memory_equal(page.events[0].data, big, 200000);
    free(big);
    factory->destroy(store);
}

static void a_sequence_that_does_not_follow_is_refused(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    put(store, 1);
    const char *id = "00000000000000000000000001";
    assert_int_equal(append(store, id, 1, "again"), RNL_ABORTED);
    assert_int_equal(append(store, id, 3, "hole"), RNL_ABORTED);
    struct rnl_event pair[2] = {
        {.sequence = 2, .type = RNL_EVENT_TEXT},
        {.sequence = 4, .type = RNL_EVENT_TEXT},
    };
    assert_int_equal(store->ops->append(store, id, pair, 2), RNL_ABORTED);
    struct rnl_store_log log;
    assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
    assert_int_equal(log.last_sequence, 1);
    end(store, 1, 2, 10);
    assert_int_equal(append(store, id, 3, "late"), RNL_ABORTED);
    assert_int_equal(append(store, "x", 1, "none"), RNL_NOT_FOUND);
    assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
    assert_true(log.ended);
    factory->destroy(store);
}

/* The bound of a log holds to the byte, and never stops the end. */
static void a_full_log_takes_its_end_and_nothing_else(void **state)
{
    (void)state;
    struct probe probe;
    struct store_limits limits = roomy;
    limits.log_bytes_max = 3 * RNL_STORE_EVENT_BYTES + 1 + 10 + 5;
    struct rnl_store *store = begin(&probe, &limits);
    put(store, 1);
    const char *id = "00000000000000000000000001";
    assert_int_equal(append(store, id, 2, "0123456789"), RNL_OK);
    assert_int_equal(append(store, id, 3, "012345"), RNL_RESOURCE_EXHAUSTED);
    assert_int_equal(append(store, id, 3, "01234"), RNL_OK);
    assert_int_equal(append(store, id, 4, ""), RNL_RESOURCE_EXHAUSTED);
    end(store, 1, 4, 10);
    settle(store);
    assert_int_equal(probe.committed_sequence, 4);
    factory->destroy(store);
}

/* Reads all that is kept, from sequence to last. */
static void expect_events(struct rnl_store *store, const char *id,
                          uint64_t sequence, uint64_t last)
{
    struct rnl_store_page page;
    while (sequence <= last) {
        assert_int_equal(
            store->ops->read(store, id, sequence - 1, SIZE_MAX, &page), RNL_OK);
        assert_true(page.count > 0);
        for (size_t i = 0; i < page.count; i++)
            assert_int_equal(page.events[i].sequence, sequence++);
    }
}

/* Whether they were durable or not, the oldest go and give their room back. */
static void trimmed_events_are_out_of_range_and_make_room(void **state)
{
    (void)state;
    struct probe probe;
    struct store_limits limits = roomy;
    struct rnl_store_page page;
    struct rnl_store_log log;
    struct rnl_store_usage before;
    struct rnl_store_usage after;
    const uint64_t each = 10 + RNL_STORE_EVENT_BYTES;
    limits.log_bytes_max = 20 * each;
    struct rnl_store *store = begin(&probe, &limits);
    put(store, 1);
    const char *id = "00000000000000000000000001";
    uint64_t sequence = 2;
    for (int round = 0; round < 200; round++) {
        while (sequence % 10 != 0)
            assert_int_equal(append(store, id, sequence++, "0123456789"),
                             RNL_OK);
        if (round % 3 == 0)
            settle(store);
        assert_int_equal(append(store, id, sequence++, "0123456789"), RNL_OK);
        if (round == 0)
            continue;
        /* The first event, of no bytes, goes with those of round 0. */
        assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
        uint64_t up_to = sequence - 11;
        store->ops->usage(store, &before);
        assert_int_equal(
            store->ops->trim(store, id, up_to,
                             log.event_bytes - (sequence - 1 - up_to) * each),
            RNL_OK);
        store->ops->usage(store, &after);
        assert_true(after.bytes <= before.bytes);
        assert_int_equal(store->ops->log(store, id, &log), RNL_OK);
        assert_int_equal(log.first_sequence, up_to + 1);
        assert_int_equal(log.event_bytes, 10 * each);
        assert_int_equal(store->ops->read(store, id, 0, SIZE_MAX, &page),
                         RNL_OUT_OF_RANGE);
        assert_int_equal(
            store->ops->read(store, id, up_to - 1, SIZE_MAX, &page),
            RNL_OUT_OF_RANGE);
    }
    assert_int_equal(store->ops->trim(store, id, log.first_sequence - 1, 0),
                     RNL_OUT_OF_RANGE);
    assert_int_equal(store->ops->trim(store, id, log.last_sequence, 0),
                     RNL_OUT_OF_RANGE);
    assert_int_equal(store->ops->trim(store, "x", 1, 0), RNL_NOT_FOUND);
    end(store, 1, sequence, 10);
    settle(store);
    assert_int_equal(probe.committed_sequence, sequence);
    expect_events(store, id, log.first_sequence, sequence);
    factory->destroy(store);
}

static void the_oldest_ended_job_makes_room(void **state)
{
    (void)state;
    struct probe probe;
    struct store_limits limits = roomy;
    limits.jobs_max = 3;
    struct rnl_store *store = begin(&probe, &limits);
    put(store, 1);
    put(store, 2);
    put(store, 3);
    struct sample sample;
    sample_init(&sample, 4);
    assert_int_equal(put_sample(store, &sample), RNL_RESOURCE_EXHAUSTED);
    end(store, 3, 2, 10);
    end(store, 2, 2, 11);
    assert_int_equal(put_sample(store, &sample), RNL_OK);
    assert_true(stored(store, 1));
    assert_true(stored(store, 2));
    assert_false(stored(store, 3));
    settle(store);
    assert_int_equal(probe.removed_count, 1);
    struct rnl_store_usage usage;
    store->ops->usage(store, &usage);
    assert_int_equal(usage.jobs, 3);
    factory->destroy(store);
}

static void bytes_of_all_jobs_are_bounded(void **state)
{
    (void)state;
    struct probe probe;
    struct store_limits limits = roomy;
    limits.bytes_max = 256 * 1024;
    struct rnl_store *store = begin(&probe, &limits);
    put(store, 1);
    put(store, 2);
    char text[1001];
    memset(text, 'y', sizeof(text));
    text[1000] = '\0';
    uint64_t sequence = 2;
    const char *id = "00000000000000000000000002";
    while (append(store, id, sequence, text) == RNL_OK) {
        assert_in_range(sequence, 2, 300);
        sequence++;
    }
    assert_in_range(sequence, 100, 300);
    struct rnl_store_usage usage;
    store->ops->usage(store, &usage);
    assert_in_range(usage.bytes, 1, limits.bytes_max);
    /* Ended, it makes room for the other. */
    end(store, 2, sequence, 10);
    for (uint64_t i = 2; i < 100; i++)
        assert_int_equal(append(store, "00000000000000000000000001", i, text),
                         RNL_OK);
    assert_false(stored(store, 2));
    factory->destroy(store);
}

static void retention_removes_ended_jobs_only(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    put(store, 1);
    put(store, 2);
    put(store, 3);
    assert_int_equal(store->ops->expire(store, 1000 * SECOND), INT64_MAX);
    end(store, 2, 2, 10);
    end(store, 3, 2, 5);
    assert_int_equal(store->ops->expire(store, 64 * SECOND), 65 * SECOND);
    assert_int_equal(store->ops->expire(store, 65 * SECOND), 70 * SECOND);
    assert_false(stored(store, 3));
    assert_true(stored(store, 2));
    assert_int_equal(store->ops->expire(store, 1000 * SECOND), INT64_MAX);
    assert_true(stored(store, 1));
    assert_false(stored(store, 2));
    settle(store);
    assert_int_equal(probe.removed_count, 2);
    factory->destroy(store);
}

static void an_idempotency_key_finds_its_job_until_it_is_removed(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    struct sample sample;
    sample_init(&sample, 5);
    sample.job.idempotency_key = (char *)"order-17";
    assert_int_equal(put_sample(store, &sample), RNL_OK);
    put(store, 6);
    char id[RNL_JOB_ID_LEN + 1];
    struct rnl_request_hash hash;
    assert_int_equal(store->ops->find_key(store, "order-17", id, &hash),
                     RNL_OK);
    assert_string_equal(id, sample.id);
    assert_int_equal(hash.low, 7);
    assert_int_equal(hash.high, 9);
    assert_int_equal(store->ops->find_key(store, "order-1", id, &hash),
                     RNL_NOT_FOUND);
    assert_int_equal(store->ops->find_key(store, "", id, &hash), RNL_NOT_FOUND);
    assert_int_equal(store->ops->remove(store, sample.id, NULL), RNL_OK);
    assert_int_equal(store->ops->find_key(store, "order-17", id, &hash),
                     RNL_NOT_FOUND);
    factory->destroy(store);
}

struct listing {
    int numbers[64];
    size_t count;
    size_t room;
};

static bool take_job(void *arg, const char *job_id,
                     const struct rnl_store_record *record)
{
    struct listing *listing = arg;
    if (listing->count == listing->room)
        return false;
    Runnel__V1__Job *job =
        runnel__v1__job__unpack(NULL, record->record_len, record->record);
    assert_non_null(job);
    assert_string_equal(job->id, job_id);
    runnel__v1__job__free_unpacked(job, NULL);
    listing->numbers[listing->count++] = (int)strtol(job_id, NULL, 10);
    return true;
}

static void list_page(struct rnl_store *store, struct rnl_store_query *query,
                      struct listing *listing)
{
    *listing = (struct listing){.room = listing->room};
    struct rnl_store_list list = {.job = take_job, .arg = listing};
    assert_int_equal(store->ops->list(store, query, &list), RNL_OK);
    memcpy(query->before, list.next, sizeof(list.next));
}

static void pages_stay_stable_while_jobs_are_put_and_removed(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    for (int i = 1; i <= 7; i++)
        put(store, i);
    struct rnl_store_query query = {.limit = 3};
    struct listing listing = {.room = 64};
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 3);
    assert_int_equal(listing.numbers[0], 7);
    assert_int_equal(listing.numbers[2], 5);
    put(store, 8);
    /* The job that the token names may go away. */
    assert_int_equal(
        store->ops->remove(store, "00000000000000000000000005", NULL), RNL_OK);
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 3);
    assert_int_equal(listing.numbers[0], 4);
    assert_int_equal(listing.numbers[2], 2);
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 1);
    assert_int_equal(listing.numbers[0], 1);
    assert_string_equal(query.before, "");
    factory->destroy(store);
}

/* Any text may be expected, and nothing changes by it. */
static void what_is_expected_is_read_as_ever(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    char ids[RNL_STORE_AHEAD_MAX][RNL_JOB_ID_LEN + 1] = {""};
    for (int jobs = 0; jobs <= 40; jobs += 20) {
        for (int i = 0; i < RNL_STORE_AHEAD_MAX; i++)
            snprintf(ids[i], sizeof(ids[i]), "%0*d",
                     i < 3 ? i + 1 : RNL_JOB_ID_LEN, 2 * i);
        store->ops->expect(store, (const char(*)[RNL_JOB_ID_LEN + 1]) ids,
                           RNL_STORE_AHEAD_MAX);
        store->ops->expect_pages(store, (const char(*)[RNL_JOB_ID_LEN + 1]) ids,
                                 RNL_STORE_AHEAD_MAX);
        struct rnl_store_query query = {.limit = 64};
        struct listing listing = {.room = 64};
        list_page(store, &query, &listing);
        assert_int_equal(listing.count, jobs);
        for (int i = 1; i <= 20; i++)
            put(store, jobs + i);
        end(store, jobs + 1, 2, 10);
        settle(store);
    }
    store->ops->expect(store, NULL, 0);
    store->ops->expect_pages(store, NULL, 0);
    factory->destroy(store);
}

static void a_job_that_was_not_taken_begins_the_next_page(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    for (int i = 1; i <= 5; i++)
        put(store, i);
    struct rnl_store_query query = {.limit = 10};
    struct listing listing = {.room = 2};
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 2);
    assert_int_equal(listing.numbers[1], 4);
    listing.room = 64;
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 3);
    assert_int_equal(listing.numbers[0], 3);
    assert_string_equal(query.before, "");
    factory->destroy(store);
}

static void a_listing_filters_by_state_kind_and_labels(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    for (int i = 1; i <= 6; i++)
        put(store, i);
    end(store, 2, 2, 10);
    end(store, 3, 2, 10);
    Runnel__V1__ListJobsRequest__LabelsEntry even =
        RUNNEL__V1__LIST_JOBS_REQUEST__LABELS_ENTRY__INIT;
    even.key = (char *)"parity";
    even.value = (char *)"even";
    Runnel__V1__ListJobsRequest__LabelsEntry *labels[] = {&even};
    struct rnl_store_query query = {
        .states = 1U << RUNNEL__V1__JOB_STATE__JOB_STATE_QUEUED,
        .kind = "echo",
        .labels = labels,
        .label_count = 1,
        .limit = 10,
    };
    struct listing listing = {.room = 64};
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 2);
    assert_int_equal(listing.numbers[0], 6);
    assert_int_equal(listing.numbers[1], 4);
    query.kind = "other";
    list_page(store, &query, &listing);
    assert_int_equal(listing.count, 0);
    factory->destroy(store);
}

/* A little of everything, tolerant of refusals; what was accepted must be
 * there. */
static void scenario(struct rnl_store *store)
{
    struct sample sample;
    for (int i = 1; i <= 3; i++) {
        sample_init(&sample, i);
        sample.job.idempotency_key = (char *)(i == 2 ? "key" : "");
        if (put_sample(store, &sample) != RNL_OK) {
            assert_false(stored(store, i));
            continue;
        }
        assert_true(stored(store, i));
        uint64_t sequence = 2;
        for (int k = 0; k < 200; k++) {
            if (append(store, sample.id, sequence, "some output of the job") ==
                RNL_OK)
                sequence++;
        }
        if (sequence > 100)
            (void)store->ops->trim(store, sample.id, 50, 50 * 38 - 22);
        end(store, i, sequence, 10);
        struct rnl_store_log log;
        assert_int_equal(store->ops->log(store, sample.id, &log), RNL_OK);
        assert_int_equal(log.last_sequence, sequence);
        Runnel__V1__Job *job;
        if (store->ops->get(store, sample.id, true, &job) == RNL_OK)
            runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    }
    settle(store);
    (void)store->ops->expire(store, 1000 * SECOND);
    settle(store);
}

/* The end of a job and its last update succeed whatever memory does: end()
 * asserts that. */
static void out_of_memory_refuses_one_call_and_keeps_the_rest(void **state)
{
    (void)state;
    struct probe probe;
    struct rnl_store *store = begin(&probe, &roomy);
    fault_count();
    scenario(store);
    size_t total = fault_stop();
    factory->destroy(store);
    assert_true(total > 10);
    for (size_t k = 1; k <= total; k++) {
        for (int repeat = 0; repeat < 2; repeat++) {
            store = begin(&probe, &roomy);
            fault_at(k, repeat == 1);
            scenario(store);
            fault_stop();
            put(store, 9);
            factory->destroy(store);
        }
    }
}

int store_suite_run(const struct store_factory *of)
{
    factory = of;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_read_back_as_it_was_put),
        cmocka_unit_test(an_input_is_read_alone),
        cmocka_unit_test(a_record_is_lent_as_it_is_now),
        cmocka_unit_test(an_update_changes_what_can_change),
        cmocka_unit_test(done_comes_later_once_and_in_order),
        cmocka_unit_test(a_refused_call_is_never_done),
        cmocka_unit_test(events_are_reported_by_watermark_and_read_in_pages),
        cmocka_unit_test(a_page_holds_one_event_at_least),
        cmocka_unit_test(a_sequence_that_does_not_follow_is_refused),
        cmocka_unit_test(a_full_log_takes_its_end_and_nothing_else),
        cmocka_unit_test(trimmed_events_are_out_of_range_and_make_room),
        cmocka_unit_test(the_oldest_ended_job_makes_room),
        cmocka_unit_test(bytes_of_all_jobs_are_bounded),
        cmocka_unit_test(retention_removes_ended_jobs_only),
        cmocka_unit_test(an_idempotency_key_finds_its_job_until_it_is_removed),
        cmocka_unit_test(pages_stay_stable_while_jobs_are_put_and_removed),
        cmocka_unit_test(what_is_expected_is_read_as_ever),
        cmocka_unit_test(a_job_that_was_not_taken_begins_the_next_page),
        cmocka_unit_test(a_listing_filters_by_state_kind_and_labels),
        cmocka_unit_test(out_of_memory_refuses_one_call_and_keeps_the_rest),
    };
    return cmocka_run_group_tests_name(of->name, tests, NULL, NULL);
}
