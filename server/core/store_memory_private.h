/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the memory store share:
 *
 *   store_memory.c   the calls that change something, and its life
 *   store_item.c     one job
 *   store_read.c     the calls that read
 *   store_ahead.c    memory of reads that are about to come
 *   store_cache.c    records of ended jobs that stay at hand
 *   store_turn.c     what is reported when, with the journal or without
 *
 * A change goes through two lists. It is "open" until the next turn of the
 * loop, when all open changes become the group in "flight"; with a journal
 * that group is being written, without one it is done at once. Then callers
 * and listener are told, and the next group begins. A job can be in both
 * lists. One that lingers is open, and left out of groups for a moment.
 *
 * What is open while a group is in flight can already be handed to the journal,
 * which so goes on without waiting for the loop; it is in flight, too, by the
 * number of the commit that gave it away.
 */
#ifndef RNL_CORE_STORE_MEMORY_PRIVATE_H
#define RNL_CORE_STORE_MEMORY_PRIVATE_H

#include <sys/queue.h>

#include "event_log.h"
#include "id_table.h"
#include "journal.h"
#include "ordered.h"
#include "store_memory.h"

/* With a journal: events of a running job that stay in memory, for those that
 * watch it and are a little behind; and the longest input that waits there for
 * the job to begin. */
#define RNL_STORE_HOT_BYTES ((uint64_t)256 * 1024)
#define RNL_STORE_INPUT_HOT ((size_t)4096)

/* Bytes of events that wait for the journal: above this the store is busy,
 * and the copy into one group takes about 2 ms. */
#define RNL_STORE_BUSY_BYTES ((uint64_t)8 << 20)

#define RNL_STORE_RETRY_NS (RNL_STORE_RETRY_MS * INT64_C(1000000))

struct rnl_item {
    struct rnl_id_node node;

    /* What a read needs comes first, in as few lines of the cache as may be. */
    Runnel__V1__JobState state;
    /* The journal has the record, and memory still. */
    bool is_cached;
    /* Since it came into the list of these or was moved to its end. */
    bool was_used;
    /* The encoded Job without its input. Owned. NULL with a length: only the
     * journal has it. */
    uint8_t *record;
    size_t record_len;
    /* The oldest event kept: what log has in front of it does not count. */
    uint64_t first_sequence;

    /* The journal's name of it. */
    uint64_t number;
    struct rnl_request_hash hash;
    /* Point behind the struct. */
    const char *kind;
    const char *key;
    size_t record_cap;
    /* Bytes at the record's begin that have what does not change; 0: not
     * known. */
    size_t fixed_len;
    /* The encoded Payload, as the record. */
    uint8_t *input;
    size_t input_len;
    struct rnl_event_log log;
    uint64_t committed_sequence;
    /* What it counts in the store's bytes. */
    uint64_t bytes;
    /* In a heap of wall-clock times; INT64_MAX until the job has ended. */
    struct rnl_timer expiry;
    TAILQ_ENTRY(rnl_item) ended_link;
    TAILQ_ENTRY(rnl_item) open_link;
    TAILQ_ENTRY(rnl_item) flight_link;
    STAILQ_ENTRY(rnl_item) told_link;
    TAILQ_ENTRY(rnl_item) cached_link;
    bool in_ended;
    bool in_open;
    bool in_flight;
    /* It is among those that linger instead of in open; until then. */
    bool lingers;
    int64_t linger_ns;
    /* Of what is open: somebody waits for it. */
    bool awaited;
    /* Its removal is what the listener is about to be told. */
    bool told_removed;
    /* Gone from the arrays, kept until the listener has been told. */
    bool removed;
    /* Who waits for the put, while it is not durable. */
    struct rnl_store_request *put_request;

    /* The journal has not seen the job; its newest record. */
    bool is_new;
    bool record_changed;
    bool trimmed;
    uint64_t trimmed_count;
    /* Given to the journal up to here. */
    uint64_t journaled_sequence;
    /* What of it is in flight. */
    uint64_t flight_commit;
    bool flight_new;
    bool flight_removed;
    bool flight_record;
    bool flight_trimmed;
    uint64_t flight_sequence;
};

TAILQ_HEAD(rnl_item_list, rnl_item);
STAILQ_HEAD(rnl_item_queue, rnl_item);

struct rnl_request_queue {
    struct rnl_store_request *first;
    struct rnl_store_request **tail;
    size_t count;
};

struct rnl_memory {
    struct rnl_store store;
    struct rnl_store_ops ops;
    struct rnl_store_memory_options options;
    /* Each job is in both: to be found, and to be listed. */
    struct rnl_id_table ids;
    struct rnl_ordered by_id;
    struct rnl_ordered by_key;
    /* In the order in which they ended: the first is the first to go. */
    struct rnl_item_list ended;
    struct rnl_item_list open;
    /* Ended, with their records; the first are the first to go. */
    struct rnl_item_list cached;
    uint64_t cached_bytes;
    /* Open, but of no group until their time; by that. */
    struct rnl_item_list lingering;
    struct rnl_item_list flight;
    /* Out of flight; the listener is not told yet. Empty between calls. */
    struct rnl_item_queue told;
    struct rnl_request_queue open_requests;
    struct rnl_request_queue flight_requests;
    /* Of the two groups reported last, the last one first. */
    size_t last_requests[2];
    /* Of the journal, and those of them that it has reported: others are in
     * flight. */
    uint64_t commits;
    uint64_t reported;
    /* The last group could not be written. */
    bool stalled;
    bool was_busy;
    struct rnl_timers expiries;
    /* Always started, so that moving it cannot fail. */
    struct rnl_timer turn;
    /* Of the next new job. */
    uint64_t next_number;
    uint64_t bytes;
    uint64_t ended_bytes;
    /* Of events that the journal has not been given. */
    uint64_t waiting_bytes;
};

static inline struct rnl_memory *rnl_memory_of(struct rnl_store *store)
{
    return (struct rnl_memory *)store;
}

/* NULL when there is none. */
static inline struct rnl_item *rnl_memory_find(struct rnl_store *store,
                                               const char *job_id)
{
    /* The node is the item's first member. */
    return (struct rnl_item *)rnl_id_table_find(&rnl_memory_of(store)->ids,
                                                job_id);
}

/* ---- what is fetched ahead ---- */

/* Jobs of a listing that are fetched together: a page of ten, and whether there
 * is one more. */
#define RNL_FETCHED_JOBS 12

/* A line of the processor's cache; and how much of a record is fetched: mostly
 * all. */
#define RNL_LINE_BYTES    ((size_t)64)
#define RNL_FETCHED_BYTES ((size_t)512)

/* Has what reads need of a job brought near the processor. */
static inline void rnl_item_fetch(const struct rnl_item *item)
{
    __builtin_prefetch(item);
    __builtin_prefetch(&item->first_sequence);
}

/* The same for its record; waits for the job itself. */
static inline void rnl_item_fetch_record(const struct rnl_item *item)
{
    if (item->record == NULL || item->record_len == 0)
        return;
    size_t len = item->record_len < RNL_FETCHED_BYTES ? item->record_len
                                                      : RNL_FETCHED_BYTES;
    for (size_t at = 0; at < len; at += RNL_LINE_BYTES)
        __builtin_prefetch(item->record + at);
    __builtin_prefetch(item->record + len - 1);
}

/* ---- store_item.c ---- */

/* Returns NULL when memory is out. */
struct rnl_item *rnl_item_create(const Runnel__V1__Job *job,
                                 const struct rnl_request_hash *hash);

/* The same for one that the journal knows. */
struct rnl_item *rnl_item_recover(const struct rnl_journal_entry *entry);

void rnl_item_free(struct rnl_item *item);

/* Errors: RNL_RESOURCE_EXHAUSTED; the old record stays. */
RNL_MUST_USE enum rnl_code rnl_item_pack_record(struct rnl_item *item,
                                                const Runnel__V1__Job *job);
RNL_MUST_USE enum rnl_code rnl_item_pack_input(struct rnl_item *item,
                                               const Runnel__V1__Job *job);

/* Gives back the memory of events that were trimmed. */
void rnl_item_drop_trimmed(struct rnl_item *item);

/* Gives back the memory of what the journal has: nothing of a job that changes
 * again; of one that has ended all but the record, and true. */
bool rnl_item_forget(struct rnl_item *item);

/* The journal has it. */
void rnl_item_drop_record(struct rnl_item *item);

/* Gives back the room that it had for growing. */
void rnl_item_shrink_record(struct rnl_item *item);

/* What it counts: memory, or with a journal what is written. */
uint64_t rnl_item_bytes(const struct rnl_item *item, bool journaled);

/* ---- store_cache.c, with a journal ---- */

/* Keeps the record of a job that the journal has all of, if it is at hand, as
 * long as there is room for the records that were used since. */
void rnl_cache_add(struct rnl_memory *memory, struct rnl_item *item);

/* The record is the item's own again: it changes, or goes. */
void rnl_cache_leave(struct rnl_memory *memory, struct rnl_item *item);

/* Has the record at hand, until that of another item is used. Errors: as of
 * load_record. */
RNL_MUST_USE enum rnl_code rnl_cache_use(struct rnl_memory *memory,
                                         struct rnl_item *item);

/* ---- store_memory.c ---- */

/* Counts what the item takes now. */
void rnl_memory_count_bytes(struct rnl_memory *memory, struct rnl_item *item);

/* Takes the job out of everything and gives its memory back, but for what the
 * listener is to be told. */
void rnl_memory_remove_item(struct rnl_memory *memory, struct rnl_item *item);

/* ---- store_turn.c ---- */

void rnl_memory_init_turn(struct rnl_memory *memory);

/* Has the item's changes reported. */
void rnl_memory_report(struct rnl_memory *memory, struct rnl_item *item);

/* Has the request of a change of the item called; NULL is nobody's. */
void rnl_memory_queue(struct rnl_memory *memory, struct rnl_item *item,
                      struct rnl_store_request *request);

/* The item's changes are reported later, if nobody waits for them. */
void rnl_memory_linger(struct rnl_memory *memory, struct rnl_item *item);

/* The timer that makes a group of all that is open. */
void rnl_memory_run_turn(struct rnl_timer *timer, void *arg);

/* The journal's report. */
void rnl_memory_committed(void *arg, uint64_t commits, enum rnl_code code);

bool rnl_memory_busy(struct rnl_store *store);

/* Gives the journal what is open, before its end; nobody is told. */
void rnl_memory_last_group(struct rnl_memory *memory);

/* Frees what only waits to be reported. */
void rnl_memory_drop_reports(struct rnl_memory *memory);

/* ---- store_ahead.c ---- */

void rnl_memory_expect(struct rnl_store *store,
                       const char (*job_ids)[RNL_JOB_ID_LEN + 1], size_t count);
void rnl_memory_expect_pages(struct rnl_store *store,
                             const char (*befores)[RNL_JOB_ID_LEN + 1],
                             size_t count);

/* ---- store_read.c ---- */

enum rnl_code rnl_memory_get(struct rnl_store *store, const char *job_id,
                             bool with_input, Runnel__V1__Job **ret_job);
enum rnl_code rnl_memory_input(struct rnl_store *store, const char *job_id,
                               Runnel__V1__Payload **ret_input);
enum rnl_code rnl_memory_peek(struct rnl_store *store, const char *job_id,
                              bool with_input,
                              struct rnl_store_record *ret_record);
enum rnl_code rnl_memory_log(struct rnl_store *store, const char *job_id,
                             struct rnl_store_log *ret_log);
enum rnl_code rnl_memory_read(struct rnl_store *store, const char *job_id,
                              uint64_t after, size_t bytes_max,
                              struct rnl_store_page *ret_page);
enum rnl_code rnl_memory_find_key(struct rnl_store *store, const char *key,
                                  char ret_job_id[RNL_JOB_ID_LEN + 1],
                                  struct rnl_request_hash *ret_hash);
enum rnl_code rnl_memory_list(struct rnl_store *store,
                              const struct rnl_store_query *query,
                              struct rnl_store_list *list);

#endif
