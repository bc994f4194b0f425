/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a topic of statistics keeps, so that who joins late or falls behind
 * sees the whole picture at once: the newest figures of each window (a
 * snapshot carries only those that changed) and the newest anomalies.
 */
#ifndef RNL_BRIDGE_STATS_STATE_H
#define RNL_BRIDGE_STATS_STATE_H

#include <stdint.h>

#include <runnel/status.h>
#include <runnel/v1/stats.pb-c.h>

#include "piece.h"

/* All time and at most 8 windows of a stream (StreamConfig). */
#define RNL_STATS_WINDOWS_MAX 9

/* The core keeps 100. */
#define RNL_STATS_ANOMALIES_MAX 128

struct rnl_stats_state;

/* epoch is the core's; NULL counts as "". NULL when memory is out. */
struct rnl_stats_state *rnl_stats_state_create(const char *epoch);

/* Accepts NULL. */
void rnl_stats_state_destroy(struct rnl_stats_state *state);

/* Takes one answer of WatchStats and makes the piece that carries it on;
 * *ret_piece stays NULL when there is nothing in it. */
RNL_MUST_USE enum rnl_code rnl_stats_state_take(
    struct rnl_stats_state *state,
    const Runnel__V1__WatchStatsResponse *response,
    struct rnl_piece **ret_piece);

/* Makes the piece for a reader that has had the anomalies up to a sequence;
 * *ret_piece stays NULL when nothing is known yet. */
RNL_MUST_USE enum rnl_code rnl_stats_state_greet(
    const struct rnl_stats_state *state, uint64_t after,
    struct rnl_piece **ret_piece);

#endif
