/* SPDX-License-Identifier: Apache-2.0 */
/* Message to JSON text. */
#include <string.h>

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>

#include "base64.h"
#include "pbjson_private.h"
#include "rfc3339.h"
#include "utf8.h"

struct writer {
    struct rnl_text *text;
    struct pbjson_path path;
};

static bool write_message(struct writer *writer,
                          const ProtobufCMessage *message);

static bool write_string(struct writer *writer, const char *string)
{
    if (string == NULL)
        string = "";
    size_t len = strlen(string);
    if (!rnl_utf8_valid(string, len))
        return pbjson_fail(&writer->path, "is not UTF-8");
    rnl_text_put_json(writer->text, string, len);
    return true;
}

static void put_quoted(struct rnl_text *text, const char *plain)
{
    rnl_text_put_byte(text, '"');
    rnl_text_puts(text, plain);
    rnl_text_put_byte(text, '"');
}

/* The mapping has 64-bit numbers as strings. */
static void write_64(struct rnl_text *text, bool negative, uint64_t magnitude)
{
    char out[RNL_DECIMAL_MAX];
    rnl_text_puts(text, negative ? "\"-" : "\"");
    rnl_text_put(text, out, rnl_decimal_write(out, magnitude));
    rnl_text_put_byte(text, '"');
}

static void write_int64(struct rnl_text *text, int64_t value)
{
    write_64(text, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void write_enum(struct writer *writer,
                       const ProtobufCEnumDescriptor *descriptor, int number)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(descriptor, number);
    if (value != NULL)
        put_quoted(writer->text, value->name);
    else
        rnl_text_put_signed(writer->text, number);
}

static void write_bytes(struct writer *writer, const ProtobufCBinaryData *bytes)
{
    rnl_text_put_byte(writer->text, '"');
    rnl_base64_put(writer->text, bytes->data, bytes->len);
    rnl_text_put_byte(writer->text, '"');
}

/* One element; slot points at it. */
static bool write_value(struct writer *writer,
                        const ProtobufCFieldDescriptor *field, const void *slot)
{
    struct rnl_text *text = writer->text;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        rnl_text_put_signed(text, *(const int32_t *)slot);
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        rnl_text_put_unsigned(text, *(const uint32_t *)slot);
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_int64(text, *(const int64_t *)slot);
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_64(text, false, *(const uint64_t *)slot);
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
        rnl_text_put_float(text, *(const float *)slot);
        return true;
    case PROTOBUF_C_TYPE_DOUBLE:
        rnl_text_put_double(text, *(const double *)slot);
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        rnl_text_puts(text,
                      *(const protobuf_c_boolean *)slot ? "true" : "false");
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(writer, field->descriptor, *(const int *)slot);
        return true;
    case PROTOBUF_C_TYPE_STRING:
        return write_string(writer, *(char *const *)slot);
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(writer, slot);
        return true;
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(writer, *(ProtobufCMessage *const *)slot);
    }
    return pbjson_fail(&writer->path, "has a type that is not known");
}

static bool write_repeated(struct writer *writer,
                           const ProtobufCFieldDescriptor *field,
                           const char *elements, size_t count)
{
    size_t size = pbjson_element_size(field);
    rnl_text_put_byte(writer->text, '[');
    for (size_t i = 0; i < count && !writer->text->failed; i++) {
        if (i > 0)
            rnl_text_put_byte(writer->text, ',');
        size_t before = pbjson_push_index(&writer->path, i);
        if (!write_value(writer, field, elements + i * size))
            return false;
        pbjson_pop(&writer->path, before);
    }
    rnl_text_put_byte(writer->text, ']');
    return true;
}

/* Keys of an object are strings, whatever type they have in the schema. */
static bool write_key(struct writer *writer,
                      const ProtobufCFieldDescriptor *field, const void *slot)
{
    bool quoted = pbjson_element_size(field) == 8 ||
                  field->type == PROTOBUF_C_TYPE_STRING;
    if (!quoted)
        rnl_text_put_byte(writer->text, '"');
    if (!write_value(writer, field, slot))
        return false;
    rnl_text_puts(writer->text, quoted ? ":" : "\":");
    return true;
}

static bool write_map(struct writer *writer, ProtobufCMessage *const *entries,
                      size_t count)
{
    rnl_text_put_byte(writer->text, '{');
    for (size_t i = 0; i < count && !writer->text->failed; i++) {
        const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
        if (i > 0)
            rnl_text_put_byte(writer->text, ',');
        size_t before = pbjson_push_index(&writer->path, i);
        if (!write_key(writer, &fields[0],
                       rnl_pbjson_slot(entries[i], fields[0].offset)) ||
            !write_value(writer, &fields[1],
                         rnl_pbjson_slot(entries[i], fields[1].offset)))
            return false;
        pbjson_pop(&writer->path, before);
    }
    rnl_text_put_byte(writer->text, '}');
    return true;
}

/* Whether a singular field outside a oneof has its default value, which the
 * mapping leaves out. */
static bool is_default(const ProtobufCFieldDescriptor *field, const void *slot)
{
    static const uint64_t zero;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
        const char *string = *(char *const *)slot;
        return string == NULL || *string == '\0';
    }
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)slot)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(void *const *)slot == NULL;
    default:
        return memcmp(slot, &zero, pbjson_element_size(field)) == 0;
    }
}

static size_t count_of(const ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field)
{
    return *(size_t *)rnl_pbjson_slot(message, field->quantifier_offset);
}

static bool is_absent(const ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return count_of(message, field) == 0;
    const void *slot = rnl_pbjson_slot(message, field->offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return is_default(field, slot);
    uint32_t chosen =
        *(uint32_t *)rnl_pbjson_slot(message, field->quantifier_offset);
    return chosen != field->id || (field->type == PROTOBUF_C_TYPE_MESSAGE &&
                                   *(void *const *)slot == NULL);
}

static bool write_field(struct writer *writer, const ProtobufCMessage *message,
                        const ProtobufCFieldDescriptor *field)
{
    void *slot = rnl_pbjson_slot(message, field->offset);
    size_t before = pbjson_push_name(&writer->path, field->name);
    pbjson_put_name(writer->text, field->name);
    rnl_text_put_byte(writer->text, ':');
    bool ok;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        ok = write_value(writer, field, slot);
    else if (rnl_pbjson_is_map(message->descriptor, field))
        ok = write_map(writer, *(ProtobufCMessage ***)slot,
                       count_of(message, field));
    else
        ok = write_repeated(writer, field, *(char **)slot,
                            count_of(message, field));
    if (ok)
        pbjson_pop(&writer->path, before);
    return ok;
}

static bool write_fields(struct writer *writer, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    bool first = true;
    rnl_text_put_byte(writer->text, '{');
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        if (is_absent(message, &descriptor->fields[i]))
            continue;
        if (!first)
            rnl_text_put_byte(writer->text, ',');
        first = false;
        if (!write_field(writer, message, &descriptor->fields[i]))
            return false;
    }
    rnl_text_put_byte(writer->text, '}');
    return true;
}

static bool write_message(struct writer *writer,
                          const ProtobufCMessage *message)
{
    char time[RNL_TIME_TEXT_MAX];
    if (message->descriptor == &google__protobuf__timestamp__descriptor) {
        const Google__Protobuf__Timestamp *stamp = (const void *)message;
        if (!rnl_timestamp_format(stamp->seconds, stamp->nanos, time))
            return pbjson_fail(&writer->path, "is no time of years 1 to 9999");
        put_quoted(writer->text, time);
        return true;
    }
    if (message->descriptor == &google__protobuf__duration__descriptor) {
        const Google__Protobuf__Duration *span = (const void *)message;
        if (!rnl_duration_format(span->seconds, span->nanos, time))
            return pbjson_fail(&writer->path, "is no duration");
        put_quoted(writer->text, time);
        return true;
    }
    if (writer->path.depth == RNL_PBJSON_DEPTH_MAX)
        return pbjson_fail(&writer->path, "is nested too deep");
    writer->path.depth++;
    bool ok = write_fields(writer, message);
    writer->path.depth--;
    return ok;
}

enum rnl_code rnl_pbjson_write(const ProtobufCMessage *message,
                               struct rnl_text *text,
                               struct rnl_pbjson_error *ret_error)
{
    struct writer writer = {.text = text};
    pbjson_path_init(&writer.path, ret_error);
    if (!write_message(&writer, message))
        return RNL_INTERNAL;
    if (text->failed) {
        pbjson_fail(&writer.path,
                    "the answer is above %zu bytes, or memory "
                    "is out",
                    text->len_max);
        return RNL_RESOURCE_EXHAUSTED;
    }
    return RNL_OK;
}
