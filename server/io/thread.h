/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the loop's. */
#ifndef RNL_IO_THREAD_H
#define RNL_IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include <runnel/status.h>

/* Starts a thread that gets no signals: they are the main thread's. Join it.
 * False: there are no means for one. */
RNL_MUST_USE bool rnl_thread_start(pthread_t *ret_thread,
                                   void *(*run)(void *arg), void *arg);

#endif
