/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

#include "alloc.h"

#define TIMERS_CAP_FIRST 64

void rnl_timers_init(struct rnl_timers *timers)
{
    *timers = (struct rnl_timers){0};
}

void rnl_timers_fini(struct rnl_timers *timers)
{
    rnl_free(timers->heap);
    *timers = (struct rnl_timers){0};
}

static void place(struct rnl_timers *timers, size_t index,
                  struct rnl_timer *timer)
{
    timers->heap[index] = timer;
    timer->slot = index + 1;
}

static void sift_up(struct rnl_timers *timers, size_t index)
{
    struct rnl_timer *timer = timers->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (timers->heap[parent]->due_ns <= timer->due_ns)
            break;
        place(timers, index, timers->heap[parent]);
        index = parent;
    }
    place(timers, index, timer);
}

static void sift_down(struct rnl_timers *timers, size_t index)
{
    struct rnl_timer *timer = timers->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (timer->due_ns <= timers->heap[child]->due_ns)
            break;
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, timer);
}

/* ---- in the heap, or behind it ---- */

static void heap_add(struct rnl_timers *timers, struct rnl_timer *timer)
{
    place(timers, timers->count++, timer);
    sift_up(timers, timer->slot - 1);
}

static void heap_remove(struct rnl_timers *timers, size_t index)
{
    struct rnl_timer *last = timers->heap[--timers->count];
    if (index == timers->count)
        return;
    place(timers, index, last);
    sift_up(timers, index);
    sift_down(timers, last->slot - 1);
}

/* The first of those that wait for the next run. */
static size_t again_first(const struct rnl_timers *timers)
{
    return timers->cap - timers->again_count;
}

static void again_add(struct rnl_timers *timers, struct rnl_timer *timer)
{
    timers->again_count++;
    place(timers, again_first(timers), timer);
}

static void again_remove(struct rnl_timers *timers, size_t index)
{
    place(timers, index, timers->heap[again_first(timers)]);
    timers->again_count--;
}

/* What is taken out can be put in again: its room is there. */
static void take_out(struct rnl_timers *timers, struct rnl_timer *timer)
{
    size_t index = timer->slot - 1;
    if (index < timers->count)
        heap_remove(timers, index);
    else
        again_remove(timers, index);
    timer->slot = 0;
}

static void put_in(struct rnl_timers *timers, struct rnl_timer *timer)
{
    if (timer == timers->firing && timer->due_ns <= timers->run_ns)
        again_add(timers, timer);
    else
        heap_add(timers, timer);
}

static enum rnl_code reserve_one(struct rnl_timers *timers)
{
    if (timers->count + timers->again_count < timers->cap)
        return RNL_OK;
    size_t first = again_first(timers);
    size_t cap = timers->cap == 0 ? TIMERS_CAP_FIRST : timers->cap * 2;
    struct rnl_timer **heap =
        rnl_realloc(timers->heap, cap * sizeof(timers->heap[0]));
    if (heap == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    timers->heap = heap;
    timers->cap = cap;
    for (size_t i = timers->again_count; i > 0; i--)
        place(timers, again_first(timers) + i - 1, heap[first + i - 1]);
    return RNL_OK;
}

/* ---- from outside ---- */

enum rnl_code rnl_timer_start(struct rnl_timers *timers,
                              struct rnl_timer *timer, int64_t due_ns)
{
    if (timer->slot != 0)
        take_out(timers, timer);
    else if (reserve_one(timers) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    timer->due_ns = due_ns;
    put_in(timers, timer);
    return RNL_OK;
}

void rnl_timer_stop(struct rnl_timers *timers, struct rnl_timer *timer)
{
    if (timer->slot != 0)
        take_out(timers, timer);
}

int64_t rnl_timers_next(const struct rnl_timers *timers)
{
    return timers->count == 0 ? INT64_MAX : timers->heap[0]->due_ns;
}

/* From the one next to the heap on, so that there is always room. */
static void end_run(struct rnl_timers *timers)
{
    timers->firing = NULL;
    while (timers->again_count > 0) {
        struct rnl_timer *timer = timers->heap[again_first(timers)];
        timers->again_count--;
        heap_add(timers, timer);
    }
}

void rnl_timers_run(struct rnl_timers *timers, int64_t now_ns)
{
    timers->run_ns = now_ns;
    /* Callbacks may start ever new ones, or each other. */
    size_t left = timers->count;
    while (left-- > 0 && rnl_timers_next(timers) <= now_ns) {
        struct rnl_timer *timer = timers->heap[0];
        rnl_timer_stop(timers, timer);
        timers->firing = timer;
        timer->fire(timer, timer->arg);
    }
    end_run(timers);
}
