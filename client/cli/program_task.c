/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program is not waited for before finish: as long as it is not, its id,
 * and that of its group, stay its own, and can be signalled whenever.
 */
#include "program_task.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context.h"
#include "program_log.h"
#include "program_spawn.h"
#include "utf8.h"

/* sysexits.h: EX_TEMPFAIL, "the user is invited to retry". */
#define EXIT_RETRYABLE 75

/* Output comes in pieces of at most so much: a pipe's own size. */
#define OUTPUT_LEN_MAX 65536

struct program_task {
    struct cli_task task;
    const struct cli_program *program;
    /* A descriptor is -1 once it is closed. */
    struct cli_process process;
    char *input;
    size_t input_len;
    size_t input_at;
    struct cli_program_log log;
    /* It has ended, and is not waited for yet. */
    bool exited;
    /* When its group is killed; or CLI_TASK_NEVER. */
    int64_t kill_ms;
    /* Killed by us since it did not end by itself. */
    bool killed;
    /* What it says could not be reported. */
    enum rnl_code fault;
};

static struct program_task *of(struct cli_task *task)
{
    return (struct program_task *)task;
}

_Static_assert(offsetof(struct program_task, task) == 0, "a task is first");

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static bool has_room(const struct program_task *p)
{
    return p->task.stopped || p->fault != RNL_OK ||
           rnl_work_writable(p->task.work);
}

/* --- the start --- */

static void take_input(struct program_task *p, const struct rnl_job *job)
{
    p->input_len = job->input == NULL ? 0 : job->input_len;
    p->input = cli_calloc(p->input_len + 1, 1);
    if (p->input_len > 0)
        memcpy(p->input, job->input, p->input_len);
    else
        close_fd(&p->process.in);
}

static struct cli_task *start(void *arg, struct rnl_work *work,
                              const struct rnl_job *job, struct cli_buf *why)
{
    const struct cli_program *program = arg;
    struct cli_process process;
    if (!cli_process_start(program->argv, job, &process, why))
        return NULL;
    struct program_task *p = cli_calloc(1, sizeof(*p));
    p->task.work = work;
    p->program = program;
    p->process = process;
    p->kill_ms = CLI_TASK_NEVER;
    take_input(p, job);
    return &p->task;
}

/* --- what it says --- */

static void note(struct program_task *p, enum rnl_code code)
{
    if (code != RNL_OK && p->fault == RNL_OK)
        p->fault = code;
}

/* A sign of life: what it left running has its time anew. */
static void note_life(struct program_task *p)
{
    if (p->exited && !p->task.stopped)
        p->kill_ms = cli_now_ms() + p->program->grace_ms;
}

/* False: there was nothing, and the pipe is closed if it is at its end. */
static bool read_some(int *fd, char *bytes, size_t cap, size_t *ret_len)
{
    ssize_t len = read(*fd, bytes, cap);
    if (len > 0) {
        *ret_len = (size_t)len;
        return true;
    }
    if (len == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(fd);
    return false;
}

static void take_output(struct program_task *p)
{
    char bytes[OUTPUT_LEN_MAX];
    size_t len;
    if (!read_some(&p->process.out, bytes, sizeof(bytes), &len))
        return;
    note_life(p);
    if (!p->task.stopped && p->fault == RNL_OK)
        note(p, rnl_work_output(p->task.work, bytes, len));
}

static void take_log(struct program_task *p)
{
    struct cli_program_log *log = &p->log;
    size_t len;
    if (!read_some(&p->process.err, log->in, sizeof(log->in), &len))
        return;
    note_life(p);
    log->in_at = 0;
    log->in_len = len;
}

static void report_log(struct program_task *p)
{
    if (p->task.stopped || p->fault != RNL_OK)
        p->log.in_at = p->log.in_len;
    else
        note(p,
             cli_program_log_report(&p->log, p->task.work, p->process.err < 0));
}

/* A program need not read its input. */
static void write_input(struct program_task *p)
{
    ssize_t len = write(p->process.in, p->input + p->input_at,
                        p->input_len - p->input_at);
    if (len > 0)
        p->input_at += (size_t)len;
    if ((len < 0 && errno != EAGAIN && errno != EINTR) ||
        p->input_at == p->input_len)
        close_fd(&p->process.in);
}

/* --- the loop's view --- */

enum { FD_IN, FD_OUT, FD_ERR, FD_END, FD_COUNT };

static void poll_for(const struct cli_task *task, struct pollfd *fds)
{
    const struct program_task *p = (const struct program_task *)task;
    const struct cli_process *process = &p->process;
    bool room = has_room(p);
    bool hungry = room && cli_program_log_empty(&p->log);
    fds[FD_IN] = (struct pollfd){.fd = process->in, .events = POLLOUT};
    fds[FD_OUT] =
        (struct pollfd){.fd = room ? process->out : -1, .events = POLLIN};
    fds[FD_ERR] =
        (struct pollfd){.fd = hungry ? process->err : -1, .events = POLLIN};
    fds[FD_END] =
        (struct pollfd){.fd = p->exited ? -1 : process->end, .events = POLLIN};
}

static void kill_if_due(struct program_task *p)
{
    if (cli_now_ms() < p->kill_ms)
        return;
    /* What waits for room has not been silent. */
    if (p->exited && !has_room(p)) {
        note_life(p);
        return;
    }
    kill(-p->process.pid, SIGKILL);
    p->kill_ms = CLI_TASK_NEVER;
    p->killed = true;
    if (p->exited && !p->task.stopped && p->fault == RNL_OK)
        note(p, rnl_work_log(p->task.work,
                             "what the program left running is stopped"));
}

static void stop(struct cli_task *task)
{
    struct program_task *p = of(task);
    bool again = p->kill_ms != CLI_TASK_NEVER;
    kill(-p->process.pid, again ? SIGKILL : SIGTERM);
    p->kill_ms = cli_now_ms() + p->program->grace_ms;
}

static void process(struct cli_task *task, const struct pollfd *fds)
{
    struct program_task *p = of(task);
    if (fds[FD_IN].revents != 0 && p->process.in >= 0)
        write_input(p);
    if (fds[FD_OUT].revents != 0 && has_room(p))
        take_output(p);
    if (fds[FD_ERR].revents != 0)
        take_log(p);
    report_log(p);
    if (fds[FD_END].revents != 0 && !p->exited) {
        p->exited = true;
        note_life(p);
    }
    if (p->fault != RNL_OK && p->kill_ms == CLI_TASK_NEVER && !p->killed)
        stop(task);
    kill_if_due(p);
}

static int64_t due_ms(const struct cli_task *task)
{
    return ((const struct program_task *)task)->kill_ms;
}

/* Once its group is killed, a pipe that is still open belongs to somebody
 * else. */
static bool ended(const struct cli_task *task)
{
    const struct program_task *p = (const struct program_task *)task;
    if (!p->exited)
        return false;
    if (task->stopped || p->killed || p->fault != RNL_OK)
        return true;
    return p->process.out < 0 && p->process.err < 0 &&
           cli_program_log_empty(&p->log) && p->log.len == 0;
}

/* --- the outcome --- */

static enum rnl_code report_failure(struct program_task *p, int status)
{
    char text[400];
    bool exited = WIFEXITED(status);
    snprintf(text, sizeof(text), "%s %d%s%s", exited ? "exit status" : "signal",
             exited ? WEXITSTATUS(status) : WTERMSIG(status),
             p->log.last[0] == '\0' ? "" : ": ", p->log.last);
    bool retryable = exited && WEXITSTATUS(status) == EXIT_RETRYABLE;
    if (retryable && p->log.has_retry_after)
        return rnl_work_retry(p->task.work, RNL_UNAVAILABLE, text,
                              p->log.retry_after_ms);
    return rnl_work_fail(p->task.work,
                         retryable ? RNL_UNAVAILABLE : RNL_UNKNOWN, text,
                         retryable);
}

static bool report(struct program_task *p, int status)
{
    struct rnl_work *work = p->task.work;
    if (p->task.stopped)
        return false;
    enum rnl_code code = p->fault;
    if (code == RNL_OK)
        code = status == 0 ? rnl_work_complete(work, p->program->content_type)
                           : report_failure(p, status);
    return code == RNL_OK;
}

static bool finish(struct cli_task *task)
{
    struct program_task *p = of(task);
    int status = 0;
    kill(-p->process.pid, SIGKILL);
    while (waitpid(p->process.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    bool reported = report(p, status);
    close_fd(&p->process.in);
    close_fd(&p->process.out);
    close_fd(&p->process.err);
    close_fd(&p->process.end);
    cli_free(p->input);
    cli_free(p);
    return reported;
}

const struct cli_task_ops cli_program_ops = {
    .start = start,
    .fd_count = FD_COUNT,
    .poll = poll_for,
    .process = process,
    .due_ms = due_ms,
    .stop = stop,
    .ended = ended,
    .finish = finish,
};
