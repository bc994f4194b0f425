/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges the panes of one second of a stream: is its rate, mean value, p99
 * latency or number of unique keys out of line with the panes before it?
 *
 * For each metric the last RNL_ANOMALY_BASE panes give a baseline, their
 * median, and the last RNL_ANOMALY_RECENT differences from the baselines of
 * their time tell what differences are usual. A new difference d is compared
 * with the median of these, in units of
 *
 *     scale = max(1.4826 MAD, noise, 1 % of the baseline)
 *
 * MAD, the median of the distances from the median, makes 1.4826 MAD the
 * standard deviation of normal data, but is not moved by the outliers that it
 * is to find (Hampel 1974). The short baseline follows the tides of a day; what
 * it lags behind is in the median of the differences and cancels. noise is what
 * chance alone does to a pane of that many events: the square root of a count,
 * the standard error of a mean, the confidence interval of a quantile. With it
 * a stream that was constant so far does not alarm at the first event more.
 *
 * Two charts look at u = (d - median) / scale:
 *
 *     MEDIAN_MAD   |u|: one pane far off
 *     EWMA         z = (1 - a) z + a u (u cut at the threshold), in units of
 *                  its own deviation, a = 0.2: many panes somewhat off
 *                  (Roberts 1959)
 *
 * Either above the threshold is an anomaly, and begins an episode: nothing more
 * is reported until both have been below half of it for some panes. Panes go
 * into the memory whatever they are like, so that a new level becomes the
 * normal one after half of the base. Nothing is judged before
 * RNL_ANOMALY_WARM_UP panes.
 *
 * A mean of few events and a 99th percentile of less than hundreds say little.
 * Where a second has too few, seconds are taken together until they suffice.
 *
 * tests/accuracy/anomalies.c and simulate.c measure hits and false alarms;
 * docs/accuracy.md has the figures.
 */
#ifndef RNL_STATS_ANOMALY_H
#define RNL_STATS_ANOMALY_H

#include "digest.h"

#define RNL_ANOMALY_BASE    15
#define RNL_ANOMALY_RECENT  60
#define RNL_ANOMALY_WARM_UP 30

/* One metric. */
struct rnl_detector {
    /* The newest values, as a ring. */
    double values[RNL_ANOMALY_BASE];
    uint32_t value_count;
    uint32_t value_next;
    /* The newest differences, as a ring and sorted. */
    double ring[RNL_ANOMALY_RECENT];
    double sorted[RNL_ANOMALY_RECENT];
    uint32_t count;
    uint32_t next;
    /* The EWMA chart. */
    double z;
    /* Panes to go until the episode is over; 0: none. */
    uint32_t episode;
};

/* What a detector says. */
struct rnl_verdict {
    enum rnl_anomaly_by method;
    double baseline;
    double score;
};

/* Judges x and remembers it; true when an episode begins. noise: standard
 * deviation that chance gives x; not negative. */
bool rnl_detector_judge(struct rnl_detector *detector, double x, double noise,
                        double threshold, struct rnl_verdict *ret_verdict);

/* Newest anomalies, as a ring. */
struct rnl_anomalies {
    struct rnl_meter_anomaly ring[RNL_METER_ANOMALIES_MAX];
    /* Of the newest; 0: none. */
    uint64_t sequence;
};

/* Puts a new one at the end; sequence is set. The caller fills in the rest. */
struct rnl_meter_anomaly *rnl_anomalies_add(struct rnl_anomalies *anomalies);

void rnl_anomalies_after(const struct rnl_anomalies *anomalies, uint64_t after,
                         struct rnl_meter_anomalies *ret_anomalies);

/* The four detectors of a stream. */
struct rnl_judge {
    struct rnl_detector detectors[4];
    /* Seconds that had too few events, taken together. */
    struct rnl_moments few_values;
    struct rnl_histogram few_latencies;
    /* The pane judged last. */
    int64_t pane;
    bool begun;
};

void rnl_judge_init(struct rnl_judge *judge);
void rnl_judge_fini(struct rnl_judge *judge);

/* Baseline of the next value; 0 before there is one. */
double rnl_detector_baseline(const struct rnl_detector *detector);

/* Judges pane number `pane` (seconds since 1970), which is after the one
 * before; digest is NULL when it has no events. */
void rnl_judge_pane(struct rnl_judge *judge, int64_t pane,
                    const struct rnl_digest *digest, double threshold,
                    struct rnl_anomalies *anomalies);

#endif
