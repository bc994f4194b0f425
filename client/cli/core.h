/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core as the commands see it: the one place that uses librunnel. Answers
 * come as JSON (json.h); every function returns an exit status, and has told
 * the error when it is not CLI_EXIT_OK.
 */
#ifndef RNL_CLI_CORE_H
#define RNL_CLI_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/call.h>

#include "context.h"
#include "json.h"
#include "reader.h"

/* Connects, where a command wants to know before its first call whether the
 * core is there. */
int cli_core_connect(struct cli_context *context);

struct cli_new_job {
    const char *kind;
    const void *input;
    size_t input_len;
    const char *content_type;
    const struct rnl_pair *options;
    size_t option_count;
    const struct rnl_pair *labels;
    size_t label_count;
    int32_t priority;
    /* Since 1970; 0 means none. */
    int64_t deadline_ms;
    int64_t retention_ms;
    uint64_t keep_newest_bytes;
    /* 0: the core's default. */
    uint32_t max_attempts;
    int64_t initial_backoff_ms;
    int64_t max_backoff_ms;
    const char *idempotency_key;
};

#define CLI_JOB_STATES_MAX 6

struct cli_job_filter {
    /* Any of these; none means all. */
    const char *states[CLI_JOB_STATES_MAX];
    size_t state_count;
    const char *kind;
    const struct rnl_pair *labels;
    size_t label_count;
    uint32_t page_size;
    const char *page_token;
};

/* *ret_job is a Job; the caller frees it, as all below. */
int cli_core_create_job(struct cli_context *context,
                        const struct cli_new_job *job, json_t **ret_job);

/* Whether somebody works on jobs of this kind now; true as well when the core
 * does not say. Tells no error. */
bool cli_core_kind_served(struct cli_context *context, const char *kind);

/* A Job. */
int cli_core_get_job(struct cli_context *context, const char *id,
                     bool include_input, json_t **ret_job);

/* A ListJobsResponse. */
int cli_core_list_jobs(struct cli_context *context,
                       const struct cli_job_filter *filter,
                       json_t **ret_answer);

/* A Job. */
int cli_core_cancel_job(struct cli_context *context, const char *id,
                        const char *reason, json_t **ret_job);
int cli_core_delete_job(struct cli_context *context, const char *id);

enum cli_event_kind {
    CLI_EVENT_DELTA,
    CLI_EVENT_PROGRESS,
    CLI_EVENT_STATE,
    CLI_EVENT_LOG,
};

/* One event of a job; borrowed during the callback. */
struct cli_job_event {
    uint64_t sequence;
    uint64_t first_sequence;
    int64_t time_ms;
    enum cli_event_kind kind;
    /* DELTA: the bytes of output. LOG: the line. */
    const char *data;
    size_t len;
    /* PROGRESS: a Progress. STATE: a StateChange. */
    const json_t *detail;
};

/* A JobEvent of the schema. */
json_t *cli_job_event_json(const struct cli_job_event *event);

struct cli_job_watch {
    const char *job_id;
    uint64_t after_sequence;
    /* False ends the watch. */
    bool (*on_event)(void *arg, const struct cli_job_event *event);
    /* The connection was lost, or is back. */
    void (*on_connection)(void *arg, bool connected);
    /* Called every tick_ms while watching, when tick_ms is not 0. */
    void (*on_tick)(void *arg);
    int64_t tick_ms;
    void *arg;
};

/* Watches until the terminal event, false of on_event, an error or a signal
 * (CLI_EXIT_INTERRUPTED). */
int cli_core_watch_job(struct cli_context *context,
                       const struct cli_job_watch *watch);

struct cli_new_token {
    const char *name;
    const char *const *scopes;
    size_t scope_count;
    /* 0: for good. */
    int64_t lifetime_ms;
};

/* A CreateTokenResponse. */
int cli_core_create_token(struct cli_context *context,
                          const struct cli_new_token *token, json_t **ret_made);

/* An array of Token. */
int cli_core_list_tokens(struct cli_context *context, json_t **ret_tokens);
int cli_core_revoke_token(struct cli_context *context, const char *id);

struct cli_new_stream {
    const char *name;
    uint32_t windows[8];
    size_t window_count;
    uint32_t unique_precision;
    uint32_t top_capacity;
    bool value_threshold_set;
    double value_threshold;
    double latency_threshold_ms;
    double anomaly_threshold;
    /* Numbers of the schema; 0: the default. */
    int unique_algorithm;
    int key_hash;
    int time_basis;
};

/* *ret_existing: it was there, with this configuration. */
int cli_core_create_stream(struct cli_context *context,
                           const struct cli_new_stream *stream,
                           bool *ret_existing);

/* A StreamInfo. */
int cli_core_get_stream(struct cli_context *context, const char *name,
                        json_t **ret_stream);

/* An array of StreamInfo: all of them. */
int cli_core_list_streams(struct cli_context *context, json_t **ret_streams);
int cli_core_delete_stream(struct cli_context *context, const char *name);

/* A GetStatsResponse. */
int cli_core_get_stats(struct cli_context *context, const char *stream,
                       uint32_t window_seconds, uint32_t top,
                       json_t **ret_answer);

struct cli_keys {
    const char *const *keys;
    size_t count;
};

/* A GetFrequencyResponse. */
int cli_core_get_frequency(struct cli_context *context, const char *stream,
                           uint32_t window_seconds, const struct cli_keys *keys,
                           json_t **ret_answer);

struct cli_quantile_query {
    const char *stream;
    uint32_t window_seconds;
    bool latency;
    const double *qs;
    size_t q_count;
};

/* A GetQuantilesResponse. */
int cli_core_get_quantiles(struct cli_context *context,
                           const struct cli_quantile_query *query,
                           json_t **ret_answer);

/* A GetRankResponse; qs of the query are values. */
int cli_core_get_ranks(struct cli_context *context,
                       const struct cli_quantile_query *query,
                       json_t **ret_answer);

struct cli_export {
    const char *stream;
    uint32_t window_seconds;
    /* As in enum rnl_export_kind and rnl_export_format. */
    int kind;
    int format;
};

/* An ExportSketchResponse, and with *ret_bytes its bytes, to be freed with
 * cli_buf_fini. */
int cli_core_export(struct cli_context *context, const struct cli_export *what,
                    json_t **ret_answer, struct cli_buf *ret_bytes);

struct cli_merge {
    const char *stream;
    /* As in enum rnl_export_kind and rnl_export_format. */
    int kind;
    int format;
    /* NULL: it may be merged again. */
    const char *id;
};

/* A MergeSketchResponse. */
int cli_core_merge(struct cli_context *context, const struct cli_merge *what,
                   const struct cli_buf *bytes, json_t **ret_answer);

struct cli_stats_watch {
    const char *stream;
    /* 0 stands for all time; none: every window of the stream. */
    uint32_t windows[9];
    size_t window_count;
    uint32_t interval_ms;
    /* Keys in the top list; 0: the default. */
    uint32_t top;
    /* As many as the stream keeps, if that is less. */
    bool top_at_most;
    /* update is a WatchStatsResponse. False ends the watch. */
    bool (*on_update)(void *arg, const json_t *update);
    /* There is no such stream, or no longer: true waits until there is one. */
    bool (*on_missing)(void *arg);
    void (*on_connection)(void *arg, bool connected);
    void (*on_tick)(void *arg);
    int64_t tick_ms;
    /* Watched as well, -1: nothing. False ends the watch. */
    int input_fd;
    bool (*on_input)(void *arg);
    /* An error is about to be told; may be NULL. */
    void (*on_fail)(void *arg);
    void *arg;
};

/* Watches until false of a callback, an error or a signal. */
int cli_core_watch_stats(struct cli_context *context,
                         const struct cli_stats_watch *watch);

/* What was acknowledged so far. */
struct cli_ingest_totals {
    uint64_t accepted_events;
    uint64_t late_events;
    uint64_t duplicate_batches;
};

/* Sends events to a stream in batches. */
struct cli_sink;

/* Events wait at most linger_ms for their batch to fill. */
int cli_sink_open(struct cli_context *context, const char *stream,
                  int64_t linger_ms, struct cli_sink **ret_sink);

/* Accepts NULL; what was not acknowledged is dropped. */
void cli_sink_close(struct cli_sink *sink);

/* Takes one event; only while cli_sink_full is false. */
int cli_sink_add(struct cli_sink *sink, const struct cli_record *record);

/* So much is on its way that the input must wait. */
bool cli_sink_full(const struct cli_sink *sink);

/* The connection was lost and is not back. */
bool cli_sink_reconnecting(const struct cli_sink *sink);

/* Why the core takes nothing for now; NULL while it does. */
const char *cli_sink_refusal(const struct cli_sink *sink);

/*
 * Sends and receives, and waits until something happened: input_fd (-1: none)
 * is readable, an answer came, a signal, or timeout_ms (negative: none) is
 * over. *ret_readable is set.
 */
int cli_sink_wait(struct cli_sink *sink, int input_fd, int64_t timeout_ms,
                  bool *ret_readable);

/* Sends what is gathered, without waiting for it. */
int cli_sink_flush(struct cli_sink *sink);

/* Everything was acknowledged. */
bool cli_sink_drained(const struct cli_sink *sink);

void cli_sink_totals(const struct cli_sink *sink,
                     struct cli_ingest_totals *ret_totals);

/* Closes the connection, if there is one. */
void cli_core_close(struct cli_context *context);

/* A GetInfoResponse. */
int cli_core_get_info(struct cli_context *context, json_t **ret_info);

/* Upkeep of the store. A backup's pieces go to on_piece; false of it ends the
 * backup. A CheckStoreResponse; a CompactStoreResponse. */
int cli_core_backup(struct cli_context *context,
                    bool (*on_piece)(void *arg, const void *data, size_t len,
                                     uint64_t total_bytes),
                    void *arg);
int cli_core_check(struct cli_context *context, json_t **ret_result);
int cli_core_compact(struct cli_context *context, json_t **ret_result);

#endif
