/* SPDX-License-Identifier: Apache-2.0 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "alloc.h"
#include "log.h"

struct rnl_signals {
    h2o_socket_t *watch;
    int fd;
    void (*on_signal)(int number, void *arg);
    void *arg;
};

static void fill_set(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGHUP);
}

void rnl_signals_block(void)
{
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    fill_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void rnl_signals_unblock(void)
{
    sigset_t set;
    fill_set(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_ready(h2o_socket_t *watch, const char *error)
{
    const struct rnl_signals *signals = watch->data;
    struct signalfd_siginfo info;
    (void)error;
    while (read(signals->fd, &info, sizeof(info)) == sizeof(info))
        signals->on_signal((int)info.ssi_signo, signals->arg);
}

struct rnl_signals *rnl_signals_watch(struct rnl_worker *worker,
                                      void (*on_signal)(int number, void *arg),
                                      void *arg)
{
    sigset_t set;
    fill_set(&set);
    struct rnl_signals *signals = rnl_calloc(1, sizeof(*signals));
    int fd =
        signals != NULL ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) : -1;
    if (fd < 0) {
        rnl_log(RNL_LOG_ERROR, "signals_failed",
                RNL_LOG_TEXT("reason", strerror(errno)));
        rnl_free(signals);
        return NULL;
    }
    *signals = (struct rnl_signals){
        .watch = h2o_evloop_socket_create(worker->context.loop, fd,
                                          H2O_SOCKET_FLAG_DONT_READ),
        .fd = fd,
        .on_signal = on_signal,
        .arg = arg,
    };
    signals->watch->data = signals;
    h2o_socket_read_start(signals->watch, on_ready);
    return signals;
}

void rnl_signals_destroy(struct rnl_signals *signals)
{
    if (signals == NULL)
        return;
    h2o_socket_read_stop(signals->watch);
    h2o_socket_close(signals->watch);
    rnl_free(signals);
}
