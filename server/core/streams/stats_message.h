/* SPDX-License-Identifier: Apache-2.0 */
/* A view of the engine as the StreamStats of the contract, and an anomaly as
 * its Anomaly. */
#ifndef RNL_STREAMS_STATS_MESSAGE_H
#define RNL_STREAMS_STATS_MESSAGE_H

#include <runnel/v1/stats.pb-c.h>

#include "meter.h"

/* Distribution.quantiles; Distribution.histogram at most. */
#define RNL_STATS_QUANTILES 10
#define RNL_STATS_BUCKETS   64

/* What the figures are of. */
struct rnl_stats_subject {
    /* Borrowed by the message. */
    const char *stream;
    /* Keys in the top list, 1 to RNL_METER_TOP_MAX. */
    uint32_t top;
    struct rnl_meter_info info;
};

/* A Distribution with what it points to. */
struct rnl_distribution_message {
    Runnel__V1__Distribution distribution;
    Runnel__V1__Quantile quantiles[RNL_STATS_QUANTILES];
    Runnel__V1__Quantile *quantile_refs[RNL_STATS_QUANTILES];
    Runnel__V1__HistogramBucket buckets[RNL_STATS_BUCKETS];
    Runnel__V1__HistogramBucket *bucket_refs[RNL_STATS_BUCKETS];
};

/* About 9 KiB. */
struct rnl_stats_message {
    Runnel__V1__StreamStats stats;
    Google__Protobuf__Timestamp start_time;
    Google__Protobuf__Timestamp end_time;
    Runnel__V1__Estimate unique_keys;
    struct rnl_distribution_message value;
    struct rnl_distribution_message latency_ms;
    /* The top list. Owned. */
    void *top;
};

/* Errors: RNL_RESOURCE_EXHAUSTED. Give it to fini after success. */
RNL_MUST_USE enum rnl_code rnl_stats_message_fill(
    struct rnl_stats_message *message, const struct rnl_meter_view *view,
    const struct rnl_stats_subject *subject);

void rnl_stats_message_fini(struct rnl_stats_message *message);

/* Without key, which the caller sets. */
void rnl_frequency_message_fill(const struct rnl_meter_frequency *frequency,
                                Runnel__V1__KeyFrequency *to);

struct rnl_anomaly_message {
    Runnel__V1__Anomaly anomaly;
    Google__Protobuf__Timestamp time;
    char key[RNL_METER_KEY_BYTES_MAX + 1];
};

void rnl_anomaly_message_fill(struct rnl_anomaly_message *message,
                              const struct rnl_meter_anomaly *anomaly);

#endif
