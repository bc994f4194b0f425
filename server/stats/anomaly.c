/* SPDX-License-Identifier: Apache-2.0 */
#include "anomaly.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAD_TO_DEVIATION 1.4826
#define RELATIVE_FLOOR   0.01

/* The EWMA chart. Its variance is a / (2 - a) of that of one difference, and
 * pi / 2 / RNL_ANOMALY_BASE more since neighbours share a baseline, which is a
 * median and errs like one. */
#define EWMA_A         0.2
#define EWMA_DEVIATION 0.465

/* Quiet panes that end an episode. */
#define EPISODE_END 3

/* Values that a mean, latencies that a 99th percentile is judged of. */
#define MEAN_EVENTS_MIN 50
#define P99_EVENTS_MIN  100

/* ---- numbers up to the largest ---- */

/* Halves first: their sum does not overflow. */
static double between(double a, double b)
{
    return a / 2 + b / 2;
}

static double clamp(double number)
{
    return fmax(-DBL_MAX, fmin(DBL_MAX, number));
}

/* ---- one metric ---- */

static double median_of(const struct rnl_detector *detector)
{
    size_t n = detector->count;
    return between(detector->sorted[(n - 1) / 2], detector->sorted[n / 2]);
}

/* Median of the distances from m, which rise to the left and to the right of
 * it in the sorted values: merged from the middle outwards. */
static double mad_of(const struct rnl_detector *detector, double m)
{
    size_t n = detector->count;
    size_t right = n / 2;
    size_t left = right;
    double distance = 0;
    for (size_t taken = 0; taken <= n / 2; taken++) {
        double down = left > 0 ? m - detector->sorted[left - 1] : INFINITY;
        double up = right < n ? detector->sorted[right] - m : INFINITY;
        if (down < up) {
            distance = down;
            left--;
        } else {
            distance = up;
            right++;
        }
    }
    return fabs(distance);
}

/* Position of the first sorted value not below x. */
static size_t place_of(const struct rnl_detector *detector, size_t count,
                       double x)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (detector->sorted[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void remember(struct rnl_detector *detector, double x)
{
    double *sorted = detector->sorted;
    size_t count = detector->count;
    if (count == RNL_ANOMALY_RECENT) {
        size_t old = place_of(detector, count, detector->ring[detector->next]);
        count--;
        memmove(sorted + old, sorted + old + 1,
                (count - old) * sizeof(*sorted));
    }
    size_t place = place_of(detector, count, x);
    memmove(sorted + place + 1, sorted + place,
            (count - place) * sizeof(*sorted));
    sorted[place] = x;
    detector->count = (uint32_t)count + 1;
    detector->ring[detector->next] = x;
    detector->next = (detector->next + 1) % RNL_ANOMALY_RECENT;
}

static bool begins_episode(struct rnl_detector *detector, double score,
                           double threshold)
{
    if (score >= threshold) {
        bool begins = detector->episode == 0;
        detector->episode = EPISODE_END;
        return begins;
    }
    if (detector->episode > 0 && score < threshold / 2) {
        if (--detector->episode == 0)
            detector->z = 0;
    }
    return false;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double rnl_detector_baseline(const struct rnl_detector *detector)
{
    double sorted[RNL_ANOMALY_BASE];
    size_t n = detector->value_count;
    if (n == 0)
        return 0;
    memcpy(sorted, detector->values, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_value);
    return between(sorted[(n - 1) / 2], sorted[n / 2]);
}

static void remember_value(struct rnl_detector *detector, double x)
{
    detector->values[detector->value_next] = x;
    detector->value_next = (detector->value_next + 1) % RNL_ANOMALY_BASE;
    if (detector->value_count < RNL_ANOMALY_BASE)
        detector->value_count++;
}

/* Distance of a difference from what is usual, in units of scale. */
static double distance(const struct rnl_detector *detector, double difference,
                       double floor)
{
    double median = median_of(detector);
    double scale = fmax(MAD_TO_DEVIATION * mad_of(detector, median), floor);
    return scale > 0 && scale <= DBL_MAX ? clamp((difference - median) / scale)
                                         : 0;
}

/* Both charts; the one that is further off is the verdict. */
static void chart(struct rnl_detector *detector, double u, double threshold,
                  struct rnl_verdict *ret_verdict)
{
    double cut = fmax(-threshold, fmin(threshold, u));
    detector->z = (1 - EWMA_A) * detector->z + EWMA_A * cut;
    double drift = fabs(detector->z) / EWMA_DEVIATION;
    bool jump = fabs(u) >= drift;
    ret_verdict->method =
        jump ? RNL_ANOMALY_BY_MEDIAN_MAD : RNL_ANOMALY_BY_EWMA;
    ret_verdict->score = jump ? fabs(u) : drift;
}

bool rnl_detector_judge(struct rnl_detector *detector, double x, double noise,
                        double threshold, struct rnl_verdict *ret_verdict)
{
    double baseline = rnl_detector_baseline(detector);
    bool begun = detector->value_count == RNL_ANOMALY_BASE;
    remember_value(detector, x);
    if (!begun)
        return false;
    double difference = clamp(x - baseline);
    bool warm = detector->count + RNL_ANOMALY_BASE >= RNL_ANOMALY_WARM_UP;
    bool begins = false;
    if (warm) {
        double floor = fmax(noise, RELATIVE_FLOOR * fabs(baseline));
        ret_verdict->baseline = baseline;
        chart(detector, distance(detector, difference, floor), threshold,
              ret_verdict);
        begins = begins_episode(detector, ret_verdict->score, threshold);
    }
    remember(detector, difference);
    return begins;
}

/* ---- the list ---- */

struct rnl_meter_anomaly *rnl_anomalies_add(struct rnl_anomalies *anomalies)
{
    size_t at = anomalies->sequence % RNL_METER_ANOMALIES_MAX;
    struct rnl_meter_anomaly *anomaly = &anomalies->ring[at];
    memset(anomaly, 0, sizeof(*anomaly));
    anomaly->sequence = ++anomalies->sequence;
    return anomaly;
}

void rnl_anomalies_after(const struct rnl_anomalies *anomalies, uint64_t after,
                         struct rnl_meter_anomalies *ret_anomalies)
{
    uint64_t newest = anomalies->sequence;
    uint64_t wanted = newest > after ? newest - after : 0;
    if (wanted > RNL_METER_ANOMALIES_MAX)
        wanted = RNL_METER_ANOMALIES_MAX;
    size_t first = (newest - wanted) % RNL_METER_ANOMALIES_MAX;
    size_t before_wrap = RNL_METER_ANOMALIES_MAX - first;
    ret_anomalies->parts[0] = anomalies->ring + first;
    ret_anomalies->counts[0] = wanted < before_wrap ? wanted : before_wrap;
    ret_anomalies->parts[1] = anomalies->ring;
    ret_anomalies->counts[1] = wanted - ret_anomalies->counts[0];
}

/* ---- a pane ---- */

struct pane {
    int64_t number;
    const struct rnl_digest *digest;
    double threshold;
    struct rnl_anomalies *anomalies;
};

static void judge_metric(struct rnl_judge *judge, const struct pane *pane,
                         enum rnl_anomaly_of metric, double x, double noise)
{
    struct rnl_detector *detector = &judge->detectors[metric - 1];
    struct rnl_verdict verdict;
    if (!rnl_detector_judge(detector, x, noise, pane->threshold, &verdict))
        return;
    struct rnl_meter_anomaly *anomaly = rnl_anomalies_add(pane->anomalies);
    anomaly->time_ms = pane->number * 1000;
    anomaly->metric = metric;
    anomaly->method = verdict.method;
    anomaly->observed = x;
    anomaly->baseline = verdict.baseline;
    anomaly->score = verdict.score;
    anomaly->threshold = pane->threshold;
}

/* The noise was measured in the very pane that is judged. When all of it is
 * larger by a factor its noise is, too; what counts is the noise at the
 * baseline. */
static double noise_at_baseline(const struct rnl_judge *judge,
                                enum rnl_anomaly_of metric, double x,
                                double noise)
{
    double baseline =
        fabs(rnl_detector_baseline(&judge->detectors[metric - 1]));
    return fabs(x) > baseline ? noise * (baseline / fabs(x)) : noise;
}

static void judge_moments(struct rnl_judge *judge, const struct pane *pane,
                          const struct rnl_moments *moments)
{
    struct rnl_moments_summary summary;
    rnl_moments_read(moments, &summary);
    double noise = sqrt(summary.variance / (double)summary.count);
    judge_metric(judge, pane, RNL_ANOMALY_OF_VALUE_MEAN, summary.mean,
                 noise_at_baseline(judge, RNL_ANOMALY_OF_VALUE_MEAN,
                                   summary.mean, noise));
}

/* Without memory for taking seconds together, this one is not judged. */
static void judge_mean(struct rnl_judge *judge, const struct pane *pane)
{
    const struct rnl_moments *moments =
        &pane->digest->metrics[RNL_METER_VALUE].moments;
    struct rnl_moments *few = &judge->few_values;
    if (few->count == 0 && moments->count >= MEAN_EVENTS_MIN) {
        judge_moments(judge, pane, moments);
        return;
    }
    if (moments->count == 0 || rnl_moments_merge(few, moments) != RNL_OK ||
        few->count < MEAN_EVENTS_MIN)
        return;
    judge_moments(judge, pane, few);
    rnl_moments_reset(few);
}

/* The rank of the 99th percentile of n values is binomial: its deviation, as a
 * share, is sqrt(q (1 - q) / n). */
static void judge_histogram(struct rnl_judge *judge, const struct pane *pane,
                            const struct rnl_histogram *histogram)
{
    const double q = 0.99;
    double count = (double)rnl_histogram_count(histogram);
    double share = sqrt(q * (1 - q) / count);
    const double ranks[3] = {q - share, q, fmin(1, q + share)};
    double values[3];
    rnl_histogram_quantiles(histogram, ranks, 3, values);
    double noise = (values[2] - values[0]) / 2;
    judge_metric(
        judge, pane, RNL_ANOMALY_OF_LATENCY_P99, values[1],
        noise_at_baseline(judge, RNL_ANOMALY_OF_LATENCY_P99, values[1], noise));
}

static void judge_p99(struct rnl_judge *judge, const struct pane *pane)
{
    const struct rnl_histogram *histogram =
        &pane->digest->metrics[RNL_METER_LATENCY].histogram;
    struct rnl_histogram *few = &judge->few_latencies;
    uint64_t count = rnl_histogram_count(histogram);
    uint64_t few_count = rnl_histogram_count(few);
    if (few_count == 0 && count >= P99_EVENTS_MIN) {
        judge_histogram(judge, pane, histogram);
        return;
    }
    if (count == 0 || rnl_histogram_merge(few, histogram) != RNL_OK ||
        few_count + count < P99_EVENTS_MIN)
        return;
    judge_histogram(judge, pane, few);
    rnl_histogram_reset(few);
}

static void judge_unique(struct rnl_judge *judge, const struct pane *pane)
{
    struct rnl_meter_estimate unique;
    if (rnl_digest_unique(pane->digest, &unique) != RNL_OK)
        return;
    double error = (unique.upper - unique.lower) / 4;
    judge_metric(judge, pane, RNL_ANOMALY_OF_UNIQUE_KEYS, unique.value,
                 sqrt(unique.value + error * error));
}

/* A count varies by its square root; by that of the expected one when it came
 * out too low. */
static void judge_rate(struct rnl_judge *judge, const struct pane *pane)
{
    const struct rnl_detector *detector = &judge->detectors[0];
    double x = pane->digest != NULL ? (double)pane->digest->count : 0;
    double expected = rnl_detector_baseline(detector);
    judge_metric(judge, pane, RNL_ANOMALY_OF_RATE, x, sqrt(fmax(1, expected)));
}

void rnl_judge_init(struct rnl_judge *judge)
{
    memset(judge, 0, sizeof(*judge));
    rnl_moments_init(&judge->few_values);
    rnl_histogram_init(&judge->few_latencies);
}

void rnl_judge_fini(struct rnl_judge *judge)
{
    rnl_moments_fini(&judge->few_values);
    rnl_histogram_fini(&judge->few_latencies);
}

void rnl_judge_pane(struct rnl_judge *judge, int64_t pane,
                    const struct rnl_digest *digest, double threshold,
                    struct rnl_anomalies *anomalies)
{
    const struct pane now = {pane, digest, threshold, anomalies};
    judge->begun = true;
    judge->pane = pane;
    judge_rate(judge, &now);
    if (digest == NULL || digest->count == 0)
        return;
    judge_mean(judge, &now);
    judge_p99(judge, &now);
    judge_unique(judge, &now);
}
