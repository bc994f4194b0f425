/* SPDX-License-Identifier: Apache-2.0 */
/* The core's store of tokens (core/token_store.h) on a table of SQLite: writes
 * run on libuv's threads. Used on the loop's thread. */
#ifndef RNL_IO_TOKEN_KEEPER_H
#define RNL_IO_TOKEN_KEEPER_H

#include "token_table.h"

struct rnl_server;

/* Takes over table, also on failure. NULL when memory is out. */
struct rnl_token_store *rnl_token_keeper_create(struct rnl_server *server,
                                                struct rnl_token_table *table);

/* Accepts NULL. The loop has run out of work. */
void rnl_token_keeper_destroy(struct rnl_token_store *store);

#endif
