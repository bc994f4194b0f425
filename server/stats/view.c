/* SPDX-License-Identifier: Apache-2.0 */
/* A view is a digest of its own, merged from the panes of a window. It is kept
 * by the meter and shared by all who ask before anything changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "deferred.h"
#include "meter_private.h"

/* ---- top ---- */

/* Whether a comes before b in a list of falling frequency. */
static bool comes_before(const struct rnl_meter_top *a,
                         const struct rnl_meter_top *b)
{
    if (a->frequency.count != b->frequency.count)
        return a->frequency.count > b->frequency.count;
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = memcmp(a->key, b->key, len);
    return order != 0 ? order < 0 : a->key_len < b->key_len;
}

static int by_frequency(const void *a, const void *b)
{
    return comes_before(a, b) ? -1 : comes_before(b, a);
}

/* The list as a heap with its last key at the root, while it is made. */
static void sift_down(struct rnl_meter_top *heap, size_t count, size_t at)
{
    struct rnl_meter_top moving = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && comes_before(&heap[child], &heap[child + 1]))
            child++;
        if (!comes_before(&moving, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void sift_up(struct rnl_meter_top *heap, size_t at)
{
    struct rnl_meter_top moving = heap[at];
    while (at > 0 && comes_before(&heap[(at - 1) / 2], &moving)) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = moving;
}

static void offer(struct rnl_meter_view *view, const struct rnl_meter_top *top)
{
    if (view->top_count < view->top_cap) {
        view->top[view->top_count] = *top;
        sift_up(view->top, view->top_count++);
    } else if (comes_before(top, &view->top[0])) {
        view->top[0] = *top;
        sift_down(view->top, view->top_count, 0);
    }
}

static enum rnl_code make_top(struct rnl_meter_view *view, size_t capacity)
{
    const struct rnl_frequent *keys = &view->digest.keys;
    view->top_cap = capacity < keys->entry_count ? capacity : keys->entry_count;
    if (view->top_cap == 0)
        return RNL_OK;
    view->top = rnl_malloc(view->top_cap * sizeof(*view->top));
    if (view->top == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    size_t slots = rnl_frequent_slots(keys);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &keys->entries[i];
        uint64_t hash = keys->hashes[i];
        if (hash == 0)
            continue;
        /* Most keys are not near the top: no need to look further. */
        if (view->top_count == view->top_cap &&
            rnl_frequent_upper(keys, entry) < view->top[0].frequency.count)
            continue;
        struct rnl_meter_top top = {.key = rnl_frequent_key(keys, entry),
                                    .key_len = entry->key_len};
        rnl_digest_frequency(&view->digest, hash, entry, &top.frequency);
        offer(view, &top);
    }
    qsort(view->top, view->top_count, sizeof(*view->top), by_frequency);
    return RNL_OK;
}

/* ---- making one ---- */

static void set_window(struct rnl_meter_view *view,
                       const struct rnl_meter *meter, uint32_t window_seconds)
{
    struct rnl_meter_window *window = &view->window;
    const struct rnl_panes *panes = &meter->panes;
    window->window_seconds = window_seconds;
    window->count = view->digest.count;
    window->merged_events = window_seconds == 0 ? meter->merged_events : 0;
    window->anomaly_count = view->digest.anomaly_count;
    if (meter->count == 0)
        return;
    window->end_ms = meter->watermark_ms + 1;
    if (window_seconds == 0) {
        window->start_ms = meter->oldest_ms;
        window->pane_ms = 1;
    } else {
        int64_t start_ms =
            rnl_panes_window_start(panes, window_seconds, meter->watermark_ms);
        /* No event is from before 1970. */
        window->start_ms = start_ms > 0 ? start_ms : 0;
        window->pane_ms =
            (uint32_t)panes->levels[rnl_panes_level(panes, window_seconds)]
                .width_ms;
    }
    window->rate = rnl_meter_rate(meter, window->count - window->merged_events,
                                  window->start_ms, window->end_ms);
}

static enum rnl_code fill(struct rnl_meter_view *view, struct rnl_meter *meter,
                          uint32_t window_seconds)
{
    enum rnl_code code = rnl_panes_collect(&meter->panes, window_seconds,
                                           meter->watermark_ms, &view->digest);
    if (code == RNL_OK)
        code = rnl_digest_unique(&view->digest, &view->unique);
    if (code == RNL_OK)
        code = make_top(view, meter->config.top_capacity);
    if (code == RNL_OK)
        set_window(view, meter, window_seconds);
    for (size_t m = 0; m < RNL_METER_METRICS; m++)
        rnl_rough_summarize(&view->digest.metrics[m].moments,
                            view->digest.metrics[m].rough, &view->summaries[m]);
    return code;
}

static enum rnl_code make_view(struct rnl_meter *meter, uint32_t window_seconds,
                               struct rnl_meter_view **ret_view)
{
    struct rnl_meter_view *view = rnl_calloc(1, sizeof(*view));
    if (view == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_digest_settings settings = meter->panes.settings;
    settings.entries_max *= 4;
    rnl_digest_init(&view->digest, &settings);
    view->refs = 1;
    view->hash_seed = meter->config.hash_seed;
    view->version = meter->version;
    view->second = meter->newest_second;
    enum rnl_code code = fill(view, meter, window_seconds);
    if (code != RNL_OK) {
        rnl_meter_view_destroy(view);
        return code;
    }
    *ret_view = view;
    return RNL_OK;
}

/* Where the view of a window is kept; NULL: there is no such window. */
static struct rnl_meter_view **kept_view(struct rnl_meter *meter,
                                         uint32_t window_seconds)
{
    if (window_seconds == 0)
        return &meter->views[RNL_METER_WINDOWS_MAX];
    for (size_t w = 0; w < meter->config.window_count; w++) {
        if (meter->config.window_seconds[w] == window_seconds)
            return &meter->views[w];
    }
    return NULL;
}

enum rnl_code rnl_meter_view_create(struct rnl_meter *meter,
                                    uint32_t window_seconds, int64_t wall_ms,
                                    struct rnl_meter_view **ret_view)
{
    struct rnl_meter_view **kept = kept_view(meter, window_seconds);
    if (kept == NULL)
        return RNL_INVALID_ARGUMENT;
    rnl_meter_advance(meter, wall_ms);
    if (*kept == NULL || (*kept)->version != meter->version ||
        (*kept)->second != meter->newest_second) {
        struct rnl_meter_view *view = NULL;
        enum rnl_code code = make_view(meter, window_seconds, &view);
        if (code != RNL_OK)
            return code;
        rnl_meter_view_destroy(*kept);
        *kept = view;
    }
    (*kept)->refs++;
    *ret_view = *kept;
    return RNL_OK;
}

void rnl_meter_view_destroy(struct rnl_meter_view *view)
{
    if (view == NULL || --view->refs > 0)
        return;
    rnl_digest_fini(&view->digest);
    rnl_free(view->top);
    rnl_free(view);
}

void rnl_meter_forget_views(struct rnl_meter *meter)
{
    rnl_meter_settle(meter);
    /* Else it is the lane's, and has none. */
    if (meter->deferred == NULL || meter->deferred->batch_count == 0)
        rnl_meter_drop_views(meter);
}

void rnl_meter_drop_views(struct rnl_meter *meter)
{
    for (size_t i = 0; i <= RNL_METER_WINDOWS_MAX; i++) {
        rnl_meter_view_destroy(meter->views[i]);
        meter->views[i] = NULL;
    }
}

size_t rnl_meter_view_bytes(const struct rnl_meter_view *view)
{
    return sizeof(*view) + rnl_digest_heap_bytes(&view->digest) +
           view->top_cap * sizeof(*view->top);
}

/* ---- answers ---- */

void rnl_meter_view_window(const struct rnl_meter_view *view,
                           struct rnl_meter_window *ret_window)
{
    *ret_window = view->window;
}

void rnl_meter_view_unique(const struct rnl_meter_view *view,
                           struct rnl_meter_estimate *ret_estimate)
{
    *ret_estimate = view->unique;
}

size_t rnl_meter_view_top(const struct rnl_meter_view *view,
                          struct rnl_meter_top *ret_top, size_t top_cap)
{
    size_t count = view->top_count < top_cap ? view->top_count : top_cap;
    if (count > 0)
        memcpy(ret_top, view->top, count * sizeof(*ret_top));
    return count;
}

void rnl_meter_view_frequency(const struct rnl_meter_view *view,
                              const uint8_t *key, size_t key_len,
                              struct rnl_meter_frequency *ret_frequency)
{
    uint64_t hash = rnl_hash(key, key_len, view->hash_seed);
    rnl_digest_frequency(&view->digest, hash,
                         rnl_frequent_find(&view->digest.keys, hash),
                         ret_frequency);
}

void rnl_meter_view_moments(const struct rnl_meter_view *view,
                            enum rnl_meter_metric metric,
                            struct rnl_meter_moments *ret_moments)
{
    const struct rnl_rough_summary *summary = &view->summaries[metric];
    ret_moments->count = summary->all.count;
    ret_moments->sum = summary->all.sum;
    ret_moments->min = summary->all.min;
    ret_moments->max = summary->all.max;
    ret_moments->mean = summary->all.mean;
    ret_moments->variance = summary->all.variance;
    ret_moments->stddev = summary->all.stddev;
    ret_moments->rough_count = summary->rough_count;
    ret_moments->sum_error = summary->sum_error;
    ret_moments->mean_error = summary->mean_error;
    ret_moments->stddev_error = summary->stddev_error;
}

/* The ends are known exactly, and no answer is beyond them. */
double rnl_meter_view_quantile(const struct rnl_meter_view *view,
                               enum rnl_meter_metric metric, double q)
{
    const struct rnl_digest_metric *of = &view->digest.metrics[metric];
    double value = rnl_histogram_quantile(&of->histogram, q);
    const struct rnl_moments_summary *all = &view->summaries[metric].all;
    if (isnan(value))
        return value;
    if (q == 0 || value < all->min)
        return all->min;
    if (q == 1 || value > all->max)
        return all->max;
    return value;
}

double rnl_meter_view_rank(const struct rnl_meter_view *view,
                           enum rnl_meter_metric metric, double value)
{
    const struct rnl_digest_metric *of = &view->digest.metrics[metric];
    const struct rnl_rough_summary *summary = &view->summaries[metric];
    /* Of rough values the ends may not be known. */
    if (summary->all.count > 0 && summary->rough_count == 0) {
        if (value >= summary->all.max)
            return 1;
        if (value < summary->all.min)
            return 0;
    }
    return rnl_histogram_rank(&of->histogram, value);
}

size_t rnl_meter_view_histogram(const struct rnl_meter_view *view,
                                enum rnl_meter_metric metric,
                                struct rnl_meter_bucket *ret_buckets,
                                size_t bucket_cap)
{
    _Static_assert(sizeof(struct rnl_meter_bucket) ==
                       sizeof(struct rnl_histogram_bucket),
                   "the same fields");
    return rnl_histogram_buckets(&view->digest.metrics[metric].histogram,
                                 (struct rnl_histogram_bucket *)ret_buckets,
                                 bucket_cap);
}

double rnl_meter_rank_error(void)
{
    return RNL_HISTOGRAM_RANK_ERROR;
}

double rnl_meter_quantile_error(void)
{
    return RNL_HISTOGRAM_ERROR;
}
