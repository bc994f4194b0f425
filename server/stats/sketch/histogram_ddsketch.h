/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log histogram as a DDSketch, in the protobuf form that Datadog's
 * libraries read and write (message DDSketch of their ddsketch.proto; only its
 * field numbers are taken from there):
 *
 *     DDSketch      1 mapping, 2 positive store, 3 negative store,
 *                   4 zero count (double)
 *     IndexMapping  1 gamma (double), 2 index offset (double),
 *                   3 interpolation (0: none)
 *     Store         1 map of index (sint32) to count (double),
 *                   2 counts (packed doubles) of neighbouring bins,
 *                   3 index of the first of these (sint32); 1 and 2 add up
 *
 * Two dialects. The libraries do not agree on what an index means, and nothing
 * in the message tells them apart. With offset 0, bin i is
 *
 *     [gamma^i, gamma^(i + 1))      in Go and Java: index = floor(log x)
 *     (gamma^(i - 1), gamma^i]      in Python and JavaScript: index = ceil
 *
 * so that one reads the other's values wrong by a factor of gamma. The caller
 * has to know who is at the other end. RNL_DDSKETCH_FLOOR is what Datadog's
 * agent speaks. (Which edge belongs to a bin is of no matter: a reader answers
 * with a number in the middle, within the error of both edges.)
 *
 * Counts are doubles there: above 2^53 they are rounded. What collapsed stays
 * in its bin, unmarked.
 */
#ifndef RNL_SKETCH_HISTOGRAM_DDSKETCH_H
#define RNL_SKETCH_HISTOGRAM_DDSKETCH_H

#include "log_histogram.h"

enum rnl_ddsketch_dialect {
    /* sketches-go, sketches-java. */
    RNL_DDSKETCH_FLOOR = 0,
    /* sketches-py, sketches-js. */
    RNL_DDSKETCH_CEIL = 1,
};

/* Exact length of what rnl_histogram_to_ddsketch writes. */
size_t rnl_histogram_ddsketch_len(const struct rnl_histogram *histogram,
                                  enum rnl_ddsketch_dialect dialect);

void rnl_histogram_to_ddsketch(const struct rnl_histogram *histogram,
                               enum rnl_ddsketch_dialect dialect, uint8_t *out);

/*
 * Merges a DDSketch into histogram. Its gamma must be 2^(1/64), its offset a
 * whole number, its counts whole numbers.
 *
 * Errors: RNL_INVALID_ARGUMENT: not such a message, or not mergeable;
 * RNL_RESOURCE_EXHAUSTED. *ret_what is then a static sentence fragment, and
 * histogram is as before.
 */
RNL_MUST_USE enum rnl_code rnl_histogram_merge_ddsketch(
    struct rnl_histogram *histogram, enum rnl_ddsketch_dialect dialect,
    const uint8_t *bytes, size_t len, const char **ret_what);

#endif
