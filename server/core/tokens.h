/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of a core, in memory. A server without any is open: everybody may
 * do everything, and it binds to loopback alone. From the first one on each
 * session and each call needs one, and what a call may do is the scope of its
 * method (rpc.h).
 *
 * Three sources: the token of the settings (all scopes), the tokens of a file
 * of the settings, and those made by TokenService, which a store keeps.
 *
 * A token that is revoked or expires ends its sessions and calls with the next
 * run of the core's timers.
 */
#ifndef RNL_CORE_TOKENS_H
#define RNL_CORE_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "token_store.h"

/* Each costs some 300 bytes, and ListTokens answers with all of them. */
#define RNL_TOKENS_MAX 1000

/* "rnl_" and 64 hex digits: 256 random bits. */
#define RNL_TOKEN_SECRET_LEN 68

struct rnl_core;
struct rnl_tokens;

/* One token; whoever holds a reference may look at it for as long. */
struct rnl_token {
    uint32_t refs;
    /* No longer in force, whatever its times say. */
    bool revoked;
    /* From the settings. */
    bool fixed;
    struct rnl_token_record record;
    struct rnl_token *hash_next;
};

/* Takes the tokens of core->options and of its store. Errors:
 * RNL_RESOURCE_EXHAUSTED, RNL_DATA_LOSS. */
RNL_MUST_USE enum rnl_code rnl_tokens_create(struct rnl_core *core,
                                             struct rnl_tokens **ret_tokens);

/* Accepts NULL. */
void rnl_tokens_destroy(struct rnl_tokens *tokens);

/* There is a token, so that everybody needs one. */
bool rnl_tokens_required(const struct rnl_tokens *tokens);

/* The token in force that these bytes are, or NULL. The time that it takes
 * tells nothing of how near another one is. Not a new reference. */
struct rnl_token *rnl_tokens_find(const struct rnl_tokens *tokens,
                                  const void *secret, size_t len);

/* Whether the token was neither revoked nor has expired. */
bool rnl_token_is_live(const struct rnl_tokens *tokens,
                       const struct rnl_token *token);

/* Accept NULL. */
struct rnl_token *rnl_token_ref(struct rnl_token *token);
void rnl_token_unref(struct rnl_token *token);

/* --- for TokenService --- */

size_t rnl_tokens_count(const struct rnl_tokens *tokens);

/* By rising id. */
struct rnl_token *rnl_tokens_at(const struct rnl_tokens *tokens, size_t index);

/* NULL when there is none. */
struct rnl_token *rnl_tokens_by_id(const struct rnl_tokens *tokens,
                                   const char *id);

/* Whether there is a live token with all scopes besides this one (which may be
 * NULL). */
bool rnl_tokens_has_admin(const struct rnl_tokens *tokens,
                          const struct rnl_token *besides);

/* Makes a secret and the id and hash of its record; false when memory is
 * out. */
RNL_MUST_USE bool rnl_tokens_make_secret(
    const struct rnl_tokens *tokens, struct rnl_token_record *record,
    char ret_secret[RNL_TOKEN_SECRET_LEN + 1]);

/* Puts a token into force. Errors: RNL_RESOURCE_EXHAUSTED; RNL_ALREADY_EXISTS:
 * a token has this id or hash. */
RNL_MUST_USE enum rnl_code rnl_tokens_add(struct rnl_tokens *tokens,
                                          const struct rnl_token_record *record,
                                          bool fixed);

/* Takes it out of force at once; it is listed until rnl_tokens_forget. */
void rnl_tokens_revoke(struct rnl_tokens *tokens, struct rnl_token *token);

/* Removes a token, which loses the table's reference. */
void rnl_tokens_forget(struct rnl_tokens *tokens, struct rnl_token *token);

/* Replaces the tokens that came from a file of the settings; those that are
 * gone are revoked. Errors: RNL_RESOURCE_EXHAUSTED: those that found no room
 * are not in force. */
RNL_MUST_USE enum rnl_code rnl_tokens_set_fixed(
    struct rnl_tokens *tokens, const struct rnl_token_record *records,
    size_t count);

/* SHA-256; false when memory is out. */
RNL_MUST_USE bool rnl_token_hash(const void *secret, size_t len,
                                 uint8_t ret_hash[RNL_TOKEN_HASH_SIZE]);

#endif
