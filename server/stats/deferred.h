/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches of a meter that wait in a lane (lanes.h). The owner's thread checks a
 * batch, tells what will become of it, and copies it; a lane counts it. Whoever
 * asks the meter anything settles the lane first: nobody can tell that there is
 * one, and what is posted counts as counted. Private to the meter.
 */
#ifndef RNL_STATS_DEFERRED_H
#define RNL_STATS_DEFERRED_H

#include "lanes.h"
#include "meter_private.h"

/* Smaller batches cost less than handing them over; they are counted at once
 * when none waits. */
#define RNL_DEFERRED_EVENTS_MIN 512

/* Batches of one meter that wait, and bytes of those of all meters of the
 * lanes. What is above is counted on the owner's thread, which so slows down
 * those who send. */
#define RNL_DEFERRED_BATCHES_MAX 8
#define RNL_DEFERRED_BYTES_MAX   (64 * 1024 * 1024)

struct rnl_deferred {
    struct rnl_meter *meter;
    struct rnl_lanes *lanes;
    struct rnl_lane *lane;
    /* Posted, and not reported as done. */
    size_t batch_count;
    size_t bytes;
    /* The meter's time as it will be once all are counted. */
    struct rnl_meter_time time;
    /* As of the last batch that was done. */
    uint64_t memory_bytes;
    uint64_t anomaly_sequence;
    /* Events counted since memory_bytes was worked out. */
    uint64_t events;
    bool closing;
    void (*counted)(void *arg);
    void *counted_arg;
};

/* Makes sure that the meter can be used by this thread: counts what is posted.
 * False: memory is out, and some of it is not counted yet. */
bool rnl_deferred_settle(struct rnl_deferred *deferred);

/* Posts a batch that was checked. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_deferred_post(
    struct rnl_deferred *deferred, const struct rnl_meter_batch *batch,
    const struct rnl_batch_facts *facts, int64_t wall_ms,
    struct rnl_meter_taken *ret_taken);

/* Accepts NULL. */
void rnl_deferred_destroy(struct rnl_deferred *deferred);

#endif
