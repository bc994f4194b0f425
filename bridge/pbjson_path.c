/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pbjson_private.h"

void pbjson_path_init(struct pbjson_path *path, struct rnl_pbjson_error *error)
{
    *path = (struct pbjson_path){.error = error};
    error->field[0] = '\0';
    error->what[0] = '\0';
}

/* What has no room is cut off. Called for each field that is written or read,
 * hence no printf. */
static void append(struct pbjson_path *path, const char *text, size_t len)
{
    size_t room = sizeof(path->error->field) - 1 - path->len;
    if (len > room)
        len = room;
    memcpy(path->error->field + path->len, text, len);
    path->len += len;
    path->error->field[path->len] = '\0';
}

size_t pbjson_push_name(struct pbjson_path *path, const char *name)
{
    size_t before = path->len;
    if (before > 0)
        append(path, ".", 1);
    append(path, name, strlen(name));
    return before;
}

size_t pbjson_push_index(struct pbjson_path *path, size_t index)
{
    size_t before = path->len;
    char digits[RNL_DECIMAL_MAX];
    append(path, "[", 1);
    append(path, digits, rnl_decimal_write(digits, index));
    append(path, "]", 1);
    return before;
}

void pbjson_pop(struct pbjson_path *path, size_t len)
{
    path->len = len;
    path->error->field[len] = '\0';
}

bool pbjson_fail(struct pbjson_path *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(path->error->what, sizeof(path->error->what), format, args);
    va_end(args);
    return false;
}

size_t pbjson_element_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}
