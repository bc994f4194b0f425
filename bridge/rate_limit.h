/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests each client may make: a token bucket for each, in a table
 * of fixed size. A client is a key of 64 bits, made by a hash that nobody
 * outside can aim (the table's own seed).
 *
 * A bucket holds what a second allows, twice, and fills evenly. One that is
 * full is as good as none, so its place goes to another client; where all eight
 * places of a key are taken by busy clients the one that was served longest ago
 * loses its own and so begins with a full bucket: the table forgets in favour
 * of clients, and an attacker of many addresses is stopped by the limit of
 * connections.
 */
#ifndef RNL_BRIDGE_RATE_LIMIT_H
#define RNL_BRIDGE_RATE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

/* Clients that are busy at once: 96 KiB a worker. */
#define RNL_RATE_CLIENTS 4096

struct rnl_rate_limit;

/* per_s: requests a second, 1 to 1,000,000. seed: unpredictable. Errors:
 * RNL_RESOURCE_EXHAUSTED. */
RNL_MUST_USE enum rnl_code rnl_rate_limit_create(
    uint64_t per_s, uint64_t seed, struct rnl_rate_limit **ret_limit);

/* Accepts NULL. */
void rnl_rate_limit_destroy(struct rnl_rate_limit *limit);

/* The key of a client: the bytes of its address or token. */
uint64_t rnl_rate_limit_key(const struct rnl_rate_limit *limit,
                            const void *data, size_t len);

/* Takes cost requests (0: only looks) from a client's bucket at now_ms. False
 * when it is empty: the client has to wait; with *ret_wait_s until one request
 * is allowed, 1 or more. */
bool rnl_rate_limit_take(struct rnl_rate_limit *limit, uint64_t key,
                         uint32_t cost, uint64_t now_ms, uint32_t *ret_wait_s);

#endif
