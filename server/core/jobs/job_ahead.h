/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of jobs whose requests came together (rpc.h, on_ahead). */
#ifndef RNL_JOBS_JOB_AHEAD_H
#define RNL_JOBS_JOB_AHEAD_H

#include "rpc.h"

void rnl_job_ahead_get(struct rnl_core *core, const struct rnl_bytes *messages,
                       size_t count);
void rnl_job_ahead_list(struct rnl_core *core, const struct rnl_bytes *messages,
                        size_t count);

#endif
