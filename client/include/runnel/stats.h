/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics streams: create, list, read, watch; and the server's own state.
 * No protobuf type appears. Results are made by the library; their strings are
 * never NULL and live as long as the result.
 */
#ifndef RNL_STATS_H
#define RNL_STATS_H

#include <runnel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RNL_STREAM_WINDOWS_MAX 8

/* --- streams --- */

/* How distinct keys are counted: the default, or a quarter less error for
 * Runnel alone. */
enum rnl_unique_algorithm {
    RNL_UNIQUE_HYPERLOGLOG = 1,
    RNL_UNIQUE_ULTRALOGLOG = 2,
};

/* The hash that they are counted by: the default, or that of another program,
 * whose sketches of unique keys then merge with the stream's. */
enum rnl_stream_hash {
    RNL_STREAM_HASH_RUNNEL = 1,
    RNL_STREAM_HASH_REDIS = 2,
    RNL_STREAM_HASH_DATASKETCHES = 3,
};

/* The time that sorts events into windows: their own (the default), or that of
 * their arrival. */
enum rnl_stream_time {
    RNL_STREAM_TIME_EVENT = 1,
    RNL_STREAM_TIME_ARRIVAL = 2,
};

/* 0 means the default. */
struct rnl_stream_config {
    size_t size;
    /* 1 to 128 characters of a-z, A-Z, 0-9, '.', '_' and '-'. */
    const char *name;
    /* Sliding windows in seconds, 1 to 86,400; default 60, 300, 3,600. */
    uint32_t window_seconds[RNL_STREAM_WINDOWS_MAX];
    size_t window_count;
    /* Precision of unique keys, 4 to 18; default 14. */
    uint32_t unique_precision;
    /* Keys in the top list, 1 to 1,000; default 100. */
    uint32_t top_capacity;
    /* An event above it is an anomaly. */
    bool has_value_threshold;
    double value_threshold;
    /* The same for latency; 0: off. */
    double latency_threshold_ms;
    /* In robust standard deviations, 3 to 100; default 6. */
    double anomaly_threshold;
    enum rnl_unique_algorithm unique_algorithm;
    enum rnl_stream_hash key_hash;
    enum rnl_stream_time time_basis;
};

struct rnl_stream_info {
    struct rnl_stream_config config;
    int64_t create_time_ms;
    uint64_t count;
    /* Events a second over the last 60 s. */
    double rate;
    int64_t last_event_time_ms;
    uint64_t memory_bytes;
};

/* Infos of streams. */
struct rnl_stream_list {
    const struct rnl_stream_info *streams;
    size_t stream_count;
};

/* Accepts NULL. */
RNL_API void rnl_stream_list_destroy(struct rnl_stream_list *list);

/* Blocks. RNL_ALREADY_EXISTS when a stream of that name has another
 * configuration; *ret_existing (may be NULL): it was there, the same. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stream_create(
    struct rnl_client *client, const struct rnl_stream_config *config,
    bool *ret_existing);

/* Blocks: one stream, as a list of one. RNL_NOT_FOUND. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stream_get(
    struct rnl_client *client, const char *name,
    struct rnl_stream_list **ret_list);

/* Blocks: all streams. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stream_list(
    struct rnl_client *client, struct rnl_stream_list **ret_list);

/* Blocks. RNL_NOT_FOUND. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stream_delete(struct rnl_client *client,
                                                     const char *name);

/* --- reading --- */

/* lower <= the true value <= upper with that confidence; 1 is certain. */
struct rnl_estimate {
    double value;
    double lower;
    double upper;
    double confidence;
};

struct rnl_key_frequency {
    const char *key;
    uint64_t count;
    uint64_t lower;
    uint64_t upper;
    double confidence;
};

struct rnl_quantile {
    /* 0 to 1. */
    double q;
    double value;
};

/* Events with lower < value <= upper. */
struct rnl_histogram_bucket {
    double lower;
    double upper;
    uint64_t count;
};

/* The distribution of value or latency. */
struct rnl_distribution {
    uint64_t count;
    double sum;
    double min;
    double max;
    double mean;
    double variance;
    double stddev;
    const struct rnl_quantile *quantiles;
    size_t quantile_count;
    double quantile_relative_error;
    const struct rnl_histogram_bucket *histogram;
    size_t bucket_count;
    /* Of count, values that came in merged sketches of other programs, and how
     * far sum, mean and stddev can be off for that. 0: they are exact. */
    uint64_t rough_count;
    double sum_error;
    double mean_error;
    double stddev_error;
};

/* The statistics of one window of a stream. */
struct rnl_window_stats {
    /* 0: all time. */
    uint32_t window_seconds;
    int64_t start_time_ms;
    int64_t end_time_ms;
    uint64_t count;
    /* Events a second. */
    double rate;
    struct rnl_estimate unique_keys;
    const struct rnl_key_frequency *top_keys;
    size_t top_key_count;
    struct rnl_distribution value;
    struct rnl_distribution latency_ms;
    uint64_t late_events;
    uint64_t duplicate_batches;
    uint64_t anomaly_count;
    /* Of count, events that came in merged sketches; in no rate. */
    uint64_t merged_events;
};

enum rnl_anomaly_metric {
    RNL_ANOMALY_METRIC_UNSPECIFIED = 0,
    RNL_ANOMALY_RATE = 1,
    RNL_ANOMALY_VALUE_MEAN = 2,
    RNL_ANOMALY_LATENCY_P99 = 3,
    RNL_ANOMALY_UNIQUE_KEYS = 4,
    RNL_ANOMALY_EVENT_VALUE = 5,
    RNL_ANOMALY_EVENT_LATENCY = 6,
};

enum rnl_anomaly_method {
    RNL_ANOMALY_METHOD_UNSPECIFIED = 0,
    RNL_ANOMALY_EWMA = 1,
    RNL_ANOMALY_MEDIAN_MAD = 2,
    RNL_ANOMALY_THRESHOLD = 3,
};

struct rnl_anomaly {
    /* 1, 2, 3... in each stream. */
    uint64_t sequence;
    int64_t time_ms;
    enum rnl_anomaly_metric metric;
    enum rnl_anomaly_method method;
    double observed;
    double baseline;
    double score;
    double threshold;
    /* Of the event metrics; else empty. */
    const char *key;
};

/* What one answer holds. */
struct rnl_stats {
    const char *stream;
    const struct rnl_window_stats *windows;
    size_t window_count;
    const struct rnl_anomaly *anomalies;
    size_t anomaly_count;
};

/* Accepts NULL. */
RNL_API void rnl_stats_destroy(struct rnl_stats *stats);

/* Blocks: one window (0: all time) with its top keys (0: 10), and the newest
 * anomalies. RNL_NOT_FOUND; RNL_INVALID_ARGUMENT for a window that the stream
 * does not have. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_get(struct rnl_client *client,
                                                 const char *stream,
                                                 uint32_t window_seconds,
                                                 uint32_t top,
                                                 struct rnl_stats **ret_stats);

/* Which keys of which window. */
struct rnl_frequency_query {
    size_t size;
    const char *stream;
    uint32_t window_seconds;
    /* 1 to 1,000. */
    const char *const *keys;
    size_t key_count;
};

struct rnl_frequencies {
    /* In the order of the query. */
    const struct rnl_key_frequency *keys;
    size_t key_count;
    /* Events that they are a part of. */
    uint64_t count;
};

/* Accepts NULL. */
RNL_API void rnl_frequencies_destroy(struct rnl_frequencies *frequencies);

/* Blocks: how often keys occurred. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_frequency(
    struct rnl_client *client, const struct rnl_frequency_query *query,
    struct rnl_frequencies **ret_frequencies);

enum rnl_metric {
    RNL_METRIC_VALUE = 1,
    RNL_METRIC_LATENCY = 2,
};

struct rnl_quantile_query {
    size_t size;
    const char *stream;
    uint32_t window_seconds;
    enum rnl_metric metric;
    /* 0 to 1 each, 1 to 100 of them. */
    const double *q;
    size_t q_count;
};

struct rnl_quantiles {
    const struct rnl_quantile *quantiles;
    size_t quantile_count;
    double relative_error;
    uint64_t count;
};

/* Accepts NULL. */
RNL_API void rnl_quantiles_destroy(struct rnl_quantiles *quantiles);

/* Blocks. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_quantiles(
    struct rnl_client *client, const struct rnl_quantile_query *query,
    struct rnl_quantiles **ret_quantiles);

struct rnl_rank_query {
    size_t size;
    const char *stream;
    uint32_t window_seconds;
    enum rnl_metric metric;
    /* Finite, 1 to 100 of them. */
    const double *values;
    size_t value_count;
};

struct rnl_ranks {
    /* The share of events at or below each value, 0 to 1, in the order of the
     * query. */
    const double *ranks;
    size_t rank_count;
    uint64_t count;
    /* Each rank is the exact one of some value within this relative error of
     * the value that was asked for. */
    double relative_error;
};

/* Accepts NULL. */
RNL_API void rnl_ranks_destroy(struct rnl_ranks *ranks);

/* Blocks. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_rank(
    struct rnl_client *client, const struct rnl_rank_query *query,
    struct rnl_ranks **ret_ranks);

/* What a sketch is of. */
enum rnl_export_kind {
    RNL_EXPORT_UNIQUE = 1,
    RNL_EXPORT_FREQUENCY = 2,
    RNL_EXPORT_VALUE = 3,
    RNL_EXPORT_LATENCY = 4,
};

/* Layout of its bytes. */
enum rnl_export_format {
    RNL_EXPORT_RUNNEL = 1,
    RNL_EXPORT_DDSKETCH = 2,
    RNL_EXPORT_OTEL_EXPONENTIAL = 3,
    RNL_EXPORT_DATASKETCHES = 4,
    RNL_EXPORT_REDIS_HYLL = 5,
};

struct rnl_export_query {
    size_t size;
    const char *stream;
    uint32_t window_seconds;
    enum rnl_export_kind kind;
    enum rnl_export_format format;
};

struct rnl_exported {
    const void *sketch;
    size_t sketch_len;
    const char *content_type;
};

/* Accepts NULL. */
RNL_API void rnl_exported_destroy(struct rnl_exported *exported);

/* Blocks: a sketch as bytes, for other programs. docs/streams.md says which
 * formats each kind has. RNL_NOT_FOUND; RNL_INVALID_ARGUMENT for a format that
 * the kind does not have; RNL_FAILED_PRECONDITION for one that this window
 * cannot be written in; RNL_UNIMPLEMENTED. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_export(
    struct rnl_client *client, const struct rnl_export_query *query,
    struct rnl_exported **ret_exported);

/* A sketch to be merged into the figures of all time. */
struct rnl_merge_request {
    size_t size;
    const char *stream;
    enum rnl_export_kind kind;
    enum rnl_export_format format;
    const void *sketch;
    size_t sketch_len;
    /* With an id, of at most 64 bytes, and a number from 1, a sketch that comes
     * again under the same or a lower number is not merged again; another one
     * under the last number is RNL_ALREADY_EXISTS. NULL and 0: it is. */
    const char *producer_id;
    uint64_t producer_sequence;
};

struct rnl_merged {
    /* What the sketch counts: distinct keys (an estimate), events, values. */
    uint64_t count;
    /* It was merged before, and not again. */
    bool duplicate;
};

/* Blocks. RNL_NOT_FOUND; RNL_INVALID_ARGUMENT for bytes that are damaged or not
 * in that format; RNL_FAILED_PRECONDITION for a sketch that does not go
 * together with the stream's configuration; RNL_ALREADY_EXISTS: the producer
 * gave its last number to something else. */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_merge(
    struct rnl_client *client, const struct rnl_merge_request *request,
    struct rnl_merged *ret_merged);

/* --- watching --- */

struct rnl_stats_watch;

/* A snapshot (windows that changed) or anomalies; borrowed during the
 * callback. */
struct rnl_stats_update {
    /* When the snapshot was taken; 0 for an anomaly. */
    int64_t time_ms;
    uint64_t sequence;
    struct rnl_stats stats;
    /* The runnel.v1.WatchStatsResponse as it came. */
    const uint8_t *encoded;
    size_t encoded_len;
};

struct rnl_stats_watch_options {
    size_t size;
    /* Windows wanted, 0 standing for all time; none means all. */
    const uint32_t *window_seconds;
    size_t window_count;
    /* 100 to 3,600,000; default 1,000. */
    uint32_t interval_ms;
    uint32_t top;
    /* Anomalies with a higher sequence come first. */
    uint64_t after_anomaly;
    /* See struct rnl_watch_options. */
    bool no_resume;
    bool wait_for_connection;
    bool manual_consume;
    void (*on_update)(struct rnl_stats_watch *watch,
                      const struct rnl_stats_update *update, void *arg);
    void (*on_connection)(struct rnl_stats_watch *watch, bool connected,
                          void *arg);
    void (*on_end)(struct rnl_stats_watch *watch,
                   const struct rnl_status_info *status, void *arg);
    void *arg;
};

/*
 * Watches a stream's statistics, over lost connections too, until the stream
 * is deleted (RNL_NOT_FOUND) or rnl_stats_watch_destroy. When the core comes
 * back without its earlier streams, and has one of that name again, the watch
 * goes on with that one; otherwise RNL_NOT_FOUND says what happened.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_stats_watch_start(
    struct rnl_client *client, const char *stream,
    const struct rnl_stats_watch_options *options,
    struct rnl_stats_watch **ret_watch);

/* See manual_consume: len is the encoded_len of an update. */
RNL_API void rnl_stats_watch_consume(struct rnl_stats_watch *watch, size_t len);

/* Stops and frees; nothing is called back. May be called inside of its own
 * callbacks. Accepts NULL. */
RNL_API void rnl_stats_watch_destroy(struct rnl_stats_watch *watch);

/* --- the server --- */

/* The jobs of one kind. */
struct rnl_kind_info {
    const char *kind;
    /* The server does it itself. */
    bool built_in;
    uint32_t workers;
    uint64_t jobs_waiting;
    uint64_t jobs_running;
    /* Jobs that may run at once; 0: no limit. */
    uint32_t max_running;
};

/* The limits in force. All are 0 when the server does not say. */
struct rnl_server_limits {
    /* Largest frame that the server takes, without its length prefix. */
    uint32_t max_frame_bytes;
    /* Calls that a connection may have open at once. */
    uint32_t max_streams;
    /* Connections, of all clients and workers. */
    uint32_t max_connections;
    /* Of the event log of one job; an event counts its bytes and 16 more. */
    uint64_t max_job_output_bytes;
    /* Jobs that are stored, those that have ended too. */
    uint64_t max_jobs;
    /* Statistics streams. */
    uint32_t max_event_streams;
    /* What follows is 0 with a server of an earlier version. Memory of the
     * statistics of all streams. */
    uint64_t max_stats_bytes;
    /* Of one request: a batch of events, a job with its input; and of the input
     * alone. */
    uint32_t max_message_bytes;
    uint32_t max_job_input_bytes;
    /* Events of a batch, and of each the key. */
    uint32_t max_batch_events;
    uint32_t max_key_bytes;
    uint32_t max_stream_name_bytes;
    uint32_t max_producer_id_bytes;
    /* Of rnl_stats_merge. */
    uint32_t max_sketch_bytes;
    /* Jobs, or streams, of a page of a list. */
    uint32_t max_page_size;
    /* Of one question: keys, and numbers of quantiles or ranks. */
    uint32_t max_frequency_keys;
    uint32_t max_quantiles;
    /* Length of a top list. */
    uint32_t max_top;
    /* Of watched statistics. */
    uint32_t min_stats_interval_ms;
};

struct rnl_server_info {
    const char *version;
    const char *epoch;
    int64_t start_time_ms;
    const char *store;
    uint32_t connections;
    uint32_t streams_open;
    uint64_t calls;
    uint64_t jobs_queued;
    uint64_t jobs_running;
    uint64_t jobs_stored;
    uint64_t event_streams;
    uint64_t events_ingested;
    const char *const *kinds;
    size_t kind_count;
    bool draining;
    const struct rnl_kind_info *kind_infos;
    size_t kind_info_count;
    /* The label by whose values jobs take turns; "" for none. */
    const char *fair_label;
    /* New jobs, or events, are refused at the moment, and why. */
    bool store_stalled;
    const char *store_error;
    /* Records, inputs and events of all jobs, and what they may come to. */
    uint64_t store_bytes;
    uint64_t store_bytes_max;
    /* Size of the files; 0 without. */
    uint64_t store_disk_bytes;
    uint64_t store_waiting_bytes;
    uint64_t store_commits;
    uint64_t store_failed_commits;
    double store_commit_ms;
    /* Of event streams: answers that wait until they are written, and bytes of
     * their logs, which a start replays. */
    uint64_t store_event_answers_waiting;
    uint64_t store_event_log_bytes;
    struct rnl_server_limits limits;
};

/* Accepts NULL. */
RNL_API void rnl_server_info_destroy(struct rnl_server_info *info);

/* Blocks. */
RNL_API RNL_MUST_USE enum rnl_code rnl_server_info_get(
    struct rnl_client *client, struct rnl_server_info **ret_info);

#ifdef __cplusplus
}
#endif

#endif
