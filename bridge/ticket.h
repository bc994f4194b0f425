/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream tickets: what an EventSource, which cannot set headers, shows instead
 * of a token. A ticket is good for one path and a minute, so that it is worth
 * little where URLs end up (histories, logs of proxies).
 *
 * It is the token itself, sealed (AES-256-GCM) with a key that the bridge makes
 * at its start and tells nobody, or that several bridges share:
 *
 *   base64url( nonce 12 | sealed( expiry 8, big endian | token ) | tag 16 )
 *
 * with the path as associated data. So the bridge remembers nothing, however
 * many are asked for, all its workers know each ticket, the core judges the
 * token in it as always, and revoking the token takes its tickets along.
 *
 * 96 random bits of nonce collide with probability 2^-33 after 2^32 tickets.
 */
#ifndef RNL_BRIDGE_TICKET_H
#define RNL_BRIDGE_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity.h"

#define RNL_TICKET_KEY_SIZE 32

/* A shared secret is long enough not to be guessed. */
#define RNL_TICKET_SECRET_MIN 32

/* The key that all who know secret share: its SHA-256, of which nothing else is
 * made. False when secret is shorter than RNL_TICKET_SECRET_MIN, or memory is
 * out. */
bool rnl_ticket_key(const char *secret, uint8_t ret_key[RNL_TICKET_KEY_SIZE]);

/* How long a ticket may be used, any number of times: an EventSource connects
 * again by itself with the same URL. */
#define RNL_TICKET_S 60

/* Text of the longest ticket with its NUL: 4/3 of its bytes. */
#define RNL_TICKET_TEXT_MAX \
    ((12 + 8 + RNL_BEARER_BYTES_MAX + 16 + 2) / 3 * 4 + 1)

/* A path and query that tickets are for, without what may change: `ticket` and
 * `after`. */
#define RNL_TICKET_PATH_MAX 4096

/* Writes path without these two parameters; false when it is longer than
 * RNL_TICKET_PATH_MAX - 1 or has U+0000 in it. */
bool rnl_ticket_path(const char *path, size_t len,
                     char ret_path[RNL_TICKET_PATH_MAX]);

/* What a ticket says; token is borrowed. */
struct rnl_ticket {
    const char *path;
    const char *token;
    int64_t expire_s;
};

/* Seals a ticket. False when memory is out, or randomness. */
bool rnl_ticket_seal(const uint8_t key[RNL_TICKET_KEY_SIZE],
                     const struct rnl_ticket *ticket,
                     char ret_text[RNL_TICKET_TEXT_MAX]);

/* Opens the ticket of a path; false when it is of another path or key, was
 * changed, or has expired at now_s. */
bool rnl_ticket_open(const uint8_t key[RNL_TICKET_KEY_SIZE], const char *text,
                     const char *path, int64_t now_s,
                     char ret_token[RNL_BEARER_BYTES_MAX + 1]);

#endif
