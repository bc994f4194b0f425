/* SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <string.h>

#include "alloc.h"

/* A group of one small job. */
#define CAP_FIRST 4096

void rnl_group_fini(struct rnl_group *group)
{
    rnl_free(group->bytes);
    *group = (struct rnl_group){0};
}

static enum rnl_code reserve(struct rnl_group *group, size_t len)
{
    size_t need = group->len + len;
    size_t cap = group->cap == 0 ? CAP_FIRST : group->cap;
    if (need <= group->cap)
        return RNL_OK;
    while (cap < need)
        cap *= 2;
    uint8_t *bytes = rnl_realloc(group->bytes, cap);
    if (bytes == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    group->bytes = bytes;
    group->cap = cap;
    return RNL_OK;
}

/* There is room. */
static void put(struct rnl_group *group, const void *data, size_t len)
{
    if (len > 0)
        memcpy(group->bytes + group->len, data, len);
    group->len += len;
}

static enum rnl_code put_page(struct rnl_group *group,
                              const struct rnl_store_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct rnl_event *event = &page->events[i];
        struct rnl_group_event head = {
            .time_ns = event->time_ns,
            .type = (uint32_t)event->type,
            .len = (uint32_t)event->len,
        };
        if (reserve(group, sizeof(head) + event->len) != RNL_OK)
            return RNL_RESOURCE_EXHAUSTED;
        put(group, &head, sizeof(head));
        put(group, event->data, event->len);
    }
    return RNL_OK;
}

static enum rnl_code put_events(struct rnl_group *group,
                                const struct rnl_journal_change *change)
{
    uint64_t after = change->after_sequence;
    while (after < change->log->last_sequence) {
        struct rnl_store_page page;
        rnl_event_log_page(change->log, after + 1, change->log->last_sequence,
                           SIZE_MAX, &page);
        enum rnl_code code = put_page(group, &page);
        if (code != RNL_OK)
            return code;
        after += page.count;
    }
    return RNL_OK;
}

static struct rnl_group_change head_of(const struct rnl_journal_change *change)
{
    struct rnl_group_change head = {
        .number = change->number,
        .removed = change->removed,
        .is_new = change->is_new,
    };
    memcpy(head.id, change->id, sizeof(head.id));
    if (change->removed) {
        head.gone_count = change->after_sequence - change->first_sequence + 1;
        return head;
    }
    head.gone_count = change->trimmed_count;
    head.has_record = change->record != NULL;
    head.record_len = head.has_record ? (uint32_t)change->record_len : 0;
    head.trimmed = change->trimmed;
    head.ended = change->log->ended;
    head.expire_ns = change->expire_ns;
    head.first_sequence = change->first_sequence;
    head.last_sequence = change->log->last_sequence;
    head.event_bytes = change->log->event_bytes;
    head.event_count = change->log->last_sequence - change->after_sequence;
    if (change->is_new) {
        head.hash = change->hash;
        head.key_len = (uint32_t)strlen(change->key);
        head.input_len = (uint32_t)change->input_len;
    }
    return head;
}

enum rnl_code rnl_group_add(struct rnl_group *group,
                            const struct rnl_journal_change *change)
{
    struct rnl_group_change head = head_of(change);
    size_t before = group->len;
    enum rnl_code code = reserve(group, sizeof(head) + head.key_len +
                                            head.input_len + head.record_len);
    if (code != RNL_OK)
        return code;
    put(group, &head, sizeof(head));
    put(group, change->key, head.key_len);
    put(group, change->input, head.input_len);
    put(group, change->record, head.record_len);
    if (!change->removed)
        code = put_events(group, change);
    if (code != RNL_OK)
        group->len = before;
    return code;
}

static const uint8_t *take(struct rnl_group_cursor *cursor, size_t len)
{
    const uint8_t *at = cursor->at;
    cursor->at += len;
    return at;
}

bool rnl_group_next(struct rnl_group_cursor *cursor,
                    struct rnl_group_change *ret_change,
                    struct rnl_group_parts *ret_parts)
{
    if (cursor->at == cursor->end)
        return false;
    memcpy(ret_change, take(cursor, sizeof(*ret_change)), sizeof(*ret_change));
    ret_parts->key = (const char *)take(cursor, ret_change->key_len);
    ret_parts->input = take(cursor, ret_change->input_len);
    ret_parts->record = take(cursor, ret_change->record_len);
    return true;
}

const uint8_t *rnl_group_next_event(struct rnl_group_cursor *cursor,
                                    struct rnl_group_event *ret_event)
{
    memcpy(ret_event, take(cursor, sizeof(*ret_event)), sizeof(*ret_event));
    return take(cursor, ret_event->len);
}
