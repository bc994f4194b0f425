/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of a store wakes the test, as it would the loop. */
#ifndef RNL_TEST_WAKE_H
#define RNL_TEST_WAKE_H

#include <pthread.h>

struct wake {
    pthread_mutex_t mutex;
    pthread_cond_t woken;
    int count;
};

#define WAKE_INIT                                              \
    {                                                          \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 \
    }

/* What the thread calls; arg is a struct wake. */
void wake_send(void *arg);

/* Takes a wake-up that is there, or waits for one. */
void wake_await(struct wake *wake);

/* Forgets those that are there. */
void wake_forget(struct wake *wake);

#endif
