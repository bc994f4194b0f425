/* SPDX-License-Identifier: Apache-2.0 */
#include "panes.h"

#include <string.h>

#include "alloc.h"

/* A window has 60 to 300 panes, or fewer of one second: a start that is exact
 * to 1.7 % of it, and merging that costs little. */
#define PANES_PER_WINDOW_MIN 60

static const uint32_t widths_s[RNL_PANES_LEVELS_MAX] = {1, 5, 15, 60, 300, 900};

/* Keys of the table of an open pane; twice the slots of 32 bytes fill a
 * quarter of a second-level cache. What is kept of a closed pane is less. */
#define ENTRIES_BASE 2560

/* A Count-Min of 256 KiB while a pane is filled, and of at most 128 KiB after
 * that: so wide that all rare keys together are two events a counter. */
#define OPEN_WIDTH_LOG2       RNL_REST_WIDTH_LOG2_MAX
#define CLOSED_WIDTH_LOG2_MAX 13

/* See lag_ms. */
#define LAG_FALL 32

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- levels ---- */

static uint32_t width_for(uint32_t window_seconds)
{
    uint32_t width = widths_s[0];
    for (size_t i = 1; i < RNL_PANES_LEVELS_MAX; i++) {
        if (widths_s[i] * PANES_PER_WINDOW_MIN <= window_seconds)
            width = widths_s[i];
    }
    return width;
}

size_t rnl_panes_level(const struct rnl_panes *panes, uint32_t window_seconds)
{
    int64_t width_ms = (int64_t)width_for(window_seconds) * 1000;
    size_t level = 0;
    while (panes->levels[level].width_ms != width_ms)
        level++;
    return level;
}

/* Panes that the longest window of that width touches: one more than it is
 * long, since it ends anywhere in a pane. 0: no such window. */
static size_t panes_for(const struct rnl_meter_config *config, uint32_t width)
{
    size_t most = 0;
    for (size_t w = 0; w < config->window_count; w++) {
        uint32_t seconds = config->window_seconds[w];
        if (width_for(seconds) != width)
            continue;
        size_t need = (seconds + width - 1) / width + 1;
        most = need > most ? need : most;
    }
    return most;
}

static enum rnl_code add_level(struct rnl_panes *panes, uint32_t width,
                               size_t pane_count, int64_t now_ms)
{
    struct rnl_level *level = &panes->levels[panes->level_count];
    level->panes = rnl_calloc(pane_count, sizeof(struct rnl_digest *));
    if (level->panes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    level->width_ms = (int64_t)width * 1000;
    level->pane_count = pane_count;
    level->newest = floor_div(now_ms, level->width_ms);
    level->frontier = level->newest;
    panes->level_count++;
    return RNL_OK;
}

static enum rnl_code add_levels(struct rnl_panes *panes,
                                const struct rnl_meter_config *config,
                                int64_t now_ms)
{
    for (size_t i = 0; i < RNL_PANES_LEVELS_MAX; i++) {
        size_t count = panes_for(config, widths_s[i]);
        /* Level 0 is there for anomalies and for what is out of order, too. */
        if (i == 0 && count < RNL_PANES_SECONDS_MIN)
            count = RNL_PANES_SECONDS_MIN;
        /* A pane that is merged upwards is at most two widths old. */
        if (count > 0 && count < 4)
            count = 4;
        if (count > 0 && add_level(panes, widths_s[i], count, now_ms) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

static size_t entries_for(uint32_t top_capacity)
{
    size_t entries = ENTRIES_BASE;
    while (entries < (size_t)top_capacity * 16)
        entries *= 2;
    return entries;
}

void rnl_panes_total_settings(const struct rnl_panes *panes,
                              struct rnl_digest_settings *ret_settings)
{
    *ret_settings = panes->settings;
    ret_settings->entries_max *= 4;
}

enum rnl_code rnl_panes_init(struct rnl_panes *panes,
                             const struct rnl_meter_config *config,
                             int64_t now_ms)
{
    memset(panes, 0, sizeof(*panes));
    panes->settings.unique_precision = config->unique_precision;
    panes->settings.ultra =
        config->unique_algorithm == RNL_UNIQUE_BY_ULTRALOGLOG;
    panes->settings.profile = rnl_digest_profile(config->key_hash);
    panes->settings.hash_seed = config->hash_seed;
    panes->settings.entries_max = entries_for(config->top_capacity);
    panes->settings.width_log2 = OPEN_WIDTH_LOG2;
    panes->window_count = config->window_count;
    memcpy(panes->window_seconds, config->window_seconds,
           sizeof(panes->window_seconds));
    panes->watermark_ms = now_ms;
    struct rnl_digest_settings settings;
    rnl_panes_total_settings(panes, &settings);
    rnl_digest_init(&panes->total, &settings);
    if (add_levels(panes, config, now_ms) == RNL_OK)
        return RNL_OK;
    rnl_panes_fini(panes);
    return RNL_RESOURCE_EXHAUSTED;
}

/* ---- panes ---- */

static struct rnl_digest **slot_of(const struct rnl_level *level, int64_t pane)
{
    int64_t slot = pane % (int64_t)level->pane_count;
    return &level->panes[slot < 0 ? slot + (int64_t)level->pane_count : slot];
}

static int64_t oldest_of(const struct rnl_level *level)
{
    return level->newest - (int64_t)level->pane_count + 1;
}

static void drop_pane(struct rnl_digest **slot)
{
    if (*slot == NULL)
        return;
    rnl_digest_fini(*slot);
    rnl_free(*slot);
    *slot = NULL;
}

void rnl_panes_fini(struct rnl_panes *panes)
{
    for (size_t l = 0; l < panes->level_count; l++) {
        struct rnl_level *level = &panes->levels[l];
        for (size_t i = 0; i < level->pane_count; i++)
            drop_pane(&level->panes[i]);
        rnl_free(level->panes);
    }
    panes->level_count = 0;
    rnl_digest_fini(&panes->total);
}

struct rnl_digest *rnl_panes_at(const struct rnl_level *level, int64_t pane)
{
    return *slot_of(level, pane);
}

/* What is kept of a pane that is over. Of one of a second that knows all of its
 * keys and their frequencies, all. */
static struct rnl_digest_limits limits_of(const struct rnl_panes *panes,
                                          size_t l)
{
    size_t most = panes->settings.entries_max;
    size_t entries = most * 2 / 5;
    return (struct rnl_digest_limits){
        .entries = entries,
        .entries_exact = l == 0 ? most : entries,
        .width_log2_max = CLOSED_WIDTH_LOG2_MAX,
    };
}

static struct rnl_digest_settings settings_of(const struct rnl_panes *panes,
                                              size_t l, int64_t pane)
{
    struct rnl_digest_settings settings = panes->settings;
    settings.logged = true;
    settings.limits = limits_of(panes, l);
    settings.closed = pane < panes->levels[l].frontier;
    if (settings.closed) {
        settings.entries_max = settings.limits.entries_exact;
        settings.width_log2 = settings.limits.width_log2_max;
    } else if (l > 0) {
        settings.entries_max *= 2;
    }
    return settings;
}

struct rnl_digest *rnl_panes_make(struct rnl_panes *panes, size_t level,
                                  int64_t pane,
                                  struct rnl_digest_settings *ret_settings)
{
    struct rnl_digest *digest = rnl_malloc(sizeof(*digest));
    if (digest == NULL)
        return NULL;
    *ret_settings = settings_of(panes, level, pane);
    rnl_digest_init(digest, ret_settings);
    *slot_of(&panes->levels[level], pane) = digest;
    return digest;
}

static struct rnl_digest *need_pane(struct rnl_panes *panes, size_t l,
                                    int64_t pane)
{
    struct rnl_digest_settings settings;
    struct rnl_digest *digest = rnl_panes_at(&panes->levels[l], pane);
    return digest != NULL ? digest : rnl_panes_make(panes, l, pane, &settings);
}

/* ---- moving on ---- */

/* Where a pane of level l is merged into. */
static struct rnl_digest *digest_above(struct rnl_panes *panes, size_t l,
                                       int64_t pane)
{
    if (l + 1 == panes->level_count)
        return &panes->total;
    int64_t start_ms = pane * panes->levels[l].width_ms;
    int64_t above = floor_div(start_ms, panes->levels[l + 1].width_ms);
    return need_pane(panes, l + 1, above);
}

/* A pane is made small before it is merged: what is rare in it would only make
 * the one above larger, too. */
static enum rnl_code merge_up(struct rnl_panes *panes, size_t l, int64_t pane)
{
    struct rnl_digest *digest = *slot_of(&panes->levels[l], pane);
    if (digest == NULL)
        return RNL_OK;
    struct rnl_digest *above = digest_above(panes, l, pane);
    rnl_digest_close(digest);
    return above == NULL ? RNL_RESOURCE_EXHAUSTED
                         : rnl_digest_merge(above, digest);
}

/* Merges the panes of a level before `end` upwards. */
static enum rnl_code move_frontier(struct rnl_panes *panes, size_t l,
                                   int64_t end)
{
    struct rnl_level *level = &panes->levels[l];
    /* There are no panes after the newest: a jump in time is not walked. */
    int64_t last = end < level->newest + 1 ? end : level->newest + 1;
    for (; level->frontier < last; level->frontier++) {
        if (merge_up(panes, l, level->frontier) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    if (level->frontier < end)
        level->frontier = end;
    return RNL_OK;
}

/* Drops what falls out of the ring. */
static void move_newest(struct rnl_level *level, int64_t newest)
{
    int64_t oldest = newest - (int64_t)level->pane_count + 1;
    int64_t end = oldest < level->newest + 1 ? oldest : level->newest + 1;
    for (int64_t pane = oldest_of(level); pane < end; pane++)
        drop_pane(slot_of(level, pane));
    level->newest = newest;
}

/* Whether a pane with events leaves that window when the watermark moves. */
static bool loses_events(const struct rnl_panes *panes, uint32_t window_seconds,
                         int64_t watermark_ms)
{
    const struct rnl_level *level =
        &panes->levels[rnl_panes_level(panes, window_seconds)];
    int64_t width = level->width_ms;
    int64_t pane =
        rnl_panes_window_start(panes, window_seconds, panes->watermark_ms) /
        width;
    int64_t end =
        rnl_panes_window_start(panes, window_seconds, watermark_ms) / width;
    pane = pane > oldest_of(level) ? pane : oldest_of(level);
    end = end < level->newest + 1 ? end : level->newest + 1;
    for (; pane < end; pane++) {
        if (*slot_of(level, pane) != NULL)
            return true;
    }
    return false;
}

/* Second by second, so that it is the same in one step or in many. */
static void let_lag_fall(struct rnl_panes *panes, int64_t watermark_ms)
{
    int64_t second = floor_div(watermark_ms, 1000);
    int64_t steps = second - panes->lag_second;
    for (; steps > 0 && panes->lag_ms >= LAG_FALL; steps--)
        panes->lag_ms -= panes->lag_ms / LAG_FALL;
    panes->lag_second = second;
}

void rnl_panes_note_lag(struct rnl_panes *panes, int64_t watermark_ms,
                        int64_t time_ms)
{
    int64_t lag_ms = watermark_ms - time_ms;
    let_lag_fall(panes, watermark_ms);
    if (lag_ms > panes->lag_ms && lag_ms <= RNL_PANES_LAG_MS_MAX)
        panes->lag_ms = lag_ms;
}

enum rnl_code rnl_panes_advance(struct rnl_panes *panes, int64_t watermark_ms,
                                bool *ret_changed)
{
    *ret_changed = false;
    let_lag_fall(panes, watermark_ms);
    int64_t second = floor_div(watermark_ms - panes->lag_ms, 1000);
    int64_t end_ms = (second - RNL_PANES_GRACE) * 1000;
    for (size_t l = 0; l < panes->level_count; l++) {
        struct rnl_level *level = &panes->levels[l];
        if (move_frontier(panes, l, floor_div(end_ms, level->width_ms)) !=
            RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        end_ms = level->frontier * level->width_ms;
    }
    for (size_t w = 0; w < panes->window_count && !*ret_changed; w++)
        *ret_changed =
            loses_events(panes, panes->window_seconds[w], watermark_ms);
    for (size_t l = 0; l < panes->level_count; l++) {
        struct rnl_level *level = &panes->levels[l];
        move_newest(level, floor_div(watermark_ms, level->width_ms));
    }
    panes->watermark_ms = watermark_ms;
    return RNL_OK;
}

/* ---- routing ---- */

enum rnl_code rnl_panes_route(struct rnl_panes *panes, int64_t time_ms,
                              struct rnl_panes_route *ret_route)
{
    ret_route->digest_count = 0;
    ret_route->late = true;
    for (size_t l = 0; l < panes->level_count; l++) {
        struct rnl_level *level = &panes->levels[l];
        int64_t pane = floor_div(time_ms, level->width_ms);
        if (pane < oldest_of(level))
            continue;
        struct rnl_digest *digest = need_pane(panes, l, pane);
        if (digest == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        ret_route->digests[ret_route->digest_count++] = digest;
        ret_route->late = false;
        if (pane >= level->frontier)
            return RNL_OK;
    }
    ret_route->digests[ret_route->digest_count++] = &panes->total;
    return RNL_OK;
}

int64_t rnl_panes_border(const struct rnl_panes *panes, size_t level)
{
    if (level == 0)
        return INT64_MAX;
    const struct rnl_level *below = &panes->levels[level - 1];
    return below->frontier * below->width_ms;
}

int64_t rnl_panes_number(const struct rnl_panes *panes, size_t level,
                         int64_t time_ms)
{
    return level == panes->level_count
               ? 0
               : floor_div(time_ms, panes->levels[level].width_ms);
}

enum rnl_code rnl_panes_take(struct rnl_panes *panes, size_t level,
                             int64_t time_ms, struct rnl_digest **ret_digest)
{
    *ret_digest = &panes->total;
    if (level == panes->level_count)
        return RNL_OK;
    int64_t pane = rnl_panes_number(panes, level, time_ms);
    *ret_digest = NULL;
    if (pane < oldest_of(&panes->levels[level]))
        return RNL_OK;
    *ret_digest = need_pane(panes, level, pane);
    return *ret_digest == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

int64_t rnl_panes_oldest_at(const struct rnl_panes *panes, int64_t watermark_ms)
{
    int64_t oldest = INT64_MAX;
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        int64_t newest = floor_div(watermark_ms, level->width_ms);
        int64_t start =
            (newest - (int64_t)level->pane_count + 1) * level->width_ms;
        oldest = start < oldest ? start : oldest;
    }
    return oldest;
}

uint64_t rnl_panes_route_key(const struct rnl_panes *panes, int64_t time_ms)
{
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        int64_t pane = floor_div(time_ms, level->width_ms);
        if (pane >= oldest_of(level))
            return (uint64_t)pane << 3 | l;
    }
    return UINT64_MAX;
}

struct rnl_digest *rnl_panes_second(const struct rnl_panes *panes,
                                    int64_t second)
{
    const struct rnl_level *level = &panes->levels[0];
    if (second < oldest_of(level) || second > level->newest)
        return NULL;
    return *slot_of(level, second);
}

/* ---- windows ---- */

int64_t rnl_panes_window_start(const struct rnl_panes *panes,
                               uint32_t window_seconds, int64_t watermark_ms)
{
    const struct rnl_level *level =
        &panes->levels[rnl_panes_level(panes, window_seconds)];
    int64_t start = watermark_ms + 1 - (int64_t)window_seconds * 1000;
    return floor_div(start, level->width_ms) * level->width_ms;
}

static enum rnl_code collect_level(const struct rnl_level *level, int64_t first,
                                   struct rnl_digest *digest)
{
    if (first < oldest_of(level))
        first = oldest_of(level);
    for (int64_t pane = first; pane <= level->newest; pane++) {
        const struct rnl_digest *from = *slot_of(level, pane);
        if (from != NULL && rnl_digest_merge(digest, from) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

enum rnl_code rnl_panes_collect(const struct rnl_panes *panes,
                                uint32_t window_seconds, int64_t watermark_ms,
                                struct rnl_digest *digest)
{
    size_t count = panes->level_count;
    size_t top = count;
    if (window_seconds == 0) {
        if (rnl_digest_merge(digest, &panes->total) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    } else {
        top = rnl_panes_level(panes, window_seconds);
    }
    int64_t start_ms =
        window_seconds == 0
            ? INT64_MIN
            : rnl_panes_window_start(panes, window_seconds, watermark_ms);
    for (size_t l = 0; l < count && l <= top; l++) {
        const struct rnl_level *level = &panes->levels[l];
        int64_t first = level->frontier;
        if (l == top)
            first = floor_div(start_ms, level->width_ms);
        if (collect_level(level, first, digest) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}

/* ---- memory ---- */

uint64_t rnl_panes_bytes(const struct rnl_panes *panes)
{
    uint64_t bytes = rnl_digest_heap_bytes(&panes->total);
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        bytes += level->pane_count * sizeof(struct rnl_digest *);
        for (size_t i = 0; i < level->pane_count; i++) {
            if (level->panes[i] != NULL)
                bytes += sizeof(struct rnl_digest) +
                         rnl_digest_heap_bytes(level->panes[i]);
        }
    }
    return bytes;
}

/* Of sketches and metrics when all are as large as they get. */
static uint64_t sketches_bytes_max(const struct rnl_panes *panes,
                                   uint32_t width_log2_max)
{
    uint64_t bytes = sizeof(struct rnl_digest) +
                     (UINT64_C(2) << panes->settings.unique_precision) +
                     RNL_METER_METRICS * (2 * 8 * (RNL_HISTOGRAM_BINS_MAX + 1) +
                                          2 * 8 * RNL_EXACT_LIMBS_MAX);
    for (uint32_t w = RNL_REST_WIDTH_LOG2_MIN; w <= width_log2_max; w++)
        bytes += rnl_count_min_size(w);
    return bytes;
}

/* Of a digest with a table for that many keys. */
static uint64_t table_bytes_max(const struct rnl_panes *panes, size_t entries)
{
    uint64_t slots = 64;
    while (slots * 5 / 16 < entries)
        slots *= 2;
    uint64_t keys = (entries + 1) * RNL_METER_KEY_BYTES_MAX * 3 / 2;
    return sketches_bytes_max(panes, OPEN_WIDTH_LOG2) +
           (slots + 64) * (sizeof(struct rnl_frequent_entry) + 8) + 2 * keys;
}

/* Of a closed one, which has a log, or for want of room in it a table. */
static uint64_t closed_bytes_max(const struct rnl_panes *panes, size_t l)
{
    const struct rnl_digest_limits limits = limits_of(panes, l);
    if (limits.entries_exact > RNL_KEY_LOG_ROWS_MAX)
        return table_bytes_max(panes, limits.entries_exact);
    return sketches_bytes_max(panes, limits.width_log2_max) +
           rnl_key_log_size_of(RNL_KEY_LOG_ROWS_MAX) + RNL_KEY_LOG_BYTES_MAX;
}

uint64_t rnl_panes_bytes_max(const struct rnl_panes *panes)
{
    size_t entries = panes->settings.entries_max;
    uint64_t bytes = table_bytes_max(panes, entries * 4) +
                     RNL_METER_METRICS * RNL_ROUGH_BYTES_MAX;
    for (size_t l = 0; l < panes->level_count; l++) {
        const struct rnl_level *level = &panes->levels[l];
        size_t open_count =
            l == 0 ? RNL_PANES_GRACE + 1 + RNL_PANES_LAG_MS_MAX / 1000 : 2;
        bytes += open_count *
                     table_bytes_max(panes, l == 0 ? entries : entries * 2) +
                 (level->pane_count - open_count) * closed_bytes_max(panes, l) +
                 level->pane_count * sizeof(struct rnl_digest *);
    }
    return bytes;
}
