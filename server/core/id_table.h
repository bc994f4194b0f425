/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from job ids to entries that embed a node. The ids are random
 * ones of our own making (job_id.h), so that some of their characters are the
 * hash and no caller can choose a collision.
 *
 * It grows by linear hashing: each insert into a full table adds one bucket and
 * splits another one, so that none waits while a million entries are moved
 * (W. Litwin, "Linear hashing: a new tool for file and table addressing",
 * 1980).
 */
#ifndef RNL_CORE_ID_TABLE_H
#define RNL_CORE_ID_TABLE_H

#include <stddef.h>

#include <runnel/status.h>

#include "store.h"

/* Embed it as the first member. */
struct rnl_id_node {
    struct rnl_id_node *next;
    char id[RNL_JOB_ID_LEN + 1];
};

struct rnl_id_table {
    struct rnl_id_node **buckets;
    /* In use; there is room for. */
    size_t bucket_count;
    size_t bucket_cap;
    /* The largest power of two that is not above bucket_count: the buckets in
     * front of bucket_count - span have been split. */
    size_t span;
    size_t count;
};

void rnl_id_table_init(struct rnl_id_table *table);

/* Frees the buckets; the entries belong to their owners. */
void rnl_id_table_fini(struct rnl_id_table *table);

/* Makes sure that the next insert finds a bucket; a table that cannot grow goes
 * on with longer chains. Errors: RNL_RESOURCE_EXHAUSTED, while it has none. */
RNL_MUST_USE enum rnl_code rnl_id_table_reserve(struct rnl_id_table *table);

/* Adds a node with a new id, after a reserve. */
void rnl_id_table_insert(struct rnl_id_table *table, struct rnl_id_node *node);

/* Both. Errors: RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_id_table_add(struct rnl_id_table *table,
                                            struct rnl_id_node *node);

/* Removes a node that is in the table. */
void rnl_id_table_remove(struct rnl_id_table *table, struct rnl_id_node *node);

/* NULL when there is none. id is any text. */
struct rnl_id_node *rnl_id_table_find(const struct rnl_id_table *table,
                                      const char *id);

/* Has the bucket of an id brought near the processor; id has RNL_JOB_ID_LEN
 * characters. */
void rnl_id_table_fetch(const struct rnl_id_table *table, const char *id);

/* The first node of an id's bucket, which may be another's, or NULL; does not
 * look at it. id has RNL_JOB_ID_LEN characters. */
const struct rnl_id_node *rnl_id_table_first(const struct rnl_id_table *table,
                                             const char *id);

/* Any node, or NULL: for emptying a table. */
struct rnl_id_node *rnl_id_table_any(const struct rnl_id_table *table);

#endif
