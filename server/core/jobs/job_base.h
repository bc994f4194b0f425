/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a job's record that does not change, as a message in one block of
 * memory: a copy by way of the wire cost three dozen allocations a job.
 */
#ifndef RNL_JOBS_JOB_BASE_H
#define RNL_JOBS_JOB_BASE_H

#include <runnel/v1/jobs.pb-c.h>

/* Copies a job without its input, progress, error, and times of start and end.
 * Free it with rnl_free. NULL: memory is out. */
Runnel__V1__Job *rnl_job_base_copy(const Runnel__V1__Job *from);

#endif
