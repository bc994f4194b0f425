/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log histogram as a data point of OpenTelemetry's exponential histogram,
 * in protobuf (message ExponentialHistogramDataPoint of OTLP metrics; only its
 * field numbers are taken from there):
 *
 *     2, 3 start and end time (fixed64, ns since 1970)    4 count (fixed64)
 *     5 sum    6 scale (sint32)    7 zero count (fixed64)
 *     8, 9 positive and negative buckets { 1 offset (sint32),
 *                                          2 counts (packed varints) }
 *     10 flags    12 min    13 max    14 zero threshold
 *
 * Scale 6 has base 2^(1/64), and its buckets (base^i, base^(i + 1)] are our
 * bins, edges and all: nothing is shifted, exact powers of two neither.
 *
 * A finer scale s merges exactly: 2^(s - 6) neighbours are one bin of ours,
 * index >> (s - 6). A coarser one is refused: it would break the error bound
 * of all that is in the histogram already; whoever wants that exports ours and
 * merges at the coarser scale.
 */
#ifndef RNL_SKETCH_HISTOGRAM_OTLP_H
#define RNL_SKETCH_HISTOGRAM_OTLP_H

#include "log_histogram.h"
#include "moments.h"

#define RNL_OTLP_SCALE 6

/* The finest scale that OpenTelemetry's libraries have. */
#define RNL_OTLP_SCALE_MAX 20

/* Values nearer to 0 than their zero threshold are counted as zeros there. Up
 * to this one, which is Prometheus' default, they are taken for zeros here. */
#define RNL_OTLP_ZERO_THRESHOLD_MAX 0x1p-128

/* What a data point says besides the bins. */
struct rnl_otlp_point {
    const struct rnl_histogram *histogram;
    /* For minimum, maximum and, as OTLP wants it, a sum only when no value is
     * negative. NULL: none of them. */
    const struct rnl_moments_summary *summary;
    uint64_t start_unix_ns;
    uint64_t end_unix_ns;
};

/* Exact length of what rnl_otlp_point_write writes. */
size_t rnl_otlp_point_len(const struct rnl_otlp_point *point);

void rnl_otlp_point_write(const struct rnl_otlp_point *point, uint8_t *out);

/* What a data point knows of its values besides the bins. */
struct rnl_otlp_facts {
    bool has_sum;
    bool has_min;
    bool has_max;
    double sum;
    double min;
    double max;
};

/* Reads them from a point that rnl_histogram_merge_otlp has taken. */
void rnl_otlp_facts_read(const uint8_t *bytes, size_t len,
                         struct rnl_otlp_facts *ret_facts);

/*
 * Merges the bins of a data point into histogram.
 *
 * Errors: RNL_INVALID_ARGUMENT: not such a message, or not mergeable;
 * RNL_RESOURCE_EXHAUSTED. *ret_what is then a static sentence fragment, and
 * histogram is as before.
 */
RNL_MUST_USE enum rnl_code rnl_histogram_merge_otlp(
    struct rnl_histogram *histogram, const uint8_t *bytes, size_t len,
    const char **ret_what);

#endif
