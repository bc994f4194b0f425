/* SPDX-License-Identifier: Apache-2.0 */
#include "llm_answer.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "utf8.h"

void cli_llm_answer_fini(struct cli_llm_answer *answer)
{
    cli_buf_fini(&answer->output);
    cli_sse_fini(&answer->sse);
}

bool cli_llm_answer_whole(const struct cli_llm_answer *answer)
{
    return !answer->failed &&
           (answer->done || answer->finish_reason[0] != '\0');
}

static void fail(struct cli_llm_answer *answer, const char *why)
{
    answer->failed = true;
    cli_llm_verdict_set(&answer->verdict, RNL_DATA_LOSS, true,
                        "the server's answer cannot be read: %s", why);
}

static bool add_text(struct cli_llm_answer *answer, const json_t *text)
{
    if (!json_is_string(text) || json_string_length(text) == 0)
        return false;
    cli_buf_add(&answer->output, json_string_value(text),
                json_string_length(text));
    return true;
}

/* A refusal comes in place of the content: a person has to read it too. */
static void take_delta(struct cli_llm_answer *answer, const json_t *delta)
{
    if (answer->as_chunks)
        return;
    add_text(answer, json_object_get(delta, "content"));
    if (add_text(answer, json_object_get(delta, "refusal")))
        answer->refused = true;
}

/* A request asks for one choice (llm_request.h). */
static void take_choices(struct cli_llm_answer *answer, const json_t *choices)
{
    size_t index;
    json_t *choice;
    json_array_foreach(choices, index, choice)
    {
        const json_t *number = json_object_get(choice, "index");
        const char *reason =
            json_string_value(json_object_get(choice, "finish_reason"));
        if (json_integer_value(number) != 0)
            continue;
        answer->chunk_count++;
        take_delta(answer, json_object_get(choice, "delta"));
        if (reason != NULL)
            snprintf(answer->finish_reason, sizeof(answer->finish_reason), "%s",
                     reason);
    }
}

/* Of the whole answer so far; some servers send it with each chunk. */
static void take_usage(struct cli_llm_answer *answer, const json_t *usage)
{
    if (!json_is_object(usage))
        return;
    answer->has_usage = true;
    answer->prompt_tokens = cli_json_u64(usage, "prompt_tokens");
    answer->completion_tokens = cli_json_u64(usage, "completion_tokens");
}

static void take_model(struct cli_llm_answer *answer, const json_t *chunk)
{
    const char *model = json_string_value(json_object_get(chunk, "model"));
    if (answer->model[0] == '\0' && model != NULL) {
        size_t len = strlen(model);
        size_t room = sizeof(answer->model) - 1;
        memcpy(answer->model, model,
               rnl_utf8_cut(model, len, len < room ? len : room));
    }
}

static void take_chunk(struct cli_llm_answer *answer, const json_t *chunk)
{
    const json_t *error = json_object_get(chunk, "error");
    if (error != NULL && !json_is_null(error)) {
        answer->failed = true;
        cli_llm_judge_error(error, &answer->verdict);
        return;
    }
    take_choices(answer, json_object_get(chunk, "choices"));
    take_usage(answer, json_object_get(chunk, "usage"));
    take_model(answer, chunk);
    if (answer->as_chunks) {
        cli_json_add(&answer->output, chunk);
        cli_buf_text(&answer->output, "\n");
    }
}

static void take_event(struct cli_llm_answer *answer)
{
    const struct cli_sse *sse = &answer->sse;
    /* A sign of life of some servers. */
    if (sse->len == 0)
        return;
    if (sse->len == 6 && memcmp(sse->data, "[DONE]", 6) == 0) {
        answer->done = true;
        return;
    }
    json_error_t error;
    json_t *chunk = json_loadb(sse->data, sse->len,
                               JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(chunk)) {
        take_chunk(answer, chunk);
    } else if (strcmp(sse->type, "error") == 0) {
        answer->failed = true;
        cli_llm_verdict_set(&answer->verdict, RNL_UNAVAILABLE, true,
                            "the server ended its answer with an error: %.*s",
                            (int)(sse->len < 300 ? sse->len : 300), sse->data);
    } else {
        fail(answer, chunk == NULL ? error.text : "a chunk is no JSON object");
    }
    json_decref(chunk);
}

void cli_llm_answer_feed(struct cli_llm_answer *answer, const char *data,
                         size_t len)
{
    while (len > 0 && !answer->done && !answer->failed) {
        size_t used = 0;
        enum cli_sse_result result =
            cli_sse_feed(&answer->sse, data, len, &used);
        if (result == CLI_SSE_TOO_LONG)
            fail(answer, "an event is longer than 1 MiB");
        else if (result == CLI_SSE_EVENT)
            take_event(answer);
        data += used;
        len -= used;
    }
}
