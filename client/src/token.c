/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <string.h>

#include <runnel/token.h>
#include <runnel/v1/tokens.pb-c.h>

#include "alloc.h"
#include "client_private.h"
#include "typed.h"

struct list_box {
    struct rnl_token_list list;
    char *secret;
    struct rnl_arena arena;
};

_Static_assert(offsetof(struct list_box, list) == 0, "a result is its box");

void rnl_token_list_destroy(struct rnl_token_list *list)
{
    struct list_box *box = (struct list_box *)list;
    if (box == NULL)
        return;
    if (box->secret != NULL)
        explicit_bzero(box->secret, strlen(box->secret));
    rnl_arena_fini(&box->arena);
    rnl_free(box);
}

/* Borrows from the message. */
static struct rnl_token_info info_of(const Runnel__V1__Token *from)
{
    return (struct rnl_token_info){
        .id = from->id,
        .name = from->name,
        .scopes = (const char *const *)from->scopes,
        .scope_count = from->n_scopes,
        .create_ms = rnl_typed_time_ms(from->create_time),
        .expire_ms = rnl_typed_time_ms(from->expire_time),
        .from_settings = from->from_settings,
    };
}

static bool fill(struct list_box *box, Runnel__V1__Token *const *tokens,
                 size_t count)
{
    struct rnl_token_info *infos =
        rnl_arena_alloc(&box->arena, count, sizeof(infos[0]));
    if (infos == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        infos[i] = info_of(tokens[i]);
    box->list.tokens = infos;
    box->list.token_count = count;
    return true;
}

/* Calls, and gives the answer's tokens as a list. */
static enum rnl_code call(struct rnl_client *client,
                          const struct rnl_method_type *method,
                          const ProtobufCMessage *request,
                          bool (*take)(struct list_box *box,
                                       const void *answer),
                          struct rnl_token_list **ret_list)
{
    struct list_box *box = rnl_calloc(1, sizeof(*box));
    void *answer;
    if (box == NULL)
        return rnl_typed_no_memory(client);
    box->list.secret = "";
    enum rnl_code code =
        rnl_typed_call(client, method, request, &box->arena, &answer);
    if (code == RNL_OK && !take(box, answer))
        code = rnl_typed_no_memory(client);
    if (code == RNL_OK)
        *ret_list = &box->list;
    else
        rnl_token_list_destroy(&box->list);
    return code;
}

/* --- create --- */

static bool take_created(struct list_box *box, const void *answer)
{
    const Runnel__V1__CreateTokenResponse *response = answer;
    Runnel__V1__Token *token = response->token;
    box->secret = response->secret;
    box->list.secret = response->secret;
    return fill(box, &token, token != NULL);
}

enum rnl_code rnl_token_create(struct rnl_client *client,
                               const struct rnl_token_options *options,
                               struct rnl_token_list **ret_list)
{
    static const struct rnl_method_type method = {
        "runnel.v1.TokenService/CreateToken",
        &runnel__v1__create_token_response__descriptor,
    };
    struct rnl_token_options own;
    if (!rnl_options_copy(&own, sizeof(own), options))
        return rnl_client_fail(client, RNL_INVALID_ARGUMENT, RNL_OPTIONS_FAULT);
    Runnel__V1__CreateTokenRequest request =
        RUNNEL__V1__CREATE_TOKEN_REQUEST__INIT;
    Google__Protobuf__Duration lifetime;
    request.name = rnl_typed_text(own.name);
    request.scopes = (char **)(uintptr_t)own.scopes;
    request.n_scopes = own.scope_count;
    request.lifetime = rnl_typed_duration(&lifetime, own.lifetime_ms);
    return call(client, &method, &request.base, take_created, ret_list);
}

/* --- list --- */

static bool take_list(struct list_box *box, const void *answer)
{
    const Runnel__V1__ListTokensResponse *response = answer;
    return fill(box, response->tokens, response->n_tokens);
}

enum rnl_code rnl_token_list_get(struct rnl_client *client,
                                 struct rnl_token_list **ret_list)
{
    static const struct rnl_method_type method = {
        "runnel.v1.TokenService/ListTokens",
        &runnel__v1__list_tokens_response__descriptor,
    };
    static const Runnel__V1__ListTokensRequest request =
        RUNNEL__V1__LIST_TOKENS_REQUEST__INIT;
    return call(client, &method, &request.base, take_list, ret_list);
}

static bool take_own(struct list_box *box, const void *answer)
{
    const Runnel__V1__GetOwnTokenResponse *response = answer;
    Runnel__V1__Token *token = response->token;
    return fill(box, &token, token != NULL);
}

enum rnl_code rnl_token_own(struct rnl_client *client,
                            struct rnl_token_list **ret_list)
{
    static const struct rnl_method_type method = {
        "runnel.v1.TokenService/GetOwnToken",
        &runnel__v1__get_own_token_response__descriptor,
    };
    static const Runnel__V1__GetOwnTokenRequest request =
        RUNNEL__V1__GET_OWN_TOKEN_REQUEST__INIT;
    return call(client, &method, &request.base, take_own, ret_list);
}

/* --- revoke --- */

enum rnl_code rnl_token_revoke(struct rnl_client *client, const char *id)
{
    static const struct rnl_method_type method = {
        "runnel.v1.TokenService/RevokeToken",
        &runnel__v1__revoke_token_response__descriptor,
    };
    Runnel__V1__RevokeTokenRequest request =
        RUNNEL__V1__REVOKE_TOKEN_REQUEST__INIT;
    request.token_id = rnl_typed_text(id);
    struct rnl_arena arena = {0};
    void *answer;
    enum rnl_code code =
        rnl_typed_call(client, &method, &request.base, &arena, &answer);
    rnl_arena_fini(&arena);
    return code;
}
