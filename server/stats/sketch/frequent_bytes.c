/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "alloc.h"
#include "frequent_private.h"

#define VERSION 1

static const char letters[4] = {'R', 'F', 'R', 'Q'};

static size_t head_len(const struct rnl_frequent *frequent)
{
    return RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN +
           rnl_varint_len(frequent->entries_max) +
           rnl_varint_len(frequent->offset) +
           rnl_varint_len(frequent->entry_count);
}

size_t rnl_frequent_serialized_len(const struct rnl_frequent *frequent)
{
    return head_len(frequent) + rnl_frequent_entries_len(frequent);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The hashes that are there, rising. NULL when memory is out. */
static uint64_t *sorted_hashes(const struct rnl_frequent *frequent)
{
    uint64_t *sorted = rnl_malloc((frequent->entry_count + 1) * 8);
    size_t slots = rnl_frequent_slots(frequent);
    size_t count = 0;
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < slots; i++) {
        if (frequent->hashes[i] != 0)
            sorted[count++] = frequent->hashes[i];
    }
    qsort(sorted, count, sizeof(*sorted), by_value);
    return sorted;
}

enum rnl_code rnl_frequent_serialize(const struct rnl_frequent *frequent,
                                     uint8_t *out)
{
    uint64_t *sorted = sorted_hashes(frequent);
    if (sorted == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    at = rnl_put_varint(at, frequent->entries_max);
    at = rnl_put_varint(at, frequent->offset);
    at = rnl_put_varint(at, frequent->entry_count);
    for (size_t i = 0; i < frequent->entry_count; i++)
        at = rnl_frequent_put_entry(frequent, sorted[i],
                                    rnl_frequent_find(frequent, sorted[i]), at);
    rnl_sketch_seal(out, at);
    rnl_free(sorted);
    return RNL_OK;
}

/* ---- reading ---- */

/* Reads the entries into an empty table with room for them. */
static bool read_entries(struct rnl_frequent *read, struct rnl_wire *content,
                         uint64_t count)
{
    uint64_t hash_before = 0;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct rnl_frequent_item item;
        if (!rnl_frequent_get_entry(content, read->offset, &item) ||
            item.hash <= hash_before)
            return false;
        sum += item.count;
        if (sum >= RNL_FREQUENT_COUNT_END)
            return false;
        hash_before = item.hash;
        rnl_frequent_add(read, &item);
        /* Hashes that crowd were not those of keys. */
        if (read->entry_count != i + 1)
            return false;
    }
    return content->at == content->end;
}

static enum rnl_code read_content(struct rnl_frequent *read,
                                  struct rnl_wire *content)
{
    uint64_t entries_max;
    uint64_t count;
    bool may_purge;
    if (!rnl_get_varint(content, &entries_max) ||
        !rnl_get_varint(content, &read->offset) ||
        !rnl_get_varint(content, &count) || entries_max < 2 ||
        entries_max > RNL_FREQUENT_UNLIMITED || count > entries_max ||
        read->offset >= RNL_FREQUENT_COUNT_END)
        return RNL_INVALID_ARGUMENT;
    size_t left = (size_t)(content->end - content->at);
    /* Memory is not taken on a claim. */
    if (count > left / RNL_FREQUENT_ENTRY_LEN_MIN)
        return RNL_INVALID_ARGUMENT;
    read->entries_max = (size_t)entries_max;
    if (rnl_frequent_reserve(read, (size_t)count, left, &may_purge) != RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return read_entries(read, content, count) ? RNL_OK : RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_frequent_deserialize(struct rnl_frequent *frequent,
                                       const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    struct rnl_frequent read;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    rnl_frequent_init(&read, 2);
    code = read_content(&read, &content);
    if (code != RNL_OK) {
        rnl_frequent_fini(&read);
        return code;
    }
    read.spill = frequent->spill;
    read.spill_arg = frequent->spill_arg;
    rnl_frequent_fini(frequent);
    *frequent = read;
    return RNL_OK;
}
