/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs lie in one array sorted by id, which is by time: a page of a listing is
 * a walk down from a binary search. A second array sorts the jobs that have an
 * idempotency key by that.
 */
#include "store_memory.h"

#include <string.h>
#include <sys/queue.h>

#include "alloc.h"
#include "event_log.h"
#include "sorted.h"

struct item {
    char id[RNL_JOB_ID_LEN + 1];
    Runnel__V1__JobState state;
    struct rnl_request_hash hash;
    /* Point behind the struct. */
    const char *kind;
    const char *key;
    /* The encoded Job without its input; the encoded Payload. Owned. */
    uint8_t *record;
    size_t record_len;
    size_t record_cap;
    uint8_t *input;
    size_t input_len;
    struct rnl_event_log log;
    uint64_t committed_sequence;
    /* What it counts in the store's bytes. */
    uint64_t bytes;
    /* In a heap of wall-clock times; INT64_MAX until the job has ended. */
    struct rnl_timer expiry;
    TAILQ_ENTRY(item) ended_link;
    TAILQ_ENTRY(item) report_link;
    bool in_ended;
    bool in_reports;
    /* Gone from the arrays, kept until the listener has been told. */
    bool removed;
};

TAILQ_HEAD(item_list, item);

struct memory {
    struct rnl_store store;
    struct rnl_store_memory_options options;
    struct rnl_sorted by_id;
    struct rnl_sorted by_key;
    /* In the order in which they ended: the first is the first to go. */
    struct item_list ended;
    /* Changed or removed since the last turn. */
    struct item_list reports;
    size_t report_count;
    struct rnl_store_request *requests;
    struct rnl_store_request **requests_tail;
    struct rnl_timers expiries;
    /* Always started, so that moving it cannot fail. */
    struct rnl_timer turn;
    uint64_t bytes;
    uint64_t ended_bytes;
};

static struct memory *memory_of(struct rnl_store *store)
{
    return (struct memory *)store;
}

static const char *name_id(const void *item)
{
    return ((const struct item *)item)->id;
}

static const char *name_key(const void *item)
{
    return ((const struct item *)item)->key;
}

/* ---- reports: what callers and listener are told at the next turn ---- */

static void want_turn(struct memory *memory)
{
    /* Cannot fail: the timer is started already. */
    (void)!rnl_timer_start(memory->options.timers, &memory->turn, 0);
}

static void report(struct memory *memory, struct item *item)
{
    if (!item->in_reports) {
        TAILQ_INSERT_TAIL(&memory->reports, item, report_link);
        item->in_reports = true;
        memory->report_count++;
    }
    want_turn(memory);
}

static void queue_request(struct memory *memory,
                          struct rnl_store_request *request)
{
    if (request == NULL)
        return;
    request->next = NULL;
    request->code = RNL_OK;
    *memory->requests_tail = request;
    memory->requests_tail = &request->next;
    want_turn(memory);
}

static void item_free(struct item *item)
{
    rnl_event_log_fini(&item->log);
    rnl_free(item->record);
    rnl_free(item->input);
    rnl_free(item);
}

static void tell(struct memory *memory, struct item *item)
{
    const struct rnl_store_listener *listener = &memory->store.listener;
    if (item->removed) {
        listener->removed(listener->arg, item->id);
        item_free(item);
        return;
    }
    item->committed_sequence = item->log.last_sequence;
    /* The listener may remove the job: nothing of it is used afterwards. */
    listener->committed(listener->arg, item->id, item->committed_sequence);
}

static void run_turn(struct rnl_timer *timer, void *arg)
{
    struct memory *memory = arg;
    /* Its slot has just become free. */
    (void)!rnl_timer_start(memory->options.timers, timer, INT64_MAX);
    for (size_t left = memory->report_count; left > 0; left--) {
        struct item *item = TAILQ_FIRST(&memory->reports);
        TAILQ_REMOVE(&memory->reports, item, report_link);
        item->in_reports = false;
        memory->report_count--;
        tell(memory, item);
    }
    struct rnl_store_request *request = memory->requests;
    memory->requests = NULL;
    memory->requests_tail = &memory->requests;
    while (request != NULL) {
        struct rnl_store_request *next = request->next;
        request->done(request, request->code);
        request = next;
    }
}

/* ---- room ---- */

static uint64_t bytes_of(const struct item *item)
{
    return sizeof(*item) + strlen(item->kind) + strlen(item->key) + 2 +
           item->record_cap + item->input_len + item->log.memory_bytes;
}

static void count_bytes(struct memory *memory, struct item *item)
{
    uint64_t bytes = bytes_of(item);
    memory->bytes += bytes - item->bytes;
    if (item->in_ended)
        memory->ended_bytes += bytes - item->bytes;
    item->bytes = bytes;
}

/* Takes the job out of everything and gives its memory back, but for what the
 * listener is to be told. */
static void remove_item(struct memory *memory, struct item *item)
{
    rnl_sorted_remove(&memory->by_id, item);
    if (item->key[0] != '\0')
        rnl_sorted_remove(&memory->by_key, item);
    if (item->in_ended) {
        TAILQ_REMOVE(&memory->ended, item, ended_link);
        memory->ended_bytes -= item->bytes;
    }
    rnl_timer_stop(&memory->expiries, &item->expiry);
    memory->bytes -= item->bytes;
    rnl_event_log_fini(&item->log);
    rnl_free(item->record);
    rnl_free(item->input);
    item->record = NULL;
    item->input = NULL;
    item->removed = true;
    report(memory, item);
}

/* Removes ended jobs until so many jobs and bytes fit; none, when removing all
 * of them would not do. */
static enum rnl_code make_room(struct memory *memory, size_t jobs,
                               uint64_t bytes)
{
    const struct rnl_store_memory_options *options = &memory->options;
    if (memory->bytes - memory->ended_bytes + bytes > options->bytes_max)
        return RNL_RESOURCE_EXHAUSTED;
    while (memory->by_id.count + jobs > options->jobs_max ||
           memory->bytes + bytes > options->bytes_max) {
        struct item *oldest = TAILQ_FIRST(&memory->ended);
        if (oldest == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        remove_item(memory, oldest);
    }
    return RNL_OK;
}

/* ---- put ---- */

static enum rnl_code pack_record(struct item *item, const Runnel__V1__Job *job)
{
    Runnel__V1__Job copy = *job;
    copy.input = NULL;
    size_t len = runnel__v1__job__get_packed_size(&copy);
    if (len > item->record_cap) {
        size_t cap = len + RNL_STORE_END_MAX;
        uint8_t *record = rnl_realloc(item->record, cap);
        if (record == NULL)
            return RNL_RESOURCE_EXHAUSTED;
        item->record = record;
        item->record_cap = cap;
    }
    item->record_len = runnel__v1__job__pack(&copy, item->record);
    item->state = job->state;
    return RNL_OK;
}

static enum rnl_code pack_input(struct item *item, const Runnel__V1__Job *job)
{
    if (job->input == NULL)
        return RNL_OK;
    size_t len = runnel__v1__payload__get_packed_size(job->input);
    if (len == 0)
        return RNL_OK;
    item->input = rnl_malloc(len);
    if (item->input == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    item->input_len = runnel__v1__payload__pack(job->input, item->input);
    return RNL_OK;
}

static struct item *item_create(const Runnel__V1__Job *job,
                                const struct rnl_request_hash *hash)
{
    size_t kind_size = strlen(job->kind) + 1;
    size_t key_size = strlen(job->idempotency_key) + 1;
    struct item *item = rnl_calloc(1, sizeof(*item) + kind_size + key_size);
    if (item == NULL)
        return NULL;
    char *text = (char *)(item + 1);
    item->kind = memcpy(text, job->kind, kind_size);
    item->key = memcpy(text + kind_size, job->idempotency_key, key_size);
    memcpy(item->id, job->id, RNL_JOB_ID_LEN + 1);
    item->hash = *hash;
    item->expiry.arg = item;
    rnl_event_log_init(&item->log);
    return item;
}

static enum rnl_code fill_item(struct memory *memory, struct item *item,
                               const Runnel__V1__Job *job,
                               const struct rnl_event *first)
{
    if (pack_record(item, job) != RNL_OK || pack_input(item, job) != RNL_OK ||
        rnl_event_log_append(&item->log, first) != RNL_OK ||
        rnl_sorted_reserve(&memory->by_id) != RNL_OK ||
        rnl_sorted_reserve(&memory->by_key) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return rnl_timer_start(&memory->expiries, &item->expiry, INT64_MAX);
}

static enum rnl_code memory_put(struct rnl_store *store,
                                const Runnel__V1__Job *job,
                                const struct rnl_request_hash *hash,
                                const struct rnl_event *first,
                                struct rnl_store_request *request)
{
    struct memory *memory = memory_of(store);
    if (rnl_sorted_find(&memory->by_id, job->id) != NULL)
        return RNL_ALREADY_EXISTS;
    struct item *item = item_create(job, hash);
    if (item == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    enum rnl_code code = fill_item(memory, item, job, first);
    if (code != RNL_OK)
        goto fail;
    code = make_room(memory, 1, bytes_of(item));
    if (code != RNL_OK)
        goto fail;
    count_bytes(memory, item);
    rnl_sorted_insert(&memory->by_id, item);
    if (item->key[0] != '\0')
        rnl_sorted_insert(&memory->by_key, item);
    report(memory, item);
    queue_request(memory, request);
    return RNL_OK;

fail:
    rnl_timer_stop(&memory->expiries, &item->expiry);
    item_free(item);
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

static void end_item(struct memory *memory, struct item *item,
                     const Runnel__V1__Job *job)
{
    uint8_t *record = rnl_realloc(item->record, item->record_len);
    if (record != NULL) {
        item->record = record;
        item->record_cap = item->record_len;
    }
    rnl_event_log_seal(&item->log);
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
    struct memory *memory = memory_of(store);
    struct item *item = rnl_sorted_find(&memory->by_id, job->id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    enum rnl_code code = pack_record(item, job);
    if (code != RNL_OK)
        return code;
    if (is_terminal(job->state))
        end_item(memory, item, job);
    count_bytes(memory, item);
    queue_request(memory, request);
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
static enum rnl_code check_room(struct memory *memory, const struct item *item,
                                const struct rnl_event *events, size_t count)
{
    uint64_t bytes = item->log.event_bytes;
    uint64_t need = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].type == RNL_EVENT_END)
            continue;
        bytes += events[i].len + RNL_STORE_EVENT_BYTES;
        need += rnl_event_log_need(&item->log, events[i].len, false);
        if (bytes > memory->options.log_bytes_max)
            return RNL_RESOURCE_EXHAUSTED;
    }
    return need == 0 ? RNL_OK : make_room(memory, 0, need);
}

static enum rnl_code memory_append(struct rnl_store *store, const char *job_id,
                                   const struct rnl_event *events, size_t count)
{
    struct memory *memory = memory_of(store);
    struct item *item = rnl_sorted_find(&memory->by_id, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    enum rnl_code code = check_room(memory, item, events, count);
    if (code == RNL_OK)
        code = append_all(&item->log, events, count);
    count_bytes(memory, item);
    if (code == RNL_OK)
        report(memory, item);
    return code;
}

static enum rnl_code memory_remove(struct rnl_store *store, const char *job_id,
                                   struct rnl_store_request *request)
{
    struct memory *memory = memory_of(store);
    struct item *item = rnl_sorted_find(&memory->by_id, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    remove_item(memory, item);
    queue_request(memory, request);
    return RNL_OK;
}

static int64_t memory_expire(struct rnl_store *store, int64_t wall_ns)
{
    struct memory *memory = memory_of(store);
    for (int left = RNL_STORE_EXPIRE_MAX; left > 0; left--) {
        if (rnl_timers_next(&memory->expiries) > wall_ns)
            break;
        remove_item(memory, memory->expiries.heap[0]->arg);
    }
    return rnl_timers_next(&memory->expiries);
}

/* ---- reads ---- */

static enum rnl_code memory_get(struct rnl_store *store, const char *job_id,
                                bool with_input, Runnel__V1__Job **ret_job)
{
    const struct item *item = rnl_sorted_find(&memory_of(store)->by_id, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    Runnel__V1__Job *job = runnel__v1__job__unpack(
        &rnl_pb_allocator, item->record_len, item->record);
    if (job == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (with_input) {
        job->input = runnel__v1__payload__unpack(&rnl_pb_allocator,
                                                 item->input_len, item->input);
        if (job->input == NULL) {
            runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
            return RNL_RESOURCE_EXHAUSTED;
        }
    }
    *ret_job = job;
    return RNL_OK;
}

static enum rnl_code memory_log(struct rnl_store *store, const char *job_id,
                                struct rnl_store_log *ret_log)
{
    const struct item *item = rnl_sorted_find(&memory_of(store)->by_id, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    *ret_log = (struct rnl_store_log){
        .first_sequence = 1,
        .last_sequence = item->log.last_sequence,
        .committed_sequence = item->committed_sequence,
        .ended = item->log.ended,
    };
    return RNL_OK;
}

static enum rnl_code memory_read(struct rnl_store *store, const char *job_id,
                                 uint64_t after, size_t bytes_max,
                                 struct rnl_store_page *ret_page)
{
    const struct item *item = rnl_sorted_find(&memory_of(store)->by_id, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    ret_page->count = 0;
    if (after < item->committed_sequence)
        rnl_event_log_page(&item->log, after + 1, item->committed_sequence,
                           bytes_max, ret_page);
    return RNL_OK;
}

static enum rnl_code memory_find_key(struct rnl_store *store, const char *key,
                                     char ret_job_id[RNL_JOB_ID_LEN + 1],
                                     struct rnl_request_hash *ret_hash)
{
    const struct item *item = rnl_sorted_find(&memory_of(store)->by_key, key);
    if (item == NULL)
        return RNL_NOT_FOUND;
    memcpy(ret_job_id, item->id, RNL_JOB_ID_LEN + 1);
    *ret_hash = item->hash;
    return RNL_OK;
}

static bool has_label(const Runnel__V1__Job *job, const char *key,
                      const char *value)
{
    for (size_t i = 0; i < job->n_labels; i++) {
        if (strcmp(job->labels[i]->key, key) == 0)
            return strcmp(job->labels[i]->value, value) == 0;
    }
    return false;
}

static bool labels_fit(const struct rnl_store_query *query,
                       const Runnel__V1__Job *job)
{
    for (size_t i = 0; i < query->label_count; i++) {
        if (!has_label(job, query->labels[i]->key, query->labels[i]->value))
            return false;
    }
    return true;
}

/* Where a listing is. */
struct walk {
    const struct rnl_store_query *query;
    const struct rnl_store_list *list;
    size_t found;
    bool full;
};

/* Gives the job to the list if it fits. */
static enum rnl_code list_item(struct walk *walk, const struct item *item)
{
    const struct rnl_store_query *query = walk->query;
    if (query->states != 0 && (query->states >> item->state & 1) == 0)
        return RNL_OK;
    if (query->kind != NULL && strcmp(query->kind, item->kind) != 0)
        return RNL_OK;
    Runnel__V1__Job *job = runnel__v1__job__unpack(
        &rnl_pb_allocator, item->record_len, item->record);
    if (job == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    if (labels_fit(query, job)) {
        walk->full = !walk->list->job(walk->list->arg, job);
        walk->found++;
    }
    runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    return RNL_OK;
}

static enum rnl_code memory_list(struct rnl_store *store,
                                 const struct rnl_store_query *query,
                                 struct rnl_store_list *list)
{
    const struct rnl_sorted *array = &memory_of(store)->by_id;
    size_t position = query->before[0] == '\0'
                          ? array->count
                          : rnl_sorted_position(array, query->before);
    struct walk walk = {.query = query, .list = list};
    size_t seen = 0;
    while (position > 0 && walk.found < query->limit &&
           seen < RNL_STORE_LIST_SCAN_MAX) {
        enum rnl_code code = list_item(&walk, array->items[position - 1]);
        if (code != RNL_OK)
            return code;
        if (walk.full)
            break;
        position--;
        seen++;
    }
    list->next[0] = '\0';
    if (position > 0 && position < array->count)
        memcpy(list->next, name_id(array->items[position]), RNL_JOB_ID_LEN + 1);
    return RNL_OK;
}

static void memory_usage(const struct rnl_store *store,
                         struct rnl_store_usage *ret_usage)
{
    const struct memory *memory = (const struct memory *)store;
    *ret_usage = (struct rnl_store_usage){
        .jobs = memory->by_id.count,
        .bytes = memory->bytes,
    };
}

/* ---- life ---- */

static void memory_destroy(struct rnl_store *store)
{
    if (store == NULL)
        return;
    struct memory *memory = memory_of(store);
    rnl_timer_stop(memory->options.timers, &memory->turn);
    while (!TAILQ_EMPTY(&memory->reports)) {
        struct item *item = TAILQ_FIRST(&memory->reports);
        TAILQ_REMOVE(&memory->reports, item, report_link);
        if (item->removed)
            item_free(item);
    }
    for (size_t i = 0; i < memory->by_id.count; i++)
        item_free(memory->by_id.items[i]);
    rnl_sorted_fini(&memory->by_id);
    rnl_sorted_fini(&memory->by_key);
    rnl_timers_fini(&memory->expiries);
    rnl_free(memory);
}

static const struct rnl_store_ops memory_ops = {
    .name = "memory",
    .put = memory_put,
    .update = memory_update,
    .append = memory_append,
    .remove = memory_remove,
    .get = memory_get,
    .log = memory_log,
    .read = memory_read,
    .find_key = memory_find_key,
    .list = memory_list,
    .expire = memory_expire,
    .usage = memory_usage,
    .destroy = memory_destroy,
};

enum rnl_code rnl_store_memory_create(
    const struct rnl_store_memory_options *options,
    struct rnl_store **ret_store)
{
    struct memory *memory = rnl_calloc(1, sizeof(*memory));
    if (memory == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    memory->store.ops = &memory_ops;
    memory->options = *options;
    rnl_sorted_init(&memory->by_id, name_id);
    rnl_sorted_init(&memory->by_key, name_key);
    TAILQ_INIT(&memory->ended);
    TAILQ_INIT(&memory->reports);
    memory->requests_tail = &memory->requests;
    rnl_timers_init(&memory->expiries);
    memory->turn.fire = run_turn;
    memory->turn.arg = memory;
    if (rnl_timer_start(options->timers, &memory->turn, INT64_MAX) != RNL_OK) {
        rnl_free(memory);
        return RNL_RESOURCE_EXHAUSTED;
    }
    *ret_store = &memory->store;
    return RNL_OK;
}
