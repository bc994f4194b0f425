/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A built-in kind of job: how its options are checked and how it does its
 * work, one short slice after the other, so that the loop is never held. A
 * kind knows nothing of states, retries, watchers or storage.
 *
 * The engine drives it: create, then step until it is done or has failed, then
 * destroy; or destroy at any time in between, which is how a job is cancelled
 * or expires. An attempt that the end of the server has cut begins with create
 * and resume (resume.c).
 */
#ifndef RNL_JOBS_KIND_H
#define RNL_JOBS_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>
#include <runnel/v1/jobs.pb-c.h>

#include "field_error.h"

struct rnl_core;
struct rnl_run;

/* The input of a job, of either form. */
struct rnl_input {
    const uint8_t *data;
    size_t len;
    /* Never empty. */
    const char *content_type;
};

/* What an attempt works on. Borrowed until destroy. */
struct rnl_work {
    struct rnl_core *core;
    const Runnel__V1__Job *job;
    struct rnl_input input;
    /* From 1. */
    uint32_t attempt;
};

enum rnl_step_kind {
    RNL_STEP_AGAIN,
    RNL_STEP_DONE,
    RNL_STEP_FAILED,
};

/* The outcome of a slice. */
struct rnl_step {
    enum rnl_step_kind kind;
    /* AGAIN: time until the next slice; 0: as soon as others had theirs. */
    int64_t delay_ns;
    /* FAILED. */
    enum rnl_code code;
    /* FAILED: another attempt could succeed. */
    bool retry;
    /* FAILED: it begins after delay_ns, whatever the retry policy's backoff
     * is. */
    bool has_delay;
    char message[256];
};

/* What is known of an attempt that the end of the server has cut. */
struct rnl_cut {
    /* What it had put out. */
    uint64_t output_bytes;
    /* Wall clock: its start, and its newest event. */
    int64_t begin_ns;
    int64_t last_ns;
};

struct rnl_kind {
    const char *name;
    /* Content type of the output, or NULL: that of the input. */
    const char *output_content_type;
    /* Checks options and input of a request; the engine has checked what is
     * common to all kinds. Errors: RNL_INVALID_ARGUMENT with error filled. */
    enum rnl_code (*validate)(const struct rnl_work *work,
                              struct rnl_field_error *error);
    /* Errors: RNL_RESOURCE_EXHAUSTED. */
    enum rnl_code (*create)(const struct rnl_work *work, void **ret_state);
    /* Takes a state that has just been made to where an attempt was cut, so
     * that step goes on from there. False: it cannot. NULL: step begins anew,
     * which must depend on the job alone: what it says is not written again as
     * far as it is there. */
    bool (*resume)(void *state, const struct rnl_cut *cut);
    /* Does at most about 250 us of work. */
    void (*step)(void *state, struct rnl_run *run, struct rnl_step *ret_step);
    void (*destroy)(void *state);
};

extern const struct rnl_kind rnl_kind_echo;
extern const struct rnl_kind rnl_kind_simulate;
extern const struct rnl_kind rnl_kind_analyze;

/* ---- what a kind tells the engine from inside step ---- */

/* Appends one output event. Errors: RNL_RESOURCE_EXHAUSTED when the job's
 * output limit is reached or memory is out: the step then fails. */
RNL_MUST_USE enum rnl_code rnl_run_output(struct rnl_run *run, const void *data,
                                          size_t len);

/* The same for a line of the log, at most 4,096 bytes (cut). */
RNL_MUST_USE enum rnl_code rnl_run_log(struct rnl_run *run, const char *format,
                                       ...)
    __attribute__((format(printf, 2, 3)));

/* The same for a progress event. unit is static, message may be NULL. */
RNL_MUST_USE enum rnl_code rnl_run_progress(struct rnl_run *run, double done,
                                            double total, const char *unit);

/* Sets ret_step to FAILED. */
void rnl_step_fail(struct rnl_step *ret_step, enum rnl_code code,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What to do after rnl_run_output and the like refused. */
void rnl_step_fail_full(struct rnl_step *ret_step);

#endif
