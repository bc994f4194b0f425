/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer of a chat completions server that streams: bytes of its body in,
 * text out. The body is server-sent events (sse.h); each has one chunk of the
 * answer as JSON, the last one is "[DONE]". What a chunk has besides, and what
 * later versions of the interface add, is passed over.
 *
 * The answer is whole when the model has said why it stops (finish_reason) or
 * "[DONE]" came. A body that ends before was cut.
 */
#ifndef RNL_CLI_LLM_ANSWER_H
#define RNL_CLI_LLM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "llm_verdict.h"
#include "sse.h"

/* Zero-initialised is an answer of which nothing has come. */
struct cli_llm_answer {
    /* Each chunk as a line of JSON, in place of its text. */
    bool as_chunks;

    /* The output that the caller has not taken; empty it with
     * cli_buf_reset. */
    struct cli_buf output;
    /* Chunks that had something of an answer. */
    uint64_t chunk_count;
    /* "[DONE]" came: what follows is not read. */
    bool done;
    /* The server told an error, or what it sent is no answer. */
    bool failed;
    struct cli_llm_verdict verdict;
    /* The text is the model's refusal. */
    bool refused;
    /* "stop", "length"...; empty until it is known. */
    char finish_reason[32];
    /* What the server says it is; may be empty. */
    char model[128];
    bool has_usage;
    uint64_t prompt_tokens;
    uint64_t completion_tokens;

    struct cli_sse sse;
};

void cli_llm_answer_fini(struct cli_llm_answer *answer);

/* Takes bytes of the body. Does nothing once the answer is done or failed. */
void cli_llm_answer_feed(struct cli_llm_answer *answer, const char *data,
                         size_t len);

/* The model has said all that it will say. */
bool cli_llm_answer_whole(const struct cli_llm_answer *answer);

#endif
