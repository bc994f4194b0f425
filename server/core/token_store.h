/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where tokens survive the process: the interface that server/io fills in.
 * Without a store tokens live in memory. Calls and done belong to the core's
 * thread; none of them waits for a write.
 */
#ifndef RNL_CORE_TOKEN_STORE_H
#define RNL_CORE_TOKEN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <runnel/status.h>

#include "scope.h"

/* Hex digits of 48 random bits: a name, not a secret. */
#define RNL_TOKEN_ID_LEN    12
#define RNL_TOKEN_NAME_MAX  64
#define RNL_TOKEN_HASH_SIZE 32

struct rnl_token_record {
    char id[RNL_TOKEN_ID_LEN + 1];
    char name[RNL_TOKEN_NAME_MAX + 1];
    /*
     * SHA-256 of the token. A token has 256 random bits, so nobody finds it by
     * trying: a slow hash, which makes weak passwords dearer to guess, would
     * only make each check dear. Who reads the store learns no token.
     */
    uint8_t hash[RNL_TOKEN_HASH_SIZE];
    rnl_scopes scopes;
    /* Wall clock; expire_ns 0: never. */
    int64_t create_ns;
    int64_t expire_ns;
};

struct rnl_token_store;

struct rnl_token_store_ops {
    /* Gives each record to take; false of it ends the walk with
     * RNL_RESOURCE_EXHAUSTED. Errors: RNL_DATA_LOSS. */
    enum rnl_code (*load)(struct rnl_token_store *store,
                          bool (*take)(void *arg,
                                       const struct rnl_token_record *record),
                          void *arg);

    /* Begin to write or remove a record; store->done(op) follows, later. op is
     * the caller's. Errors: RNL_RESOURCE_EXHAUSTED: nothing was begun. */
    enum rnl_code (*put)(struct rnl_token_store *store,
                         const struct rnl_token_record *record, void *op);
    enum rnl_code (*remove)(struct rnl_token_store *store, const char *id,
                            void *op);
};

/* A store begins with this; it outlives the core. */
struct rnl_token_store {
    const struct rnl_token_store_ops *ops;
    /* Set by the core: what was begun with op is durable, or (not RNL_OK)
     * was not done. */
    void (*done)(void *op, enum rnl_code code);
};

#endif
