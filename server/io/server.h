/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core on a libuv loop: its listening sockets, their connections, the
 * core's timers, and the signals that drain it. All protocol is in the core's
 * sessions; here are only bytes and time.
 */
#ifndef RNL_IO_SERVER_H
#define RNL_IO_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <runnel/status.h>

#include "core.h"

struct rnl_server_options {
    /* "HOST:PORT"; ignored when the service manager passed a socket. */
    const char *listen;
    /* Path of a Unix socket to listen at, too; NULL: none. */
    const char *unix_socket;
    /* Gets "HOST:PORT\n" once connections are accepted; NULL: none. */
    const char *port_file;
    /* After SIGTERM, how long open calls may take to end. */
    uint64_t drain_grace_ms;
    /* Folder of the durable store; NULL: jobs live in memory. */
    const char *data;
    bool durability_full;
    /* Tokens besides core.token, read at start and with SIGHUP; NULL: none. */
    const char *tokens_file;
    /* PEM files; NULL: connections are plain. Read again with SIGHUP. */
    const char *tls_cert;
    const char *tls_key;
    /* Threads, that of connections included; 1: it counts events, too. */
    unsigned threads;
    struct rnl_core_options core;
};

/*
 * Runs until SIGTERM or SIGINT has drained it; SIGHUP reads files of the
 * settings again. Returns the exit status of the
 * program: 0 after a drain, 1 when it could not start (the reason is in the
 * log).
 */
int rnl_server_run(const struct rnl_server_options *options);

#endif
