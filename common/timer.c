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

static enum rnl_code reserve_one(struct rnl_timers *timers)
{
    if (timers->count < timers->cap)
        return RNL_OK;
    size_t cap = timers->cap == 0 ? TIMERS_CAP_FIRST : timers->cap * 2;
    struct rnl_timer **heap =
        rnl_realloc(timers->heap, cap * sizeof(timers->heap[0]));
    if (heap == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    timers->heap = heap;
    timers->cap = cap;
    return RNL_OK;
}

enum rnl_code rnl_timer_start(struct rnl_timers *timers,
                              struct rnl_timer *timer, int64_t due_ns)
{
    if (timer->slot == 0) {
        enum rnl_code code = reserve_one(timers);
        if (code != RNL_OK)
            return code;
        timer->due_ns = due_ns;
        place(timers, timers->count++, timer);
        sift_up(timers, timer->slot - 1);
        return RNL_OK;
    }
    timer->due_ns = due_ns;
    sift_up(timers, timer->slot - 1);
    sift_down(timers, timer->slot - 1);
    return RNL_OK;
}

void rnl_timer_stop(struct rnl_timers *timers, struct rnl_timer *timer)
{
    if (timer->slot == 0)
        return;
    size_t index = timer->slot - 1;
    timer->slot = 0;
    struct rnl_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    place(timers, index, last);
    sift_up(timers, index);
    sift_down(timers, last->slot - 1);
}

int64_t rnl_timers_next(const struct rnl_timers *timers)
{
    return timers->count == 0 ? INT64_MAX : timers->heap[0]->due_ns;
}

void rnl_timers_run(struct rnl_timers *timers, int64_t now_ns)
{
    /* A timer started by a callback for a time already reached would be popped
     * at once; bounding the run by the number of timers at its start leaves
     * such ones for the next run. */
    size_t left = timers->count;
    while (left-- > 0 && rnl_timers_next(timers) <= now_ns) {
        struct rnl_timer *timer = timers->heap[0];
        rnl_timer_stop(timers, timer);
        timer->fire(timer, timer->arg);
    }
}
