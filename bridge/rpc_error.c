/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_error.h"

#include <ctype.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "pbjson.h"
#include "rpc_details.h"

/* An encoded detail: the violations of a request, of which there are few. */
#define DETAIL_BYTES_MAX ((size_t)1 << 20)

#define TYPE_PREFIX "type.googleapis.com/"

static const char *sentence_of(const struct rnl_problem *problem)
{
    return problem->detail != NULL && *problem->detail != '\0'
               ? problem->detail
               : rnl_code_text((int)problem->code);
}

/* Appends base64 without padding, which both protocols want so; fails with
 * bytes. */
static void put_base64(struct rnl_text *text, const struct rnl_text *bytes)
{
    if (bytes->failed)
        text->failed = true;
    rnl_base64_put(text, (const uint8_t *)bytes->data, bytes->len);
    while (!text->failed && text->len > 0 && text->data[text->len - 1] == '=')
        text->len--;
}

/* Where protobuf-c packs to. */
struct sink {
    ProtobufCBuffer base;
    struct rnl_text *text;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
    rnl_text_put(((struct sink *)buffer)->text, data, len);
}

static void put_packed(struct rnl_text *text, const ProtobufCMessage *message)
{
    struct sink sink = {{append}, text};
    protobuf_c_message_pack_to_buffer(message, &sink.base);
}

/* --- Connect --- */

/* "invalid_argument"; "canceled" has one l there. */
static void put_code(struct rnl_text *text, enum rnl_code code)
{
    const char *name = rnl_code_name((int)code);
    rnl_text_put_byte(text, '"');
    if (code == RNL_CANCELLED)
        name = "CANCELED";
    for (; *name != '\0'; name++)
        rnl_text_put_byte(text, (char)tolower((unsigned char)*name));
    rnl_text_put_byte(text, '"');
}

/* "debug" is the detail for people, as the protocol allows. */
static void put_detail(struct rnl_text *text, const ProtobufCMessage *detail)
{
    struct rnl_text bytes, json;
    struct rnl_pbjson_error error;
    rnl_text_init(&bytes, DETAIL_BYTES_MAX);
    rnl_text_init(&json, DETAIL_BYTES_MAX);
    put_packed(&bytes, detail);
    rnl_text_printf(text, "{\"type\":\"%s\",\"value\":\"",
                    detail->descriptor->name);
    put_base64(text, &bytes);
    rnl_text_put_byte(text, '"');
    if (rnl_pbjson_write(detail, &json, &error) == RNL_OK) {
        rnl_text_puts(text, ",\"debug\":");
        rnl_text_put(text, json.data, json.len);
    }
    rnl_text_put_byte(text, '}');
    rnl_text_fini(&bytes);
    rnl_text_fini(&json);
}

/* An error without details is better than none. */
static void put_details(struct rnl_text *text,
                        const struct rnl_problem *problem)
{
    struct rnl_rpc_details details;
    struct rnl_text list;
    rnl_rpc_details_init(&details, problem);
    rnl_text_init(&list, DETAIL_BYTES_MAX);
    for (size_t i = 0; i < details.count; i++) {
        rnl_text_puts(&list, i == 0 ? ",\"details\":[" : ",");
        put_detail(&list, details.messages[i]);
    }
    if (details.count > 0)
        rnl_text_put_byte(&list, ']');
    if (!list.failed)
        rnl_text_put(text, list.data, list.len);
    rnl_text_fini(&list);
    rnl_rpc_details_fini(&details);
}

void rnl_rpc_put_error(struct rnl_text *text, const struct rnl_problem *problem)
{
    char *sentence = rnl_rpc_utf8(sentence_of(problem));
    rnl_text_puts(text, "{\"code\":");
    put_code(text, problem->code);
    if (sentence != NULL) {
        rnl_text_puts(text, ",\"message\":");
        rnl_text_put_json(text, sentence, strlen(sentence));
    }
    rnl_free(sentence);
    put_details(text, problem);
    rnl_text_put_byte(text, '}');
}

static void put_connect_end(struct rnl_text *text,
                            const struct rnl_problem *problem)
{
    size_t at = rnl_rpc_begin(text);
    rnl_text_puts(text, problem != NULL ? "{\"error\":" : "{");
    if (problem != NULL)
        rnl_rpc_put_error(text, problem);
    rnl_text_put_byte(text, '}');
    rnl_rpc_seal(text, at, RNL_RPC_CONNECT_END);
}

/* --- gRPC-Web --- */

/* What is no visible ASCII, and '%', as %XX: a line break must not begin
 * another trailer. */
static void put_percent(struct rnl_text *text, const char *string)
{
    for (; *string != '\0'; string++) {
        unsigned char byte = (unsigned char)*string;
        if (byte >= 0x20 && byte < 0x7f && byte != '%')
            rnl_text_put_byte(text, *string);
        else
            rnl_text_printf(text, "%%%02X", (unsigned)byte);
    }
}

/* A detail as google.protobuf.Any; its bytes are in value and type. */
struct packed {
    Google__Protobuf__Any any;
    struct rnl_text value;
    struct rnl_text type;
};

static bool pack(struct packed *packed, const ProtobufCMessage *detail)
{
    rnl_text_init(&packed->value, DETAIL_BYTES_MAX);
    rnl_text_init(&packed->type, DETAIL_BYTES_MAX);
    put_packed(&packed->value, detail);
    rnl_text_puts(&packed->type, TYPE_PREFIX);
    rnl_text_puts(&packed->type, detail->descriptor->name);
    rnl_text_put_byte(&packed->type, '\0');
    google__protobuf__any__init(&packed->any);
    packed->any.type_url = packed->type.data;
    packed->any.value.data = (uint8_t *)packed->value.data;
    packed->any.value.len = packed->value.len;
    return !packed->value.failed && !packed->type.failed;
}

/* google.rpc.Status: what gRPC's clients find details in. Appends nothing when
 * memory is out. */
static void put_rich_status(struct rnl_text *text,
                            const struct rnl_problem *problem,
                            const struct rnl_rpc_details *details)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    struct packed packed[RNL_RPC_DETAILS_MAX];
    Google__Protobuf__Any *any[RNL_RPC_DETAILS_MAX];
    char *sentence = rnl_rpc_utf8(sentence_of(problem));
    bool well = sentence != NULL;
    for (size_t i = 0; i < details->count; i++) {
        any[i] = &packed[i].any;
        well = pack(&packed[i], details->messages[i]) && well;
    }
    if (well) {
        status.code = (int32_t)problem->code;
        status.message = sentence;
        status.n_details = details->count;
        status.details = any;
        put_packed(text, &status.base);
    }
    for (size_t i = 0; i < details->count; i++) {
        rnl_text_fini(&packed[i].value);
        rnl_text_fini(&packed[i].type);
    }
    rnl_free(sentence);
}

static void put_grpc_details(struct rnl_text *text,
                             const struct rnl_problem *problem)
{
    struct rnl_rpc_details details;
    struct rnl_text bytes;
    rnl_rpc_details_init(&details, problem);
    rnl_text_init(&bytes, DETAIL_BYTES_MAX);
    if (details.count > 0)
        put_rich_status(&bytes, problem, &details);
    if (bytes.len > 0 && !bytes.failed) {
        rnl_text_puts(text, "grpc-status-details-bin: ");
        put_base64(text, &bytes);
        rnl_text_puts(text, "\r\n");
    }
    rnl_text_fini(&bytes);
    rnl_rpc_details_fini(&details);
}

static void put_trailers(struct rnl_text *text,
                         const struct rnl_problem *problem)
{
    size_t at = rnl_rpc_begin(text);
    rnl_text_printf(text, "grpc-status: %d\r\n",
                    problem != NULL ? (int)problem->code : 0);
    if (problem != NULL) {
        rnl_text_puts(text, "grpc-message: ");
        put_percent(text, sentence_of(problem));
        rnl_text_puts(text, "\r\n");
        put_grpc_details(text, problem);
    }
    rnl_rpc_seal(text, at, RNL_RPC_GRPC_TRAILERS);
}

void rnl_rpc_put_end(struct rnl_text *text, const struct rnl_rpc_form *form,
                     const struct rnl_problem *problem)
{
    if (form->protocol == RNL_RPC_GRPC_WEB)
        put_trailers(text, problem);
    else
        put_connect_end(text, problem);
}
