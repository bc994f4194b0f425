/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens of the core: made, listed and revoked by administrators
 * (docs/security.md). The token that a client itself shows is in its options
 * (client.h). All functions block. */
#ifndef RNL_TOKEN_H
#define RNL_TOKEN_H

#include <runnel/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rnl_token_info {
    /* Names it; no secret. */
    const char *id;
    const char *name;
    /* "jobs:read", "admin". */
    const char *const *scopes;
    size_t scope_count;
    int64_t create_ms;
    /* 0: never. */
    int64_t expire_ms;
    /* Only the settings of the core can take it away. */
    bool from_settings;
};

struct rnl_token_list {
    const struct rnl_token_info *tokens;
    size_t token_count;
    /* Of a token that was just made: what is to be shown as token. Nobody can
     * ask for it again. "" otherwise. */
    const char *secret;
};

/* Zeroes the secret and frees. Accepts NULL. */
RNL_API void rnl_token_list_destroy(struct rnl_token_list *list);

struct rnl_token_options {
    size_t size;
    /* For people: 1 to 64 bytes. */
    const char *name;
    /* jobs:read, jobs:write, events:write, stats:read, work, bridge, admin. */
    const char *const *scopes;
    size_t scope_count;
    /* 0: for good; else up to ten years. */
    int64_t lifetime_ms;
};

/*
 * Makes a token; the list has it and its secret.
 *
 * Errors: RNL_INVALID_ARGUMENT; RNL_FAILED_PRECONDITION: the first token of a
 * core must have the scope admin and not expire; RNL_PERMISSION_DENIED;
 * RNL_RESOURCE_EXHAUSTED: there are 1,000.
 */
RNL_API RNL_MUST_USE enum rnl_code rnl_token_create(
    struct rnl_client *client, const struct rnl_token_options *options,
    struct rnl_token_list **ret_list);

/* All of them, by id. Errors: RNL_PERMISSION_DENIED. */
RNL_API RNL_MUST_USE enum rnl_code rnl_token_list_get(
    struct rnl_client *client, struct rnl_token_list **ret_list);

/* The one that this client shows; an empty list where none is needed. */
RNL_API RNL_MUST_USE enum rnl_code rnl_token_own(
    struct rnl_client *client, struct rnl_token_list **ret_list);

/* Ends a token, its connections and its calls. Errors: RNL_NOT_FOUND;
 * RNL_FAILED_PRECONDITION: it is the last one of an administrator, or comes
 * from the settings; RNL_PERMISSION_DENIED. */
RNL_API RNL_MUST_USE enum rnl_code rnl_token_revoke(struct rnl_client *client,
                                                    const char *id);

#ifdef __cplusplus
}
#endif

#endif
