/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the log histogram. All walk the bins from the lowest value to the
 * highest: negative bins downwards, zeros, positive bins upwards. */
#include <float.h>
#include <math.h>

#include "bins.h"

/* A bin that is not empty. */
struct step {
    /* -1, 0 (the zeros) or 1. */
    int sign;
    int32_t index;
    uint64_t count;
};

struct walk {
    const struct rnl_histogram *histogram;
    /* Of all bins of both signs, with the zeros between them. */
    int64_t next;
};

static bool walk_next(struct walk *walk, struct step *ret_step)
{
    const struct rnl_bins *negative = &walk->histogram->negative;
    const struct rnl_bins *positive = &walk->histogram->positive;
    int64_t zero = negative->cap;
    int64_t end = zero + 1 + positive->cap;
    struct step step = {0, 0, 0};
    while (walk->next < end && step.count == 0) {
        int64_t at = walk->next++ - zero;
        if (at == 0) {
            step = (struct step){0, 0, walk->histogram->zeros};
            continue;
        }
        const struct rnl_bins *bins = at < 0 ? negative : positive;
        uint32_t cell = (uint32_t)(at < 0 ? -at : at) - 1;
        step.sign = at < 0 ? -1 : 1;
        step.index = bins->low + (int32_t)cell;
        step.count = rnl_bins_at(bins, cell);
    }
    *ret_step = step;
    return step.count > 0;
}

/* ---- quantiles ---- */

static uint64_t rank_of(uint64_t count, double q)
{
    double rank = ceil(q * (double)count);
    if (rank >= (double)count)
        return count;
    return rank < 1 ? 1 : (uint64_t)rank;
}

void rnl_histogram_quantiles(const struct rnl_histogram *histogram,
                             const double *q, size_t q_count,
                             double *ret_values)
{
    struct walk walk = {histogram, 0};
    struct step step = {0, 0, 0};
    uint64_t count = rnl_histogram_count(histogram);
    uint64_t passed = 0;
    for (size_t i = 0; i < q_count; i++) {
        if (count == 0 || !(q[i] >= 0 && q[i] <= 1)) {
            ret_values[i] = NAN;
            continue;
        }
        uint64_t rank = rank_of(count, q[i]);
        struct step next;
        while (passed < rank && walk_next(&walk, &next)) {
            step = next;
            passed = rnl_add_saturating(passed, step.count);
        }
        ret_values[i] = step.sign == 0
                            ? 0.0
                            : (double)step.sign * rnl_log_middle(step.index);
    }
}

double rnl_histogram_quantile(const struct rnl_histogram *histogram, double q)
{
    double value;
    rnl_histogram_quantiles(histogram, &q, 1, &value);
    return value;
}

/* ---- ranks ---- */

double rnl_histogram_rank(const struct rnl_histogram *histogram, double value)
{
    uint64_t count = rnl_histogram_count(histogram);
    if (count == 0 || isnan(value))
        return NAN;
    if (isinf(value))
        return value > 0 ? 1 : 0;
    int sign = (value > 0) - (value < 0);
    int32_t index = sign == 0 ? 0 : rnl_log_index(fabs(value));
    struct walk walk = {histogram, 0};
    struct step step;
    uint64_t below = 0;
    while (walk_next(&walk, &step) && step.sign <= sign) {
        if (step.sign < sign || sign * step.index <= sign * index)
            below = rnl_add_saturating(below, step.count);
    }
    return fmin((double)below / (double)count, 1);
}

/* ---- buckets ---- */

/* Bins [group * width, (group + 1) * width) of a sign. */
struct group {
    int sign;
    int32_t number;
};

static struct group group_of(const struct step *step, int32_t width)
{
    int32_t index = step->index;
    int32_t number =
        index >= 0 ? index / width : -((width - 1 - index) / width);
    return (struct group){step->sign, step->sign == 0 ? 0 : number};
}

/* Groups of that width with a value in them; fills out if it is not NULL. */
static size_t group_steps(const struct rnl_histogram *histogram, int32_t width,
                          struct rnl_histogram_bucket *out)
{
    struct walk walk = {histogram, 0};
    struct step step;
    struct group last = {2, 0};
    size_t groups = 0;
    while (walk_next(&walk, &step)) {
        struct group group = group_of(&step, width);
        if (group.sign != last.sign || group.number != last.number) {
            last = group;
            groups++;
            if (out != NULL)
                out[groups - 1] = (struct rnl_histogram_bucket){0};
        }
        if (out == NULL)
            continue;
        struct rnl_histogram_bucket *bucket = &out[groups - 1];
        bucket->count = rnl_add_saturating(bucket->count, step.count);
        if (group.sign == 0)
            continue;
        double inner = rnl_log_edge(group.number * width);
        double outer = fmin(rnl_log_edge((group.number + 1) * width), DBL_MAX);
        bucket->lower = group.sign > 0 ? inner : -outer;
        bucket->upper = group.sign > 0 ? outer : -inner;
    }
    return groups;
}

/* One bucket from the lowest value to the highest. */
static void join_steps(const struct rnl_histogram *histogram,
                       struct rnl_histogram_bucket *ret_bucket)
{
    static const double both_ends[] = {0, 1};
    double ends[2];
    rnl_histogram_quantiles(histogram, both_ends, 2, ends);
    ret_bucket->lower =
        ends[0] > 0 ? rnl_log_edge(rnl_log_index(ends[0]))
        : ends[0] < 0
            ? -fmin(rnl_log_edge(rnl_log_index(-ends[0]) + 1), DBL_MAX)
            : 0;
    ret_bucket->upper =
        ends[1] > 0   ? fmin(rnl_log_edge(rnl_log_index(ends[1]) + 1), DBL_MAX)
        : ends[1] < 0 ? -rnl_log_edge(rnl_log_index(-ends[1]))
                      : 0;
    ret_bucket->count = rnl_histogram_count(histogram);
}

size_t rnl_histogram_buckets(const struct rnl_histogram *histogram,
                             struct rnl_histogram_bucket *ret_buckets,
                             size_t bucket_cap)
{
    /* Twice the widest window in one group, so that a sign has at most two:
     * one to each side of 1. */
    const int32_t width_max = 1 << 18;
    if (rnl_histogram_count(histogram) == 0)
        return 0;
    int32_t width = 1;
    while (width < width_max &&
           group_steps(histogram, width, NULL) > bucket_cap)
        width *= 2;
    if (width < width_max)
        return group_steps(histogram, width, ret_buckets);
    join_steps(histogram, ret_buckets);
    return 1;
}

/* ---- sums ---- */

/* Half a bin: (u - l) / 2 = (l + u) / 2 * (gamma - 1) / (gamma + 1). */
static double half_bin(double middle)
{
    return middle * RNL_HISTOGRAM_ERROR;
}

static void add_far(struct rnl_histogram_sums *sums, double distance,
                    double count)
{
    sums->error += distance * count;
    sums->error_squares += distance * distance * count;
}

/* Those that collapsed into a bin may be anywhere between 0 and its end. */
static void add_collapsed(struct rnl_histogram_sums *sums,
                          const struct rnl_bins *bins)
{
    if (bins->collapsed > 0)
        add_far(sums, rnl_log_edge(bins->low + 1), (double)bins->collapsed);
}

void rnl_histogram_sums(const struct rnl_histogram *histogram,
                        struct rnl_histogram_sums *ret_sums)
{
    struct walk walk = {histogram, 0};
    struct step step;
    struct rnl_histogram_sums sums = {.count = rnl_histogram_count(histogram)};
    while (walk_next(&walk, &step)) {
        double count = (double)step.count;
        if (step.sign == 0)
            continue;
        double middle =
            rnl_log_edge(step.index) / 2 + rnl_log_edge(step.index + 1) / 2;
        sums.sum += step.sign * middle * count;
        sums.squares += middle * middle * count;
        add_far(&sums, half_bin(middle), count);
    }
    add_collapsed(&sums, &histogram->positive);
    add_collapsed(&sums, &histogram->negative);
    *ret_sums = sums;
}
