/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions of value and latency. */
#include <math.h>

#include "aspect_bytes.h"
#include "import_private.h"
#include "sketch/histogram_ddsketch.h"
#include "sketch/histogram_otlp.h"

/* The lowest and the highest sum that values in these bins can have. Libraries
 * may put a value at the edge of a bucket into its neighbour, and round sums:
 * one bin more at each side. */
struct limits {
    double low;
    double high;
};

static struct limits sum_limits(const struct rnl_histogram *histogram)
{
    struct rnl_histogram_sums sums;
    rnl_histogram_sums(histogram, &sums);
    double off = 3 * sums.error + 1e-9 * fabs(sums.sum);
    return (struct limits){sums.sum - off, sums.sum + off};
}

/* Whether a known end lies where the bins say that the end is. */
static bool end_fits(double known, double answer)
{
    double off = fabs(answer) * 2 * RNL_HISTOGRAM_RANK_ERROR;
    return isfinite(known) &&
           known >= answer - off - RNL_OTLP_ZERO_THRESHOLD_MAX &&
           known <= answer + off + RNL_OTLP_ZERO_THRESHOLD_MAX;
}

static enum rnl_code take_ends(struct rnl_importing *importing,
                               const struct rnl_histogram *histogram,
                               const struct rnl_otlp_facts *facts,
                               struct rnl_moments *ends)
{
    double low = rnl_histogram_quantile(histogram, 0);
    double high = rnl_histogram_quantile(histogram, 1);
    if (facts->has_min && !end_fits(facts->min, low))
        return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                 "has a min of %g and its lowest bucket is "
                                 "at %g",
                                 facts->min, low);
    if (facts->has_max && !end_fits(facts->max, high))
        return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                 "has a max of %g and its highest bucket is "
                                 "at %g",
                                 facts->max, high);
    enum rnl_code code = RNL_OK;
    if (facts->has_min)
        code = rnl_moments_update(ends, facts->min);
    if (code == RNL_OK && facts->has_max)
        code = rnl_moments_update(ends, facts->max);
    return code;
}

/* Moves bins to those whose sum is known, if it is. */
static enum rnl_code take_sum(struct rnl_importing *importing,
                              const struct rnl_otlp_facts *facts,
                              struct rnl_rough *rough)
{
    struct limits limits = sum_limits(&rough->unsummed);
    if (!facts->has_sum)
        return RNL_OK;
    if (!isfinite(facts->sum) || facts->sum < limits.low ||
        facts->sum > limits.high)
        return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                 "has a sum of %g and its buckets add up to "
                                 "%g to %g",
                                 facts->sum, limits.low, limits.high);
    struct rnl_histogram bins = rough->unsummed;
    rough->unsummed = rough->summed;
    rough->summed = bins;
    return rnl_moments_update(&rough->sums, facts->sum);
}

static enum rnl_code read_bins(struct rnl_importing *importing,
                               struct rnl_histogram *histogram)
{
    const struct rnl_import *import = importing->import;
    const char *what;
    enum rnl_code code =
        import->format == RNL_SKETCH_FORMAT_DDSKETCH
            ? rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_FLOOR,
                                           import->bytes, import->len, &what)
            : rnl_histogram_merge_otlp(histogram, import->bytes, import->len,
                                       &what);
    if (code == RNL_INVALID_ARGUMENT)
        return rnl_import_refuse(importing->fault, code, "%s", what);
    return code;
}

static enum rnl_code read_foreign(struct rnl_importing *importing,
                                  struct rnl_digest_metric *metric)
{
    const struct rnl_import *import = importing->import;
    struct rnl_otlp_facts facts = {0};
    enum rnl_code code = read_bins(importing, &metric->histogram);
    if (code != RNL_OK || rnl_histogram_count(&metric->histogram) == 0)
        return code;
    if (import->format == RNL_SKETCH_FORMAT_OTEL)
        rnl_otlp_facts_read(import->bytes, import->len, &facts);
    code = rnl_rough_create(&metric->rough);
    if (code == RNL_OK)
        code = rnl_histogram_copy(&metric->rough->unsummed, &metric->histogram);
    if (code == RNL_OK)
        code = take_ends(importing, &metric->histogram, &facts,
                         &metric->rough->ends);
    if (code == RNL_OK)
        code = take_sum(importing, &facts, metric->rough);
    return code;
}

static enum rnl_code read_own(struct rnl_importing *importing,
                              struct rnl_digest_metric *metric)
{
    const struct rnl_import *import = importing->import;
    enum rnl_code code =
        rnl_digest_metric_read(metric, import->bytes, import->len);
    if (code == RNL_OK)
        return RNL_OK;
    return rnl_import_read_fault(importing->fault, code,
                                 "Runnel's sketch of a distribution");
}

static bool has_negatives(const struct rnl_digest_metric *metric)
{
    return rnl_histogram_quantile(&metric->histogram, 0) < 0 ||
           metric->moments.min < 0 ||
           (metric->rough != NULL && metric->rough->ends.min < 0);
}

enum rnl_code rnl_import_metric(struct rnl_importing *importing)
{
    bool is_latency = importing->import->of == RNL_SKETCH_OF_LATENCY;
    struct rnl_digest_metric *metric =
        &importing->source
             ->metrics[is_latency ? RNL_METER_LATENCY : RNL_METER_VALUE];
    enum rnl_code code = importing->import->format == RNL_SKETCH_FORMAT_RUNNEL
                             ? read_own(importing, metric)
                             : read_foreign(importing, metric);
    importing->count = rnl_histogram_count(&metric->histogram);
    if (code == RNL_OK && is_latency && has_negatives(metric))
        return rnl_import_refuse(importing->fault, RNL_INVALID_ARGUMENT,
                                 "has negative values, which latencies "
                                 "cannot be");
    return code;
}
