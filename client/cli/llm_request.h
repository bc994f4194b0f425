/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a chat completions request, made of a job.
 *
 * The job's input is one message of the user when it is text; as
 * application/json it is a list of messages, or a whole request body. The
 * job's options go over what the body says. Whatever the job wants, the answer
 * streams, has one choice, and tells its usage.
 */
#ifndef RNL_CLI_LLM_REQUEST_H
#define RNL_CLI_LLM_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include <runnel/job.h>

#include "buf.h"

/* What the worker offers. Borrowed. */
struct cli_llm_models {
    /* At least one; the first is for jobs that name none. */
    const char *const *names;
    size_t count;
    /* A job may name others. */
    bool any;
};

struct cli_llm_request {
    /* JSON. */
    struct cli_buf body;
    /* The job wants the chunks of the answer, not its text. */
    bool as_chunks;
};

/*
 * Makes *ret_request, to be freed with cli_llm_request_fini in any case. False:
 * the job's input or options are not good; *fault then says which and why.
 */
bool cli_llm_request_make(const struct cli_llm_models *models,
                          const struct rnl_job *job,
                          struct cli_llm_request *ret_request,
                          struct cli_buf *fault);
void cli_llm_request_fini(struct cli_llm_request *request);

#endif
