/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms in which a call of a method comes over HTTP/1.1 and is answered:
 *
 *   Connect     application/json, application/proto: one message is the body
 *   Connect     application/connect+json, +proto: enveloped messages
 *   gRPC-Web    application/grpc-web[+proto|+json]: the same envelopes, with
 *               the trailers in a last one
 *   gRPC-Web    application/grpc-web-text[+proto]: that, in base64
 *
 * An envelope is a byte of flags, the length as 4 bytes, big end first, and
 * the message. Here is what needs no socket: types of content, time-outs,
 * envelopes. The specifications are connectrpc.com/docs/protocol and
 * PROTOCOL-WEB.md of gRPC.
 */
#ifndef RNL_BRIDGE_RPC_FORM_H
#define RNL_BRIDGE_RPC_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "text.h"

enum rnl_rpc_protocol {
    RNL_RPC_CONNECT,
    RNL_RPC_CONNECT_STREAM,
    RNL_RPC_GRPC_WEB,
};

struct rnl_rpc_form {
    enum rnl_rpc_protocol protocol;
    bool is_json;
    /* gRPC-Web in base64: the answer; the request. */
    bool is_text;
    bool request_is_text;
};

/* What a server of these lists when it is sent something else. */
#define RNL_RPC_CONTENT_TYPES                                         \
    "application/json, application/proto, application/connect+json, " \
    "application/connect+proto, application/grpc-web, "               \
    "application/grpc-web+proto, application/grpc-web+json, "         \
    "application/grpc-web-text, application/grpc-web-text+proto"

/* Finds the form of a content-type, whose parameters are ignored; false when
 * it is none of these. */
bool rnl_rpc_form_find(const char *content_type, size_t len,
                       struct rnl_rpc_form *ret_form);

/* Lets an accept header ask for base64, as gRPC-Web has it. */
void rnl_rpc_form_accept(struct rnl_rpc_form *form, const char *accept,
                         size_t len);

/* The content-type of an answer. */
const char *rnl_rpc_form_type(const struct rnl_rpc_form *form);

/* Reads Connect-Timeout-Ms: 1 to 10 digits. False when it is none. */
bool rnl_rpc_timeout_connect(const char *value, size_t len, int64_t *ret_ms);

/* Reads grpc-timeout: 1 to 8 digits and one of H M S m u n, rounded up to a
 * millisecond. False when it is none. */
bool rnl_rpc_timeout_grpc(const char *value, size_t len, int64_t *ret_ms);

/* --- envelopes --- */

#define RNL_RPC_ENVELOPE_LEN 5

enum {
    RNL_RPC_COMPRESSED = 0x01,
    RNL_RPC_CONNECT_END = 0x02,
    RNL_RPC_GRPC_TRAILERS = 0x80,
};

/* The bytes of a message; borrowed from what it was found in. */
struct rnl_rpc_bytes {
    const uint8_t *data;
    size_t len;
};

/* A message that came in an envelope. */
struct rnl_rpc_message {
    struct rnl_rpc_bytes bytes;
    bool is_compressed;
};

/*
 * Finds the one message that body is the envelope of. *ret_what says what is
 * wrong, and is static.
 *
 * Errors: RNL_INVALID_ARGUMENT for a cut envelope or unknown flags;
 * RNL_UNIMPLEMENTED for none or several, as gRPC has it.
 */
RNL_MUST_USE enum rnl_code rnl_rpc_open(struct rnl_rpc_bytes body,
                                        struct rnl_rpc_message *ret_message,
                                        const char **ret_what);

/* Decodes base64 that was made in pieces, each with its own padding; out has
 * room for RNL_BASE64_DECODED_MAX(len) bytes. False when it is none. */
bool rnl_rpc_untext(const char *text, size_t len, uint8_t *out,
                    size_t *ret_len);

/* Begins an envelope at the end of text; what is put after it is its message.
 * Returns where it is, for rnl_rpc_seal. */
size_t rnl_rpc_begin(struct rnl_text *text);

/* Ends the envelope that begins at a place of text. */
void rnl_rpc_seal(struct rnl_text *text, size_t at, uint8_t flags);

/* Turns the whole text into base64. */
void rnl_rpc_to_text(struct rnl_text *text);

#endif
