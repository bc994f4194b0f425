/* SPDX-License-Identifier: Apache-2.0 */
#include "rough.h"

#include <float.h>
#include <math.h>

#include "alloc.h"

/* ---- life ---- */

enum rnl_code rnl_rough_create(struct rnl_rough **ret_rough)
{
    struct rnl_rough *rough = rnl_malloc(sizeof(*rough));
    if (rough == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    rnl_histogram_init(&rough->summed);
    rnl_histogram_init(&rough->unsummed);
    rnl_moments_init(&rough->sums);
    rnl_moments_init(&rough->ends);
    *ret_rough = rough;
    return RNL_OK;
}

void rnl_rough_destroy(struct rnl_rough *rough)
{
    if (rough == NULL)
        return;
    rnl_histogram_fini(&rough->summed);
    rnl_histogram_fini(&rough->unsummed);
    rnl_moments_fini(&rough->sums);
    rnl_moments_fini(&rough->ends);
    rnl_free(rough);
}

static enum rnl_code add(struct rnl_rough *rough, const struct rnl_rough *other)
{
    enum rnl_code code = RNL_OK;
    if (other == NULL)
        return RNL_OK;
    code = rnl_histogram_merge(&rough->summed, &other->summed);
    if (code == RNL_OK)
        code = rnl_histogram_merge(&rough->unsummed, &other->unsummed);
    if (code == RNL_OK)
        code = rnl_moments_merge(&rough->sums, &other->sums);
    if (code == RNL_OK)
        code = rnl_moments_merge(&rough->ends, &other->ends);
    return code;
}

enum rnl_code rnl_rough_unite(const struct rnl_rough *a,
                              const struct rnl_rough *b,
                              struct rnl_rough **ret_rough)
{
    struct rnl_rough *rough = NULL;
    if (a == NULL && b == NULL) {
        *ret_rough = NULL;
        return RNL_OK;
    }
    enum rnl_code code = rnl_rough_create(&rough);
    if (code == RNL_OK)
        code = add(rough, a);
    if (code == RNL_OK)
        code = add(rough, b);
    if (code != RNL_OK) {
        rnl_rough_destroy(rough);
        return RNL_RESOURCE_EXHAUSTED;
    }
    *ret_rough = rough;
    return RNL_OK;
}

/* ---- answers ---- */

uint64_t rnl_rough_count(const struct rnl_rough *rough)
{
    return rnl_histogram_count(&rough->summed) +
           rnl_histogram_count(&rough->unsummed);
}

static double clamp(double number)
{
    if (isnan(number))
        return DBL_MAX;
    return fmax(-DBL_MAX, fmin(DBL_MAX, number));
}

/* The lowest value (sign 1), or the negated highest (sign -1): the known one,
 * unless the bins tell of one further out, which is then off by half a bin. */
static double end_of(const struct rnl_rough *rough, int sign)
{
    double q = sign > 0 ? 0 : 1;
    double a = sign * rnl_histogram_quantile(&rough->summed, q);
    double b = sign * rnl_histogram_quantile(&rough->unsummed, q);
    double out = isnan(a) ? b : isnan(b) ? a : fmin(a, b);
    if (rough->ends.count == 0)
        return out;
    double known = sign > 0 ? rough->ends.min : -rough->ends.max;
    return known <= out + fabs(out) * RNL_HISTOGRAM_RANK_ERROR ? known : out;
}

static void add_ends(const struct rnl_rough *rough,
                     struct rnl_moments_summary *all, bool any_exact)
{
    double low = end_of(rough, 1);
    double high = -end_of(rough, -1);
    all->min = any_exact ? fmin(all->min, low) : low;
    all->max = any_exact ? fmax(all->max, high) : high;
}

/* Two sets of values taken together (Chan, Golub and LeVeque 1979). That the
 * second set is off by some distance each takes the standard deviation no
 * further away than the root mean square of these (it is a norm). */
static void add_squares(struct rnl_moments_summary *all, double exact_count,
                        const struct rnl_histogram_sums *sums)
{
    double count = (double)sums->count;
    double mean = sums->sum / count;
    double m2 = fmax(0, sums->squares - sums->sum * mean);
    double apart = exact_count > 0 ? all->mean - mean : 0;
    double n = exact_count + count;
    m2 += all->variance * exact_count;
    m2 += apart * apart * exact_count * count / n;
    all->variance = clamp(m2 / n);
    all->stddev = sqrt(all->variance);
}

void rnl_rough_summarize(const struct rnl_moments *moments,
                         const struct rnl_rough *rough,
                         struct rnl_rough_summary *ret_summary)
{
    struct rnl_rough_summary summary = {.rough_count = 0};
    rnl_moments_read(moments, &summary.all);
    if (rough == NULL || rnl_rough_count(rough) == 0) {
        *ret_summary = summary;
        return;
    }
    struct rnl_histogram_sums both, unsummed;
    struct rnl_moments_summary sums;
    rnl_histogram_sums(&rough->summed, &both);
    rnl_histogram_sums(&rough->unsummed, &unsummed);
    rnl_moments_read(&rough->sums, &sums);
    both.count += unsummed.count;
    both.sum += unsummed.sum;
    both.squares += unsummed.squares;
    both.error_squares += unsummed.error_squares;
    struct rnl_moments_summary *all = &summary.all;
    double exact_count = (double)all->count;
    double n = exact_count + (double)both.count;
    add_ends(rough, all, all->count > 0);
    add_squares(all, exact_count, &both);
    all->sum = clamp(all->sum + sums.sum + unsummed.sum);
    all->mean = fmax(all->min, fmin(all->max, all->sum / n));
    all->count += both.count;
    summary.rough_count = both.count;
    summary.sum_error = clamp(unsummed.error);
    summary.mean_error = clamp(unsummed.error / n);
    summary.stddev_error = clamp(sqrt(both.error_squares / n));
    *ret_summary = summary;
}

size_t rnl_rough_bytes(const struct rnl_rough *rough)
{
    if (rough == NULL)
        return 0;
    return sizeof(*rough) + rnl_histogram_heap_bytes(&rough->summed) +
           rnl_histogram_heap_bytes(&rough->unsummed) +
           rnl_moments_heap_bytes(&rough->sums) +
           rnl_moments_heap_bytes(&rough->ends);
}
