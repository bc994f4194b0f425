/* SPDX-License-Identifier: Apache-2.0 */
#include "key_table.h"

#include <assert.h>
#include <string.h>

#include "alloc.h"
#include "utf8.h"

bool rnl_key_table_init(struct rnl_key_table *table, uint32_t key_count_max,
                        size_t byte_max)
{
    *table = (struct rnl_key_table){0};
    uint32_t slot_count = 16;
    while (slot_count < 2 * key_count_max)
        slot_count *= 2;
    table->slots = rnl_calloc(slot_count, sizeof(table->slots[0]));
    table->ends = rnl_calloc(key_count_max, sizeof(table->ends[0]));
    table->bytes = rnl_malloc(byte_max);
    table->slot_mask = slot_count - 1;
    table->key_count_max = key_count_max;
    table->cap = byte_max;
    if (table->slots != NULL && table->ends != NULL && table->bytes != NULL)
        return true;
    rnl_key_table_fini(table);
    return false;
}

void rnl_key_table_fini(struct rnl_key_table *table)
{
    rnl_free(table->slots);
    rnl_free(table->ends);
    rnl_free(table->bytes);
    *table = (struct rnl_key_table){0};
}

void rnl_key_table_reset(struct rnl_key_table *table)
{
    memset(table->slots, 0,
           ((size_t)table->slot_mask + 1) * sizeof(table->slots[0]));
    table->key_count = 0;
    table->len = 0;
}

/* A multiply and a shift for each eight bytes; needs no 128-bit product, which
 * 32-bit machines do not have. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0xa0761d6478bd642f);
    return hash ^ (hash >> 32);
}

static uint32_t hash_key(const char *key, size_t len)
{
    uint64_t hash = UINT64_C(0xe7037ed1a0b428db) ^ len;
    uint64_t word;
    for (; len >= sizeof(word); len -= sizeof(word), key += sizeof(word)) {
        memcpy(&word, key, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)(uint8_t)key[i] << (8 * i);
    hash = mix(hash, word);
    return (uint32_t)(hash ^ (hash >> 29));
}

static bool is_key(const struct rnl_key_table *table, uint32_t position,
                   const char *key, size_t len)
{
    uint32_t begin = position == 0 ? 0 : table->ends[position - 1];
    return table->ends[position] - begin == len &&
           memcmp(table->bytes + begin, key, len) == 0;
}

bool rnl_key_table_add(struct rnl_key_table *table, const char *key, size_t len,
                       uint32_t *ret_position)
{
    uint32_t hash = hash_key(key, len);
    uint32_t at = hash & table->slot_mask;
    for (; table->slots[at].position != 0; at = (at + 1) & table->slot_mask) {
        uint32_t position = table->slots[at].position - 1;
        if (table->slots[at].hash == hash &&
            is_key(table, position, key, len)) {
            *ret_position = position;
            return true;
        }
    }
    if (!rnl_utf8_valid(key, len))
        return false;
    assert(table->key_count < table->key_count_max &&
           table->cap - table->len >= len);
    memcpy(table->bytes + table->len, key, len);
    table->len += len;
    *ret_position = table->key_count;
    table->ends[table->key_count++] = (uint32_t)table->len;
    table->slots[at] = (struct rnl_key_slot){hash, table->key_count};
    return true;
}
