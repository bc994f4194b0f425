/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core daemon without any I/O: bytes, events and "now" in; bytes and
 * events out. It has no sockets, clocks, threads, environment or files, so
 * that tests can drive it by a simulated clock and transport.
 *
 * The transport (server/io) creates it, gives it the time before anything
 * else, attaches a session (session.h) to each connection, and calls
 * rnl_core_run_timers when rnl_core_next_timer says so. One thread. bounds.h
 * has the ceilings.
 */
#ifndef RNL_CORE_CORE_H
#define RNL_CORE_CORE_H

#include <stdint.h>

#include <runnel/status.h>

#include "rpc.h"
#include "timer.h"

struct rnl_field_error;
struct rnl_jobs;
struct rnl_journal;
struct rnl_stats_journal;
struct rnl_kind_limits;
struct rnl_lanes;
struct rnl_streams;
struct rnl_upkeep;
struct rnl_token_record;
struct rnl_token_store;
struct rnl_tokens;

/* The identity of a store: 32 hex digits and a NUL. */
#define RNL_EPOCH_SIZE 33

/* 256 bits in hex. */
#define RNL_LEASE_KEY_LEN 64

/* What the core takes from outside at its birth. */
struct rnl_core_options {
    /* Fills len bytes with unpredictable ones (job ids, epoch); a test gives a
     * seeded generator. */
    void (*random)(void *arg, uint8_t *out, size_t len);
    void *random_arg;
    /* Monotonic time of this instant in nanoseconds, on the scale of now_ns,
     * for measuring what calls take; nothing is decided by it. NULL: now_ns
     * has to do. */
    int64_t (*clock)(void *arg);
    void *clock_arg;
    /* 0 in any of these means the default of bounds.h. */
    uint32_t max_frame_bytes;
    uint32_t max_streams;
    uint32_t max_connections;
    uint64_t max_job_output_bytes;
    uint64_t max_jobs;
    /* Of a worker; 0: 30 s. */
    uint32_t lease_ms;
    /* All jobs together: records, inputs and events. */
    uint64_t max_store_bytes;
    /* Of memory, for records of ended jobs that a journal has. */
    uint64_t job_cache_bytes;
    uint32_t max_event_streams;
    /* Jobs of a kind that run at once. NULL: no limits. Borrowed until
     * destroy. */
    const struct rnl_kind_limits *kind_limits;
    /* Label whose values take turns within a priority. NULL: none. Borrowed
     * until destroy. */
    const char *fair_label;
    /* Memory of statistics. */
    uint64_t max_stats_bytes;
    /* Time for Hello, and silence before a Ping and again after it. */
    uint32_t handshake_ms;
    uint32_t keepalive_ms;
    /* A token that may do everything; empty or NULL: none. Borrowed for the
     * create call, as those that follow: more of them (tokens.h). */
    const char *token;
    const struct rnl_token_record *fixed_tokens;
    size_t fixed_token_count;
    /* Keeps the tokens that are made; NULL: they live in memory. Borrowed. */
    struct rnl_token_store *token_store;
    /* Makes jobs durable; NULL: they live in memory. Owned from the create
     * call on, whether it succeeds or not. Its identity is epoch, 32 hex
     * digits, borrowed for the call; NULL makes a new one. */
    struct rnl_journal *journal;
    const char *epoch;
    /* Makes the tokens of leases, and the same ones after a restart; at most
     * RNL_LEASE_KEY_LEN characters, borrowed for the call. NULL: a new one. */
    const char *lease_key;
    /* Upkeep of the store's files (upkeep.h); NULL: there are none. Borrowed
     * until destroy. */
    struct rnl_upkeep *upkeep;
    /* Where batches of event streams are counted (lanes.h); NULL: at once, on
     * this thread. Borrowed. */
    struct rnl_lanes *lanes;
    /* Makes event streams durable; NULL: they live in memory. Borrowed: it is
     * there as long as journal. */
    struct rnl_stats_journal *stats_journal;
    /* Filled with a sentence when create fails for what a journal has; empty
     * else. May be NULL; borrowed for the call. */
    struct rnl_field_error *start_error;
};

/* The parts of the core, for its own modules. */
struct rnl_core {
    struct rnl_core_options options;
    /* Monotonic time and wall clock (Unix epoch), nanoseconds, as of the last
     * rnl_core_set_time. */
    int64_t now_ns;
    int64_t wall_ns;
    int64_t start_wall_ns;
    char epoch[RNL_EPOCH_SIZE];
    struct rnl_timers timers;
    /* Owned. */
    struct rnl_jobs *jobs;
    struct rnl_streams *streams;
    struct rnl_tokens *tokens;
    struct rnl_rpc *rpc;
    bool draining;
};

/* Makes a new identity from options->random. */
void rnl_core_make_epoch(const struct rnl_core_options *options,
                         char ret_epoch[RNL_EPOCH_SIZE]);

/* Creates the core with its services. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_core_create(
    const struct rnl_core_options *options, int64_t now_ns, int64_t wall_ns,
    struct rnl_core **ret_core);

/* Accepts NULL. Sessions must be gone. */
void rnl_core_destroy(struct rnl_core *core);

/* Monotonic time, for measuring what something takes: see options.clock. */
int64_t rnl_core_clock(const struct rnl_core *core);

/* Must be called before any other call after time has passed. */
void rnl_core_set_time(struct rnl_core *core, int64_t now_ns, int64_t wall_ns);

/* Monotonic time of the next timer, INT64_MAX if none. */
int64_t rnl_core_next_timer(const struct rnl_core *core);

void rnl_core_run_timers(struct rnl_core *core);

/* Begins what should not wait for the end of the turn: between two frames of
 * one read. Tells nobody anything. */
void rnl_core_run_urgent(struct rnl_core *core);

/* Begins the end: every session gets a GoAway, streaming calls end with
 * RNL_UNAVAILABLE, new calls and connections are refused so. The transport
 * closes each session once it is done. */
void rnl_core_drain(struct rnl_core *core);

struct rnl_core_counts {
    uint32_t connections;
    /* Open calls. */
    uint32_t streams;
    /* Since the start. */
    uint64_t calls;
};

void rnl_core_count(const struct rnl_core *core,
                    struct rnl_core_counts *ret_counts);

#endif
