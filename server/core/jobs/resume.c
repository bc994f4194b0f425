/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt of a built-in kind that the end of the process has cut goes on.
 * The kind's state is gone, but its events are in the store, and the kind knows
 * from what is known of them where it was; or it begins anew, and they are not
 * written twice (kind.h).
 *
 * A job may be what ended the process. So a note is written to its log each
 * time it goes on, and nothing of the kind is called before the note is
 * durable; when the next start finds the note as the newest event, nothing came
 * of it, and the attempt is lost as others are, which the retry policy bounds.
 * Each start so adds to the output of an attempt, or costs one; attempts that
 * begin after a restart are counted the same way (rnl_job_begin).
 */
#include "engine.h"

#include <string.h>

#define NOTE "the server was restarted, and the attempt goes on"

/* A kind that logs the same at its end has its attempt lost, no more. */
static bool is_note(const struct rnl_event *event)
{
    size_t len = sizeof(NOTE) - 1;
    return event->type == RNL_EVENT_LOG && event->len >= len &&
           memcmp(event->data + event->len - len, NOTE, len) == 0;
}

/* The newest event, which is what the attempt came to. False: nothing came of
 * it since it went on last. */
static bool has_moved(const struct rnl_job *job, int64_t *ret_ns)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_store_page page;
    if (job->last_sequence == 0 ||
        store->ops->read(store, job->node.id, job->last_sequence - 1, 1,
                         &page) != RNL_OK ||
        page.count == 0 || is_note(&page.events[0]))
        return false;
    *ret_ns = page.events[0].time_ns;
    return true;
}

static void count_said(void *arg, const struct rnl_store_page *page)
{
    uint64_t *said = arg;
    for (size_t i = 0; i < page->count; i++)
        *said += !is_note(&page->events[i]);
}

enum rnl_code rnl_job_go_on(struct rnl_job *job)
{
    uint64_t said = 0;
    int64_t last_ns;
    if (job->attempt_sequence == 0 || !has_moved(job, &last_ns))
        return RNL_FAILED_PRECONDITION;
    enum rnl_code code = RNL_OK;
    /* The events of the attempt that are the kind's own. */
    if (job->kind->resume == NULL)
        code =
            rnl_job_read_events(job, job->attempt_sequence, count_said, &said);
    if (code == RNL_OK)
        code = rnl_run_log(&job->run, "%s", NOTE);
    if (code != RNL_OK)
        return code;
    job->cut = (struct rnl_cut){
        .output_bytes = job->output_bytes - job->attempt_output_offset,
        .begin_ns = job->attempt_wall_ns,
        .last_ns = last_ns,
    };
    job->awaited_sequence = job->last_sequence;
    job->goes_on = true;
    job->replay_count = said;
    job->replay_bytes = job->cut.output_bytes;
    job->has_output = job->cut.output_bytes > 0;
    return RNL_OK;
}
