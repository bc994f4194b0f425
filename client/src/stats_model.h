/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: from the schema's types to those of stats.h. Arrays lie in the
 * arena; strings are borrowed from the message. NULL and missing parts stand
 * for memory that is out: look at arena->exhausted afterwards. */
#ifndef RNL_CLIENT_STATS_MODEL_H
#define RNL_CLIENT_STATS_MODEL_H

#include <runnel/stats.h>
#include <runnel/v1/stats.pb-c.h>

#include "arena.h"

/* Several windows. */
const struct rnl_window_stats *rnl_stats_windows(
    struct rnl_arena *arena, Runnel__V1__StreamStats *const *from,
    size_t count);

const struct rnl_anomaly *rnl_stats_anomalies(struct rnl_arena *arena,
                                              Runnel__V1__Anomaly *const *from,
                                              size_t count);

const struct rnl_key_frequency *rnl_stats_keys(
    struct rnl_arena *arena, Runnel__V1__KeyFrequency *const *from,
    size_t count);

const struct rnl_quantile *rnl_stats_quantile_list(
    struct rnl_arena *arena, Runnel__V1__Quantile *const *from, size_t count);

const struct rnl_stream_info *rnl_stats_streams(
    struct rnl_arena *arena, Runnel__V1__StreamInfo *const *from, size_t count);

#endif
