/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an error of a chat completions server means for the job: its code, a
 * sentence, and whether and when it is worth another try. The rules are those
 * of the interface's official clients: 408, 409, 429 and 5xx may pass, and so
 * may a lost connection; all else will fail the same way again.
 */
#ifndef RNL_CLI_LLM_VERDICT_H
#define RNL_CLI_LLM_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <jansson.h>

#include <runnel/worker.h>

/* The server said nothing about when to try again. */
#define CLI_LLM_NO_WAIT INT64_C(-1)

/* A Retry-After above this is a server that does not want to be asked; the core
 * puts no attempt off for longer. */
#define CLI_LLM_WAIT_MS_MAX ((int64_t)RNL_RETRY_DELAY_MS_MAX)

struct cli_llm_verdict {
    enum rnl_code code;
    bool retryable;
    /* When to try again, from now; or CLI_LLM_NO_WAIT. */
    int64_t wait_ms;
    /* UTF-8, for people. */
    char message[512];
};

/* What a server said about an error. Borrowed. */
struct cli_llm_refusal {
    /* Of HTTP. */
    long status;
    const char *body;
    size_t body_len;
    /* Headers of the answer, or NULL. */
    const char *retry_after;
    const char *retry_after_ms;
    const char *location;
    /* Now, in seconds since 1970. */
    int64_t now_s;
};

/* A status that is not 200. */
void cli_llm_judge_refusal(const struct cli_llm_refusal *refusal,
                           struct cli_llm_verdict *ret_verdict);

/* An error told in the middle of an answer: the member "error" of a chunk, an
 * object or a string. Without a hint that it is final, it may pass. */
void cli_llm_judge_error(const json_t *error,
                         struct cli_llm_verdict *ret_verdict);

/* What libcurl could not do; detail is its sentence, or "". */
void cli_llm_judge_transfer(CURLcode result, const char *detail,
                            struct cli_llm_verdict *ret_verdict);

/* A verdict without a wait, in the caller's words. */
void cli_llm_verdict_set(struct cli_llm_verdict *verdict, enum rnl_code code,
                         bool retryable, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Replaces a secret wherever the message has it: some servers quote the key
 * that they refuse. NULL and "" are no secrets. */
void cli_llm_verdict_redact(struct cli_llm_verdict *verdict,
                            const char *secret);

/* Retry-After, RFC 9110 10.2.3: seconds, or a date. Returns milliseconds in
 * [0, CLI_LLM_WAIT_MS_MAX], or CLI_LLM_NO_WAIT for what is neither. */
int64_t cli_llm_retry_after_ms(const char *text, int64_t now_s);

#endif
