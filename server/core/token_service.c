/* SPDX-License-Identifier: Apache-2.0 */
#include "token_service.h"

#include <stdio.h>
#include <string.h>

#include <runnel/v1/tokens.pb-c.h>

#include "alloc.h"
#include "core.h"
#include "timestamp.h"
#include "tokens.h"

#define NS_PER_S       INT64_C(1000000000)
#define LIFETIME_S_MAX INT64_C(315360000) /* 10 years */

/* A call that waits for the store. */
struct op {
    struct rnl_tokens *tokens;
    /* NULL when the caller has gone. */
    struct rnl_stream *stream;
    struct rnl_token_record record;
    /* Of a token that is made; else empty. */
    char secret[RNL_TOKEN_SECRET_LEN + 1];
};

/* A Token with what it points to. */
struct token_box {
    Runnel__V1__Token token;
    Google__Protobuf__Timestamp create_time;
    Google__Protobuf__Timestamp expire_time;
    char *scopes[RNL_SCOPE_COUNT];
};

/* Borrows from the record. */
static void describe(const struct rnl_token_record *record, bool fixed,
                     struct token_box *box)
{
    box->token = (Runnel__V1__Token)RUNNEL__V1__TOKEN__INIT;
    box->token.id = (char *)record->id;
    box->token.name = (char *)record->name;
    box->token.scopes = box->scopes;
    for (int i = 0; i < RNL_SCOPE_COUNT; i++)
        if ((record->scopes & (rnl_scopes)1 << i) != 0)
            box->scopes[box->token.n_scopes++] =
                (char *)rnl_scope_name((enum rnl_scope)i);
    if (record->create_ns != 0) {
        rnl_timestamp_set(&box->create_time, record->create_ns);
        box->token.create_time = &box->create_time;
    }
    if (record->expire_ns != 0) {
        rnl_timestamp_set(&box->expire_time, record->expire_ns);
        box->token.expire_time = &box->expire_time;
    }
    box->token.from_settings = fixed;
}

/* ---- waiting for the store ---- */

static struct op *op_create(struct rnl_stream *stream)
{
    struct op *op = rnl_calloc(1, sizeof(*op));
    if (op == NULL) {
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "the server is out of memory");
        return NULL;
    }
    op->tokens = rnl_stream_core(stream)->tokens;
    op->stream = stream;
    rnl_stream_set_state(stream, op);
    return op;
}

static void op_free(struct op *op)
{
    if (op->stream != NULL)
        rnl_stream_set_state(op->stream, NULL);
    explicit_bzero(op->secret, sizeof(op->secret));
    rnl_free(op);
}

/* The caller has gone; what was begun is done all the same. */
static void on_close(struct rnl_stream *stream, enum rnl_code code)
{
    struct op *op = rnl_stream_state(stream);
    (void)code;
    if (op != NULL)
        op->stream = NULL;
}

static void reply_created(const struct op *op)
{
    struct token_box box;
    Runnel__V1__CreateTokenResponse response =
        RUNNEL__V1__CREATE_TOKEN_RESPONSE__INIT;
    describe(&op->record, false, &box);
    response.token = &box.token;
    response.secret = (char *)op->secret;
    if (op->stream != NULL)
        rnl_stream_reply(op->stream, &response.base);
}

static void reply_revoked(const struct op *op)
{
    Runnel__V1__RevokeTokenResponse response =
        RUNNEL__V1__REVOKE_TOKEN_RESPONSE__INIT;
    if (op->stream != NULL)
        rnl_stream_reply(op->stream, &response.base);
}

/* The token comes into force when it is durable: one that was shown is never
 * forgotten by a crash. */
static enum rnl_code finish_create(const struct op *op)
{
    enum rnl_code code = rnl_tokens_add(op->tokens, &op->record, false);
    if (code == RNL_OK)
        reply_created(op);
    return code;
}

static enum rnl_code finish_revoke(const struct op *op)
{
    struct rnl_token *token = rnl_tokens_by_id(op->tokens, op->record.id);
    if (token != NULL)
        rnl_tokens_forget(op->tokens, token);
    reply_revoked(op);
    return RNL_OK;
}

void rnl_token_service_done(void *arg, enum rnl_code code)
{
    struct op *op = arg;
    bool creates = op->secret[0] != '\0';
    if (code == RNL_OK)
        code = creates ? finish_create(op) : finish_revoke(op);
    if (code != RNL_OK && op->stream != NULL)
        rnl_stream_finish(op->stream, code,
                          creates ? "the token could not be kept: %s"
                                  : "the token is revoked now, but it may be "
                                    "valid again after a restart; revoke it "
                                    "again: %s",
                          rnl_code_text((int)code));
    op_free(op);
}

static void begin(struct op *op)
{
    struct rnl_token_store *store =
        rnl_stream_core(op->stream)->options.token_store;
    enum rnl_code code = RNL_OK;
    if (store == NULL) {
        rnl_token_service_done(op, RNL_OK);
        return;
    }
    store->done = rnl_token_service_done;
    code = op->secret[0] != '\0' ? store->ops->put(store, &op->record, op)
                                 : store->ops->remove(store, op->record.id, op);
    if (code != RNL_OK)
        rnl_token_service_done(op, code);
}

/* ---- CreateToken ---- */

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return len >= 1 && len <= RNL_TOKEN_NAME_MAX;
}

static bool read_scopes(const Runnel__V1__CreateTokenRequest *request,
                        rnl_scopes *ret_scopes)
{
    *ret_scopes = 0;
    for (size_t i = 0; i < request->n_scopes; i++)
        if (!rnl_scopes_add(ret_scopes, request->scopes[i],
                            strlen(request->scopes[i])))
            return false;
    return *ret_scopes != 0;
}

static bool read_lifetime(const Runnel__V1__CreateTokenRequest *request,
                          int64_t wall_ns, int64_t *ret_expire_ns)
{
    const Google__Protobuf__Duration *lifetime = request->lifetime;
    *ret_expire_ns = 0;
    if (lifetime == NULL)
        return true;
    if (lifetime->seconds < 1 || lifetime->seconds > LIFETIME_S_MAX ||
        lifetime->nanos < 0 || lifetime->nanos >= NS_PER_S)
        return false;
    *ret_expire_ns = wall_ns + rnl_duration_ns(lifetime);
    return true;
}

/* False: the stream has been finished. */
static bool read_create(struct rnl_stream *stream,
                        const Runnel__V1__CreateTokenRequest *request,
                        struct rnl_token_record *record)
{
    record->create_ns = rnl_stream_core(stream)->wall_ns;
    if (!is_name(request->name))
        rnl_stream_finish_field(stream, "name",
                                "must have 1 to %d bytes and no control "
                                "characters",
                                RNL_TOKEN_NAME_MAX);
    else if (!read_scopes(request, &record->scopes))
        rnl_stream_finish_field(stream, "scopes",
                                "must be one or more of admin, jobs:read, "
                                "jobs:write, events:write, stats:read, work, "
                                "bridge");
    else if (!read_lifetime(request, record->create_ns, &record->expire_ns))
        rnl_stream_finish_field(stream, "lifetime",
                                "must be between 1 s and 10 years");
    else
        return true;
    return false;
}

/* Without this the first token could lock its maker out. */
static bool may_create(struct rnl_stream *stream,
                       const struct rnl_token_record *record)
{
    const struct rnl_tokens *tokens = rnl_stream_core(stream)->tokens;
    if (rnl_tokens_count(tokens) >= RNL_TOKENS_MAX)
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "there are %d tokens, the limit: revoke some",
                          RNL_TOKENS_MAX);
    else if (!rnl_tokens_required(tokens) &&
             ((record->scopes & RNL_SCOPES_ADMIN) == 0 ||
              record->expire_ns != 0))
        rnl_stream_finish(stream, RNL_FAILED_PRECONDITION,
                          "the first token must have the scope admin and not "
                          "expire, or nobody could make another");
    else
        return true;
    return false;
}

static void create(struct rnl_stream *stream,
                   const Runnel__V1__CreateTokenRequest *request)
{
    struct rnl_token_record record = {.scopes = 0};
    if (!read_create(stream, request, &record) || !may_create(stream, &record))
        return;
    memcpy(record.name, request->name, strlen(request->name) + 1);
    struct op *op = op_create(stream);
    if (op == NULL)
        return;
    op->record = record;
    if (!rnl_tokens_make_secret(op->tokens, &op->record, op->secret)) {
        op->secret[0] = '\0';
        op_free(op);
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "the server is out of memory");
        return;
    }
    begin(op);
}

static void on_create(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    Runnel__V1__CreateTokenRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__create_token_request__descriptor, data, len);
    if (request == NULL)
        return;
    create(stream, request);
    rnl_request_free(request);
}

/* ---- ListTokens, GetOwnToken ---- */

static void reply_list(struct rnl_stream *stream, struct token_box *boxes,
                       Runnel__V1__Token **pointers)
{
    const struct rnl_tokens *tokens = rnl_stream_core(stream)->tokens;
    size_t count = rnl_tokens_count(tokens);
    Runnel__V1__ListTokensResponse response =
        RUNNEL__V1__LIST_TOKENS_RESPONSE__INIT;
    for (size_t i = 0; i < count; i++) {
        const struct rnl_token *token = rnl_tokens_at(tokens, i);
        describe(&token->record, token->fixed, &boxes[i]);
        pointers[i] = &boxes[i].token;
    }
    response.tokens = pointers;
    response.n_tokens = count;
    rnl_stream_reply(stream, &response.base);
}

static void on_list(struct rnl_stream *stream, const uint8_t *data, size_t len)
{
    void *request = rnl_stream_unpack(
        stream, &runnel__v1__list_tokens_request__descriptor, data, len);
    if (request == NULL)
        return;
    size_t room = rnl_tokens_count(rnl_stream_core(stream)->tokens) + 1;
    struct token_box *boxes = rnl_calloc(room, sizeof(*boxes));
    Runnel__V1__Token **pointers = rnl_calloc(room, sizeof(*pointers));
    if (boxes != NULL && pointers != NULL)
        reply_list(stream, boxes, pointers);
    else
        rnl_stream_finish(stream, RNL_RESOURCE_EXHAUSTED,
                          "the server is out of memory");
    rnl_free(pointers);
    rnl_free(boxes);
    rnl_request_free(request);
}

static void on_get_own(struct rnl_stream *stream, const uint8_t *data,
                       size_t len)
{
    struct token_box box;
    Runnel__V1__GetOwnTokenResponse response =
        RUNNEL__V1__GET_OWN_TOKEN_RESPONSE__INIT;
    void *request = rnl_stream_unpack(
        stream, &runnel__v1__get_own_token_request__descriptor, data, len);
    if (request == NULL)
        return;
    const struct rnl_token *token = rnl_stream_token(stream);
    if (token != NULL) {
        describe(&token->record, token->fixed, &box);
        response.token = &box.token;
    }
    rnl_stream_reply(stream, &response.base);
    rnl_request_free(request);
}

/* ---- RevokeToken ---- */

static void revoke(struct rnl_stream *stream, const char *id)
{
    struct rnl_tokens *tokens = rnl_stream_core(stream)->tokens;
    struct rnl_token *token = rnl_tokens_by_id(tokens, id);
    if (token == NULL) {
        rnl_stream_finish(stream, RNL_NOT_FOUND,
                          "there is no token of this id");
    } else if (token->fixed) {
        rnl_stream_finish(stream, RNL_FAILED_PRECONDITION,
                          "the token comes from the server's settings: take "
                          "it away there");
    } else if (!rnl_tokens_has_admin(tokens, token)) {
        rnl_stream_finish(stream, RNL_FAILED_PRECONDITION,
                          "the last token with the scope admin cannot be "
                          "revoked: make another one first");
    } else {
        struct op *op = op_create(stream);
        if (op == NULL)
            return;
        op->record = token->record;
        rnl_tokens_revoke(tokens, token);
        begin(op);
    }
}

static void on_revoke(struct rnl_stream *stream, const uint8_t *data,
                      size_t len)
{
    Runnel__V1__RevokeTokenRequest *request = rnl_stream_unpack(
        stream, &runnel__v1__revoke_token_request__descriptor, data, len);
    if (request == NULL)
        return;
    revoke(stream, request->token_id);
    rnl_request_free(request);
}

static const struct rnl_method methods[] = {
    {
        .name = "runnel.v1.TokenService/CreateToken",
        .scope = RNL_SCOPE_ADMIN,
        .shape = RNL_UNARY,
        .on_message = on_create,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.TokenService/ListTokens",
        .scope = RNL_SCOPE_ADMIN,
        .shape = RNL_UNARY,
        .on_message = on_list,
    },
    {
        .name = "runnel.v1.TokenService/RevokeToken",
        .scope = RNL_SCOPE_ADMIN,
        .shape = RNL_UNARY,
        .on_message = on_revoke,
        .on_close = on_close,
    },
    {
        .name = "runnel.v1.TokenService/GetOwnToken",
        .scope = RNL_SCOPE_ANY,
        .shape = RNL_UNARY,
        .on_message = on_get_own,
    },
};

const struct rnl_service rnl_token_service = {methods, sizeof(methods) /
                                                           sizeof(methods[0])};
