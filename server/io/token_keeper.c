/* SPDX-License-Identifier: Apache-2.0 */
#include "token_keeper.h"

#include <stdio.h>

#include "alloc.h"
#include "server_private.h"

struct table_store {
    struct rnl_token_store store;
    struct rnl_server *server;
    /* Owned. */
    struct rnl_token_table *table;
};

/* A write under way; removes have a record of an id alone. */
struct write {
    uv_work_t work;
    struct table_store *store;
    struct rnl_token_record record;
    bool removes;
    enum rnl_code code;
    void *op;
};

static struct table_store *store_of(struct rnl_token_store *store)
{
    return (struct table_store *)store;
}

static enum rnl_code load(struct rnl_token_store *store,
                          bool (*take)(void *arg,
                                       const struct rnl_token_record *record),
                          void *arg)
{
    return rnl_token_table_load(store_of(store)->table, take, arg);
}

/* On a thread of the pool. */
static void run_write(uv_work_t *work)
{
    struct write *write = work->data;
    struct rnl_token_table *table = write->store->table;
    write->code = write->removes
                      ? rnl_token_table_remove(table, write->record.id)
                      : rnl_token_table_put(table, &write->record);
}

static void on_written(uv_work_t *work, int status)
{
    struct write *write = work->data;
    struct table_store *store = write->store;
    rnl_server_enter(store->server);
    store->store.done(write->op, status == 0 ? write->code : RNL_UNAVAILABLE);
    rnl_server_leave(store->server);
    rnl_free(write);
}

static enum rnl_code begin(struct rnl_token_store *base,
                           const struct rnl_token_record *record, bool removes,
                           void *op)
{
    struct table_store *store = store_of(base);
    struct write *write = rnl_calloc(1, sizeof(*write));
    if (write == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    write->work.data = write;
    write->store = store;
    write->record = *record;
    write->removes = removes;
    write->op = op;
    if (uv_queue_work(&store->server->loop, &write->work, run_write,
                      on_written) == 0)
        return RNL_OK;
    rnl_free(write);
    return RNL_RESOURCE_EXHAUSTED;
}

static enum rnl_code put(struct rnl_token_store *store,
                         const struct rnl_token_record *record, void *op)
{
    return begin(store, record, false, op);
}

static enum rnl_code remove_record(struct rnl_token_store *store,
                                   const char *id, void *op)
{
    struct rnl_token_record record = {.scopes = 0};
    snprintf(record.id, sizeof(record.id), "%s", id);
    return begin(store, &record, true, op);
}

static const struct rnl_token_store_ops ops = {
    .load = load, .put = put, .remove = remove_record};

struct rnl_token_store *rnl_token_keeper_create(struct rnl_server *server,
                                                struct rnl_token_table *table)
{
    struct table_store *store = rnl_calloc(1, sizeof(*store));
    if (store == NULL) {
        rnl_token_table_close(table);
        return NULL;
    }
    store->store.ops = &ops;
    store->server = server;
    store->table = table;
    return &store->store;
}

void rnl_token_keeper_destroy(struct rnl_token_store *base)
{
    if (base == NULL)
        return;
    rnl_token_table_close(store_of(base)->table);
    rnl_free(base);
}
