/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_request.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "parse.h"
#include "utf8.h"

enum option_type {
    /* Goes into the body as it is. */
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_INTEGER,
    /* Are looked at by name. */
    OPTION_OTHER,
};

struct option {
    const char *name;
    enum option_type type;
    double min, max;
};

/* docs/jobs.md lists them. 2^53: whole numbers that every JSON reader has. */
static const struct option options[] = {
    {"model", OPTION_TEXT, 0, 0},
    {"temperature", OPTION_NUMBER, 0, 2},
    {"top_p", OPTION_NUMBER, 0, 1},
    {"max_tokens", OPTION_INTEGER, 1, 1e9},
    {"max_completion_tokens", OPTION_INTEGER, 1, 1e9},
    {"presence_penalty", OPTION_NUMBER, -2, 2},
    {"frequency_penalty", OPTION_NUMBER, -2, 2},
    {"seed", OPTION_INTEGER, -9007199254740992.0, 9007199254740992.0},
    {"stop", OPTION_TEXT, 0, 0},
    {"reasoning_effort", OPTION_TEXT, 0, 0},
    {"system", OPTION_OTHER, 0, 0},
    {"output", OPTION_OTHER, 0, 0},
};

void cli_llm_request_fini(struct cli_llm_request *request)
{
    cli_buf_fini(&request->body);
}

/* --- the input --- */

/* "application/json; charset=utf-8" is application/json. */
static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;
    return strncasecmp(content_type, json, len) == 0 &&
           strchr("; \t", content_type[len]) != NULL;
}

static json_t *make_message(const char *role, const char *text, size_t len)
{
    json_t *message = cli_json_object();
    cli_json_set_text(message, "role", role);
    cli_json_set(message, "content", cli_json_must(json_stringn(text, len)));
    return message;
}

static json_t *read_text(const struct rnl_job *job, struct cli_buf *fault)
{
    const char *text = job->input == NULL ? "" : job->input;
    if (job->input_len == 0) {
        cli_buf_text(fault, "input must not be empty");
        return NULL;
    }
    if (!rnl_utf8_valid(text, job->input_len)) {
        cli_buf_text(fault, "input must be UTF-8 text, or application/json");
        return NULL;
    }
    json_t *body = cli_json_object();
    json_t *messages = cli_json_array();
    json_array_append_new(messages, make_message("user", text, job->input_len));
    cli_json_set(body, "messages", messages);
    return body;
}

static json_t *read_json(const struct rnl_job *job, struct cli_buf *fault)
{
    json_error_t error;
    json_t *value =
        json_loadb(job->input == NULL ? "" : job->input, job->input_len,
                   JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (value == NULL) {
        cli_buf_printf(fault, "input is no JSON: line %d column %d: %s",
                       error.line, error.column, error.text);
        return NULL;
    }
    if (json_is_object(value))
        return value;
    json_t *body = cli_json_object();
    cli_json_set(body, "messages", value);
    return body;
}

static bool check_messages(const json_t *messages, struct cli_buf *fault)
{
    size_t index;
    json_t *message;
    if (!json_is_array(messages) || json_array_size(messages) == 0) {
        cli_buf_text(fault, "input: messages must be a list of at least one");
        return false;
    }
    json_array_foreach(messages, index, message)
    {
        if (!json_is_string(json_object_get(message, "role"))) {
            cli_buf_printf(fault, "input: messages[%zu] has no role", index);
            return false;
        }
    }
    return true;
}

/* --- the options --- */

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

static bool set_number(json_t *body, const struct option *option,
                       const char *text, struct cli_buf *fault)
{
    double number;
    bool whole = option->type == OPTION_INTEGER;
    if (!cli_parse_number(text, strlen(text), &number) ||
        number < option->min || number > option->max ||
        (whole && number != floor(number))) {
        cli_buf_printf(fault, "options.%s must be a %s from %.16g to %.16g",
                       option->name, whole ? "whole number" : "number",
                       option->min, option->max);
        return false;
    }
    cli_json_set(body, option->name,
                 whole ? json_integer((json_int_t)number) : json_real(number));
    return true;
}

static bool set_output(struct cli_llm_request *request, const char *value,
                       struct cli_buf *fault)
{
    request->as_chunks = strcmp(value, "chunks") == 0;
    if (!request->as_chunks && strcmp(value, "text") != 0) {
        cli_buf_text(fault, "options.output must be text or chunks");
        return false;
    }
    return true;
}

static bool set_option(struct cli_llm_request *request, json_t *body,
                       const struct rnl_pair *pair, struct cli_buf *fault)
{
    const struct option *option = find_option(pair->key);
    if (option == NULL) {
        cli_buf_printf(fault, "options.%s is none of an llm job", pair->key);
        return false;
    }
    if (option->type == OPTION_NUMBER || option->type == OPTION_INTEGER)
        return set_number(body, option, pair->value, fault);
    if (strcmp(option->name, "output") == 0)
        return set_output(request, pair->value, fault);
    if (option->type == OPTION_TEXT)
        cli_json_set_text(body, option->name, pair->value);
    else
        json_array_insert_new(
            json_object_get(body, "messages"), 0,
            make_message("system", pair->value, strlen(pair->value)));
    return true;
}

/* --- what is not the job's to choose --- */

static bool check_model(const struct cli_llm_models *models, json_t *body,
                        struct cli_buf *fault)
{
    const json_t *model = json_object_get(body, "model");
    if (model == NULL) {
        cli_json_set_text(body, "model", models->names[0]);
        return true;
    }
    const char *name = json_string_value(model);
    for (size_t i = 0; name != NULL && i < models->count; i++) {
        if (strcmp(models->names[i], name) == 0)
            return true;
    }
    if (name != NULL && models->any)
        return true;
    cli_buf_printf(fault, "options.model: this worker has %s, not %.100s",
                   models->names[0], name == NULL ? "that" : name);
    return false;
}

static bool check_limits(const struct cli_llm_request *request,
                         const json_t *body, struct cli_buf *fault)
{
    const json_t *n = json_object_get(body, "n");
    if (n != NULL && !json_is_null(n) && json_integer_value(n) != 1) {
        cli_buf_text(fault, "input: n must be 1: a job has one output");
        return false;
    }
    /* A call of a tool is no text. */
    if (!request->as_chunks && (json_object_get(body, "tools") != NULL ||
                                json_object_get(body, "functions") != NULL)) {
        cli_buf_text(fault, "input: tools need options.output=chunks");
        return false;
    }
    return true;
}

static void set_streaming(json_t *body)
{
    json_t *streaming = cli_json_object();
    cli_json_set_bool(streaming, "include_usage", true);
    cli_json_set_bool(body, "stream", true);
    cli_json_set(body, "stream_options", streaming);
}

static bool finish(const struct cli_llm_models *models,
                   const struct rnl_job *job, json_t *body,
                   struct cli_llm_request *request, struct cli_buf *fault)
{
    if (!check_messages(json_object_get(body, "messages"), fault))
        return false;
    for (size_t i = 0; i < job->option_count; i++) {
        if (!set_option(request, body, &job->options[i], fault))
            return false;
    }
    if (!check_model(models, body, fault) ||
        !check_limits(request, body, fault))
        return false;
    set_streaming(body);
    cli_json_add(&request->body, body);
    return true;
}

bool cli_llm_request_make(const struct cli_llm_models *models,
                          const struct rnl_job *job,
                          struct cli_llm_request *ret_request,
                          struct cli_buf *fault)
{
    *ret_request = (struct cli_llm_request){0};
    json_t *body = is_json(job->input_content_type) ? read_json(job, fault)
                                                    : read_text(job, fault);
    if (body == NULL)
        return false;
    bool made = finish(models, job, body, ret_request, fault);
    json_decref(body);
    return made;
}
