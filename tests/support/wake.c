/* SPDX-License-Identifier: Apache-2.0 */
#include "wake.h"

void wake_send(void *arg)
{
    struct wake *wake = arg;
    pthread_mutex_lock(&wake->mutex);
    wake->count++;
    pthread_cond_signal(&wake->woken);
    pthread_mutex_unlock(&wake->mutex);
}

void wake_await(struct wake *wake)
{
    pthread_mutex_lock(&wake->mutex);
    while (wake->count == 0)
        pthread_cond_wait(&wake->woken, &wake->mutex);
    wake->count--;
    pthread_mutex_unlock(&wake->mutex);
}

void wake_forget(struct wake *wake)
{
    pthread_mutex_lock(&wake->mutex);
    wake->count = 0;
    pthread_mutex_unlock(&wake->mutex);
}
