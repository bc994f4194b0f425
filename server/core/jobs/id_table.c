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
    word *= UINT64_C(0x9E3779B97F4A7C15);
    return &table->buckets[(word >> 32) & (table->bucket_count - 1)];
}

static void insert(struct rnl_id_table *table, struct rnl_id_node *node)
{
    struct rnl_id_node **bucket = bucket_of(table, node->id);
    node->next = *bucket;
    *bucket = node;
}

static enum rnl_code grow(struct rnl_id_table *table)
{
    struct rnl_id_table old = *table;
    size_t count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2;
    struct rnl_id_node **buckets = rnl_calloc(count, sizeof(buckets[0]));
    if (buckets == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    table->buckets = buckets;
    table->bucket_count = count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct rnl_id_node *node = old.buckets[i];
        while (node != NULL) {
            struct rnl_id_node *next = node->next;
            insert(table, node);
            node = next;
        }
    }
    rnl_free(old.buckets);
    return RNL_OK;
}

enum rnl_code rnl_id_table_add(struct rnl_id_table *table,
                               struct rnl_id_node *node)
{
    /* A table that cannot grow goes on with longer chains. */
    if (table->count == table->bucket_count && grow(table) != RNL_OK &&
        table->bucket_count == 0)
        return RNL_RESOURCE_EXHAUSTED;
    insert(table, node);
    table->count++;
    return RNL_OK;
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

struct rnl_id_node *rnl_id_table_any(const struct rnl_id_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        if (table->buckets[i] != NULL)
            return table->buckets[i];
    }
    return NULL;
}
