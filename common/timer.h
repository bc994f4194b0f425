/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: a binary heap of intrusive entries, driven by the time that its user
 * tells (the core's transport, a client's process). Insert, move and stop cost
 * O(log n); n timers need one array of n pointers.
 */
#ifndef RNL_COMMON_TIMER_H
#define RNL_COMMON_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

/* Embed it; zero it before the first use. */
struct rnl_timer {
    int64_t due_ns;
    /* Position in the array + 1; 0 while stopped. */
    size_t slot;
    void (*fire)(struct rnl_timer *timer, void *arg);
    void *arg;
};

struct rnl_timers {
    /* A heap of count timers from the front, and from the back again_count that
     * wait for the next run. */
    struct rnl_timer **heap;
    size_t count;
    size_t again_count;
    size_t cap;
    /* Of a run: its time, and the timer whose callback runs; else NULL. */
    int64_t run_ns;
    struct rnl_timer *firing;
};

void rnl_timers_init(struct rnl_timers *timers);

/* Frees the array; the timers themselves belong to their owners. */
void rnl_timers_fini(struct rnl_timers *timers);

/* Starts or moves a timer: fire(timer, arg) is called once when the time has
 * reached due_ns. Errors: RNL_RESOURCE_EXHAUSTED, only when it was stopped. */
RNL_MUST_USE enum rnl_code rnl_timer_start(struct rnl_timers *timers,
                                           struct rnl_timer *timer,
                                           int64_t due_ns);

/* A stopped timer may be stopped again. */
void rnl_timer_stop(struct rnl_timers *timers, struct rnl_timer *timer);

/* INT64_MAX when no timer runs. */
int64_t rnl_timers_next(const struct rnl_timers *timers);

/* Fires all that are due; a timer may start, stop or free itself and others
 * from its callback. One that starts itself again waits for the next run,
 * whatever its time, so that a timer of no delay can neither hold the loop nor
 * take the turn of others. Does not nest. */
void rnl_timers_run(struct rnl_timers *timers, int64_t now_ns);

#endif
