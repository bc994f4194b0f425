/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "alloc.h"
#include "json_memory.h"
#include "listen.h"
#include "log.h"
#include "signals.h"
#include "systemd.h"
#include "tls_server.h"
#include "worker.h"

#define PORT_FILE_PATH_MAX 4096

/* Besides connections: of a worker its loop, pipes, timer, socket of the core
 * and file being sent; of the process the log and the listening sockets. */
#define WORKER_DESCRIPTORS  16
#define PROCESS_DESCRIPTORS 96

static bool write_port_file(const char *path, const char *address)
{
    char draft[PORT_FILE_PATH_MAX];
    if (path == NULL)
        return true;
    int len = snprintf(draft, sizeof(draft), "%s.new", path);
    FILE *file = len < (int)sizeof(draft) ? fopen(draft, "we") : NULL;
    bool written = file != NULL && fprintf(file, "%s\n", address) > 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (written && rename(draft, path) == 0)
        return true;
    rnl_log(RNL_LOG_ERROR, "port_file_failed", RNL_LOG_TEXT("path", path),
            RNL_LOG_TEXT("reason", strerror(errno)));
    return false;
}

/* Loads the certificate, if there is one. False after having logged why it
 * cannot be. */
static bool load_certificate(const struct rnl_bridge *bridge,
                             SSL_CTX **ret_context)
{
    const struct rnl_tls_server settings = {.cert_file = bridge->tls_cert,
                                            .key_file = bridge->tls_key,
                                            .alpn = "http/1.1"};
    char error[RNL_TLS_ERROR_MAX];
    *ret_context = NULL;
    if (settings.cert_file == NULL)
        return true;
    *ret_context = rnl_tls_server_load(&settings, error);
    if (*ret_context == NULL)
        rnl_log(RNL_LOG_ERROR, "certificate_unusable",
                RNL_LOG_TEXT("reason", error));
    else
        rnl_log(RNL_LOG_INFO, "certificate_read",
                RNL_LOG_TEXT("path", settings.cert_file));
    if (*ret_context != NULL && error[0] != '\0')
        rnl_log(RNL_LOG_WARN, "certificate_not_valid",
                RNL_LOG_TEXT("reason", error));
    return *ret_context != NULL;
}

/* A new certificate for new connections; one that cannot be used changes
 * nothing. */
static void renew_certificate(struct rnl_worker *workers)
{
    const struct rnl_bridge *bridge = workers[0].bridge;
    SSL_CTX *context;
    if (!load_certificate(bridge, &context) || context == NULL)
        return;
    for (uint32_t i = 0; i < bridge->threads; i++)
        rnl_worker_renew(&workers[i], context);
    SSL_CTX_free(context);
}

/* As many descriptors as the system allows, since each connection is one. */
static void raise_descriptors(const struct rnl_bridge *bridge)
{
    struct rlimit files;
    uint64_t wanted =
        bridge->threads * (bridge->max_connections + WORKER_DESCRIPTORS) +
        PROCESS_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < wanted)
        rnl_log(RNL_LOG_WARN, "few_descriptors",
                RNL_LOG_INT("allowed", files.rlim_cur),
                RNL_LOG_INT("wanted", wanted),
                RNL_LOG_TEXT("help", "raise it (ulimit -n), or lower "
                                     "--max-connections"));
}

/* What the descriptors allow, so that accept() never runs out of them: the
 * loop would ask again at once, for ever. */
static uint64_t connections_max(const struct rnl_bridge *bridge)
{
    struct rlimit files;
    uint64_t others =
        bridge->threads * (uint64_t)WORKER_DESCRIPTORS + PROCESS_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return bridge->max_connections;
    uint64_t room = files.rlim_cur > others
                        ? (files.rlim_cur - others) / bridge->threads
                        : 1;
    return room < bridge->max_connections ? room : bridge->max_connections;
}

static void prepare(struct rnl_worker *workers, const struct rnl_bridge *bridge,
                    const int *fds, SSL_CTX *tls)
{
    for (uint32_t i = 0; i < bridge->threads; i++) {
        workers[i].bridge = bridge;
        workers[i].workers = workers;
        workers[i].worker_count = bridge->threads;
        workers[i].listen_fd = fds[i];
        workers[i].tls = tls;
        if (tls != NULL)
            SSL_CTX_up_ref(tls);
        workers[i].connections_max = connections_max(bridge);
    }
}

/* --- the workers: the first on this thread, the others on their own --- */

static void drain(struct rnl_worker *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rnl_worker_drain(&workers[i]);
}

/* Serves until the first of count workers is drained, and all others. */
static void serve(struct rnl_worker *workers, uint32_t count)
{
    rnl_worker_run(&workers[0]);
    for (uint32_t i = 1; i < count; i++)
        rnl_worker_join(&workers[i]);
}

/* The first signal to end drains; a second one does not wait: it has its
 * default effect again. */
static void on_signal(int number, void *arg)
{
    struct rnl_worker *workers = arg;
    if (number == SIGHUP) {
        renew_certificate(workers);
        return;
    }
    rnl_log(RNL_LOG_INFO, "draining",
            RNL_LOG_TEXT("cause", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    rnl_systemd_notify("STOPPING=1");
    rnl_signals_unblock();
    drain(workers, workers[0].worker_count);
}

/* Opens all workers. Returns how many are open: fewer than there are after
 * having logged why. */
static uint32_t open_workers(struct rnl_worker *workers, uint32_t count)
{
    if (!rnl_worker_open(&workers[0]))
        return 0;
    for (uint32_t i = 1; i < count; i++)
        if (!rnl_worker_start(&workers[i]))
            return i;
    return count;
}

static void log_listening(const struct rnl_bridge *bridge, const char *address)
{
    rnl_log(RNL_LOG_INFO, "listening", RNL_LOG_TEXT("address", address),
            RNL_LOG_TEXT("version", RNL_VERSION),
            RNL_LOG_TEXT("core", bridge->core),
            RNL_LOG_TEXT("web_root",
                         bridge->web_root != NULL ? bridge->web_root : "none"),
            RNL_LOG_INT("threads", bridge->threads));
}

/* Serves until a signal; false when it could not begin. */
static bool run(struct rnl_worker *workers, const struct rnl_bridge *bridge,
                const char *address)
{
    uint32_t count = open_workers(workers, bridge->threads);
    struct rnl_signals *signals =
        count > 0 ? rnl_signals_watch(&workers[0], on_signal, workers) : NULL;
    bool started = count == bridge->threads && signals != NULL &&
                   write_port_file(bridge->port_file, address);
    if (started) {
        log_listening(bridge, address);
        rnl_systemd_notify("READY=1");
    } else {
        drain(workers, count);
    }
    if (count > 0)
        serve(workers, count);
    rnl_signals_destroy(signals);
    if (started)
        rnl_log(RNL_LOG_INFO, "stopped");
    return started;
}

int rnl_bridge_run(const struct rnl_bridge *bridge)
{
    char address[RNL_SOCKADDR_TEXT_MAX];
    struct rnl_worker *workers = rnl_calloc(bridge->threads, sizeof(*workers));
    int *fds = rnl_calloc(bridge->threads, sizeof(*fds));
    bool served = false;
    SSL_CTX *tls = NULL;
    rnl_json_memory_install();
    rnl_signals_block();
    raise_descriptors(bridge);
    if (workers != NULL && fds != NULL && load_certificate(bridge, &tls) &&
        rnl_listen(bridge->listen, bridge->token != NULL, fds, bridge->threads,
                   address)) {
        prepare(workers, bridge, fds, tls);
        served = run(workers, bridge, address);
    }
    SSL_CTX_free(tls);
    rnl_free(fds);
    rnl_free(workers);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
