/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_form.h"

#include <string.h>
#include <strings.h>

#include "base64.h"

struct content {
    const char *type;
    struct rnl_rpc_form form;
};

/* The first of a form is what its answers say. */
static const struct content contents[] = {
    {"application/json", {RNL_RPC_CONNECT, true, false, false}},
    {"application/proto", {RNL_RPC_CONNECT, false, false, false}},
    {"application/connect+json", {RNL_RPC_CONNECT_STREAM, true, false, false}},
    {"application/connect+proto",
     {RNL_RPC_CONNECT_STREAM, false, false, false}},
    {"application/grpc-web+proto", {RNL_RPC_GRPC_WEB, false, false, false}},
    {"application/grpc-web", {RNL_RPC_GRPC_WEB, false, false, false}},
    {"application/grpc-web+json", {RNL_RPC_GRPC_WEB, true, false, false}},
    {"application/grpc-web-text+proto", {RNL_RPC_GRPC_WEB, false, true, true}},
    {"application/grpc-web-text", {RNL_RPC_GRPC_WEB, false, true, true}},
};
#define CONTENT_COUNT (sizeof(contents) / sizeof(contents[0]))

bool rnl_rpc_form_find(const char *content_type, size_t len,
                       struct rnl_rpc_form *ret_form)
{
    size_t type_len = 0;
    while (type_len < len && strchr("; \t", content_type[type_len]) == NULL)
        type_len++;
    for (size_t i = 0; i < CONTENT_COUNT; i++) {
        if (strlen(contents[i].type) != type_len ||
            strncasecmp(contents[i].type, content_type, type_len) != 0)
            continue;
        *ret_form = contents[i].form;
        return true;
    }
    return false;
}

void rnl_rpc_form_accept(struct rnl_rpc_form *form, const char *accept,
                         size_t len)
{
    struct rnl_rpc_form wanted;
    if (form->protocol == RNL_RPC_GRPC_WEB && !form->is_json &&
        rnl_rpc_form_find(accept, len, &wanted) && wanted.is_text)
        form->is_text = true;
}

const char *rnl_rpc_form_type(const struct rnl_rpc_form *form)
{
    for (size_t i = 0; i < CONTENT_COUNT; i++) {
        const struct rnl_rpc_form *other = &contents[i].form;
        if (other->protocol == form->protocol &&
            other->is_json == form->is_json && other->is_text == form->is_text)
            return contents[i].type;
    }
    return "application/octet-stream";
}

/* --- time-outs --- */

static bool read_digits(const char *value, size_t len, size_t len_max,
                        int64_t *ret_number)
{
    int64_t number = 0;
    if (len == 0 || len > len_max)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        number = number * 10 + (value[i] - '0');
    }
    *ret_number = number;
    return true;
}

bool rnl_rpc_timeout_connect(const char *value, size_t len, int64_t *ret_ms)
{
    return read_digits(value, len, 10, ret_ms);
}

bool rnl_rpc_timeout_grpc(const char *value, size_t len, int64_t *ret_ms)
{
    static const struct {
        char unit;
        int64_t ns;
    } units[] = {
        {'H', 3600000000000}, {'M', 60000000000}, {'S', 1000000000},
        {'m', 1000000},       {'u', 1000},        {'n', 1},
    };
    const int64_t ms = 1000000;
    int64_t number;
    if (len == 0 || !read_digits(value, len - 1, 8, &number))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].unit != value[len - 1])
            continue;
        *ret_ms = units[i].ns >= ms ? number * (units[i].ns / ms)
                                    : (number * units[i].ns + ms - 1) / ms;
        return true;
    }
    return false;
}

/* --- envelopes --- */

static size_t message_len(const uint8_t *envelope)
{
    return (size_t)envelope[1] << 24 | (size_t)envelope[2] << 16 |
           (size_t)envelope[3] << 8 | envelope[4];
}

static enum rnl_code fail(enum rnl_code code, const char *what,
                          const char **ret_what)
{
    *ret_what = what;
    return code;
}

enum rnl_code rnl_rpc_open(struct rnl_rpc_bytes body,
                           struct rnl_rpc_message *ret_message,
                           const char **ret_what)
{
    if (body.len == 0)
        return fail(RNL_UNIMPLEMENTED,
                    "the body has no message; it must have "
                    "one",
                    ret_what);
    if (body.len < RNL_RPC_ENVELOPE_LEN ||
        message_len(body.data) > body.len - RNL_RPC_ENVELOPE_LEN)
        return fail(RNL_INVALID_ARGUMENT,
                    "the body ends before its message does", ret_what);
    if ((body.data[0] & ~RNL_RPC_COMPRESSED) != 0)
        return fail(RNL_INVALID_ARGUMENT,
                    "the flags of the message are not known", ret_what);
    size_t len = message_len(body.data);
    if (len != body.len - RNL_RPC_ENVELOPE_LEN)
        return fail(RNL_UNIMPLEMENTED,
                    "there is something after the one message that the body "
                    "may have",
                    ret_what);
    *ret_message = (struct rnl_rpc_message){
        .bytes = {body.data + RNL_RPC_ENVELOPE_LEN, len},
        .is_compressed = body.data[0] == RNL_RPC_COMPRESSED};
    return RNL_OK;
}

bool rnl_rpc_untext(const char *text, size_t len, uint8_t *out, size_t *ret_len)
{
    size_t out_len = 0;
    while (len > 0) {
        const char *padding = memchr(text, '=', len);
        size_t piece = padding != NULL ? (size_t)(padding - text) + 1 : len;
        size_t made;
        if (padding != NULL && piece < len && text[piece] == '=')
            piece++;
        if (!rnl_base64_decode(text, piece, out + out_len, &made))
            return false;
        out_len += made;
        text += piece;
        len -= piece;
    }
    *ret_len = out_len;
    return true;
}

size_t rnl_rpc_begin(struct rnl_text *text)
{
    static const char room[RNL_RPC_ENVELOPE_LEN];
    size_t at = text->len;
    rnl_text_put(text, room, sizeof(room));
    return at;
}

void rnl_rpc_seal(struct rnl_text *text, size_t at, uint8_t flags)
{
    if (text->failed)
        return;
    size_t len = text->len - at - RNL_RPC_ENVELOPE_LEN;
    const uint8_t envelope[RNL_RPC_ENVELOPE_LEN] = {
        flags, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
        (uint8_t)len};
    memcpy(text->data + at, envelope, sizeof(envelope));
}

void rnl_rpc_to_text(struct rnl_text *text)
{
    struct rnl_text out;
    rnl_text_init(&out, text->len_max);
    if (text->failed)
        out.failed = true;
    else
        rnl_base64_put(&out, (const uint8_t *)text->data, text->len);
    rnl_text_fini(text);
    *text = out;
}
