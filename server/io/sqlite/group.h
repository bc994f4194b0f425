/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group of changes as bytes, so that the store's thread can go on while the
 * writer's thread reads them:
 *
 *   struct rnl_group_change, key, input, record,
 *   then for each event struct rnl_group_event, data
 *
 * with nothing between: everything is copied in and out.
 */
#ifndef RNL_IO_SQLITE_GROUP_H
#define RNL_IO_SQLITE_GROUP_H

#include "journal.h"

struct rnl_group {
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

struct rnl_group_change {
    uint64_t number;
    char id[RNL_JOB_ID_LEN + 1];
    bool removed;
    bool is_new;
    bool has_record;
    bool trimmed;
    bool ended;
    struct rnl_request_hash hash;
    int64_t expire_ns;
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t event_bytes;
    uint32_t key_len;
    uint32_t input_len;
    uint32_t record_len;
    uint64_t event_count;
    /* Events that go, about. */
    uint64_t gone_count;
};

struct rnl_group_event {
    int64_t time_ns;
    uint32_t type;
    uint32_t len;
};

void rnl_group_fini(struct rnl_group *group);

/* Errors: RNL_RESOURCE_EXHAUSTED; the group is as before. */
RNL_MUST_USE enum rnl_code rnl_group_add(
    struct rnl_group *group, const struct rnl_journal_change *change);

/* A place in a group, for reading it. */
struct rnl_group_cursor {
    const uint8_t *at;
    const uint8_t *end;
};

/* What of a change is not in its struct; lent by the group. */
struct rnl_group_parts {
    const char *key;
    const uint8_t *input;
    const uint8_t *record;
};

/* False at the end. After it the event_count events are taken. */
bool rnl_group_next(struct rnl_group_cursor *cursor,
                    struct rnl_group_change *ret_change,
                    struct rnl_group_parts *ret_parts);

/* Lends the data of the next event. */
const uint8_t *rnl_group_next_event(struct rnl_group_cursor *cursor,
                                    struct rnl_group_event *ret_event);

#endif
