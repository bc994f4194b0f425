/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time, cut into panes. A level is a ring of panes of one width that reaches
 * back as far as the longest window that is made of them; levels go from panes
 * of one second to coarser ones, each width a multiple of the one before.
 *
 *     level 0   1 s    ....................|##|#      frontier, newest
 *     level 1   5 s    ....................|####      pane being filled
 *     total                                           what left the last level
 *
 * An event is in one pane of level 0. When a pane is over, and RNL_PANES_GRACE
 * more of its level have passed (level 0 only, for events out of order), and as
 * much time as the events of a live stream are used to be behind, it is
 * merged into the pane of the next level that it lies in, and stays, for the
 * windows of its own level. The border between the panes that were merged
 * upwards and those that were not is the level's frontier. So the events of all
 * time are those in total and in all panes from a frontier on, and those of a
 * window of level 1 are those in its panes of level 1 and in the panes of level
 * 0 from its frontier on. Each event is merged once for each level, whatever
 * the number of windows.
 *
 * An event that comes too late for its pane at the frontier is added to each
 * pane that has it already: rnl_panes_route says which these are.
 */
#ifndef RNL_STATS_PANES_H
#define RNL_STATS_PANES_H

#include "digest.h"

/* Seconds that a pane of level 0 stays open after its end. */
#define RNL_PANES_GRACE 2

/* Events that are further behind than this are not waited for. */
#define RNL_PANES_LAG_MS_MAX 10000

#define RNL_PANES_LEVELS_MAX 6

/* Panes of level 0 that are kept even if no window needs them. */
#define RNL_PANES_SECONDS_MIN 64

struct rnl_level {
    int64_t width_ms;
    /* Panes kept, the newest included. */
    size_t pane_count;
    /* Slot of pane i: i % pane_count. NULL: no events. */
    struct rnl_digest **panes;
    /* First pane that was not merged upwards. */
    int64_t frontier;
    /* Pane of the watermark. */
    int64_t newest;
};

struct rnl_panes {
    struct rnl_digest_settings settings;
    struct rnl_level levels[RNL_PANES_LEVELS_MAX];
    size_t level_count;
    uint32_t window_seconds[RNL_METER_WINDOWS_MAX];
    size_t window_count;
    int64_t watermark_ms;
    /* How far behind the watermark events have come lately: the most, falling
     * by a thirty-second each second; as of lag_second. */
    int64_t lag_ms;
    int64_t lag_second;
    struct rnl_digest total;
};

/* Level whose panes make up a window of that many seconds. */
size_t rnl_panes_level(const struct rnl_panes *panes, uint32_t window_seconds);

/* config was checked. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_panes_init(struct rnl_panes *panes,
                                          const struct rnl_meter_config *config,
                                          int64_t now_ms);

void rnl_panes_fini(struct rnl_panes *panes);

/*
 * Moves the watermark there (never backwards): merges upwards what is over and
 * drops what no window needs. *ret_changed: events have left a window.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED; what is not merged yet stays, and the
 * watermark where it was. Call it again.
 */
RNL_MUST_USE enum rnl_code rnl_panes_advance(struct rnl_panes *panes,
                                             int64_t watermark_ms,
                                             bool *ret_changed);

/* Takes note of events of a time that came when the watermark is there: the
 * call of rnl_panes_advance is to follow. */
void rnl_panes_note_lag(struct rnl_panes *panes, int64_t watermark_ms,
                        int64_t time_ms);

/* Where the events of a time belong. */
struct rnl_panes_route {
    /* Digests that they are added to. */
    struct rnl_digest *digests[RNL_PANES_LEVELS_MAX + 1];
    size_t digest_count;
    /* In no window. */
    bool late;
};

/* Finds them for a time that is not after the watermark, and makes the panes
 * that are missing. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_panes_route(struct rnl_panes *panes,
                                           int64_t time_ms,
                                           struct rnl_panes_route *ret_route);

/* ---- the same, level by level; level_count is all time ---- */

/* Level l takes events before this time, as far as it reaches back: those that
 * come too late for the level below. */
int64_t rnl_panes_border(const struct rnl_panes *panes, size_t level);

/* Number of the pane of a time; of all time 0. */
int64_t rnl_panes_number(const struct rnl_panes *panes, size_t level,
                         int64_t time_ms);

/* The digest that takes the events of a time before the border; NULL: the level
 * does not reach back so far. Makes panes. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_panes_take(struct rnl_panes *panes, size_t level,
                                          int64_t time_ms,
                                          struct rnl_digest **ret_digest);

/* Events before this time are in no pane when the watermark is there. What it
 * reads of panes never changes: any thread may call it. */
int64_t rnl_panes_oldest_at(const struct rnl_panes *panes,
                            int64_t watermark_ms);

/* The times with the same route as time_ms, for grouping events: equal keys
 * have equal routes. */
uint64_t rnl_panes_route_key(const struct rnl_panes *panes, int64_t time_ms);

/* Pane of level 0 of that second; NULL: it has no events, or is not kept. */
struct rnl_digest *rnl_panes_second(const struct rnl_panes *panes,
                                    int64_t second);

/* Of a pane that the ring of its level holds; NULL: it has no events. */
struct rnl_digest *rnl_panes_at(const struct rnl_level *level, int64_t pane);

/* ---- for reading what was saved: meter_bytes.h ---- */

void rnl_panes_total_settings(const struct rnl_panes *panes,
                              struct rnl_digest_settings *ret_settings);

/* Makes an empty pane where there is none, and says how it was initialised.
 * NULL when memory is out. */
struct rnl_digest *rnl_panes_make(struct rnl_panes *panes, size_t level,
                                  int64_t pane,
                                  struct rnl_digest_settings *ret_settings);

/* Start of the window that ends with the watermark. */
int64_t rnl_panes_window_start(const struct rnl_panes *panes,
                               uint32_t window_seconds, int64_t watermark_ms);

/* Merges all that is in a window (0: all time) into digest. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_panes_collect(const struct rnl_panes *panes,
                                             uint32_t window_seconds,
                                             int64_t watermark_ms,
                                             struct rnl_digest *digest);

/* Bytes of memory besides itself, and the most that it can ever be. */
uint64_t rnl_panes_bytes(const struct rnl_panes *panes);
uint64_t rnl_panes_bytes_max(const struct rnl_panes *panes);

#endif
