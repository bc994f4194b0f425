/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals as events of a worker's loop, so that a bridge of one worker is a
 * process of one thread: the C library then spares it atomic operations and
 * the marks of cancellation around each system call.
 */
#ifndef RNL_BRIDGE_SIGNALS_H
#define RNL_BRIDGE_SIGNALS_H

#include <stdbool.h>

#include "worker.h"

struct rnl_signals;

/* Blocks SIGTERM, SIGINT and SIGHUP; threads that are started later inherit
 * that. SIGPIPE is ignored: a peer that goes while we write is an error of
 * that write. */
void rnl_signals_block(void);

/* Ends the process again by SIGTERM and SIGINT, as if nothing was ever set. */
void rnl_signals_unblock(void);

/* Has the loop of a worker that is open on this thread call on_signal for each
 * blocked signal. The result is to be destroyed on the same thread, before the
 * loop ends; NULL after having logged why there is none. */
struct rnl_signals *rnl_signals_watch(struct rnl_worker *worker,
                                      void (*on_signal)(int number, void *arg),
                                      void *arg);
void rnl_signals_destroy(struct rnl_signals *signals);

#endif
