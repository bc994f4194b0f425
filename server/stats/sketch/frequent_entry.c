/* SPDX-License-Identifier: Apache-2.0 */
/* An entry as bytes: hash, count, saved, length of the key, key. */
#include <string.h>

#include "frequent_private.h"

size_t rnl_frequent_entries_len(const struct rnl_frequent *frequent)
{
    size_t len = 0;
    size_t slots = rnl_frequent_slots(frequent);
    for (size_t i = 0; i < slots; i++) {
        const struct rnl_frequent_entry *entry = &frequent->entries[i];
        if (frequent->hashes[i] != 0)
            len += 8 + rnl_varint_len(entry->count) +
                   rnl_varint_len(entry->saved) +
                   rnl_varint_len(entry->key_len) + entry->key_len;
    }
    return len;
}

uint8_t *rnl_frequent_put_entry(const struct rnl_frequent *frequent,
                                uint64_t hash,
                                const struct rnl_frequent_entry *entry,
                                uint8_t *at)
{
    at = rnl_put_word(at, hash);
    at = rnl_put_varint(at, entry->count);
    at = rnl_put_varint(at, entry->saved);
    at = rnl_put_varint(at, entry->key_len);
    memcpy(at, rnl_frequent_key(frequent, entry), entry->key_len);
    return at + entry->key_len;
}

bool rnl_frequent_get_entry(struct rnl_wire *content, uint64_t offset,
                            struct rnl_frequent_item *ret_item)
{
    uint64_t key_len;
    if (!rnl_get_word(content, &ret_item->hash) ||
        !rnl_get_varint(content, &ret_item->count) ||
        !rnl_get_varint(content, &ret_item->saved) ||
        !rnl_get_varint(content, &key_len) || key_len == 0 ||
        key_len > RNL_FREQUENT_KEY_MAX ||
        key_len > (size_t)(content->end - content->at))
        return false;
    ret_item->key = content->at;
    ret_item->key_len = (uint32_t)key_len;
    content->at += key_len;
    return ret_item->hash != 0 && ret_item->count < RNL_FREQUENT_COUNT_END &&
           ret_item->saved <= ret_item->count && ret_item->saved <= offset;
}
