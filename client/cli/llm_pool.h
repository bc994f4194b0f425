/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to one chat completions server by libcurl, without blocking: one
 * descriptor to poll for all of them. A call is one POST whose answer is given
 * out as it comes; what the answer means is not known here.
 *
 * Redirects are not followed, so that the key goes to no other host; the
 * server's certificate is checked; HTTP/1.1 only, since libcurl's windows of
 * HTTP/2 would buffer 32 MiB of an answer that nobody reads.
 */
#ifndef RNL_CLI_LLM_POOL_H
#define RNL_CLI_LLM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "llm_verdict.h"

/* Borrowed, for as long as the pool is. */
struct cli_llm_server {
    /* Of the completions, whole. */
    const char *url;
    /* Bearer token; NULL: none. */
    const char *key;
    /* Certificates to trust in place of the system's; NULL: those. */
    const char *ca_file;
    /* 0 of these is no limit, but for the system's of a connection. */
    int64_t connect_timeout_ms;
    /* From the start of a call to the first byte of its answer's body. */
    int64_t first_byte_timeout_ms;
    /* Between two pieces of the body, while the reader is not in the way. */
    int64_t idle_timeout_ms;
};

struct cli_llm_pool;
struct cli_llm_call;

/* NULL when the system has no room for it. */
struct cli_llm_pool *cli_llm_pool_create(const struct cli_llm_server *server);

/* All calls must be destroyed or released before. Accepts NULL. */
void cli_llm_pool_destroy(struct cli_llm_pool *pool);

/* Readable when cli_llm_pool_process has something to do, timers too. */
int cli_llm_pool_fd(const struct cli_llm_pool *pool);

/* Reads, writes, gives out bodies. Never blocks. */
void cli_llm_pool_process(struct cli_llm_pool *pool);

/* Takes the key out of what a server said. */
void cli_llm_pool_redact(const struct cli_llm_pool *pool,
                         struct cli_llm_verdict *verdict);

/* Takes a piece of the body; false: no room, it comes again after
 * cli_llm_call_resume. Called inside of cli_llm_pool_process and
 * cli_llm_call_resume. */
typedef bool (*cli_llm_body_fn)(const char *data, size_t len, void *arg);

/* Begins a call; body is copied. NULL when memory is out. */
struct cli_llm_call *cli_llm_call_start(struct cli_llm_pool *pool,
                                        const char *body, size_t body_len,
                                        cli_llm_body_fn on_body, void *arg);

/* Closes the connection if the call runs. Not inside of on_body. Accepts
 * NULL. */
void cli_llm_call_destroy(struct cli_llm_call *call);

/* Lets go of a call of which all that matters has come: the pool waits a
 * moment for its end, so that the next call has the connection. As
 * cli_llm_call_destroy. */
void cli_llm_call_release(struct cli_llm_call *call);

/* A piece was refused, and waits. */
bool cli_llm_call_paused(const struct cli_llm_call *call);

/* The reader has room again; does nothing for a call that is not paused. */
void cli_llm_call_resume(struct cli_llm_call *call);

/* NULL while it runs. RNL_OK: the body has come to its end. */
const struct cli_llm_verdict *cli_llm_call_end(const struct cli_llm_call *call);

#endif
