/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a table with its layout; see bytes.h for the frame.
 *
 *     "RFRL" | 1 | trimmed | entries_max | offset | slots | entries | hash
 *     entry:  hash, count, saved, length of the key, key
 *
 * Entries come in the order of their slots. An entry lies behind its home slot
 * with no free one between, so that putting them in again in this order, into
 * as many slots, puts each where it was.
 */
#include "frequent_private.h"

#define VERSION 1

static const char letters[4] = {'R', 'F', 'R', 'L'};

static size_t head_len(const struct rnl_frequent *frequent)
{
    return RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN + 1 +
           rnl_varint_len(frequent->entries_max) +
           rnl_varint_len(frequent->offset) +
           rnl_varint_len(frequent->slot_count) +
           rnl_varint_len(frequent->entry_count);
}

size_t rnl_frequent_layout_len(const struct rnl_frequent *frequent)
{
    return head_len(frequent) + rnl_frequent_entries_len(frequent);
}

void rnl_frequent_layout_write(const struct rnl_frequent *frequent,
                               uint8_t *out)
{
    uint8_t *at = rnl_sketch_head(out, letters, VERSION);
    size_t slots = rnl_frequent_slots(frequent);
    at = rnl_put_varint(at, frequent->trimmed);
    at = rnl_put_varint(at, frequent->entries_max);
    at = rnl_put_varint(at, frequent->offset);
    at = rnl_put_varint(at, frequent->slot_count);
    at = rnl_put_varint(at, frequent->entry_count);
    for (size_t i = 0; i < slots; i++) {
        if (frequent->hashes[i] != 0)
            at = rnl_frequent_put_entry(frequent, frequent->hashes[i],
                                        &frequent->entries[i], at);
    }
    rnl_sketch_seal(out, at);
}

/* ---- reading ---- */

/* There is room for all. */
static bool read_entries(struct rnl_frequent *read, struct rnl_wire *content,
                         uint64_t count)
{
    uint64_t sum = 0;
    size_t slot_before = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct rnl_frequent_item item;
        if (!rnl_frequent_get_entry(content, read->offset, &item))
            return false;
        sum += item.count;
        size_t slot = rnl_frequent_probe(read, item.hash);
        /* Once each, and in order. */
        if (sum >= RNL_FREQUENT_COUNT_END || read->hashes[slot] != 0 ||
            (i > 0 && slot <= slot_before))
            return false;
        slot_before = slot;
        rnl_frequent_add(read, &item);
        /* Hashes that crowd were not those of keys. */
        if (read->entry_count != i + 1)
            return false;
    }
    return content->at == content->end;
}

static bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

/* Slots as many as a table makes that has had up to entries_max entries. */
static bool slots_valid(const struct rnl_frequent *read, uint64_t slot_count,
                        uint64_t count)
{
    if (slot_count == 0)
        return count == 0;
    return is_power_of_two(slot_count) &&
           slot_count >= rnl_frequent_slots_for(read, (size_t)count) &&
           slot_count <= rnl_frequent_slots_for(read, read->entries_max);
}

static enum rnl_code read_content(struct rnl_frequent *read,
                                  struct rnl_wire *content)
{
    uint64_t trimmed, entries_max, slot_count, count;
    bool may_purge;
    if (!rnl_get_varint(content, &trimmed) ||
        !rnl_get_varint(content, &entries_max) ||
        !rnl_get_varint(content, &read->offset) ||
        !rnl_get_varint(content, &slot_count) ||
        !rnl_get_varint(content, &count) || trimmed > 1 || entries_max < 2 ||
        entries_max > read->entries_max || count > entries_max ||
        read->offset >= RNL_FREQUENT_COUNT_END)
        return RNL_INVALID_ARGUMENT;
    read->trimmed = trimmed == 1;
    read->entries_max = (size_t)entries_max;
    size_t left = (size_t)(content->end - content->at);
    if (count > left / RNL_FREQUENT_ENTRY_LEN_MIN ||
        !slots_valid(read, slot_count, count))
        return RNL_INVALID_ARGUMENT;
    if (slot_count == 0)
        return content->at == content->end ? RNL_OK : RNL_INVALID_ARGUMENT;
    size_t key_bytes = left - (size_t)count * (RNL_FREQUENT_ENTRY_LEN_MIN - 1);
    if (rnl_frequent_set_slots(read, (size_t)slot_count) != RNL_OK ||
        rnl_frequent_reserve(read, (size_t)count, key_bytes, &may_purge) !=
            RNL_OK)
        return RNL_RESOURCE_EXHAUSTED;
    return read_entries(read, content, count) ? RNL_OK : RNL_INVALID_ARGUMENT;
}

enum rnl_code rnl_frequent_layout_read(struct rnl_frequent *frequent,
                                       const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    struct rnl_frequent read;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    rnl_frequent_init(&read, frequent->entries_max);
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
