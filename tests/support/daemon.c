/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include "store_folder.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 128
#define LOG_SHOWN 4096

static void path_in(const struct daemon *daemon, const char *name,
                    char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", daemon->dir, name);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "re");
    size_t len = file == NULL ? 0 : fread(out, 1, cap - 1, file);
    if (file != NULL)
        fclose(file);
    out[len] = '\0';
    return len;
}

void daemon_read_log(const struct daemon *daemon, char *out, size_t cap)
{
    char path[PATH_SIZE];
    path_in(daemon, "log", path);
    read_file(path, out, cap);
}

static void fail_with_log(const struct daemon *daemon, const char *what)
{
    char log[LOG_SHOWN];
    daemon_read_log(daemon, log, sizeof(log));
    kill(daemon->pid, SIGKILL);
    fail_msg("%s; log:\n%s", what, log);
}

static int open_notify_socket(const struct daemon *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
             daemon->dir);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void add_arg(char **argv, size_t *count, const char *arg)
{
    assert_true(*count < DAEMON_ARGS_MAX - 1);
    argv[(*count)++] = (char *)arg;
}

/* In the child, after fork. */
static void become(const struct daemon *daemon, const char *program,
                   char **argv)
{
    char path[PATH_SIZE], binary[1024];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    path_in(daemon, "log", path);
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0)
        _exit(126);
    path_in(daemon, "notify", path);
    setenv("NOTIFY_SOCKET", path, 1);
    /* Not to be taken for a refusal of the program itself. */
    setenv("ASAN_OPTIONS", "exitcode=99:quarantine_size_mb=8", 0);
    setenv("UBSAN_OPTIONS", "exitcode=99", 0);
    setenv("LSAN_OPTIONS", "exitcode=99", 0);
    snprintf(binary, sizeof(binary), "%s/%s", RNL_TEST_BIN_DIR, program);
    if (chdir(daemon->dir) != 0)
        _exit(126);
    execv(binary, argv);
    fprintf(stderr, "%s: %s\n", binary, strerror(errno));
    _exit(127);
}

static void spawn(struct daemon *daemon, const char *program, char **argv)
{
    daemon->pid = fork();
    assert_true(daemon->pid >= 0);
    if (daemon->pid == 0)
        become(daemon, program, argv);
    daemon->pidfd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);
    assert_true(daemon->pidfd >= 0);
}

static void make_dir(struct daemon *daemon)
{
    snprintf(daemon->dir, sizeof(daemon->dir), "/tmp/runnel-test-XXXXXX");
    assert_non_null(mkdtemp(daemon->dir));
}

static void await_ready(const struct daemon *daemon, int notify)
{
    char text[256] = "";
    while (strstr(text, "READY=1") == NULL) {
        struct pollfd fds[] = {{.fd = notify, .events = POLLIN},
                               {.fd = daemon->pidfd, .events = POLLIN}};
        int count = poll(fds, 2, DAEMON_DEADLINE_MS);
        if (count == 0)
            fail_with_log(daemon, "the program was not ready in time");
        if (fds[1].revents != 0)
            fail_with_log(daemon, "the program ended at its start");
        ssize_t len = recv(notify, text, sizeof(text) - 1, 0);
        text[len > 0 ? len : 0] = '\0';
    }
}

static void read_port(struct daemon *daemon)
{
    char path[PATH_SIZE];
    path_in(daemon, "port", path);
    read_file(path, daemon->address, sizeof(daemon->address));
    daemon->address[strcspn(daemon->address, "\n")] = '\0';
    const char *colon = strrchr(daemon->address, ':');
    if (colon == NULL)
        fail_with_log(daemon, "the program wrote no port file");
    else
        daemon->port = (uint16_t)strtol(colon + 1, NULL, 10);
}

void daemon_start(struct daemon *daemon, const char *program,
                  const char *const *args)
{
    char *argv[DAEMON_ARGS_MAX] = {NULL};
    char port_file[PATH_SIZE];
    size_t count = 0;
    *daemon = (struct daemon){0};
    make_dir(daemon);
    path_in(daemon, "port", port_file);
    add_arg(argv, &count, program);
    add_arg(argv, &count, "--port-file");
    add_arg(argv, &count, port_file);
    if (args == NULL || args[0] == NULL || strcmp(args[0], "--listen") != 0) {
        add_arg(argv, &count, "--listen");
        add_arg(argv, &count, "127.0.0.1:0");
    }
    for (size_t i = 0; args != NULL && args[i] != NULL; i++)
        add_arg(argv, &count, args[i]);
    int notify = open_notify_socket(daemon);
    spawn(daemon, program, argv);
    await_ready(daemon, notify);
    close(notify);
    read_port(daemon);
}

int daemon_run(const char *program, const char *const *args, char *ret_log,
               size_t log_cap)
{
    struct daemon daemon = {0};
    char *argv[DAEMON_ARGS_MAX] = {NULL};
    size_t count = 0;
    make_dir(&daemon);
    add_arg(argv, &count, program);
    for (size_t i = 0; args != NULL && args[i] != NULL; i++)
        add_arg(argv, &count, args[i]);
    spawn(&daemon, program, argv);
    struct pollfd fd = {.fd = daemon.pidfd, .events = POLLIN};
    if (poll(&fd, 1, DAEMON_DEADLINE_MS) != 1)
        fail_with_log(&daemon, "the program did not end");
    daemon_read_log(&daemon, ret_log, log_cap);
    return daemon_wait(&daemon);
}

void daemon_signal(const struct daemon *daemon, int number)
{
    assert_int_equal(kill(daemon->pid, number), 0);
}

static void remove_dir(const struct daemon *daemon)
{
    static const char *const names[] = {
        "log",
        "port",
        "port.new",
        "notify",
    };
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_in(daemon, names[i], path);
        unlink(path);
    }
    path_in(daemon, "data", path);
    (void)store_folder_remove(path);
    rmdir(daemon->dir);
}

/* A sanitizer's report would otherwise vanish with the directory. */
static void show_bad_end(const struct daemon *daemon, int status)
{
    /* The test itself kills so. */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 2)
        return;
    static char log[64 * 1024];
    daemon_read_log(daemon, log, sizeof(log));
    print_message("the program ended with status %#x; log:\n%s", status, log);
}

int daemon_wait(struct daemon *daemon)
{
    struct pollfd fd = {.fd = daemon->pidfd, .events = POLLIN};
    if (poll(&fd, 1, DAEMON_DEADLINE_MS) != 1)
        fail_with_log(daemon, "the program did not end in time");
    int status;
    assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
    close(daemon->pidfd);
    show_bad_end(daemon, status);
    remove_dir(daemon);
    daemon->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int daemon_stop(struct daemon *daemon)
{
    daemon_signal(daemon, SIGTERM);
    return daemon_wait(daemon);
}

size_t daemon_memory(const struct daemon *daemon)
{
    char path[PATH_SIZE], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
    read_file(path, text, sizeof(text));
    const char *line = strstr(text, "VmRSS:");
    assert_non_null(line);
    return (size_t)strtoul(line + strlen("VmRSS:"), NULL, 10) * 1024;
}

size_t daemon_fd_count(const struct daemon *daemon)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon->pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL;
         entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}
