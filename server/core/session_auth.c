/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what. A session is admitted by the token of its Hello, and each
 * call by the session's token, or by one that the Call brings in the metadata
 * "authorization": so a bridge, which serves many people over one connection,
 * passes on the rights of each and adds none of its own. What it passes on for
 * somebody without a token is an empty value, which is no right at all.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "session_private.h"
#include "tokens.h"

static const char needed[] = "a token is needed";
static const char not_valid[] = "the token is not valid";
static const char over[] = "the token was revoked or has expired";

/* NULL, or why a peer that shows this is not who it says; an open server
 * refuses a token all the same: who sends one believes that it counts. */
static const char *check(const struct rnl_tokens *tokens,
                         struct rnl_bytes secret, struct rnl_token **ret_token)
{
    bool required = rnl_tokens_required(tokens);
    *ret_token = NULL;
    if (secret.len == 0)
        return required ? needed : NULL;
    if (!required)
        return "the token is not valid: this server has none";
    *ret_token = rnl_tokens_find(tokens, secret.data, secret.len);
    return *ret_token != NULL ? NULL : not_valid;
}

void rnl_session_take_token(struct rnl_session *session, struct rnl_bytes token)
{
    struct rnl_token *found;
    const char *wrong = check(session->core->tokens, token, &found);
    if (wrong != NULL)
        rnl_session_fail(session, RNL_UNAUTHENTICATED, "%s", wrong);
    else
        session->token = rnl_token_ref(found);
}

/* The token of "Bearer TOKEN" (RFC 6750); the scheme in any case of letters.
 * Other schemes are no token. */
static struct rnl_bytes bearer_of(struct rnl_bytes value)
{
    static const char scheme[] = "Bearer ";
    size_t len = sizeof(scheme) - 1;
    if (value.len <= len ||
        strncasecmp((const char *)value.data, scheme, len) != 0)
        return value;
    return (struct rnl_bytes){value.data + len, value.len - len};
}

/* The session's own; it was live when the session began. */
static const char *check_session(const struct rnl_session *session,
                                 struct rnl_token **ret_token)
{
    const struct rnl_tokens *tokens = session->core->tokens;
    *ret_token = session->token;
    if (session->token == NULL)
        return rnl_tokens_required(tokens) ? needed : NULL;
    return rnl_token_is_live(tokens, session->token) ? NULL : not_valid;
}

enum rnl_code rnl_session_authorize(const struct rnl_session *session,
                                    const struct rnl_method *method,
                                    struct rnl_bytes authorization,
                                    struct rnl_token **ret_token,
                                    char ret_text[RNL_STATUS_TEXT_MAX])
{
    const char *wrong =
        authorization.data != NULL
            ? check(session->core->tokens, bearer_of(authorization), ret_token)
            : check_session(session, ret_token);
    if (wrong != NULL) {
        snprintf(ret_text, RNL_STATUS_TEXT_MAX, "%s", wrong);
        return RNL_UNAUTHENTICATED;
    }
    if (*ret_token == NULL ||
        rnl_scopes_allow((*ret_token)->record.scopes, method->scope))
        return RNL_OK;
    snprintf(ret_text, RNL_STATUS_TEXT_MAX,
             "the token lacks the scope %s, which %s needs",
             rnl_scope_name(method->scope), method->name);
    return RNL_PERMISSION_DENIED;
}

/* --- tokens that go out of force --- */

static bool is_over(const struct rnl_core *core, const struct rnl_token *token)
{
    return token != NULL ? !rnl_token_is_live(core->tokens, token)
                         : rnl_tokens_required(core->tokens);
}

static void check_streams(struct rnl_session *session)
{
    for (size_t i = 0; i < session->table_cap; i++)
        for (struct rnl_stream *stream = session->table[i]; stream != NULL;
             stream = stream->hash_next)
            if (!stream->finished && is_over(session->core, stream->token))
                rnl_stream_end(stream, RNL_UNAUTHENTICATED,
                               stream->token == NULL ? needed : over, true);
}

/* A session that needed no token when it began stays, since the answer with
 * the first token may still be on its way; but its calls end. */
static void check_session_now(struct rnl_session *session)
{
    if (session->token != NULL && is_over(session->core, session->token))
        rnl_session_fail(session, RNL_UNAUTHENTICATED, over);
    else
        check_streams(session);
}

void rnl_sessions_check_tokens(struct rnl_core *core)
{
    struct rnl_session *session;
    TAILQ_FOREACH(session, &core->rpc->sessions, link)
    if (session->state == RNL_SESSION_OPEN)
        check_session_now(session);
}
