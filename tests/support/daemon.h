/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real program under test: started with a private directory, awaited until
 * it says READY=1 (sd_notify, over a socket of this helper) and has written
 * its port file, stopped by its pid. It runs in that directory, so that its
 * data is there and goes with it. Every wait is for an event and has a
 * deadline; a failure fails the test and shows the program's log. The program
 * dies with the test.
 */
#ifndef RNL_TESTS_DAEMON_H
#define RNL_TESTS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Far above what anything takes: only a hang gets there. */
#define DAEMON_DEADLINE_MS 20000

#define DAEMON_ARGS_MAX 32

struct daemon {
    pid_t pid;
    int pidfd;
    /* Private, removed by daemon_stop. Holds "log" and "port". */
    char dir[64];
    /* "127.0.0.1:PORT" */
    char address[80];
    uint16_t port;
};

/*
 * Starts a program of the build ("runneld") with --port-file, and --listen
 * 127.0.0.1:0 unless args begins with --listen. args ends with NULL and may be
 * NULL.
 */
void daemon_start(struct daemon *daemon, const char *program,
                  const char *const *args);

/* The same for a program that ends by itself: returns its exit status. */
int daemon_run(const char *program, const char *const *args, char *ret_log,
               size_t log_cap);

void daemon_signal(const struct daemon *daemon, int number);

/* Waits for the end and returns the exit status; -1 if a signal ended it.
 * Removes the directory. */
int daemon_wait(struct daemon *daemon);

/* SIGTERM and daemon_wait. */
int daemon_stop(struct daemon *daemon);

/* The log so far, cut to cap bytes with the NUL. */
void daemon_read_log(const struct daemon *daemon, char *out, size_t cap);

/* Resident memory, in bytes. */
size_t daemon_memory(const struct daemon *daemon);

/* Open descriptors. */
size_t daemon_fd_count(const struct daemon *daemon);

#endif
