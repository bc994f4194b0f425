/* SPDX-License-Identifier: Apache-2.0 */
#include "id_table.h"

#include <stdint.h>
#include <string.h>

#include "alloc.h"

#define BUCKETS_FIRST 64

void rnl_id_table_init(struct rnl_id_table *table)
{
    *table = (struct rnl_id_table){0};
}

void rnl_id_table_fini(struct rnl_id_table *table)
{
    rnl_free(table->buckets);
    *table = (struct rnl_id_table){0};
}

/* The last 8 of the id's characters are random. */
static struct rnl_id_node **bucket_of(const struct rnl_id_table *table,
                                      const char *id)
{
    uint64_t word;
    memcpy(&word, id + RNL_JOB_ID_LEN - sizeof(word), sizeof(word));
    size_t hash = (size_t)((word * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
    size_t at = hash & (2 * table->span - 1);
    if (at >= table->bucket_count)
        at = hash & (table->span - 1);
    return &table->buckets[at];
}

static void push(struct rnl_id_table *table, struct rnl_id_node *node)
{
    struct rnl_id_node **bucket = bucket_of(table, node->id);
    node->next = *bucket;
    *bucket = node;
}

enum rnl_code rnl_id_table_reserve(struct rnl_id_table *table)
{
    if (table->bucket_count < table->bucket_cap)
        return RNL_OK;
    size_t cap = table->bucket_cap == 0 ? BUCKETS_FIRST : table->bucket_cap * 2;
    struct rnl_id_node **buckets =
        rnl_realloc(table->buckets, cap * sizeof(buckets[0]));
    if (buckets == NULL)
        return table->bucket_cap == 0 ? RNL_RESOURCE_EXHAUSTED : RNL_OK;
    table->buckets = buckets;
    table->bucket_cap = cap;
    if (table->bucket_count == 0) {
        buckets[0] = NULL;
        table->bucket_count = 1;
        table->span = 1;
    }
    return RNL_OK;
}

/* Adds a bucket, and moves to it what of another one now belongs there. */
static void split(struct rnl_id_table *table)
{
    struct rnl_id_node **old =
        &table->buckets[table->bucket_count - table->span];
    struct rnl_id_node *node = *old;
    *old = NULL;
    table->buckets[table->bucket_count++] = NULL;
    while (node != NULL) {
        struct rnl_id_node *next = node->next;
        push(table, node);
        node = next;
    }
    if (table->bucket_count == 2 * table->span)
        table->span = table->bucket_count;
}

void rnl_id_table_insert(struct rnl_id_table *table, struct rnl_id_node *node)
{
    if (table->count >= table->bucket_count &&
        table->bucket_count < table->bucket_cap)
        split(table);
    push(table, node);
    table->count++;
}

enum rnl_code rnl_id_table_add(struct rnl_id_table *table,
                               struct rnl_id_node *node)
{
    enum rnl_code code = rnl_id_table_reserve(table);
    if (code == RNL_OK)
        rnl_id_table_insert(table, node);
    return code;
}

void rnl_id_table_remove(struct rnl_id_table *table, struct rnl_id_node *node)
{
    struct rnl_id_node **link = bucket_of(table, node->id);
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

struct rnl_id_node *rnl_id_table_find(const struct rnl_id_table *table,
                                      const char *id)
{
    if (table->count == 0 || strlen(id) != RNL_JOB_ID_LEN)
        return NULL;
    struct rnl_id_node *node = *bucket_of(table, id);
    while (node != NULL && memcmp(node->id, id, RNL_JOB_ID_LEN) != 0)
        node = node->next;
    return node;
}

void rnl_id_table_fetch(const struct rnl_id_table *table, const char *id)
{
    if (table->count > 0)
        __builtin_prefetch(bucket_of(table, id));
}

const struct rnl_id_node *rnl_id_table_first(const struct rnl_id_table *table,
                                             const char *id)
{
    return table->count == 0 ? NULL : *bucket_of(table, id);
}

struct rnl_id_node *rnl_id_table_any(const struct rnl_id_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    }
    return NULL;
}
