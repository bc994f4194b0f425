/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what each client has open, so that none has it all. A client is a key
 * of 64 bits made by a hash that nobody outside can aim. Memory follows the
 * clients that have something open. */
#ifndef RNL_BRIDGE_TALLY_H
#define RNL_BRIDGE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

struct rnl_tally;

/* At most max for each client. seed: unpredictable. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_tally_create(uint64_t max, uint64_t seed,
                                            struct rnl_tally **ret_tally);

/* Accepts NULL. */
void rnl_tally_destroy(struct rnl_tally *tally);

/* The key of a client: the bytes of its address. Never 0. */
uint64_t rnl_tally_key(const struct rnl_tally *tally, const void *data,
                       size_t len);

/* One more; false when the client has max already, or memory is out. */
bool rnl_tally_take(struct rnl_tally *tally, uint64_t key);

/* One less, of those taken. */
void rnl_tally_give(struct rnl_tally *tally, uint64_t key);

#endif
