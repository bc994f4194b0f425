/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of a chat completions server: the same whole and in pieces, its
 * output valid text, nothing after its end. */
#include "fuzz.h"

#include <string.h>

#include "llm_answer.h"
#include "utf8.h"

static bool same(const struct cli_llm_answer *a, const struct cli_llm_answer *b)
{
    return a->output.len == b->output.len && a->done == b->done &&
           a->failed == b->failed && a->refused == b->refused &&
           a->chunk_count == b->chunk_count &&
           a->prompt_tokens == b->prompt_tokens &&
           strcmp(cli_buf_str(&a->output), cli_buf_str(&b->output)) == 0 &&
           strcmp(a->verdict.message, b->verdict.message) == 0 &&
           strcmp(a->finish_reason, b->finish_reason) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_llm_answer whole = {0};
    struct cli_llm_answer cut = {0};
    uint8_t how = fuzz_byte(&data, &size);
    const char *text = (const char *)data;
    whole.as_chunks = cut.as_chunks = how & 1;
    cli_llm_answer_feed(&whole, text, size);
    for (size_t at = 0, len; at < size; at += len) {
        len = fuzz_cut(how, at, size - at);
        cli_llm_answer_feed(&cut, text + at, len);
    }
    FUZZ_CHECK(same(&whole, &cut));
    FUZZ_CHECK(rnl_utf8_valid(whole.output.data, whole.output.len));
    FUZZ_CHECK(
        rnl_utf8_valid(whole.verdict.message, strlen(whole.verdict.message)));
    size_t len = whole.output.len;
    if (whole.done || whole.failed)
        cli_llm_answer_feed(&whole, "data: {\"choices\":[]}\n\n", 22);
    FUZZ_CHECK(!(whole.done || whole.failed) || whole.output.len == len);
    FUZZ_CHECK(!whole.failed || !cli_llm_answer_whole(&whole));
    cli_llm_answer_fini(&cut);
    cli_llm_answer_fini(&whole);
    return 0;
}
