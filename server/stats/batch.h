/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: the check of one, and what the check learns on its way and the
 * engine needs next.
 */
#ifndef RNL_STATS_BATCH_H
#define RNL_STATS_BATCH_H

#include "meter.h"

#include "sketch/spread.h"

struct rnl_batch_facts {
    /* Of values and of latencies. */
    struct rnl_spread spreads[RNL_METER_METRICS];
    /* First and last time of an event. */
    int64_t first_ms;
    int64_t last_ms;
};

/* Number of events before a time. */
size_t rnl_batch_events_before(const struct rnl_meter_batch *batch,
                               const struct rnl_batch_facts *facts,
                               int64_t time_ms);

/* Errors: RNL_INVALID_ARGUMENT with ret_fault. */
RNL_MUST_USE enum rnl_code rnl_batch_check(const struct rnl_meter_batch *batch,
                                           int64_t wall_ms,
                                           struct rnl_batch_facts *ret_facts,
                                           struct rnl_meter_fault *ret_fault);

#endif
