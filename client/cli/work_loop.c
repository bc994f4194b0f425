/* SPDX-License-Identifier: Apache-2.0 */
#include "work_loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core_internal.h"

/* The core, signals, and what tasks share. */
#define OWN_FDS 3

struct loop {
    struct cli_context *context;
    const struct cli_work_options *options;
    struct rnl_worker *worker;
    TAILQ_HEAD(, cli_task) tasks;
    size_t task_count;
    struct pollfd *fds;
    int signal_fd;
    bool connected;
    /* Signals that came. */
    unsigned signals;
    /* The worker has ended; tasks may be left. */
    bool ended;
    int status;
};

/* --- what the core says --- */

static void on_job(struct rnl_worker *worker, struct rnl_work *work,
                   const struct rnl_job *job, void *arg)
{
    struct loop *loop = arg;
    const struct cli_work_options *options = loop->options;
    struct cli_buf why = {0};
    (void)worker;
    cli_note(loop->context, "job %s: begins, attempt %u", job->id,
             (unsigned)job->attempt);
    struct cli_task *task = options->ops->start(options->arg, work, job, &why);
    if (task == NULL) {
        cli_error(loop->context, "job %s: %s", job->id, cli_buf_str(&why));
        rnl_work_release(work, cli_buf_str(&why));
    } else {
        snprintf(task->job_id, sizeof(task->job_id), "%s", job->id);
        rnl_work_set_context(work, task);
        TAILQ_INSERT_TAIL(&loop->tasks, task, link);
        loop->task_count++;
    }
    cli_buf_fini(&why);
}

static void stop(struct loop *loop, struct cli_task *task, const char *why)
{
    if (!task->stopped)
        cli_note(loop->context, "job %s: stopping, %s", task->job_id, why);
    task->stopped = true;
    loop->options->ops->stop(task);
}

static void on_stop(struct rnl_worker *worker, struct rnl_work *work,
                    const char *reason, void *arg)
{
    (void)worker;
    stop(arg, rnl_work_context(work), *reason ? reason : "it has ended");
}

static void on_drain(struct rnl_worker *worker, const char *reason, void *arg)
{
    const struct loop *loop = arg;
    (void)worker;
    cli_note(loop->context, "%s", reason);
}

static void stop_all(struct loop *loop, const char *why)
{
    struct cli_task *task;
    TAILQ_FOREACH(task, &loop->tasks, link)
    stop(loop, task, why);
}

static void on_end(struct rnl_worker *worker,
                   const struct rnl_status_info *status, void *arg)
{
    struct loop *loop = arg;
    (void)worker;
    loop->ended = true;
    if (status->code == RNL_OK)
        return;
    loop->status = cli_core_fail(loop->context, "work", status);
    stop_all(loop, "the worker has ended");
}

/* --- signals --- */

static void catch_signals(struct loop *loop)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signal(struct loop *loop)
{
    struct signalfd_siginfo info;
    if (read(loop->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (++loop->signals > 1) {
        stop_all(loop, "the worker is stopped");
        return;
    }
    if (loop->task_count > 0)
        cli_note(loop->context,
                 "no new jobs; %zu to finish, a second signal stops them",
                 loop->task_count);
    rnl_worker_drain(loop->worker);
}

/* --- tasks --- */

static void end_task(struct loop *loop, struct cli_task *task)
{
    struct rnl_work *work = task->work;
    bool stopped = task->stopped;
    char id[sizeof(task->job_id)];
    memcpy(id, task->job_id, sizeof(id));
    TAILQ_REMOVE(&loop->tasks, task, link);
    loop->task_count--;
    bool reported = loop->options->ops->finish(task);
    if (!reported)
        rnl_work_release(work, "the worker was stopped");
    cli_note(loop->context, "job %s: %s", id, stopped ? "stopped" : "ended");
}

static void process_tasks(struct loop *loop)
{
    const struct cli_task_ops *ops = loop->options->ops;
    const struct pollfd *fds = loop->fds + OWN_FDS;
    struct cli_task *task = TAILQ_FIRST(&loop->tasks);
    while (task != NULL) {
        struct cli_task *next = TAILQ_NEXT(task, link);
        ops->process(task, fds);
        fds += ops->fd_count;
        if (ops->ended(task))
            end_task(loop, task);
        task = next;
    }
}

/* --- the loop --- */

static void sooner(int64_t *timeout_ms, int64_t left_ms)
{
    if (left_ms < 0)
        left_ms = 0;
    if (*timeout_ms < 0 || left_ms < *timeout_ms)
        *timeout_ms = left_ms;
}

static int64_t timeout_of(const struct loop *loop)
{
    int64_t timeout_ms = rnl_client_timeout_ms(loop->context->client);
    int64_t now_ms = cli_now_ms();
    const struct cli_task *task;
    TAILQ_FOREACH(task, &loop->tasks, link)
    {
        int64_t due_ms = loop->options->ops->due_ms(task);
        if (due_ms != CLI_TASK_NEVER)
            sooner(&timeout_ms, due_ms - now_ms);
    }
    return timeout_ms > INT32_MAX ? INT32_MAX : timeout_ms;
}

static size_t gather(struct loop *loop)
{
    const struct cli_work_options *options = loop->options;
    const struct cli_task_ops *ops = options->ops;
    struct rnl_client *client = loop->context->client;
    size_t count = OWN_FDS + loop->task_count * ops->fd_count;
    loop->fds = cli_realloc(loop->fds, count * sizeof(loop->fds[0]));
    loop->fds[0] = (struct pollfd){.fd = rnl_client_fd(client),
                                   .events = (short)rnl_client_events(client)};
    loop->fds[1] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
    loop->fds[2] = (struct pollfd){
        .fd = ops->shared_fd == NULL ? -1 : ops->shared_fd(options->arg),
        .events = POLLIN,
    };
    struct pollfd *at = loop->fds + OWN_FDS;
    const struct cli_task *task;
    TAILQ_FOREACH(task, &loop->tasks, link)
    {
        if (ops->poll != NULL)
            ops->poll(task, at);
        at += ops->fd_count;
    }
    return count;
}

static void note_connection(struct loop *loop)
{
    bool connected =
        rnl_client_state(loop->context->client) == RNL_CLIENT_CONNECTED;
    if (connected != loop->connected && !loop->ended)
        cli_note(loop->context, connected ? "connected again"
                                          : "connection lost; reconnecting");
    loop->connected = connected;
}

/* Tasks come before the client, which may add some that were not polled. */
static void turn(struct loop *loop)
{
    const struct cli_task_ops *ops = loop->options->ops;
    size_t count = gather(loop);
    if (poll(loop->fds, (nfds_t)count, (int)timeout_of(loop)) < 0) {
        for (size_t i = 0; i < count; i++)
            loop->fds[i].revents = 0;
    }
    short revents = loop->fds[0].revents;
    if (ops->process_shared != NULL && loop->fds[2].revents != 0)
        ops->process_shared(loop->options->arg);
    process_tasks(loop);
    if (loop->fds[1].revents != 0)
        take_signal(loop);
    rnl_client_process(loop->context->client, revents);
    note_connection(loop);
}

/* A second signal does not wait for a core that is away: what it was not told
 * is lost with the lease. */
static bool is_given_up(const struct loop *loop)
{
    return loop->signals > 1 && loop->task_count == 0 && !loop->connected &&
           !loop->ended;
}

static int give_up(const struct loop *loop)
{
    cli_error(loop->context,
              "the core is away: how the jobs in hand ended was not reported, "
              "and they are tried again when their lease is over");
    return CLI_EXIT_UNREACHABLE;
}

static bool goes_on(const struct loop *loop)
{
    return (!loop->ended || loop->task_count > 0) && !is_given_up(loop);
}

static int start(struct loop *loop)
{
    const struct cli_work_options *options = loop->options;
    struct rnl_worker_options worker = RNL_OPTIONS_INIT(worker);
    worker.kinds = options->kinds;
    worker.kind_count = options->kind_count;
    worker.concurrency = options->concurrency;
    worker.name = options->name;
    worker.on_job = on_job;
    worker.on_stop = on_stop;
    worker.on_drain = on_drain;
    worker.on_end = on_end;
    worker.arg = loop;
    return cli_core_end(
        loop->context, "work",
        rnl_worker_start(loop->context->client, &worker, &loop->worker));
}

int cli_work_loop(struct cli_context *context,
                  const struct cli_work_options *options)
{
    struct loop loop = {
        .context = context, .options = options, .connected = true};
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    TAILQ_INIT(&loop.tasks);
    catch_signals(&loop);
    status = start(&loop);
    while (status == CLI_EXIT_OK && goes_on(&loop))
        turn(&loop);
    if (status == CLI_EXIT_OK && is_given_up(&loop))
        status = give_up(&loop);
    rnl_worker_destroy(loop.worker);
    close(loop.signal_fd);
    cli_free(loop.fds);
    return status == CLI_EXIT_OK ? loop.status : status;
}
