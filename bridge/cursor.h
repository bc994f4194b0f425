/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a client wants to go on, as it stands in the id of an event:
 *
 *   7                    the sequence of a job's event
 *   1f2e3d4c/7           of a stream's anomaly; the first part tells one
 *                        store of the core from the next, in which sequences
 *                        begin anew
 *   1f2e3d4c/12,40e,3    of several subscriptions, in the order in which the
 *                        request names them; e: that one is over
 *
 * A job's sequence needs no store, since no two stores know the same job.
 */
#ifndef RNL_BRIDGE_CURSOR_H
#define RNL_BRIDGE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define RNL_CURSOR_EPOCH_LEN 8

/* Subscriptions of one connection. */
#define RNL_CURSOR_MAX 64

struct rnl_cursor {
    bool given;
    /* Empty when the id had none. */
    char epoch[RNL_CURSOR_EPOCH_LEN + 1];
    size_t count;
    uint64_t after[RNL_CURSOR_MAX];
    bool over[RNL_CURSOR_MAX];
};

/* Reads an id; false when it is none. */
bool rnl_cursor_parse(const char *id, size_t len,
                      struct rnl_cursor *ret_cursor);

void rnl_cursor_put(struct rnl_text *text, const struct rnl_cursor *cursor);

/* The short form of a core's epoch; empty for NULL. */
void rnl_cursor_epoch(const char *epoch, char out[RNL_CURSOR_EPOCH_LEN + 1]);

#endif
