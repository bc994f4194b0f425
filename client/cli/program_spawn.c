/* SPDX-License-Identifier: Apache-2.0 */
#include "program_spawn.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* --- the environment --- */

/* "NAME=value" entries, ended by NULL when it is used. */
struct entries {
    char **list;
    size_t count;
};

static void add(struct entries *entries, struct cli_buf *entry)
{
    entries->list = cli_realloc(entries->list, (entries->count + 2) *
                                                   sizeof(entries->list[0]));
    entries->list[entries->count++] = cli_strdup(cli_buf_str(entry));
    entries->list[entries->count] = NULL;
    cli_buf_fini(entry);
}

/* "max-rows" is RUNNEL_OPTION_max_rows. */
static void add_pair(struct entries *entries, const char *prefix,
                     const struct rnl_pair *pair)
{
    struct cli_buf entry = {0};
    cli_buf_text(&entry, prefix);
    for (const char *at = pair->key; *at != '\0'; at++)
        cli_buf_add(&entry, isalnum((unsigned char)*at) ? at : "_", 1);
    cli_buf_printf(&entry, "=%s", pair->value);
    add(entries, &entry);
}

/* Ours, and those of a job that this worker itself may be. */
static bool is_passed_on(const char *entry)
{
    static const char *const not [] = {
        "RUNNEL_TOKEN=", "RUNNEL_JOB_ID=",       "RUNNEL_ATTEMPT=",
        "RUNNEL_KIND=",  "RUNNEL_CONTENT_TYPE=", "RUNNEL_OPTION_",
        "RUNNEL_LABEL_",
    };
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
        if (strncmp(entry, not [i], strlen(not [i])) == 0)
            return false;
    }
    return true;
}

static void make_environment(struct entries *entries, const struct rnl_job *job)
{
    struct cli_buf entry = {0};
    for (char **at = environ; *at != NULL; at++) {
        if (!is_passed_on(*at))
            continue;
        cli_buf_text(&entry, *at);
        add(entries, &entry);
    }
    cli_buf_printf(&entry, "RUNNEL_JOB_ID=%s", job->id);
    add(entries, &entry);
    cli_buf_printf(&entry, "RUNNEL_ATTEMPT=%u", (unsigned)job->attempt);
    add(entries, &entry);
    cli_buf_printf(&entry, "RUNNEL_KIND=%s", job->kind);
    add(entries, &entry);
    cli_buf_printf(&entry, "RUNNEL_CONTENT_TYPE=%s", job->input_content_type);
    add(entries, &entry);
    for (size_t i = 0; i < job->option_count; i++)
        add_pair(entries, "RUNNEL_OPTION_", &job->options[i]);
    for (size_t i = 0; i < job->label_count; i++)
        add_pair(entries, "RUNNEL_LABEL_", &job->labels[i]);
}

static void free_environment(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        cli_free(entries->list[i]);
    cli_free(entries->list);
}

/* --- pipes --- */

enum { IN, OUT, ERR, FAULT, PIPE_COUNT };

/* Of each the end to read comes first. FAULT carries errno of an exec that
 * failed, and closes with one that did not. */
struct pipes {
    int fds[PIPE_COUNT][2];
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *pipes)
{
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        close_fd(&pipes->fds[i][0]);
        close_fd(&pipes->fds[i][1]);
    }
}

static bool open_pipes(struct pipes *pipes)
{
    memset(pipes, -1, sizeof(*pipes));
    for (size_t i = 0; i < PIPE_COUNT; i++) {
        if (pipe2(pipes->fds[i], O_CLOEXEC) == 0)
            continue;
        int error = errno;
        close_pipes(pipes);
        errno = error;
        return false;
    }
    return true;
}

/* Only this end does not block. */
static int keep_end(int *fd)
{
    int kept = *fd;
    fcntl(kept, F_SETFL, O_NONBLOCK);
    *fd = -1;
    return kept;
}

/* --- the child --- */

static void become(const struct pipes *pipes, char *const *argv,
                   char *const *environment, pid_t parent)
{
    sigset_t none;
    setpgid(0, 0);
    /* Should this program be killed; it may be so already. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    dup2(pipes->fds[IN][0], STDIN_FILENO);
    dup2(pipes->fds[OUT][1], STDOUT_FILENO);
    dup2(pipes->fds[ERR][1], STDERR_FILENO);
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvpe(argv[0], argv, environment);
    int error = errno;
    if (write(pipes->fds[FAULT][1], &error, sizeof(error)) < 0)
        _exit(126);
    _exit(127);
}

static pid_t spawn(const struct pipes *pipes, char *const *argv,
                   const struct rnl_job *job)
{
    struct entries entries = {0};
    pid_t parent = getpid();
    make_environment(&entries, job);
    pid_t pid = fork();
    if (pid == 0)
        become(pipes, argv, entries.list, parent);
    int error = errno;
    /* Also here: the group must be there when it is first signalled. */
    if (pid > 0)
        setpgid(pid, pid);
    free_environment(&entries);
    errno = error;
    return pid;
}

/* Waits for the exec; returns its errno, or 0. */
static int read_fault(struct pipes *pipes)
{
    int error = 0;
    ssize_t len;
    close_fd(&pipes->fds[FAULT][1]);
    do
        len = read(pipes->fds[FAULT][0], &error, sizeof(error));
    while (len < 0 && errno == EINTR);
    return len == (ssize_t)sizeof(error) ? error : 0;
}

static void reap(pid_t pid)
{
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

bool cli_process_start(char *const *argv, const struct rnl_job *job,
                       struct cli_process *ret_process, struct cli_buf *why)
{
    struct pipes pipes;
    if (!open_pipes(&pipes)) {
        cli_buf_printf(why, "pipe: %s", strerror(errno));
        return false;
    }
    pid_t pid = spawn(&pipes, argv, job);
    int error = pid < 0 ? errno : read_fault(&pipes);
    int end = -1;
    if (pid > 0 && error == 0) {
        end = (int)syscall(SYS_pidfd_open, pid, 0);
        error = end < 0 ? errno : 0;
    }
    if (error != 0) {
        cli_buf_printf(why, "%s: %s", argv[0], strerror(error));
        if (pid > 0)
            reap(pid);
        close_pipes(&pipes);
        return false;
    }
    *ret_process = (struct cli_process){
        .pid = pid,
        .in = keep_end(&pipes.fds[IN][1]),
        .out = keep_end(&pipes.fds[OUT][0]),
        .err = keep_end(&pipes.fds[ERR][0]),
        .end = end,
    };
    close_pipes(&pipes);
    return true;
}
