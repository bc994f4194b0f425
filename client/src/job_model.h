/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and their events: from the schema's types to those of job.h. Strings
 * are borrowed from the message. */
#ifndef RNL_CLIENT_JOB_MODEL_H
#define RNL_CLIENT_JOB_MODEL_H

#include <runnel/job.h>
#include <runnel/v1/jobs.pb-c.h>

#include "arena.h"

/* False when memory is out. */
bool rnl_job_convert(struct rnl_arena *arena, const Runnel__V1__Job *from,
                     struct rnl_job *ret_job);

void rnl_job_event_convert(const Runnel__V1__JobEvent *from,
                           struct rnl_job_event *ret_event);

#endif
