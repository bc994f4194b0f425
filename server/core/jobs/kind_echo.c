/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind "echo": streams its input back, piece by piece. It is the simplest
 * streaming job there is, and the one to try a client, a network or a retry
 * policy with. docs/jobs.md lists its options.
 */
#include "kind.h"

#include "alloc.h"
#include "job_bounds.h"
#include "options.h"
#include "utf8.h"

/* Without pace, events in one slice: at some 0.5 us each. */
#define EVENTS_PER_SLICE 128

/* Progress events of a whole job. */
#define PROGRESS_STEPS 10

#define NS_PER_MS 1000000

struct options {
    int64_t chunk_bytes;
    int64_t pace_ms;
    int64_t fail_attempts;
};

static const struct rnl_option option_table[] = {
    {
        .name = "chunk_bytes",
        .type = RNL_OPTION_INT,
        .offset = offsetof(struct options, chunk_bytes),
        .min = 1,
        .max = RNL_JOB_EVENT_BYTES_MAX,
        .preset = 16,
    },
    {
        .name = "pace_ms",
        .type = RNL_OPTION_INT,
        .offset = offsetof(struct options, pace_ms),
        .max = 60000,
    },
    {
        .name = "fail_attempts",
        .type = RNL_OPTION_INT,
        .offset = offsetof(struct options, fail_attempts),
        .max = RNL_JOB_ATTEMPTS_MAX,
    },
};

struct echo {
    const struct rnl_work *work;
    struct options options;
    size_t done;
    int steps_shown;
    bool is_text;
};

static enum rnl_code read_options(const struct rnl_work *work,
                                  struct options *options,
                                  struct rnl_field_error *error)
{
    return rnl_options_read(option_table,
                            sizeof(option_table) / sizeof(option_table[0]),
                            work->job, options, error);
}

static enum rnl_code echo_validate(const struct rnl_work *work,
                                   struct rnl_field_error *error)
{
    struct options options;
    return read_options(work, &options, error);
}

static enum rnl_code echo_create(const struct rnl_work *work, void **ret_state)
{
    struct echo *echo = rnl_calloc(1, sizeof(*echo));
    if (echo == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_field_error error;
    echo->work = work;
    echo->is_text = rnl_utf8_valid(work->input.data, work->input.len);
    enum rnl_code code = read_options(work, &echo->options, &error);
    if (code != RNL_OK) {
        rnl_free(echo);
        return code;
    }
    *ret_state = echo;
    return RNL_OK;
}

/* Events are whole pieces, so that the next one begins where it would have. */
static bool echo_resume(void *state, const struct rnl_cut *cut)
{
    struct echo *echo = state;
    if (cut->output_bytes > echo->work->input.len)
        return false;
    echo->done = (size_t)cut->output_bytes;
    return true;
}

static size_t next_len(const struct echo *echo)
{
    const struct rnl_input *input = &echo->work->input;
    size_t left = input->len - echo->done;
    size_t len = (size_t)echo->options.chunk_bytes;
    if (len >= left)
        return left;
    return echo->is_text ? rnl_utf8_cut(input->data + echo->done, left, len)
                         : len;
}

static enum rnl_code show_progress(struct echo *echo, struct rnl_run *run)
{
    size_t total = echo->work->input.len;
    int steps = (int)((double)echo->done / (double)total * PROGRESS_STEPS);
    if (steps == echo->steps_shown)
        return RNL_OK;
    echo->steps_shown = steps;
    return rnl_run_progress(run, (double)echo->done, (double)total, "bytes");
}

static enum rnl_code send_chunk(struct echo *echo, struct rnl_run *run)
{
    size_t len = next_len(echo);
    enum rnl_code code =
        rnl_run_output(run, echo->work->input.data + echo->done, len);
    echo->done += len;
    return code == RNL_OK ? show_progress(echo, run) : code;
}

static void echo_step(void *state, struct rnl_run *run,
                      struct rnl_step *ret_step)
{
    struct echo *echo = state;
    if (echo->work->attempt <= echo->options.fail_attempts) {
        rnl_step_fail(ret_step, RNL_UNAVAILABLE,
                      "attempt %u fails, as fail_attempts asks",
                      (unsigned)echo->work->attempt);
        ret_step->retry = true;
        return;
    }
    int count = echo->options.pace_ms > 0 ? 1 : EVENTS_PER_SLICE;
    for (; count > 0 && echo->done < echo->work->input.len; count--) {
        if (send_chunk(echo, run) != RNL_OK) {
            rnl_step_fail_full(ret_step);
            return;
        }
    }
    if (echo->done == echo->work->input.len)
        ret_step->kind = RNL_STEP_DONE;
    ret_step->delay_ns = echo->options.pace_ms * NS_PER_MS;
}

static void echo_destroy(void *state)
{
    rnl_free(state);
}

const struct rnl_kind rnl_kind_echo = {
    .name = "echo",
    .validate = echo_validate,
    .create = echo_create,
    .resume = echo_resume,
    .step = echo_step,
    .destroy = echo_destroy,
};
