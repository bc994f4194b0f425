/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "listen.h"
#include "log.h"
#include "systemd.h"
#include "worker.h"

#define PORT_FILE_PATH_MAX 4096

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

/* Threads inherit the mask, so that only sigwait below gets these. */
static void block_signals(sigset_t *ret_set)
{
    /* A peer that goes while we write is an error of that write. */
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

static void prepare(struct rnl_worker *workers, const struct rnl_bridge *bridge,
                    const int *fds)
{
    for (uint32_t i = 0; i < bridge->threads; i++) {
        workers[i].bridge = bridge;
        workers[i].workers = workers;
        workers[i].worker_count = bridge->threads;
        workers[i].listen_fd = fds[i];
    }
}

static void stop(struct rnl_worker *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rnl_worker_drain(&workers[i]);
    for (uint32_t i = 0; i < count; i++)
        rnl_worker_join(&workers[i]);
}

/* Runs started workers until a signal. The first one drains, a second one
 * does not wait: it has its default effect again. */
static void run(struct rnl_worker *workers, const struct rnl_bridge *bridge,
                const sigset_t *signals)
{
    int number;
    rnl_systemd_notify("READY=1");
    while (sigwait(signals, &number) != 0)
        ;
    rnl_log(RNL_LOG_INFO, "draining",
            RNL_LOG_TEXT("cause", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    rnl_systemd_notify("STOPPING=1");
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    stop(workers, bridge->threads);
    rnl_log(RNL_LOG_INFO, "stopped");
}

static bool start(struct rnl_worker *workers, const struct rnl_bridge *bridge,
                  const char *address)
{
    for (uint32_t i = 0; i < bridge->threads; i++) {
        if (!rnl_worker_start(&workers[i])) {
            stop(workers, i);
            return false;
        }
    }
    if (!write_port_file(bridge->port_file, address)) {
        stop(workers, bridge->threads);
        return false;
    }
    rnl_log(RNL_LOG_INFO, "listening", RNL_LOG_TEXT("address", address),
            RNL_LOG_TEXT("version", RNL_VERSION),
            RNL_LOG_TEXT("core", bridge->core),
            RNL_LOG_TEXT("web_root",
                         bridge->web_root != NULL ? bridge->web_root : "none"),
            RNL_LOG_INT("threads", bridge->threads));
    return true;
}

int rnl_bridge_run(const struct rnl_bridge *bridge)
{
    sigset_t signals;
    char address[RNL_LISTEN_ADDRESS_MAX];
    struct rnl_worker *workers = rnl_calloc(bridge->threads, sizeof(*workers));
    int *fds = rnl_calloc(bridge->threads, sizeof(*fds));
    bool started = false;
    block_signals(&signals);
    if (workers != NULL && fds != NULL &&
        rnl_listen(bridge->listen, bridge->token != NULL, fds, bridge->threads,
                   address)) {
        prepare(workers, bridge, fds);
        started = start(workers, bridge, address);
        if (started)
            run(workers, bridge, &signals);
    }
    rnl_free(fds);
    rnl_free(workers);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
