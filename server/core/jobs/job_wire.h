/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages with a Job in them, made of the bytes that the store has: what is
 * encoded already is neither decoded nor encoded again.
 */
#ifndef RNL_JOBS_JOB_WIRE_H
#define RNL_JOBS_JOB_WIRE_H

#include <runnel/v1/workers.pb-c.h>

#include "rpc.h"
#include "store.h"

/* A CreateJobResponse of a job that did not exist. NULL: memory is out. */
struct rnl_buf *rnl_job_wire_created(const struct rnl_store_record *record);

/* A GetJobResponse. NULL: memory is out. */
struct rnl_buf *rnl_job_wire_got(const struct rnl_store_record *record);

/* Bytes of the Job, and the Job. */
size_t rnl_job_wire_len(const struct rnl_store_record *record);
void rnl_job_wire_put(const struct rnl_store_record *record, uint8_t *out);

/* A WorkResponse with this assignment, whose job is not set. NULL: memory is
 * out. */
struct rnl_buf *rnl_job_wire_assigned(const struct rnl_store_record *record,
                                      const Runnel__V1__AssignJob *assign);

#endif
