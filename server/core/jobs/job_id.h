/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Job ids: 26 characters of Crockford's base 32 in lower case (no i, l, o, u):
 * 10 for 48 bits of milliseconds since 1970, 16 for 80 random bits. Ids so sort
 * by the time of creation, and cannot be guessed: 2^80 for each millisecond.
 */
#ifndef RNL_JOBS_JOB_ID_H
#define RNL_JOBS_JOB_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

#define RNL_JOB_ID_RANDOM_LEN 10

void rnl_job_id_make(uint64_t unix_ms,
                     const uint8_t random[RNL_JOB_ID_RANDOM_LEN],
                     char ret_id[RNL_JOB_ID_LEN + 1]);

/* Whether text could be a job id. */
bool rnl_job_id_valid(const char *text);

#endif
