/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs are in the order of their ids, which is by time: a page of a listing is
 * a walk down from a search. One job is found by a hash of its id, since the
 * search waits for memory several times when there are many. Those that have
 * an idempotency key are in the order of the keys too.
 */
#include "store_memory.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "store_memory_private.h"

static const char *name_id(const void *item)
{
    return ((const struct rnl_item *)item)->node.id;
}

static const char *name_key(const void *item)
{
    return ((const struct rnl_item *)item)->key;
}

/* ---- room ---- */

void rnl_memory_count_bytes(struct rnl_memory *memory, struct rnl_item *item)
{
    uint64_t bytes = rnl_item_bytes(item, memory->options.journal != NULL);
    memory->bytes += bytes - item->bytes;
    if (item->in_ended)
        memory->ended_bytes += bytes - item->bytes;
    item->bytes = bytes;
}

/* Makes sure that the next job finds room in the arrays. */
static enum rnl_code reserve_places(struct rnl_memory *memory)
{
    if (rnl_id_table_reserve(&memory->ids) != RNL_OK ||
        rnl_ordered_reserve(&memory->by_id) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_ordered_reserve(&memory->by_key);
}

static void take_places(struct rnl_memory *memory, struct rnl_item *item)
{
    rnl_id_table_insert(&memory->ids, &item->node);
    rnl_ordered_insert(&memory->by_id, item);
    if (item->key[0] != '\0')
        rnl_ordered_insert(&memory->by_key, item);
}

void rnl_memory_remove_item(struct rnl_memory *memory, struct rnl_item *item)
{
    rnl_id_table_remove(&memory->ids, &item->node);
    rnl_ordered_remove(&memory->by_id, item);
    if (item->key[0] != '\0')
        rnl_ordered_remove(&memory->by_key, item);
    if (item->in_ended) {
        TAILQ_REMOVE(&memory->ended, item, ended_link);
        memory->ended_bytes -= item->bytes;
    }
    rnl_timer_stop(&memory->expiries, &item->expiry);
    memory->bytes -= item->bytes;
    rnl_event_log_fini(&item->log);
    rnl_cache_leave(memory, item);
    rnl_item_drop_record(item);
    rnl_free(item->input);
    item->input = NULL;
    item->removed = true;
    rnl_memory_report(memory, item);
}

/* Removes ended jobs until so many jobs and bytes fit; none, when removing all
 * of them would not do. */
static enum rnl_code make_room(struct rnl_memory *memory, size_t jobs,
                               uint64_t bytes)
{
    const struct rnl_store_memory_options *options = &memory->options;
    if (memory->bytes - memory->ended_bytes + bytes > options->bytes_max)
        return RNL_RESOURCE_EXHAUSTED;
    while (memory->by_id.count + jobs > options->jobs_max ||
           memory->bytes + bytes > options->bytes_max) {
        struct rnl_item *oldest = TAILQ_FIRST(&memory->ended);
        if (oldest == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        rnl_memory_remove_item(memory, oldest);
    }
    return RNL_OK;
}

/* ---- put ---- */

static enum rnl_code fill_item(struct rnl_memory *memory, struct rnl_item *item,
                               const Runnel__V1__Job *job,
                               const struct rnl_event *first)
{
    if (rnl_item_pack_record(item, job) != RNL_OK ||
        rnl_item_pack_input(item, job) != RNL_OK ||
        rnl_event_log_append(&item->log, first) != RNL_OK ||
        reserve_places(memory) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_timer_start(&memory->expiries, &item->expiry, INT64_MAX);
}

static enum rnl_code memory_put(struct rnl_store *store,
                                const Runnel__V1__Job *job,
                                const struct rnl_request_hash *hash,
                                const struct rnl_event *first,
                                struct rnl_store_request *request)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    if (rnl_memory_find(store, job->id) != NULL)
        return RNL_ALREADY_EXISTS;
    if (memory->stalled)
        return RNL_RESOURCE_EXHAUSTED;
    struct rnl_item *item = rnl_item_create(job, hash);
    if (item == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    enum rnl_code code = fill_item(memory, item, job, first);
    if (code != RNL_OK)
        goto fail;
    code = make_room(memory, 1,
                     rnl_item_bytes(item, memory->options.journal != NULL));
    if (code != RNL_OK)
        goto fail;
    rnl_memory_count_bytes(memory, item);
    take_places(memory, item);
    item->number = memory->next_number++;
    item->put_request = request;
    rnl_memory_report(memory, item);
    rnl_memory_queue(memory, item, request);
    return RNL_OK;

fail:
    rnl_timer_stop(&memory->expiries, &item->expiry);
    rnl_item_free(item);
    return code;
}

/* ---- update, append, remove, expire ---- */

static bool is_terminal(Runnel__V1__JobState state)
{
    return state >= RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED;
}

static int64_t expiry_of(const Runnel__V1__Job *job)
{
    const int64_t second = 1000000000;
    int64_t seconds = job->retention->seconds + job->end_time->seconds;
    int64_t nanos =
        (int64_t)job->retention->nanos + (int64_t)job->end_time->nanos;
    return seconds > INT64_MAX / second - 2 ? INT64_MAX
                                            : seconds * second + nanos;
}

/* It only grew until now: what it does not need goes. */
static void shrink_item(struct rnl_item *item)
{
    rnl_item_shrink_record(item);
    rnl_event_log_seal(&item->log);
}

static void end_item(struct rnl_memory *memory, struct rnl_item *item,
                     const Runnel__V1__Job *job)
{
    /* With a journal all of it goes with the next group. */
    if (memory->options.journal == NULL)
        shrink_item(item);
    if (!item->in_ended) {
        item->in_ended = true;
        TAILQ_INSERT_TAIL(&memory->ended, item, ended_link);
        memory->ended_bytes += item->bytes;
    }
    /* Cannot fail: it has been in the heap since put. */
    (void)!rnl_timer_start(&memory->expiries, &item->expiry, expiry_of(job));
}

static enum rnl_code memory_update(struct rnl_store *store,
                                   const Runnel__V1__Job *job,
                                   struct rnl_store_request *request)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    struct rnl_item *item = rnl_memory_find(store, job->id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    rnl_cache_leave(memory, item);
    enum rnl_code code = rnl_item_pack_record(item, job);
    if (code != RNL_OK)
        return code;
    if (is_terminal(job->state))
        end_item(memory, item, job);
    rnl_memory_count_bytes(memory, item);
    rnl_memory_report(memory, item);
    rnl_memory_queue(memory, item, request);
    return RNL_OK;
}

static enum rnl_code append_all(struct rnl_event_log *log,
                                const struct rnl_event *events, size_t count)
{
    struct rnl_log_mark mark = rnl_event_log_mark(log);
    for (size_t i = 0; i < count; i++) {
        enum rnl_code code = RNL_ABORTED;
        if (!log->ended && events[i].sequence == log->last_sequence + 1)
            code = rnl_event_log_append(log, &events[i]);
        if (code != RNL_OK) {
            if (i > 0)
                rnl_event_log_rewind(log, &mark);
            return code;
        }
    }
    return RNL_OK;
}

/* The end of a job is outside every bound: it is small, and the last. */
static enum rnl_code check_room(struct rnl_memory *memory,
                                const struct rnl_item *item,
                                const struct rnl_event *events, size_t count)
{
    uint64_t bytes = item->log.event_bytes;
    uint64_t need = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].type == RNL_EVENT_END)
            continue;
        bytes += events[i].len + RNL_STORE_EVENT_BYTES;
        need += memory->options.journal != NULL
                    ? events[i].len + RNL_STORE_EVENT_BYTES
                    : rnl_event_log_need(&item->log, events[i].len, false);
        if (bytes > memory->options.log_bytes_max)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return need == 0 ? RNL_OK : make_room(memory, 0, need);
}

static enum rnl_code memory_append(struct rnl_store *store, const char *job_id,
                                   const struct rnl_event *events, size_t count)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    enum rnl_code code = check_room(memory, item, events, count);
    if (code == RNL_OK)
        code = append_all(&item->log, events, count);
    rnl_memory_count_bytes(memory, item);
    if (code != RNL_OK)
        return code;
    for (size_t i = 0; i < count && memory->options.journal != NULL; i++)
        memory->waiting_bytes += events[i].len + RNL_STORE_EVENT_BYTES;
    rnl_memory_report(memory, item);
    return RNL_OK;
}

static enum rnl_code memory_trim(struct rnl_store *store, const char *job_id,
                                 uint64_t sequence, uint64_t bytes)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    if (sequence < item->first_sequence || sequence >= item->log.last_sequence)
        return RNL_OUT_OF_RANGE;
    item->trimmed_count += sequence + 1 - item->first_sequence;
    item->first_sequence = sequence + 1;
    item->log.event_bytes -= bytes;
    item->trimmed = true;
    rnl_item_drop_trimmed(item);
    rnl_memory_count_bytes(memory, item);
    rnl_memory_report(memory, item);
    return RNL_OK;
}

static void memory_linger(struct rnl_store *store, const char *job_id)
{
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item != NULL)
        rnl_memory_linger(rnl_memory_of(store), item);
}

static enum rnl_code memory_remove(struct rnl_store *store, const char *job_id,
                                   struct rnl_store_request *request)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    rnl_memory_remove_item(memory, item);
    rnl_memory_queue(memory, item, request);
    return RNL_OK;
}

static int64_t memory_expire(struct rnl_store *store, int64_t wall_ns)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    for (int left = RNL_STORE_EXPIRE_MAX; left > 0; left--) {
        if (rnl_timers_next(&memory->expiries) > wall_ns)
            break;
        rnl_memory_remove_item(memory, memory->expiries.heap[0]->arg);
    }
    return rnl_timers_next(&memory->expiries);
}

static void memory_usage(const struct rnl_store *store,
                         struct rnl_store_usage *ret_usage)
{
    const struct rnl_memory *memory = (const struct rnl_memory *)store;
    struct rnl_journal *journal = memory->options.journal;
    struct rnl_journal_state state = {.error = ""};
    if (journal != NULL)
        journal->ops->state(journal, &state);
    *ret_usage = (struct rnl_store_usage){
        .jobs = memory->by_id.count,
        .bytes = memory->bytes,
        .bytes_max = memory->options.bytes_max,
        .waiting_bytes = memory->waiting_bytes,
        /* While it is tried again, too. */
        .stalled = memory->stalled || state.error[0] != '\0',
        .error = state.error,
        .disk_bytes = state.disk_bytes,
        .commits = state.commits,
        .failed_commits = state.failed_commits,
        .commit_ns = state.commit_ns,
    };
}

/* ---- life ---- */

/* What is open still becomes durable, unless it cannot. */
static void close_journal(struct rnl_memory *memory)
{
    struct rnl_journal *journal = memory->options.journal;
    if (journal == NULL)
        return;
    journal->ops->flush(journal);
    rnl_memory_last_group(memory);
    journal->ops->destroy(journal);
}

static void memory_destroy(struct rnl_store *store)
{
    if (store == NULL)
        return;
    struct rnl_memory *memory = rnl_memory_of(store);
    rnl_timer_stop(memory->options.timers, &memory->turn);
    close_journal(memory);
    rnl_memory_drop_reports(memory);
    struct rnl_ordered_cursor end = rnl_ordered_seek(&memory->by_id, NULL);
    struct rnl_item *item;
    while ((item = rnl_ordered_previous(&memory->by_id, &end)) != NULL)
        rnl_item_free(item);
    rnl_id_table_fini(&memory->ids);
    rnl_ordered_fini(&memory->by_id);
    rnl_ordered_fini(&memory->by_key);
    rnl_timers_fini(&memory->expiries);
    rnl_free(memory);
}

static const struct rnl_store_ops memory_ops = {
    .name = "memory",
    .put = memory_put,
    .update = memory_update,
    .append = memory_append,
    .trim = memory_trim,
    .linger = memory_linger,
    .remove = memory_remove,
    .get = rnl_memory_get,
    .input = rnl_memory_input,
    .peek = rnl_memory_peek,
    .expect = rnl_memory_expect,
    .expect_pages = rnl_memory_expect_pages,
    .log = rnl_memory_log,
    .read = rnl_memory_read,
    .find_key = rnl_memory_find_key,
    .list = rnl_memory_list,
    .expire = memory_expire,
    .usage = memory_usage,
    .busy = rnl_memory_busy,
    .destroy = memory_destroy,
};

/* Jobs that had ended, until they can be put in the order of their ends. */
struct former {
    int64_t end_ns;
    struct rnl_item *item;
};

struct recovery {
    struct rnl_memory *memory;
    struct former *formers;
    size_t count;
    size_t cap;
};

static bool reserve_former(struct recovery *recovery)
{
    if (recovery->count < recovery->cap)
        return true;
    size_t cap = recovery->cap * 2 + 64;
    struct former *formers =
        rnl_realloc(recovery->formers, cap * sizeof(formers[0]));
    if (formers == NULL)
        return false;
    recovery->formers = formers;
    recovery->cap = cap;
    return true;
}

static int compare_formers(const void *a, const void *b)
{
    const struct former *left = a;
    const struct former *right = b;
    int order = (left->end_ns > right->end_ns) - (left->end_ns < right->end_ns);
    return order != 0 ? order
                      : strcmp(left->item->node.id, right->item->node.id);
}

static void order_formers(struct recovery *recovery)
{
    struct rnl_memory *memory = recovery->memory;
    if (recovery->count > 0)
        qsort(recovery->formers, recovery->count, sizeof(recovery->formers[0]),
              compare_formers);
    for (size_t i = 0; i < recovery->count; i++)
        TAILQ_INSERT_TAIL(&memory->ended, recovery->formers[i].item,
                          ended_link);
}

static bool take_entry(void *arg, const struct rnl_journal_entry *entry)
{
    struct recovery *recovery = arg;
    struct rnl_memory *memory = recovery->memory;
    struct rnl_item *item = rnl_item_recover(entry);
    if (item == NULL)
        return false;
    if (!reserve_former(recovery) || reserve_places(memory) != RNL_OK ||
        rnl_timer_start(&memory->expiries, &item->expiry, entry->expire_ns) !=
            RNL_OK) {
        rnl_item_free(item);
        return false;
    }
    take_places(memory, item);
    if (is_terminal(item->state)) {
        item->in_ended = true;
        recovery->formers[recovery->count++] =
            (struct former){entry->end_ns, item};
    }
    rnl_memory_count_bytes(memory, item);
    return true;
}

static enum rnl_code open_journal(struct rnl_memory *memory)
{
    struct rnl_journal *journal = memory->options.journal;
    if (journal == NULL)
        return RNL_OK;
    memory->ops.name = journal->ops->name;
    journal->committed = rnl_memory_committed;
    journal->arg = memory;
    struct rnl_journal_state state;
    journal->ops->state(journal, &state);
    memory->next_number = state.last_number + 1;
    struct recovery recovery = {.memory = memory};
    enum rnl_code code = journal->ops->recover(journal, take_entry, &recovery);
    order_formers(&recovery);
    rnl_free(recovery.formers);
    return code;
}

enum rnl_code rnl_store_memory_create(
    const struct rnl_store_memory_options *options,
    struct rnl_store **ret_store)
{
    struct rnl_journal *journal = options->journal;
    struct rnl_memory *memory = rnl_calloc(1, sizeof(*memory));
    if (memory == NULL) {
        if (journal != NULL)
            journal->ops->destroy(journal);
        return RNL_RESOURCE_EXHAUSTED;
    }
    memory->ops = memory_ops;
    memory->store.ops = &memory->ops;
    memory->options = *options;
    memory->next_number = 1;
    rnl_id_table_init(&memory->ids);
    rnl_ordered_init(&memory->by_id, name_id);
    rnl_ordered_init(&memory->by_key, name_key);
    TAILQ_INIT(&memory->ended);
    TAILQ_INIT(&memory->cached);
    rnl_memory_init_turn(memory);
    rnl_timers_init(&memory->expiries);
    enum rnl_code code =
        rnl_timer_start(options->timers, &memory->turn, INT64_MAX);
    if (code == RNL_OK)
        code = open_journal(memory);
    if (code != RNL_OK) {
        memory_destroy(&memory->store);
        return code;
    }
    *ret_store = &memory->store;
    return RNL_OK;
}
