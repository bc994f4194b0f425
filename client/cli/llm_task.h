/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job done by a chat completions server: its request is made of the job, the
 * text of the answer is the output as it comes, the outcome is the server's.
 *
 * A server that asks for patience (429 or 503 with Retry-After) before its
 * answer has begun is waited for inside of the attempt; all other failures end
 * it, and the job's retry policy decides.
 */
#ifndef RNL_CLI_LLM_TASK_H
#define RNL_CLI_LLM_TASK_H

#include "llm_pool.h"
#include "llm_request.h"
#include "task.h"

/* The arg of cli_llm_ops: what the tasks of a worker share. Borrowed. */
struct cli_llm_use {
    struct cli_llm_pool *pool;
    struct cli_llm_models models;
    /* Longest Retry-After that is waited for inside of an attempt. */
    int64_t wait_ms_max;
};

extern const struct cli_task_ops cli_llm_ops;

#endif
