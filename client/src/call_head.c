/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a Call frame, written by hand since it is one of the few that
 * every call needs. */
#include <string.h>

#include "alloc.h"
#include "call_private.h"
#include "wire.h"

#define METHOD_LEN_MAX     ((size_t)256)
#define METADATA_COUNT_MAX ((size_t)32)
#define METADATA_ENTRY_MAX ((size_t)1024)

/* Tag and value of the timeout, or tag and length of the method. */
#define TIMEOUT_ROOM ((size_t)1 + RNL_VARINT32_MAX)

#define TAG(number, type) ((uint8_t)((number) << 3 | (type)))

/* Field numbers of Call. */
enum call_field {
    CALL_METHOD = 1,
    CALL_TIMEOUT_MS = 2,
    CALL_METADATA = 3,
};

static size_t put_bytes(uint8_t *out, uint32_t field, const char *text)
{
    size_t text_len = strlen(text);
    size_t len = 0;
    out[len++] = TAG(field, RNL_WIRE_BYTES);
    len += rnl_wire_put_varint(out + len, text_len);
    memcpy(out + len, text, text_len);
    return len + text_len;
}

/* The lengths of an entry and its two parts take at most 5 bytes each. */
#define ENTRY_OVERHEAD ((size_t)3 * (1 + RNL_VARINT32_MAX))

static size_t put_entry(uint8_t *out, const struct rnl_pair *pair)
{
    uint8_t inner[METADATA_ENTRY_MAX + ENTRY_OVERHEAD];
    size_t inner_len = put_bytes(inner, 1, pair->key);
    inner_len += put_bytes(inner + inner_len, 2, pair->value);
    size_t len = 0;
    out[len++] = TAG(CALL_METADATA, RNL_WIRE_BYTES);
    len += rnl_wire_put_varint(out + len, inner_len);
    memcpy(out + len, inner, inner_len);
    return len + inner_len;
}

static size_t entry_len(const struct rnl_pair *pair)
{
    return strlen(pair->key) + strlen(pair->value);
}

const char *rnl_call_head_fault(const struct rnl_call_options *options,
                                const char *method)
{
    if (method == NULL || method[0] == '\0' || strlen(method) > METHOD_LEN_MAX)
        return "method must have 1 to 256 bytes";
    if (options->metadata_count > METADATA_COUNT_MAX)
        return "metadata must have at most 32 entries";
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct rnl_pair *pair = &options->metadata[i];
        if (pair->key == NULL || pair->value == NULL ||
            entry_len(pair) > METADATA_ENTRY_MAX)
            return "an entry of metadata must have a key and a value, of at "
                   "most 1024 bytes together";
    }
    return NULL;
}

enum rnl_code rnl_call_encode_head(struct rnl_call *call, const char *method)
{
    const struct rnl_call_options *options = &call->options;
    size_t cap = strlen(method) + 2 * TIMEOUT_ROOM;
    for (size_t i = 0; i < options->metadata_count; i++)
        cap += entry_len(&options->metadata[i]) + ENTRY_OVERHEAD;
    call->head = rnl_malloc(cap);
    if (call->head == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    call->head_len = put_bytes(call->head, CALL_METHOD, method);
    for (size_t i = 0; i < options->metadata_count; i++)
        call->head_len +=
            put_entry(call->head + call->head_len, &options->metadata[i]);
    return RNL_OK;
}

static uint32_t timeout_left_ms(const struct rnl_call *call)
{
    if (call->deadline_ns == INT64_MAX)
        return 0;
    int64_t left = (call->deadline_ns - call->client->now_ns) / RNL_NS_PER_MS;
    /* 0 would mean none; a day is as good as more. */
    return left < 1                 ? 1
           : left > RNL_WAIT_MS_MAX ? (uint32_t)RNL_WAIT_MS_MAX
                                    : (uint32_t)left;
}

bool rnl_call_send_head(struct rnl_call *call)
{
    size_t len = call->head_len;
    uint32_t timeout_ms = timeout_left_ms(call);
    if (timeout_ms != 0) {
        call->head[len++] = TAG(CALL_TIMEOUT_MS, RNL_WIRE_VARINT);
        len += rnl_wire_put_varint(call->head + len, timeout_ms);
    }
    return rnl_output_frame(call->client, call->id, RNL_FRAME_CALL, call->head,
                            len);
}
