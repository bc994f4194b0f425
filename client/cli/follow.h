/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows a job: its output to stdout byte by byte as it is, its log and
 * progress to stderr, its outcome as the exit status.
 */
#ifndef RNL_CLI_FOLLOW_H
#define RNL_CLI_FOLLOW_H

#include <stdint.h>

#include "context.h"

/* Follows until the job ends, or a signal. The status is CLI_EXIT_OK,
 * _JOB_FAILED, _JOB_CANCELLED, _INTERRUPTED or that of an error. */
int cli_follow_job(struct cli_context *context, const char *job_id,
                   uint64_t after_sequence);

#endif
