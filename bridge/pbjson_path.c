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

static void append(struct pbjson_path *path, int len)
{
    size_t room = sizeof(path->error->field) - 1 - path->len;
    path->len += len > 0 && (size_t)len < room ? (size_t)len : room;
}

size_t pbjson_push_name(struct pbjson_path *path, const char *name)
{
    size_t before = path->len;
    append(path, snprintf(path->error->field + before,
                          sizeof(path->error->field) - before, "%s%s",
                          before > 0 ? "." : "", name));
    return before;
}

size_t pbjson_push_index(struct pbjson_path *path, size_t index)
{
    size_t before = path->len;
    append(path, snprintf(path->error->field + before,
                          sizeof(path->error->field) - before, "[%zu]", index));
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
