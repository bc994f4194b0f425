/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "alloc.h"
#include "store_memory_private.h"

/* Records that one list call reads back from the journal, at some 10 us each,
 * so that the loop is not held. */
#define LOADS_MAX 512

static enum rnl_code unpack_record(struct rnl_memory *memory,
                                   struct rnl_item *item,
                                   Runnel__V1__Job **ret_job)
{
    enum rnl_code code = rnl_cache_use(memory, item);
    if (code != RNL_OK)
        return code;
    *ret_job = runnel__v1__job__unpack(&rnl_pb_allocator, item->record_len,
                                       item->record);
    return *ret_job == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

/* The same for the encoded input. */
static enum rnl_code peek_input(struct rnl_memory *memory,
                                const struct rnl_item *item,
                                const uint8_t **ret_data, size_t *ret_len)
{
    struct rnl_journal *journal = memory->options.journal;
    if (item->input == NULL && item->input_len > 0)
        return journal->ops->load_input(journal, item->number, ret_data,
                                        ret_len);
    *ret_data = item->input;
    *ret_len = item->input_len;
    return RNL_OK;
}

static enum rnl_code unpack_input(struct rnl_memory *memory,
                                  const struct rnl_item *item,
                                  Runnel__V1__Payload **ret_input)
{
    const uint8_t *data;
    size_t len;
    enum rnl_code code = peek_input(memory, item, &data, &len);
    if (code != RNL_OK)
        return code;
    *ret_input = runnel__v1__payload__unpack(&rnl_pb_allocator, len, data);
    return *ret_input == NULL ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
}

enum rnl_code rnl_memory_get(struct rnl_store *store, const char *job_id,
                             bool with_input, Runnel__V1__Job **ret_job)
{
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    Runnel__V1__Job *job;
    enum rnl_code code = unpack_record(rnl_memory_of(store), item, &job);
    if (code != RNL_OK)
        return code;
    if (with_input)
        code = unpack_input(rnl_memory_of(store), item, &job->input);
    if (code != RNL_OK) {
        runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
        return code;
    }
    *ret_job = job;
    return RNL_OK;
}

enum rnl_code rnl_memory_input(struct rnl_store *store, const char *job_id,
                               Runnel__V1__Payload **ret_input)
{
    const struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    return unpack_input(rnl_memory_of(store), item, ret_input);
}

static struct rnl_store_record record_of(const struct rnl_item *item)
{
    return (struct rnl_store_record){
        .record = item->record,
        .record_len = item->record_len,
        .first_sequence = item->first_sequence,
        .ended = item->state >= RUNNEL__V1__JOB_STATE__JOB_STATE_SUCCEEDED,
    };
}

enum rnl_code rnl_memory_peek(struct rnl_store *store, const char *job_id,
                              bool with_input,
                              struct rnl_store_record *ret_record)
{
    struct rnl_memory *memory = rnl_memory_of(store);
    struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    enum rnl_code code = rnl_cache_use(memory, item);
    if (code != RNL_OK)
        return code;
    *ret_record = record_of(item);
    if (with_input)
        code = peek_input(memory, item, &ret_record->input,
                          &ret_record->input_len);
    return code;
}

enum rnl_code rnl_memory_log(struct rnl_store *store, const char *job_id,
                             struct rnl_store_log *ret_log)
{
    const struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    *ret_log = (struct rnl_store_log){
        .first_sequence = item->first_sequence,
        .last_sequence = item->log.last_sequence,
        .committed_sequence = item->committed_sequence,
        .event_bytes = item->log.event_bytes,
        .ended = item->log.ended,
    };
    return RNL_OK;
}

enum rnl_code rnl_memory_read(struct rnl_store *store, const char *job_id,
                              uint64_t after, size_t bytes_max,
                              struct rnl_store_page *ret_page)
{
    const struct rnl_item *item = rnl_memory_find(store, job_id);
    if (item == NULL)
        return RNL_NOT_FOUND;
    ret_page->count = 0;
    if (after + 1 < item->first_sequence)
        return RNL_OUT_OF_RANGE;
    if (after >= item->committed_sequence)
        return RNL_OK;
    struct rnl_journal *journal = rnl_memory_of(store)->options.journal;
    uint64_t first = rnl_event_log_first(&item->log);
    if (after + 1 < first) {
        struct rnl_journal_range range = {
            .after = after,
            .last = first - 1 < item->committed_sequence
                        ? first - 1
                        : item->committed_sequence,
            .bytes_max = bytes_max,
        };
        return journal->ops->load_events(journal, item->number, &range,
                                         ret_page);
    }
    rnl_event_log_page(&item->log, after + 1, item->committed_sequence,
                       bytes_max, ret_page);
    return RNL_OK;
}

enum rnl_code rnl_memory_find_key(struct rnl_store *store, const char *key,
                                  char ret_job_id[RNL_JOB_ID_LEN + 1],
                                  struct rnl_request_hash *ret_hash)
{
    const struct rnl_item *item =
        rnl_ordered_find(&rnl_memory_of(store)->by_key, key);
    if (item == NULL)
        return RNL_NOT_FOUND;
    memcpy(ret_job_id, item->node.id, RNL_JOB_ID_LEN + 1);
    *ret_hash = item->hash;
    return RNL_OK;
}

/* ---- list ---- */

static bool has_label(const Runnel__V1__Job *job, const char *key,
                      const char *value)
{
    for (size_t i = 0; i < job->n_labels; i++) {
        if (strcmp(job->labels[i]->key, key) == 0)
            return strcmp(job->labels[i]->value, value) == 0;
    }
    return false;
}

static enum rnl_code labels_fit(struct rnl_memory *memory,
                                struct rnl_item *item,
                                const struct rnl_store_query *query,
                                bool *ret_fits)
{
    Runnel__V1__Job *job;
    *ret_fits = true;
    if (query->label_count == 0)
        return RNL_OK;
    enum rnl_code code = unpack_record(memory, item, &job);
    if (code != RNL_OK)
        return code;
    for (size_t i = 0; i < query->label_count && *ret_fits; i++)
        *ret_fits =
            has_label(job, query->labels[i]->key, query->labels[i]->value);
    runnel__v1__job__free_unpacked(job, &rnl_pb_allocator);
    return RNL_OK;
}

/* Jobs that are listed, their memory on its way to the processor: it would else
 * wait for it at each of them, since they lie anywhere. */
struct window {
    const struct rnl_ordered *by_id;
    struct rnl_ordered_cursor cursor;
    struct rnl_item *items[RNL_FETCHED_JOBS];
    size_t count;
    size_t next;
};

static void fill(struct window *window)
{
    struct rnl_item *item;
    window->next = 0;
    window->count = 0;
    while (window->count < RNL_FETCHED_JOBS &&
           (item = rnl_ordered_previous(window->by_id, &window->cursor)) !=
               NULL) {
        rnl_item_fetch(item);
        window->items[window->count++] = item;
    }
    for (size_t i = 0; i < window->count; i++)
        rnl_item_fetch_record(window->items[i]);
}

/* NULL at the end. */
static struct rnl_item *next_item(struct window *window)
{
    if (window->next == window->count)
        fill(window);
    return window->next < window->count ? window->items[window->next++] : NULL;
}

/* Where a listing is. */
struct walk {
    struct rnl_memory *memory;
    const struct rnl_store_query *query;
    const struct rnl_store_list *list;
    size_t found;
    size_t seen;
    size_t loads;
    bool full;
};

/* Gives the job to the list if it fits. */
static enum rnl_code list_item(struct walk *walk, struct rnl_item *item)
{
    const struct rnl_store_query *query = walk->query;
    if (query->states != 0 && (query->states >> item->state & 1) == 0)
        return RNL_OK;
    if (query->kind != NULL && strcmp(query->kind, item->kind) != 0)
        return RNL_OK;
    walk->loads += item->record == NULL;
    bool fits;
    enum rnl_code code = rnl_cache_use(walk->memory, item);
    if (code == RNL_OK)
        code = labels_fit(walk->memory, item, query, &fits);
    if (code != RNL_OK || !fits)
        return code;
    struct rnl_store_record record = record_of(item);
    walk->full = !walk->list->job(walk->list->arg, item->node.id, &record);
    walk->found++;
    return RNL_OK;
}

static bool goes_on(const struct walk *walk)
{
    return walk->found < walk->query->limit &&
           walk->seen < RNL_STORE_LIST_SCAN_MAX && walk->loads < LOADS_MAX;
}

enum rnl_code rnl_memory_list(struct rnl_store *store,
                              const struct rnl_store_query *query,
                              struct rnl_store_list *list)
{
    struct window window = {.by_id = &rnl_memory_of(store)->by_id};
    window.cursor = rnl_ordered_seek(
        window.by_id, query->before[0] == '\0' ? NULL : query->before);
    struct walk walk = {
        .memory = rnl_memory_of(store), .query = query, .list = list};
    const struct rnl_item *last = NULL;
    struct rnl_item *item = NULL;
    while ((item = next_item(&window)) != NULL && goes_on(&walk)) {
        enum rnl_code code = list_item(&walk, item);
        if (code != RNL_OK)
            return code;
        if (walk.full)
            break;
        last = item;
        walk.seen++;
    }
    /* There is one more, and those in front of it are the next page. */
    list->next[0] = '\0';
    if (item != NULL && last != NULL)
        memcpy(list->next, last->node.id, RNL_JOB_ID_LEN + 1);
    return RNL_OK;
}
