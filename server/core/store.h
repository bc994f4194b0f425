/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where jobs are kept: the interface between the jobs engine and a store. The
 * memory store (store_memory.h) implements it, and is durable with a journal
 * (journal.h; that of SQLite is in server/io). It stores; it knows nothing of
 * running, retrying or watching.
 *
 * The rules that let a store with group commit, or one on other machines,
 * stand behind the same callers:
 *
 * - Calls take effect in the order in which they are made, and what was
 *   written is seen by every later read at once.
 * - A call that returns RNL_OK has been accepted: a reader of this process
 *   sees it. It is durable when the request's done has been called (put,
 *   update, remove) or the listener has been told the sequence (append). A
 *   call that returns an error did nothing, and its done is not called.
 * - done and the listener are never called from inside a call of this
 *   interface, but later, from the loop that the store was created on, each
 *   done exactly once and in the order of the calls. A memory store commits
 *   "at once", that is at the next turn of the loop.
 * - Appends are reported by watermark, not one by one: committed says "up to
 *   this sequence", so that ten thousand events cost one call.
 * - Whatever a read lends (pages, views) is valid until the next call of any
 *   kind on the same store. Reads never wait: a store whose data lies
 *   elsewhere keeps the records of its jobs at hand, and answers a page that
 *   is not there yet with RNL_UNAVAILABLE, fetches it, and reports committed
 *   again.
 *
 * Every limit that is reached is RNL_RESOURCE_EXHAUSTED for that one call.
 */
#ifndef RNL_CORE_STORE_H
#define RNL_CORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>
#include <runnel/v1/jobs.pb-c.h>

/* Length of a job id. */
#define RNL_JOB_ID_LEN 26

/* Bytes of a terminal event, and of what update may add to a record, for which
 * a store keeps room from the start: the end of a job is never refused. */
#define RNL_STORE_END_MAX 1024

/* Events in one page: small ones are so many that asking for them costs little
 * beside them. 10 KiB; large ones are bounded by bytes_max. */
#define RNL_STORE_PAGE_MAX 256

/* The same of events that are in memory: asking for more is cheap, and what a
 * watcher has no credit for is looked up in vain. */
#define RNL_STORE_PAGE_HOT 64

/* The bytes_max of who takes all there is: what a page may hold in memory. */
#define RNL_STORE_PAGE_BYTES ((size_t)512 * 1024)

/* Records that one list call looks at, so that a filter that matches little
 * does not hold the loop. */
#define RNL_STORE_LIST_SCAN_MAX 4096

/* Reads that are expected at once. */
#define RNL_STORE_AHEAD_MAX 32

/* How long a change lingers: most jobs that end at once do so within it, and it
 * is not seen by people. */
#define RNL_STORE_LINGER_NS INT64_C(2000000)

/* Jobs that one expire call removes. */
#define RNL_STORE_EXPIRE_MAX 256

/* After a group that could not be written, the time until the next try. */
#define RNL_STORE_RETRY_MS 1000

enum rnl_event_type {
    /* Output that is UTF-8 without a NUL by itself, and any other output:
     * data holds the output itself. */
    RNL_EVENT_TEXT = 1,
    RNL_EVENT_DATA = 2,
    /* data holds an encoded Progress, StateChange, LogEntry. */
    RNL_EVENT_PROGRESS = 3,
    RNL_EVENT_STATE = 4,
    RNL_EVENT_LOG = 5,
    /* An encoded StateChange to a terminal state: the last event of a job. */
    RNL_EVENT_END = 6,
};

struct rnl_event {
    uint64_t sequence;
    /* Wall clock. */
    int64_t time_ns;
    enum rnl_event_type type;
    /* Borrowed. */
    const uint8_t *data;
    size_t len;
};

/* Told when a write is durable, or could not be made so. The caller's storage,
 * which must stay until done. */
struct rnl_store_request {
    void (*done)(struct rnl_store_request *request, enum rnl_code code);
    /* The store's, while it holds the request. */
    struct rnl_store_request *next;
    uint64_t commit;
    enum rnl_code code;
};

struct rnl_store_listener {
    /* Events up to sequence are durable. */
    void (*committed)(void *arg, const char *job_id, uint64_t sequence);
    /* The job was removed: by remove, by its retention or to make room. */
    void (*removed)(void *arg, const char *job_id);
    /* busy() has become false. */
    void (*ready)(void *arg);
    void *arg;
};

/* The event log of a job. */
struct rnl_store_log {
    /* Oldest event kept, 0 when none is; newest one; newest durable one. */
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t committed_sequence;
    /* Of the events that are kept, RNL_STORE_EVENT_BYTES for each included. */
    uint64_t event_bytes;
    /* The newest event is RNL_EVENT_END. */
    bool ended;
};

/* A job as it is encoded; borrowed. */
struct rnl_store_record {
    /* A Job without its input; its Payload, of length 0 if there is none, or it
     * was not asked for. */
    const uint8_t *record;
    size_t record_len;
    const uint8_t *input;
    size_t input_len;
    /* As in struct rnl_store_log; the record does not have it. */
    uint64_t first_sequence;
    /* The job has a terminal state: the record says all. */
    bool ended;
};

struct rnl_store_page {
    struct rnl_event events[RNL_STORE_PAGE_MAX];
    size_t count;
};

/* What identifies a request under an idempotency key. */
struct rnl_request_hash {
    uint64_t low;
    uint64_t high;
};

struct rnl_store_query {
    /* Only jobs with a lower id; "" for the newest. */
    char before[RNL_JOB_ID_LEN + 1];
    /* Bit 1 << state; 0 means all. */
    uint32_t states;
    /* NULL means all. */
    const char *kind;
    /* All of these; the map entries of a request. */
    Runnel__V1__ListJobsRequest__LabelsEntry *const *labels;
    size_t label_count;
    size_t limit;
};

struct rnl_store_list {
    /* Gets each job that fits, newest first, without its input; borrowed for
     * the call. False: it is not taken, and the next page begins with it; not
     * for the first. */
    bool (*job)(void *arg, const char *job_id,
                const struct rnl_store_record *record);
    void *arg;
    /* Set by the store: where the next page begins, "" at the end. It may be
     * set though fewer than limit jobs were found (RNL_STORE_LIST_SCAN_MAX). */
    char next[RNL_JOB_ID_LEN + 1];
};

struct rnl_store_usage {
    uint64_t jobs;
    /* Records, inputs and events; what they may come to. */
    uint64_t bytes;
    uint64_t bytes_max;
    /* Of events that wait to become durable. */
    uint64_t waiting_bytes;
    /* Nothing can be written at the moment: why, lent until the next call. */
    bool stalled;
    const char *error;
    /* Size of files; groups that became durable or could not; time that the
     * last one took. */
    uint64_t disk_bytes;
    uint64_t commits;
    uint64_t failed_commits;
    int64_t commit_ns;
};

struct rnl_store;

struct rnl_store_ops {
    /* "memory"; static. */
    const char *name;

    /*
     * Adds a job, with its input in job->input and with its first event.
     * Removes ended jobs, those that ended first, if room is needed.
     * Errors: RNL_RESOURCE_EXHAUSTED; RNL_ALREADY_EXISTS when the id is taken.
     */
    enum rnl_code (*put)(struct rnl_store *store, const Runnel__V1__Job *job,
                         const struct rnl_request_hash *hash,
                         const struct rnl_event *first,
                         struct rnl_store_request *request);

    /*
     * Replaces what of a job's record can change: state, attempt, progress,
     * error, output, sequences, times of start and end, cancel_requested. All
     * else keeps the values of put. A terminal state starts its retention at
     * job->end_time. request may be NULL: nobody waits for it.
     * Errors: RNL_NOT_FOUND; RNL_RESOURCE_EXHAUSTED, never when the record
     * grew by at most RNL_STORE_END_MAX since put.
     */
    enum rnl_code (*update)(struct rnl_store *store, const Runnel__V1__Job *job,
                            struct rnl_store_request *request);

    /*
     * Appends events with the sequences that follow the last one. All or none.
     * Errors: RNL_NOT_FOUND; RNL_ABORTED when the sequences do not follow, or
     * after RNL_EVENT_END; RNL_RESOURCE_EXHAUSTED when the job's log is at its
     * limit or memory is out: never for an RNL_EVENT_END of at most
     * RNL_STORE_END_MAX bytes.
     */
    enum rnl_code (*append)(struct rnl_store *store, const char *job_id,
                            const struct rnl_event *events, size_t count);

    /*
     * Forgets the events up to sequence, which count bytes in event_bytes; not
     * the last one. Errors: RNL_NOT_FOUND; RNL_OUT_OF_RANGE when they have
     * gone already, or the last one is among them.
     */
    enum rnl_code (*trim)(struct rnl_store *store, const char *job_id,
                          uint64_t sequence, uint64_t bytes);

    /*
     * What was just written about a job, and nobody waits for, may become
     * durable a little later than what was written after it about other jobs:
     * with the next change of this one, or in RNL_STORE_LINGER_NS. Does
     * nothing if there is no such job, or it has changed before.
     */
    void (*linger)(struct rnl_store *store, const char *job_id);

    /* Removes a job. request may be NULL. Errors: RNL_NOT_FOUND. */
    enum rnl_code (*remove)(struct rnl_store *store, const char *job_id,
                            struct rnl_store_request *request);

    /*
     * Returns a copy of a record, with its input only when asked for. Free it
     * with runnel__v1__job__free_unpacked(job, &rnl_pb_allocator).
     * Errors: RNL_NOT_FOUND, RNL_RESOURCE_EXHAUSTED.
     */
    enum rnl_code (*get)(struct rnl_store *store, const char *job_id,
                         bool with_input, Runnel__V1__Job **ret_job);

    /*
     * Returns a copy of the input alone, an empty one if there is none. Free it
     * with runnel__v1__payload__free_unpacked(input, &rnl_pb_allocator).
     * Errors: RNL_NOT_FOUND, RNL_RESOURCE_EXHAUSTED.
     */
    enum rnl_code (*input)(struct rnl_store *store, const char *job_id,
                           Runnel__V1__Payload **ret_input);

    /*
     * Lends the encoded record, and the input if that is asked for. Errors:
     * RNL_NOT_FOUND, RNL_RESOURCE_EXHAUSTED.
     */
    enum rnl_code (*peek)(struct rnl_store *store, const char *job_id,
                          bool with_input, struct rnl_store_record *ret_record);

    /*
     * Says which jobs the next calls will most likely read, or, of listings,
     * which jobs pages begin in front of: has their memory brought near the
     * processor, for all of them side by side. At most RNL_STORE_AHEAD_MAX ids,
     * of any text. Changes nothing.
     */
    void (*expect)(struct rnl_store *store,
                   const char (*job_ids)[RNL_JOB_ID_LEN + 1], size_t count);
    void (*expect_pages)(struct rnl_store *store,
                         const char (*befores)[RNL_JOB_ID_LEN + 1],
                         size_t count);

    /* Errors: RNL_NOT_FOUND. */
    enum rnl_code (*log)(struct rnl_store *store, const char *job_id,
                         struct rnl_store_log *ret_log);

    /*
     * Lends durable events with a sequence above after, in order: as many as
     * RNL_STORE_PAGE_MAX (or _HOT) and bytes_max allow, but one at least if
     * there is one. Errors: RNL_NOT_FOUND; RNL_OUT_OF_RANGE when the event
     * after + 1 was there and is no longer kept; RNL_UNAVAILABLE, see above.
     */
    enum rnl_code (*read)(struct rnl_store *store, const char *job_id,
                          uint64_t after, size_t bytes_max,
                          struct rnl_store_page *ret_page);

    /* Finds the job of an idempotency key. Errors: RNL_NOT_FOUND. */
    enum rnl_code (*find_key)(struct rnl_store *store, const char *key,
                              char ret_job_id[RNL_JOB_ID_LEN + 1],
                              struct rnl_request_hash *ret_hash);

    /* Gives the jobs that fit a query to list->job. Errors:
     * RNL_RESOURCE_EXHAUSTED. */
    enum rnl_code (*list)(struct rnl_store *store,
                          const struct rnl_store_query *query,
                          struct rnl_store_list *list);

    /* Removes ended jobs whose retention is over at wall_ns, at most
     * RNL_STORE_EXPIRE_MAX of them. Returns when the next one is due,
     * INT64_MAX if none. */
    int64_t (*expire)(struct rnl_store *store, int64_t wall_ns);

    void (*usage)(const struct rnl_store *store,
                  struct rnl_store_usage *ret_usage);

    /* More is waiting to become durable than is good: who produces events
     * should pause until the listener's ready. */
    bool (*busy)(struct rnl_store *store);

    /* Requests that are not done yet are not called. */
    void (*destroy)(struct rnl_store *store);
};

/* A store begins with this. */
struct rnl_store {
    const struct rnl_store_ops *ops;
    /* Set by the owner before the first call. */
    struct rnl_store_listener listener;
};

#endif
