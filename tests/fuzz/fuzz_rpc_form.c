/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in a call over HTTP before its message: types, time-outs,
 * base64 in pieces, envelopes, gzip. What was opened lies within the body. */
#include "fuzz.h"

#include <stdlib.h>

#include "alloc.h"
#include "base64.h"
#include "gunzip.h"
#include "rpc_form.h"

#define INFLATED_MAX 65536

static void check_open(const uint8_t *data, size_t size)
{
    const struct rnl_rpc_bytes body = {data, size};
    struct rnl_rpc_message message;
    const char *what = NULL;
    if (rnl_rpc_open(body, &message, &what) == RNL_OK)
        FUZZ_CHECK(message.bytes.data == data + RNL_RPC_ENVELOPE_LEN &&
                   message.bytes.len == size - RNL_RPC_ENVELOPE_LEN);
    else
        FUZZ_CHECK(what != NULL);
}

static void check_text(const char *text, size_t size)
{
    uint8_t *out = rnl_malloc(RNL_BASE64_DECODED_MAX(size));
    size_t len;
    FUZZ_CHECK(out != NULL);
    if (rnl_rpc_untext(text, size, out, &len)) {
        FUZZ_CHECK(len <= RNL_BASE64_DECODED_MAX(size));
        check_open(out, len);
    }
    rnl_free(out);
}

static void check_words(const char *text, size_t size)
{
    struct rnl_rpc_form form;
    int64_t ms;
    if (rnl_rpc_form_find(text, size, &form))
        FUZZ_CHECK(rnl_rpc_form_type(&form)[0] == 'a');
    if (rnl_rpc_timeout_connect(text, size, &ms))
        FUZZ_CHECK(ms >= 0);
    if (rnl_rpc_timeout_grpc(text, size, &ms))
        FUZZ_CHECK(ms >= 0);
}

static void check_gzip(const uint8_t *data, size_t size)
{
    struct rnl_text text;
    rnl_text_init(&text, INFLATED_MAX);
    if (rnl_gunzip(data, size, &text) == RNL_OK)
        FUZZ_CHECK(!text.failed);
    FUZZ_CHECK(text.len <= INFLATED_MAX);
    rnl_text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    switch (fuzz_byte(&data, &size) % 4) {
    case 0:
        check_open(data, size);
        break;
    case 1:
        check_text((const char *)data, size);
        break;
    case 2:
        check_gzip(data, size);
        break;
    default:
        check_words((const char *)data, size);
    }
    return 0;
}
