/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_setup.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"

#define MODELS_MAX 64

static const char *from_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* --- the server --- */

/* NULL, or what is wrong with a base URL. */
static const char *find_fault(CURLU *parts, const char *base)
{
    static const struct {
        CURLUPart part;
        const char *fault;
    } unwanted[] = {
        {CURLUPART_USER, "must not have a user or password"},
        {CURLUPART_PASSWORD, "must not have a user or password"},
        {CURLUPART_QUERY, "must not have a query"},
        {CURLUPART_FRAGMENT, "must not have a fragment"},
    };
    char *text = NULL;
    if (curl_url_set(parts, CURLUPART_URL, base, 0) != CURLUE_OK ||
        (strncasecmp(base, "http://", 7) != 0 &&
         strncasecmp(base, "https://", 8) != 0))
        return "must begin with http:// or https:// and a host";
    for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
        if (curl_url_get(parts, unwanted[i].part, &text, 0) == CURLUE_OK) {
            curl_free(text);
            return unwanted[i].fault;
        }
    }
    return NULL;
}

static bool is_loopback(CURLU *parts)
{
    char *host = NULL;
    if (curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return false;
    bool loopback = strcmp(host, "localhost") == 0 ||
                    strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
    curl_free(host);
    return loopback;
}

static char *join_path(const char *base)
{
    struct cli_buf url = {0};
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    cli_buf_add(&url, base, len);
    cli_buf_text(&url, "/chat/completions");
    char *copy = cli_strdup(cli_buf_str(&url));
    cli_buf_fini(&url);
    return copy;
}

static int read_url(struct cli_context *context, const struct cli_args *args,
                    struct cli_llm_setup *setup)
{
    const char *base = cli_args_get(args, "openai-base-url");
    base = base != NULL ? base : from_env("OPENAI_BASE_URL");
    if (base == NULL)
        return cli_usage_error(
            context, "the program is missing; it comes after --, or give "
                     "--openai-base-url");
    CURLU *parts = curl_url();
    const char *fault =
        parts == NULL ? "memory is out" : find_fault(parts, base);
    bool in_clear = fault == NULL && setup->key != NULL &&
                    strncasecmp(base, "http://", 7) == 0 && !is_loopback(parts);
    curl_url_cleanup(parts);
    if (fault != NULL)
        return cli_usage_error(context, "--openai-base-url %s", fault);
    if (in_clear)
        cli_note(context, "the key goes over the network as plain text: "
                          "--openai-base-url is not https");
    setup->url = join_path(base);
    setup->server.url = setup->url;
    return CLI_EXIT_OK;
}

/* Nothing that could end the header. */
static int read_key(struct cli_context *context, const struct cli_args *args,
                    struct cli_llm_setup *setup)
{
    const char *path = cli_args_get(args, "openai-key-file");
    const char *key = from_env("OPENAI_API_KEY");
    int status = CLI_EXIT_OK;
    if (path != NULL)
        status = cli_read_secret(context, "openai-key-file", path, &setup->key);
    else if (key != NULL)
        setup->key = cli_strdup(key);
    if (status != CLI_EXIT_OK)
        return status;
    setup->server.key = setup->key;
    for (const char *at = setup->key; at != NULL && *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return cli_usage_error(context,
                                   "the key of --openai-key-file or "
                                   "OPENAI_API_KEY must be printable ASCII "
                                   "without blanks");
    }
    return CLI_EXIT_OK;
}

static int read_times(struct cli_context *context, const struct cli_args *args,
                      struct cli_llm_setup *setup)
{
    struct cli_llm_server *server = &setup->server;
    const struct {
        const char *name;
        int64_t *ms;
        int64_t otherwise_ms;
    } times[] = {
        {"connect-timeout", &server->connect_timeout_ms, 10000},
        /* Models that think first are silent for minutes. */
        {"first-byte-timeout", &server->first_byte_timeout_ms, 300000},
        {"idle-timeout", &server->idle_timeout_ms, 120000},
        {"wait-max", &setup->use.wait_ms_max, 60000},
    };
    int status = CLI_EXIT_OK;
    for (size_t i = 0; i < 4 && status == CLI_EXIT_OK; i++) {
        *times[i].ms = times[i].otherwise_ms;
        status = cli_flag_duration(context, args, times[i].name, times[i].ms);
    }
    return status;
}

/* --- the models --- */

static int read_models(struct cli_context *context, const struct cli_args *args,
                       struct cli_llm_setup *setup)
{
    struct cli_llm_models *models = &setup->use.models;
    size_t at = 0;
    const char *name;
    setup->models = cli_calloc(MODELS_MAX, sizeof(setup->models[0]));
    while (models->count < MODELS_MAX &&
           (name = cli_args_next(args, "model", &at)) != NULL)
        setup->models[models->count++] = name;
    models->names = setup->models;
    models->any = cli_args_has(args, "any-model");
    if (models->count == 0 || cli_args_next(args, "model", &at) != NULL)
        return cli_usage_error(context,
                               "--model must be given, at most %d "
                               "times",
                               MODELS_MAX);
    return CLI_EXIT_OK;
}

/* --- all of it --- */

bool cli_llm_setup_wanted(const struct cli_args *args)
{
    return args->operand_count == 0 || cli_args_has(args, "openai-base-url");
}

int cli_llm_setup_init(struct cli_context *context, const struct cli_args *args,
                       struct cli_llm_setup *setup)
{
    *setup = (struct cli_llm_setup){0};
    if (args->operand_count > 0)
        return cli_usage_error(context, "a program and --openai-base-url do "
                                        "not go together");
    setup->server.ca_file = cli_args_get(args, "openai-ca-file");
    int status = read_key(context, args, setup);
    if (status == CLI_EXIT_OK)
        status = read_url(context, args, setup);
    if (status == CLI_EXIT_OK)
        status = read_models(context, args, setup);
    if (status == CLI_EXIT_OK)
        status = read_times(context, args, setup);
    if (status != CLI_EXIT_OK)
        return status;
    setup->use.pool = cli_llm_pool_create(&setup->server);
    if (setup->use.pool != NULL)
        return CLI_EXIT_OK;
    cli_error(context, "memory or descriptors are out");
    return CLI_EXIT_ERROR;
}

void cli_llm_setup_fini(struct cli_llm_setup *setup)
{
    cli_llm_pool_destroy(setup->use.pool);
    cli_free(setup->url);
    cli_free(setup->key);
    cli_free(setup->models);
}
