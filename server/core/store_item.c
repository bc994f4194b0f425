/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "alloc.h"
#include "store_memory_private.h"

static struct rnl_item *create(const char *id, const char *kind,
                               const char *key)
{
    size_t kind_size = strlen(kind) + 1;
    size_t key_size = strlen(key) + 1;
    struct rnl_item *item = rnl_calloc(1, sizeof(*item) + kind_size + key_size);
    if (item == NULL)
        return NULL;
    char *text = (char *)(item + 1);
    item->kind = memcpy(text, kind, kind_size);
    item->key = memcpy(text + kind_size, key, key_size);
    memcpy(item->node.id, id, RNL_JOB_ID_LEN + 1);
    item->expiry.arg = item;
    item->first_sequence = 1;
    rnl_event_log_init(&item->log);
    return item;
}

struct rnl_item *rnl_item_create(const Runnel__V1__Job *job,
                                 const struct rnl_request_hash *hash)
{
    struct rnl_item *item = create(job->id, job->kind, job->idempotency_key);
    if (item == NULL)
        return NULL;
    item->hash = *hash;
    item->is_new = true;
    return item;
}

struct rnl_item *rnl_item_recover(const struct rnl_journal_entry *entry)
{
    struct rnl_item *item = create(entry->id, entry->kind, entry->key);
    if (item == NULL)
        return NULL;
    item->number = entry->number;
    item->state = entry->state;
    item->hash = entry->hash;
    item->record_len = entry->record_len;
    item->input_len = entry->input_len;
    item->committed_sequence = entry->last_sequence;
    item->first_sequence = entry->first_sequence;
    item->journaled_sequence = entry->last_sequence;
    item->log.last_sequence = entry->last_sequence;
    item->log.event_bytes = entry->event_bytes;
    item->log.ended = entry->ended;
    if (entry->record == NULL)
        return item;
    item->record_cap = entry->record_len + RNL_STORE_END_MAX;
    item->record = rnl_malloc(item->record_cap);
    if (item->record == NULL || rnl_event_log_resume(&item->log) != RNL_OK) {
        rnl_item_free(item);
        return NULL;
    }
    memcpy(item->record, entry->record, entry->record_len);
    return item;
}

void rnl_item_free(struct rnl_item *item)
{
    rnl_event_log_fini(&item->log);
    rnl_free(item->record);
    rnl_free(item->input);
    rnl_free(item);
}

/* A record is two messages, one behind the other, which protobuf reads as one:
 * what does not change is encoded once. */
static Runnel__V1__Job changing_part(const Runnel__V1__Job *job)
{
    Runnel__V1__Job part = RUNNEL__V1__JOB__INIT;
    part.state = job->state;
    part.output_bytes = job->output_bytes;
    part.output_content_type = job->output_content_type;
    part.last_sequence = job->last_sequence;
    part.first_sequence = job->first_sequence;
    part.progress = job->progress;
    part.attempt = job->attempt;
    part.attempt_sequence = job->attempt_sequence;
    part.attempt_output_offset = job->attempt_output_offset;
    part.attempt_time = job->attempt_time;
    part.error = job->error;
    /* Of the next attempt, once one has failed. */
    part.not_before = job->not_before;
    part.start_time = job->start_time;
    part.end_time = job->end_time;
    part.cancel_requested = job->cancel_requested;
    return part;
}

static Runnel__V1__Job fixed_part(const Runnel__V1__Job *job)
{
    static const Runnel__V1__Job none = RUNNEL__V1__JOB__INIT;
    Runnel__V1__Job part = *job;
    part.input = NULL;
    part.state = none.state;
    part.output_bytes = 0;
    part.output_content_type = none.output_content_type;
    part.last_sequence = 0;
    part.first_sequence = 0;
    part.progress = NULL;
    part.attempt = 0;
    part.attempt_sequence = 0;
    part.attempt_output_offset = 0;
    part.attempt_time = NULL;
    part.error = NULL;
    part.not_before = NULL;
    part.start_time = NULL;
    part.end_time = NULL;
    part.cancel_requested = 0;
    return part;
}

static enum rnl_code reserve_record(struct rnl_item *item, size_t len)
{
    if (len <= item->record_cap)
        return RNL_OK;
    size_t cap = len + RNL_STORE_END_MAX;
    uint8_t *record = rnl_realloc(item->record, cap);
    if (record == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    item->record = record;
    item->record_cap = cap;
    return RNL_OK;
}

enum rnl_code rnl_item_pack_record(struct rnl_item *item,
                                   const Runnel__V1__Job *job)
{
    Runnel__V1__Job changing = changing_part(job);
    Runnel__V1__Job fixed = fixed_part(job);
    size_t fixed_len = item->fixed_len != 0
                           ? item->fixed_len
                           : runnel__v1__job__get_packed_size(&fixed);
    size_t len = fixed_len + runnel__v1__job__get_packed_size(&changing);
    if (reserve_record(item, len) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    if (item->fixed_len == 0)
        runnel__v1__job__pack(&fixed, item->record);
    item->fixed_len = fixed_len;
    item->record_len =
        fixed_len + runnel__v1__job__pack(&changing, item->record + fixed_len);
    item->state = job->state;
    item->record_changed = true;
    return RNL_OK;
}

enum rnl_code rnl_item_pack_input(struct rnl_item *item,
                                  const Runnel__V1__Job *job)
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

void rnl_item_drop_trimmed(struct rnl_item *item)
{
    uint64_t gone = item->first_sequence - 1;
    rnl_event_log_drop(
        &item->log,
        gone < item->committed_sequence ? gone : item->committed_sequence, 0);
}

void rnl_item_drop_record(struct rnl_item *item)
{
    rnl_free(item->record);
    item->record = NULL;
    item->record_cap = 0;
    item->fixed_len = 0;
}

/* A block of its own size: a shrunk one would leave a hole of the room that it
 * had, in which little fits. */
void rnl_item_shrink_record(struct rnl_item *item)
{
    if (item->record_cap == item->record_len)
        return;
    uint8_t *record = rnl_malloc(item->record_len);
    if (record == NULL)
        return;
    memcpy(record, item->record, item->record_len);
    rnl_free(item->record);
    item->record = record;
    item->record_cap = item->record_len;
}

bool rnl_item_forget(struct rnl_item *item)
{
    if (item->removed || item->is_new)
        return false;
    bool rests = item->in_ended && !item->record_changed &&
                 item->committed_sequence == item->log.last_sequence;
    if (rests)
        rnl_event_log_forget(&item->log);
    else
        rnl_event_log_drop(&item->log, item->committed_sequence,
                           RNL_STORE_HOT_BYTES);
    if (rests || item->input_len > RNL_STORE_INPUT_HOT) {
        rnl_free(item->input);
        item->input = NULL;
    }
    return rests;
}

uint64_t rnl_item_bytes(const struct rnl_item *item, bool journaled)
{
    uint64_t bytes = sizeof(*item) + strlen(item->kind) + strlen(item->key) +
                     2 + item->input_len;
    if (journaled)
        return bytes + item->record_len + item->log.event_bytes;
    return bytes + item->record_cap + item->log.memory_bytes;
}
