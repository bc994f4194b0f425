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
    /* Position in the heap + 1; 0 while stopped. */
    size_t slot;
    void (*fire)(struct rnl_timer *timer, void *arg);
    void *arg;
};

struct rnl_timers {
    struct rnl_timer **heap;
    size_t count;
    size_t cap;
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
 * from its callback. Timers started during the run wait for the next one, so
 * that a timer of delay 0 cannot hold the loop. */
void rnl_timers_run(struct rnl_timers *timers, int64_t now_ns);

#endif
