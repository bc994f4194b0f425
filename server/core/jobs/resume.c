/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt of a built-in kind that the end of the process has cut goes on.
 * The kind's state is gone, but its output is in the store, and the kind knows
 * from the number of its bytes where it was (kind.h).
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

static bool has_moved(const struct rnl_job *job)
{
    struct rnl_store *store = job->jobs->store;
    struct rnl_store_page page;
    return job->last_sequence > 0 &&
           store->ops->read(store, job->node.id, job->last_sequence - 1, 1,
                            &page) == RNL_OK &&
           page.count > 0 && !is_note(&page.events[0]);
}

enum rnl_code rnl_job_go_on(struct rnl_job *job)
{
    if (job->kind->resume == NULL || job->attempt_sequence == 0 ||
        !has_moved(job))
        return RNL_FAILED_PRECONDITION;
    enum rnl_code code = rnl_run_log(&job->run, "%s", NOTE);
    if (code != RNL_OK)
        return code;
    job->awaited_sequence = job->last_sequence;
    job->goes_on = true;
    job->resume_bytes = job->output_bytes - job->attempt_output_offset;
    job->has_output = job->resume_bytes > 0;
    return RNL_OK;
}
