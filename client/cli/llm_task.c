/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_task.h"

#include <inttypes.h>
#include <string.h>

#include "context.h"
#include "llm_answer.h"
#include "text.h"

/* Of a server that goes on asking for patience. */
#define WAITS_MAX 8

/* Progress is for people. */
#define PROGRESS_EVERY_MS 500

struct llm_task {
    /* First: an llm_task is its cli_task. */
    struct cli_task base;
    const struct cli_llm_use *use;
    struct cli_llm_request request;
    struct cli_llm_answer answer;
    /* NULL before a wait is over, and at the end. */
    struct cli_llm_call *call;
    /* The next call begins then; CLI_TASK_NEVER while there is one. */
    int64_t call_ms;
    unsigned wait_count;
    int64_t begin_ms;
    int64_t first_text_ms;
    int64_t progress_ms;
    bool ended;
    /* RNL_OK: the answer is whole. */
    struct cli_llm_verdict verdict;
};

/* --- the outcome --- */

static void end(struct llm_task *task)
{
    cli_llm_call_destroy(task->call);
    task->call = NULL;
    task->call_ms = CLI_TASK_NEVER;
    task->ended = true;
}

static void fail(struct llm_task *task, enum rnl_code code, bool retryable,
                 const char *message)
{
    cli_llm_verdict_set(&task->verdict, code, retryable, "%s", message);
    end(task);
}

/* RNL_CANCELLED comes from a stop, of which the loop hears by itself. */
static bool reported(struct llm_task *task, enum rnl_code code)
{
    if (code == RNL_CANCELLED)
        task->base.stopped = true;
    else if (code != RNL_OK && !task->ended)
        cli_llm_verdict_set(&task->verdict, code, true,
                            "memory of the worker is out");
    return code == RNL_OK;
}

/* --- the answer --- */

/* For people: what has no room now is left out. */
static void say(struct llm_task *task, const char *line)
{
    if (rnl_work_writable(task->base.work))
        reported(task, rnl_work_log(task->base.work, line));
}

/* Most servers tell the usage at the end only, some with each chunk. */
static void say_progress(struct llm_task *task, bool last)
{
    const struct cli_llm_answer *answer = &task->answer;
    struct rnl_progress progress = {.done = (double)answer->completion_tokens,
                                    .unit = "tokens"};
    int64_t now_ms = cli_now_ms();
    if (!answer->has_usage || !rnl_work_writable(task->base.work) ||
        (!last && now_ms < task->progress_ms + PROGRESS_EVERY_MS))
        return;
    task->progress_ms = now_ms;
    if (last)
        progress.total = progress.done;
    reported(task, rnl_work_progress(task->base.work, &progress));
}

/* All text of a piece is one report, so that memory is bounded by what the
 * work takes, and one piece. */
static bool on_body(const char *data, size_t len, void *arg)
{
    struct llm_task *task = arg;
    struct cli_buf *output = &task->answer.output;
    if (task->base.stopped || task->verdict.code != RNL_OK)
        return true;
    if (!rnl_work_writable(task->base.work))
        return false;
    cli_llm_answer_feed(&task->answer, data, len);
    if (output->len == 0)
        return true;
    if (task->first_text_ms == 0)
        task->first_text_ms = cli_now_ms();
    if (reported(task,
                 rnl_work_output(task->base.work, output->data, output->len)))
        say_progress(task, false);
    cli_buf_reset(output);
    return true;
}

static void begin_call(struct llm_task *task)
{
    const struct cli_buf *body = &task->request.body;
    task->call_ms = CLI_TASK_NEVER;
    task->begin_ms = cli_now_ms();
    task->call = cli_llm_call_start(task->use->pool, body->data, body->len,
                                    on_body, task);
    if (task->call == NULL)
        fail(task, RNL_RESOURCE_EXHAUSTED, true, "memory of the worker is out");
}

static bool may_wait(const struct llm_task *task,
                     const struct cli_llm_verdict *verdict)
{
    return verdict->retryable && verdict->wait_ms >= 0 &&
           verdict->wait_ms <= task->use->wait_ms_max &&
           task->wait_count < WAITS_MAX && task->answer.chunk_count == 0;
}

static void wait(struct llm_task *task, const struct cli_llm_verdict *verdict)
{
    struct cli_buf line = {0};
    task->wait_count++;
    task->call_ms = cli_now_ms() + verdict->wait_ms;
    cli_buf_printf(&line, "%s; trying again in %.3g s, as it asks",
                   verdict->message, (double)verdict->wait_ms / 1000);
    cli_llm_call_destroy(task->call);
    task->call = NULL;
    say(task, cli_buf_str(&line));
    cli_buf_fini(&line);
}

/* What the server said goes before what became of the connection. */
static void take_end(struct llm_task *task,
                     const struct cli_llm_verdict *verdict)
{
    const struct cli_llm_answer *answer = &task->answer;
    if (answer->failed) {
        task->verdict = answer->verdict;
        end(task);
    } else if (strcmp(answer->finish_reason, "content_filter") == 0) {
        fail(task, RNL_FAILED_PRECONDITION, false,
             "the server's content filter has ended the answer");
    } else if (cli_llm_answer_whole(answer)) {
        cli_llm_call_release(task->call);
        task->call = NULL;
        end(task);
    } else if (verdict == NULL || verdict->code == RNL_OK) {
        fail(task, RNL_UNAVAILABLE, true,
             "the server's answer ended in the middle");
    } else if (may_wait(task, verdict)) {
        wait(task, verdict);
    } else {
        task->verdict = *verdict;
        end(task);
    }
}

/* --- the loop's view --- */

static struct llm_task *llm_task_of(struct cli_task *task)
{
    return (struct llm_task *)task;
}

static struct cli_task *start(void *arg, struct rnl_work *work,
                              const struct rnl_job *job, struct cli_buf *why)
{
    struct llm_task *task = cli_calloc(1, sizeof(*task));
    struct cli_buf fault = {0};
    (void)why;
    task->use = arg;
    task->base.work = work;
    if (cli_llm_request_make(&task->use->models, job, &task->request, &fault)) {
        task->answer.as_chunks = task->request.as_chunks;
        begin_call(task);
    } else {
        fail(task, RNL_INVALID_ARGUMENT, false, cli_buf_str(&fault));
    }
    cli_buf_fini(&fault);
    return &task->base;
}

static void process(struct cli_task *base, const struct pollfd *fds)
{
    struct llm_task *task = llm_task_of(base);
    const struct cli_llm_verdict *verdict = NULL;
    (void)fds;
    if (task->ended)
        return;
    if (task->call != NULL && rnl_work_writable(base->work))
        cli_llm_call_resume(task->call);
    if (task->call != NULL)
        verdict = cli_llm_call_end(task->call);
    if (base->stopped || task->verdict.code != RNL_OK)
        end(task);
    else if (verdict != NULL || task->answer.done || task->answer.failed)
        take_end(task, verdict);
    else if (task->call == NULL && task->call_ms <= cli_now_ms())
        begin_call(task);
}

/* At once when room was waited for, and is there. */
static int64_t due_ms(const struct cli_task *base)
{
    const struct llm_task *task = (const struct llm_task *)base;
    bool waits =
        task->ended || (task->call != NULL && cli_llm_call_paused(task->call));
    if (waits && (base->stopped || rnl_work_writable(base->work)))
        return 0;
    return task->call_ms;
}

static void stop(struct cli_task *base)
{
    end(llm_task_of(base));
}

static bool ended(const struct cli_task *base)
{
    const struct llm_task *task = (const struct llm_task *)base;
    return task->ended && (base->stopped || rnl_work_writable(base->work));
}

/* --- the report --- */

/* "stop: 42 tokens after 9 of the request, by m-1; first text after 210 ms, in
 * all 1.3 s" */
static void say_outcome(struct llm_task *task)
{
    const struct cli_llm_answer *answer = &task->answer;
    struct cli_buf line = {0};
    const char *reason = answer->finish_reason;
    cli_text_add_safe(&line, reason, strlen(reason), 0);
    cli_buf_text(&line, reason[0] == '\0' ? "done" : "");
    if (strcmp(reason, "length") == 0)
        cli_buf_text(&line, " (the answer is cut at max_tokens)");
    if (answer->refused)
        cli_buf_text(&line, " (the model refused)");
    if (answer->has_usage)
        cli_buf_printf(&line,
                       ": %" PRIu64 " tokens after %" PRIu64 " of the request",
                       answer->completion_tokens, answer->prompt_tokens);
    if (answer->model[0] != '\0') {
        cli_buf_text(&line, ", by ");
        cli_text_add_safe(&line, answer->model, strlen(answer->model), 0);
    }
    if (task->first_text_ms != 0) {
        cli_buf_text(&line, "; first text after ");
        cli_text_add_ms(&line, (double)(task->first_text_ms - task->begin_ms));
        cli_buf_text(&line, ", all after ");
        cli_text_add_ms(&line, (double)(cli_now_ms() - task->begin_ms));
    }
    say(task, cli_buf_str(&line));
    cli_buf_fini(&line);
}

static enum rnl_code report(struct llm_task *task)
{
    struct cli_llm_verdict *verdict = &task->verdict;
    cli_llm_pool_redact(task->use->pool, verdict);
    if (verdict->code != RNL_OK && verdict->retryable && verdict->wait_ms >= 0)
        return rnl_work_retry(task->base.work, verdict->code, verdict->message,
                              verdict->wait_ms);
    if (verdict->code != RNL_OK)
        return rnl_work_fail(task->base.work, verdict->code, verdict->message,
                             verdict->retryable);
    say_outcome(task);
    say_progress(task, true);
    return rnl_work_complete(
        task->base.work, task->answer.as_chunks ? "application/x-ndjson"
                                                : "text/plain; charset=utf-8");
}

static bool finish(struct cli_task *base)
{
    struct llm_task *task = llm_task_of(base);
    bool done = !base->stopped && report(task) == RNL_OK;
    end(task);
    cli_llm_answer_fini(&task->answer);
    cli_llm_request_fini(&task->request);
    cli_free(task);
    return done;
}

static int shared_fd(void *arg)
{
    const struct cli_llm_use *use = arg;
    return cli_llm_pool_fd(use->pool);
}

static void process_shared(void *arg)
{
    struct cli_llm_use *use = arg;
    cli_llm_pool_process(use->pool);
}

const struct cli_task_ops cli_llm_ops = {
    .start = start,
    .process = process,
    .due_ms = due_ms,
    .stop = stop,
    .ended = ended,
    .finish = finish,
    .shared_fd = shared_fd,
    .process_shared = process_shared,
};
