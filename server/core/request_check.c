/* SPDX-License-Identifier: Apache-2.0 */
#include "request_check.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* The place in the message; len is the path's length so far. */
struct path {
    char *text;
    size_t len;
};

static struct path step(struct path path, const char *name, size_t index,
                        bool repeated)
{
    size_t room = RNL_FIELD_PATH_MAX - path.len;
    const char *dot = path.len == 0 ? "" : ".";
    int len = repeated
                  ? snprintf(path.text + path.len, room, "%s%s[%zu]", dot, name,
                             index)
                  : snprintf(path.text + path.len, room, "%s%s", dot, name);
    path.len += (size_t)len < room ? (size_t)len : room - 1;
    return path;
}

static bool check_message(const ProtobufCMessage *message, struct path path);

/* at points to a char * or a message pointer, as the field's type is. */
static bool check_value(const ProtobufCFieldDescriptor *field, const void *at,
                        size_t index, struct path path)
{
    const void *value = *(const void *const *)at;
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (value == NULL)
        return true;
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (rnl_utf8_valid(value, strlen(value)))
            return true;
        step(path, field->name, index, repeated);
        return false;
    }
    return check_message(value, step(path, field->name, index, repeated));
}

static bool is_set(const ProtobufCFieldDescriptor *field, const uint8_t *base)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return true;
    uint32_t which;
    memcpy(&which, base + field->quantifier_offset, sizeof(which));
    return which == field->id;
}

static bool check_field(const ProtobufCFieldDescriptor *field,
                        const uint8_t *base, struct path path)
{
    const uint8_t *at = base + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return !is_set(field, base) || check_value(field, at, 0, path);
    size_t count;
    memcpy(&count, base + field->quantifier_offset, sizeof(count));
    const void *const *items = *(const void *const *const *)at;
    for (size_t i = 0; i < count; i++)
        if (!check_value(field, &items[i], i, path))
            return false;
    return true;
}

/* The schema is not recursive, so neither is this beyond its depth. */
static bool check_message(const ProtobufCMessage *message, struct path path)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_STRING &&
            field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (!check_field(field, (const uint8_t *)message, path))
            return false;
    }
    return true;
}

bool rnl_request_check_text(const ProtobufCMessage *message,
                            char ret_path[RNL_FIELD_PATH_MAX])
{
    ret_path[0] = '\0';
    return check_message(message, (struct path){ret_path, 0});
}
