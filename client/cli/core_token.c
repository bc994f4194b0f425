/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: make, list, revoke. */
#include <stdio.h>

#include "core_internal.h"
#include "core_json.h"

static json_t *token_json(const struct rnl_token_info *token)
{
    json_t *object = cli_json_object(), *scopes = cli_json_array();
    cli_json_set_text(object, "id", token->id);
    cli_json_set_text(object, "name", token->name);
    for (size_t i = 0; i < token->scope_count; i++)
        json_array_append_new(scopes,
                              cli_json_must(json_string(token->scopes[i])));
    cli_json_set(object, "scopes", scopes);
    cli_json_set_time(object, "createTime", token->create_ms);
    cli_json_set_time(object, "expireTime", token->expire_ms);
    if (token->from_settings)
        cli_json_set_bool(object, "fromSettings", true);
    return object;
}

static json_t *list_json(const struct rnl_token_list *list)
{
    json_t *array = cli_json_array();
    for (size_t i = 0; i < list->token_count; i++)
        json_array_append_new(array, token_json(&list->tokens[i]));
    return array;
}

int cli_core_create_token(struct cli_context *context,
                          const struct cli_new_token *token, json_t **ret_made)
{
    struct rnl_token_options options = RNL_OPTIONS_INIT(options);
    struct rnl_token_list *list;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    options.name = token->name;
    options.scopes = token->scopes;
    options.scope_count = token->scope_count;
    options.lifetime_ms = token->lifetime_ms;
    status = cli_core_end(context, "token create",
                          rnl_token_create(context->client, &options, &list));
    if (status != CLI_EXIT_OK)
        return status;
    json_t *made = cli_json_object();
    if (list->token_count > 0)
        cli_json_set(made, "token", token_json(&list->tokens[0]));
    cli_json_set_text(made, "secret", list->secret);
    rnl_token_list_destroy(list);
    *ret_made = made;
    return CLI_EXIT_OK;
}

int cli_core_list_tokens(struct cli_context *context, json_t **ret_tokens)
{
    struct rnl_token_list *list;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    status = cli_core_end(context, "token list",
                          rnl_token_list_get(context->client, &list));
    if (status != CLI_EXIT_OK)
        return status;
    *ret_tokens = list_json(list);
    rnl_token_list_destroy(list);
    return CLI_EXIT_OK;
}

int cli_core_revoke_token(struct cli_context *context, const char *id)
{
    struct cli_subject subject;
    int status = cli_core_open(context);
    if (status != CLI_EXIT_OK)
        return status;
    snprintf(subject.text, sizeof(subject.text), "token %.128s", id);
    return cli_core_end(context, subject.text,
                        rnl_token_revoke(context->client, id));
}
