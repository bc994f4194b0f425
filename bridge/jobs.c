/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include "alloc.h"
#include "pbjson.h"

bool rnl_job_state_is_terminal(Runnel__V1__JobState state)
{
    return state == RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED ||
           state == RUNNEL__V1__JOB_STATE__JOB_STATE_FAILED ||
           state == RUNNEL__V1__JOB_STATE__JOB_STATE_CANCELLED ||
           state == RUNNEL__V1__JOB_STATE__JOB_STATE_EXPIRED;
}

uint64_t rnl_job_event_first(const Runnel__V1__JobEvent *event)
{
    return event->first_sequence > 0 && event->first_sequence < event->sequence
               ? event->first_sequence
               : event->sequence;
}

ProtobufCMessage *rnl_watch_job_request(const char *job_id)
{
    Runnel__V1__WatchJobRequest *request = rnl_malloc(sizeof(*request));
    if (request == NULL)
        return NULL;
    runnel__v1__watch_job_request__init(request);
    request->job_id = rnl_strdup(job_id);
    if (request->job_id == NULL) {
        rnl_free(request);
        return NULL;
    }
    return &request->base;
}

void rnl_watch_job_set_after(ProtobufCMessage *request, uint64_t after)
{
    ((Runnel__V1__WatchJobRequest *)(void *)request)->after_sequence = after;
}
