/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that can be done elsewhere: the seam at which threads come in, without
 * any here. Tasks of one lane are run one after the other in the order in which
 * they were posted; those of different lanes at the same time, on any threads.
 * What gives lanes is server/io/shards.h, or in tests something that runs tasks
 * in the worst order it can think of.
 *
 * All functions but `run` are called on one thread, the owner's.
 */
#ifndef RNL_STATS_LANES_H
#define RNL_STATS_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct rnl_task {
    /* On any thread. False: memory is out, and it was not done; it stays the
     * first of its lane until settle tries again. */
    bool (*run)(struct rnl_task *task);
    /* On the owner's thread, some time after run returned true, in the order of
     * the lane; or when the lane is destroyed with the task still in it. The
     * task is the callee's again. */
    void (*done)(struct rnl_task *task);
    STAILQ_ENTRY(rnl_task) link;
};

STAILQ_HEAD(rnl_task_list, rnl_task);

struct rnl_lanes;
struct rnl_lane;

struct rnl_lanes_ops {
    /* NULL when memory is out. */
    struct rnl_lane *(*create)(struct rnl_lanes *lanes);
    /* After settle. */
    void (*destroy)(struct rnl_lane *lane);
    void (*post)(struct rnl_lane *lane, struct rnl_task *task);
    /* Returns when one more task of the lane was done, or all were: waits for
     * one that is being run, or else runs the first on this thread. False: it
     * cannot be done. */
    bool (*step)(struct rnl_lane *lane);
    /*
     * Returns when no task of the lane is being run: true, and all were done,
     * or false, and the first cannot be. Runs on this thread what no other has
     * begun, so that it takes no longer than if there were none; tasks of other
     * lanes may be reported done meanwhile.
     */
    bool (*settle)(struct rnl_lane *lane);
};

struct rnl_lanes {
    const struct rnl_lanes_ops *ops;
    /* Bytes of tasks that are posted and not done; for whoever posts. */
    size_t posted_bytes;
};

#endif
