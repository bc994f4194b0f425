/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics of one stream: event batches in, statistics of all time and
 * of sliding windows out. It knows nothing of connections, protobuf, clocks,
 * files or threads: time comes in as an argument, and all state is in the
 * object. The owner's thread alone calls; see rnl_meter_defer.
 *
 * Time. Events are sorted into panes by their own time, or by the time of
 * arrival when they have none. The watermark is the newest time that the
 * stream has reached: windows end there. Once an event has come that was not
 * further than RNL_METER_LIVE_MS behind the wall clock, the stream is live and
 * its watermark follows the wall clock, so that windows run empty when events
 * stop; a replay of the past holds still at its newest event. An event older
 * than every pane kept is late: counted, and in the figures of all time, but in
 * no window.
 *
 * A window of W seconds is made of whole panes, of W / 60 or less (one second
 * at least), and of the part of the newest pane that is there: it begins at
 * most one pane early, at start_ms of struct rnl_meter_window, exactly.
 *
 * Merging is exact and order-free: any split of the same events into batches
 * and shards gives the same answers.
 */
#ifndef RNL_STATS_METER_H
#define RNL_STATS_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

/* Windows besides all time. */
#define RNL_METER_WINDOWS_MAX 8

/* Longest window: a day. */
#define RNL_METER_WINDOW_SECONDS_MAX 86400

#define RNL_METER_BATCH_EVENTS_MAX 65536
#define RNL_METER_KEY_BYTES_MAX    256
#define RNL_METER_TOP_MAX          1000

/* See "Time" above. */
#define RNL_METER_LIVE_MS 300000

/* An event further ahead of the wall clock than this is refused: one producer
 * with a wrong clock would make the events of all others late. */
#define RNL_METER_AHEAD_MS 3600000

/* Anomalies that are kept. */
#define RNL_METER_ANOMALIES_MAX 100

/* How distinct keys are counted; the numbers are those of the schema. */
enum rnl_unique_by {
    RNL_UNIQUE_BY_HYPERLOGLOG = 1,
    /* A quarter less error in the same memory (sketch/ultraloglog.h). */
    RNL_UNIQUE_BY_ULTRALOGLOG = 2,
};

/* Whose hash the sketch of distinct keys has, and so who else can read and
 * merge it (sketch/hash.h); the numbers are those of the schema. */
enum rnl_key_hash {
    RNL_KEY_HASH_RUNNEL = 1,
    RNL_KEY_HASH_REDIS = 2,
    RNL_KEY_HASH_DATASKETCHES = 3,
};

/* Which time sorts events into windows; the numbers are those of the
 * schema. */
enum rnl_time_basis {
    /* Their own, where they have one. */
    RNL_TIME_BASIS_EVENT = 1,
    /* That of their arrival; their own is not looked at. */
    RNL_TIME_BASIS_ARRIVAL = 2,
};

/* All 0 means the default; rnl_meter_config_check replaces each 0. */
struct rnl_meter_config {
    /* Rising, 1 to RNL_METER_WINDOW_SECONDS_MAX; default 60, 300, 3,600. */
    uint32_t window_seconds[RNL_METER_WINDOWS_MAX];
    size_t window_count;
    /* Precision p of the sketch of distinct keys, 4 to 18; default 14. */
    uint32_t unique_precision;
    /* Default RNL_UNIQUE_BY_HYPERLOGLOG. */
    enum rnl_unique_by unique_algorithm;
    /* Default RNL_KEY_HASH_RUNNEL. Others have HyperLogLog alone, and
     * RNL_KEY_HASH_REDIS the precision 14 alone; each distinct key of a batch
     * costs a second hash then. */
    enum rnl_key_hash key_hash;
    /* Default RNL_TIME_BASIS_EVENT. */
    enum rnl_time_basis time_basis;
    /* Keys in the top list, 1 to RNL_METER_TOP_MAX; default 100. */
    uint32_t top_capacity;
    /* An event above it is an anomaly. */
    bool has_value_threshold;
    double value_threshold;
    /* The same for latency; 0: off. */
    double latency_threshold_ms;
    /* In robust standard deviations, 3 to 100; default 6. */
    double anomaly_threshold;
    /* Seed of the hash of keys. Meters that are to be merged have the same. */
    uint64_t hash_seed;
};

/* Events in columns; all pointers are borrowed for the call. A column is NULL
 * when no event has that property. */
struct rnl_meter_batch {
    /* The distinct keys, one after the other, UTF-8, and their lengths. */
    const uint8_t *keys;
    size_t keys_len;
    const uint32_t *key_lengths;
    size_t key_count;
    /* For each event the position of its key. 1 to
     * RNL_METER_BATCH_EVENTS_MAX events. */
    const uint32_t *key_indexes;
    size_t event_count;
    /* Finite. */
    const double *values;
    /* Finite, not negative. */
    const float *latencies_ms;
    /* Since 1970. 0 with NULL offsets: the time of arrival. */
    int64_t time_base_ms;
    const uint32_t *time_offsets_ms;
};

/* What is wrong with a batch or a configuration. */
struct rnl_meter_fault {
    /* "values", "key_lengths", "window_seconds"... as in the schema. */
    const char *field;
    /* Position in that field, or SIZE_MAX. */
    size_t index;
    /* Sentence fragment that names the limit; static. */
    const char *what;
};

/* What became of a batch. */
struct rnl_meter_taken {
    uint32_t accepted_events;
    /* Of these, older than every pane. */
    uint32_t late_events;
};

struct rnl_meter;

/* Checks a configuration and fills in defaults. Errors: RNL_INVALID_ARGUMENT
 * with ret_fault. */
RNL_MUST_USE enum rnl_code rnl_meter_config_check(
    struct rnl_meter_config *config, struct rnl_meter_fault *ret_fault);

/* config was checked. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_meter_create(
    const struct rnl_meter_config *config, int64_t wall_ms,
    struct rnl_meter **ret_meter);

/* Accepts NULL. Views of it must be gone. */
void rnl_meter_destroy(struct rnl_meter *meter);

/*
 * Counts a batch, whole or not at all; for want of memory the watermark may
 * have moved all the same. wall_ms is the time of arrival.
 *
 * Errors: RNL_INVALID_ARGUMENT with ret_fault; RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_meter_ingest(struct rnl_meter *meter,
                                            const struct rnl_meter_batch *batch,
                                            int64_t wall_ms,
                                            struct rnl_meter_taken *ret_taken,
                                            struct rnl_meter_fault *ret_fault);

struct rnl_lanes;

/*
 * Has batches counted in a lane (lanes.h), perhaps on another thread, from now
 * on; lanes outlive the meter. Nothing else changes: rnl_meter_ingest answers
 * what it would have answered, and every other function counts first what
 * waits. Only want of memory is noticed later: a batch that was taken then
 * waits until there is some, and soon further ones are refused.
 *
 * Views are to be destroyed before the next batch.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_meter_defer(struct rnl_meter *meter,
                                           struct rnl_lanes *lanes);

/* Has counted called when a batch that waited was counted; with
 * rnl_meter_defer only. It may call rnl_meter_memory and
 * rnl_meter_newest_anomaly. */
void rnl_meter_on_counted(struct rnl_meter *meter, void (*counted)(void *arg),
                          void *arg);

/* A repeated batch that is not counted again: only the number of them is. */
void rnl_meter_duplicate(struct rnl_meter *meter);

/* Closes the panes that are over and judges them. Call it once a second while
 * there is somebody to tell; ingest and views do it too. */
void rnl_meter_advance(struct rnl_meter *meter, int64_t wall_ms);

/*
 * Has changed called whenever time alone has changed the meter: panes were
 * closed or judged, or the watermark has moved, and not by a batch. wall_ms is
 * what a second meter has to be advanced to, in the same order among the same
 * batches, to stay equal to this one. Not called from inside rnl_meter_ingest.
 */
void rnl_meter_on_advance(struct rnl_meter *meter,
                          void (*changed)(void *arg, int64_t wall_ms),
                          void *arg);

/* ---- short answers ---- */

struct rnl_meter_info {
    /* All time. */
    uint64_t count;
    /* Of these, events that came in merged sketches (import.h). */
    uint64_t merged_events;
    /* Events a second over the last 60 s before the watermark, or since the
     * first event. */
    double rate;
    uint64_t late_events;
    uint64_t duplicate_batches;
    /* 0: no event yet. */
    int64_t first_event_ms;
    int64_t last_event_ms;
    int64_t watermark_ms;
    /* Memory taken, and the most that it can ever take. */
    uint64_t memory_bytes;
    uint64_t memory_bytes_max;
    /* Rises with every change that a view could show. */
    uint64_t version;
    /* Of the newest anomaly; 0: none. */
    uint64_t anomaly_sequence;
};

void rnl_meter_info(struct rnl_meter *meter, int64_t wall_ms,
                    struct rnl_meter_info *ret_info);

/* The same as of now, without memory: nothing is moved. */
void rnl_meter_peek(const struct rnl_meter *meter,
                    struct rnl_meter_info *ret_info);

/* Memory taken, and sequence of the newest anomaly, without counting first what
 * waits in a lane. */
uint64_t rnl_meter_memory(const struct rnl_meter *meter);
uint64_t rnl_meter_newest_anomaly(const struct rnl_meter *meter);

const struct rnl_meter_config *rnl_meter_config(const struct rnl_meter *meter);

/* ---- anomalies ---- */

/* The numbers are those of the schema. */
enum rnl_anomaly_of {
    RNL_ANOMALY_OF_RATE = 1,
    RNL_ANOMALY_OF_VALUE_MEAN = 2,
    RNL_ANOMALY_OF_LATENCY_P99 = 3,
    RNL_ANOMALY_OF_UNIQUE_KEYS = 4,
    RNL_ANOMALY_OF_EVENT_VALUE = 5,
    RNL_ANOMALY_OF_EVENT_LATENCY = 6,
};

enum rnl_anomaly_by {
    RNL_ANOMALY_BY_EWMA = 1,
    RNL_ANOMALY_BY_MEDIAN_MAD = 2,
    RNL_ANOMALY_BY_THRESHOLD = 3,
};

struct rnl_meter_anomaly {
    /* 1, 2, 3... */
    uint64_t sequence;
    int64_t time_ms;
    enum rnl_anomaly_of metric;
    enum rnl_anomaly_by method;
    double observed;
    double baseline;
    double score;
    double threshold;
    /* Of the event metrics; else key_len is 0. */
    uint8_t key[RNL_METER_KEY_BYTES_MAX];
    uint32_t key_len;
};

/* Lends the kept anomalies with a higher sequence, oldest first, as two parts
 * of a ring; valid until the next call that takes the meter. */
struct rnl_meter_anomalies {
    const struct rnl_meter_anomaly *parts[2];
    size_t counts[2];
};

void rnl_meter_anomalies(const struct rnl_meter *meter, uint64_t after,
                         struct rnl_meter_anomalies *ret_anomalies);

/* ---- views: one window, merged ---- */

enum rnl_meter_metric {
    RNL_METER_VALUE = 0,
    RNL_METER_LATENCY = 1,
    RNL_METER_METRICS = 2,
};

struct rnl_meter_window {
    /* 0: all time. */
    uint32_t window_seconds;
    /* [start, end): the time that the figures are of; start is exact to one
     * pane (pane_ms). */
    int64_t start_ms;
    int64_t end_ms;
    uint32_t pane_ms;
    uint64_t count;
    /* Of these, events that came in merged sketches, at no known time: they are
     * no part of the rate. Of all time only. */
    uint64_t merged_events;
    double rate;
    uint64_t anomaly_count;
};

struct rnl_meter_estimate {
    double value;
    double lower;
    double upper;
    double confidence;
};

struct rnl_meter_frequency {
    uint64_t count;
    /* lower <= the true number <= upper with that confidence; 1: certain. */
    uint64_t lower;
    uint64_t upper;
    double confidence;
};

struct rnl_meter_top {
    /* Borrowed from the view. */
    const uint8_t *key;
    uint32_t key_len;
    struct rnl_meter_frequency frequency;
};

struct rnl_meter_moments {
    uint64_t count;
    double sum;
    double min;
    double max;
    double mean;
    /* Of the population. */
    double variance;
    double stddev;
    /* Values that are known by their bins alone (rough.h), and how far sum,
     * mean and stddev can be off for that. 0: nothing is. */
    uint64_t rough_count;
    double sum_error;
    double mean_error;
    double stddev_error;
};

struct rnl_meter_bucket {
    double lower;
    double upper;
    uint64_t count;
};

struct rnl_meter_view;

/* Merges a window as of wall_ms. The view does not change when the meter goes
 * on. Errors: RNL_INVALID_ARGUMENT: the meter has no such window (0: all
 * time); RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_meter_view_create(
    struct rnl_meter *meter, uint32_t window_seconds, int64_t wall_ms,
    struct rnl_meter_view **ret_view);

/* Accepts NULL. */
void rnl_meter_view_destroy(struct rnl_meter_view *view);

/* Gives back what the meter keeps of its views for the next who asks, one of
 * each window. Those that somebody holds stay. */
void rnl_meter_forget_views(struct rnl_meter *meter);

void rnl_meter_view_window(const struct rnl_meter_view *view,
                           struct rnl_meter_window *ret_window);

void rnl_meter_view_unique(const struct rnl_meter_view *view,
                           struct rnl_meter_estimate *ret_estimate);

/* Fills at most top_cap of the most frequent keys, falling (ties by key), and
 * returns their number. */
size_t rnl_meter_view_top(const struct rnl_meter_view *view,
                          struct rnl_meter_top *ret_top, size_t top_cap);

void rnl_meter_view_frequency(const struct rnl_meter_view *view,
                              const uint8_t *key, size_t key_len,
                              struct rnl_meter_frequency *ret_frequency);

/* All 0 when there is no event with that metric. */
void rnl_meter_view_moments(const struct rnl_meter_view *view,
                            enum rnl_meter_metric metric,
                            struct rnl_meter_moments *ret_moments);

/* q from 0 to 1; a value within RNL_HISTOGRAM_ERROR of one of that rank. NaN
 * when there is none. */
double rnl_meter_view_quantile(const struct rnl_meter_view *view,
                               enum rnl_meter_metric metric, double q);

/* Share of the values at or below, 0 to 1. NaN when there is none. */
double rnl_meter_view_rank(const struct rnl_meter_view *view,
                           enum rnl_meter_metric metric, double value);

/* Fills at most bucket_cap (1 or more) buckets that cover all values, rising,
 * neighbours merged as needed, and returns their number. */
size_t rnl_meter_view_histogram(const struct rnl_meter_view *view,
                                enum rnl_meter_metric metric,
                                struct rnl_meter_bucket *ret_buckets,
                                size_t bucket_cap);

/* Relative error of quantiles, and of the value whose rank is exact; the same
 * for all views. */
double rnl_meter_quantile_error(void);
double rnl_meter_rank_error(void);

#endif
