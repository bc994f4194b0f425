/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinct keys of a batch, numbered in the order in which they came: a
 * hash table of positions over one run of bytes, laid out as EventBatch wants
 * it.
 *
 * Keys are the caller's own data, not an attacker's: a bad distribution costs
 * time, and no memory.
 */
#ifndef RNL_CLIENT_KEY_TABLE_H
#define RNL_CLIENT_KEY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rnl_key_slot {
    uint32_t hash;
    /* Position of the key + 1; 0: free. */
    uint32_t position;
};

struct rnl_key_table {
    /* A power of two, at least twice key_count_max. */
    struct rnl_key_slot *slots;
    uint32_t slot_mask;
    uint32_t key_count_max;
    /* Where key i ends in bytes; it begins where the one before ends. */
    uint32_t *ends;
    uint32_t key_count;
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

/* For at most key_count_max keys with byte_max bytes in all. False when memory
 * is out. */
bool rnl_key_table_init(struct rnl_key_table *table, uint32_t key_count_max,
                        size_t byte_max);

/* Accepts a zeroed or half-built table. */
void rnl_key_table_fini(struct rnl_key_table *table);

/* Forgets the keys and keeps the memory. */
void rnl_key_table_reset(struct rnl_key_table *table);

/*
 * Finds the position of a key of 1 to 256 bytes, adding it when it is new;
 * there must be room. False when it is new and not UTF-8: nothing was added.
 */
bool rnl_key_table_add(struct rnl_key_table *table, const char *key, size_t len,
                       uint32_t *ret_position);

#endif
