/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to message. A message under construction is valid at every step, so
 * that a failure anywhere frees it like any other. */
#include <string.h>

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>

#include "alloc.h"
#include "json_memory.h"
#include "pbjson_private.h"
#include "rfc3339.h"

static bool read_message(struct pbjson_path *path,
                         const ProtobufCMessageDescriptor *descriptor,
                         const json_t *value, ProtobufCMessage **ret_message);

static ProtobufCMessage *create_message(
    const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = rnl_malloc(descriptor->sizeof_message);
    if (message != NULL)
        protobuf_c_message_init(descriptor, message);
    return message;
}

/* One element into a slot that owns nothing yet. */
static bool read_value(struct pbjson_path *path,
                       const ProtobufCFieldDescriptor *field,
                       const json_t *value, void *slot)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return read_message(path, field->descriptor, value, slot);
    return pbjson_read_scalar(path, field, value, slot);
}

static bool read_time(struct pbjson_path *path, ProtobufCMessage *message,
                      const json_t *value)
{
    Google__Protobuf__Timestamp *stamp = (void *)message;
    if (json_is_string(value) &&
        rnl_timestamp_parse(json_string_value(value), json_string_length(value),
                            &stamp->seconds, &stamp->nanos))
        return true;
    return pbjson_fail(path, "must be a time such as "
                             "\"2026-01-31T12:00:00Z\"");
}

static bool read_duration(struct pbjson_path *path, ProtobufCMessage *message,
                          const json_t *value)
{
    Google__Protobuf__Duration *span = (void *)message;
    if (json_is_string(value) &&
        rnl_duration_parse(json_string_value(value), json_string_length(value),
                           &span->seconds, &span->nanos))
        return true;
    return pbjson_fail(path, "must be a duration in seconds such as \"1.5s\"");
}

/* Room for count elements, none of which counts yet. */
static bool make_room(ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field, size_t count,
                      size_t **ret_count)
{
    void *elements = rnl_calloc(count, pbjson_element_size(field));
    if (elements == NULL)
        return false;
    *(void **)rnl_pbjson_slot(message, field->offset) = elements;
    *ret_count = rnl_pbjson_slot(message, field->quantifier_offset);
    return true;
}

static bool read_repeated(struct pbjson_path *path, ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field,
                          const json_t *array)
{
    size_t *count;
    size_t total = json_array_size(array);
    if (!json_is_array(array))
        return pbjson_fail(path, "must be an array");
    if (total == 0)
        return true;
    if (!make_room(message, field, total, &count))
        return false;
    char *elements = *(char **)rnl_pbjson_slot(message, field->offset);
    size_t size = pbjson_element_size(field);
    for (size_t i = 0; i < total; i++) {
        size_t before = pbjson_push_index(path, i);
        if (!read_value(path, field, json_array_get(array, i),
                        elements + i * size))
            return false;
        *count = i + 1;
        pbjson_pop(path, before);
    }
    return true;
}

/* A map's key comes as a string, whatever its type is. */
static bool read_key(struct pbjson_path *path,
                     const ProtobufCFieldDescriptor *field, const char *key,
                     void *slot)
{
    json_t *value;
    if (field->type != PROTOBUF_C_TYPE_BOOL)
        value = json_string(key);
    else if (strcmp(key, "true") == 0 || strcmp(key, "false") == 0)
        value = json_boolean(*key == 't');
    else
        return pbjson_fail(path, "must have the keys true and false only");
    bool ok = value != NULL && pbjson_read_scalar(path, field, value, slot);
    json_decref(value);
    return ok;
}

static bool read_entry(struct pbjson_path *path, ProtobufCMessage *entry,
                       const char *key, const json_t *value)
{
    const ProtobufCFieldDescriptor *fields = entry->descriptor->fields;
    return read_key(path, &fields[0], key,
                    rnl_pbjson_slot(entry, fields[0].offset)) &&
           read_value(path, &fields[1], value,
                      rnl_pbjson_slot(entry, fields[1].offset));
}

static bool read_map(struct pbjson_path *path, ProtobufCMessage *message,
                     const ProtobufCFieldDescriptor *field,
                     const json_t *object)
{
    size_t *count;
    if (!json_is_object(object))
        return pbjson_fail(path, "must be an object");
    if (json_object_size(object) == 0)
        return true;
    if (!make_room(message, field, json_object_size(object), &count))
        return false;
    ProtobufCMessage **entries =
        *(ProtobufCMessage ***)rnl_pbjson_slot(message, field->offset);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t before = pbjson_push_name(path, key);
        ProtobufCMessage *entry = create_message(field->descriptor);
        if (entry == NULL)
            return false;
        entries[(*count)++] = entry;
        if (!read_entry(path, entry, key, value))
            return false;
        pbjson_pop(path, before);
    }
    return true;
}

/* A slot of its own first: a oneof's members share theirs, and its case must
 * not name a member before that member is there. */
static bool read_singular(struct pbjson_path *path, ProtobufCMessage *message,
                          const ProtobufCFieldDescriptor *field,
                          const json_t *value)
{
    union {
        uint64_t number;
        void *pointer;
        ProtobufCBinaryData bytes;
    } element = {0};
    uint32_t *chosen = NULL;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        chosen = rnl_pbjson_slot(message, field->quantifier_offset);
        if (*chosen != 0)
            return pbjson_fail(path, "cannot be given together with %s",
                               protobuf_c_message_descriptor_get_field(
                                   message->descriptor, *chosen)
                                   ->name);
    }
    if (!read_value(path, field, value, &element))
        return false;
    memcpy(rnl_pbjson_slot(message, field->offset), &element,
           pbjson_element_size(field));
    if (chosen != NULL)
        *chosen = field->id;
    return true;
}

static bool read_field(struct pbjson_path *path, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field,
                       const json_t *value)
{
    if (json_is_null(value))
        return true;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return read_singular(path, message, field, value);
    if (rnl_pbjson_is_map(message->descriptor, field))
        return read_map(path, message, field, value);
    return read_repeated(path, message, field, value);
}

/* Both spellings of one name are two members of an object but one field. */
static bool given_twice(const json_t *object, const char *key,
                        const ProtobufCFieldDescriptor *field)
{
    return strcmp(key, field->name) != 0 &&
           json_object_get(object, field->name) != NULL;
}

static bool read_fields(struct pbjson_path *path, ProtobufCMessage *message,
                        const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t before = pbjson_push_name(path, key);
        const ProtobufCFieldDescriptor *field =
            rnl_pbjson_field(message->descriptor, key);
        if (field == NULL)
            return pbjson_fail(path, "there is no such field in %s",
                               message->descriptor->short_name);
        if (given_twice(object, key, field))
            return pbjson_fail(path, "is given twice");
        if (!read_field(path, message, field, value))
            return false;
        pbjson_pop(path, before);
    }
    return true;
}

static bool fill_message(struct pbjson_path *path, ProtobufCMessage *message,
                         const json_t *value)
{
    if (message->descriptor == &google__protobuf__timestamp__descriptor)
        return read_time(path, message, value);
    if (message->descriptor == &google__protobuf__duration__descriptor)
        return read_duration(path, message, value);
    if (!json_is_object(value))
        return pbjson_fail(path, "must be an object");
    if (path->depth == RNL_PBJSON_DEPTH_MAX)
        return pbjson_fail(path, "is nested more than %d deep",
                           RNL_PBJSON_DEPTH_MAX);
    path->depth++;
    bool ok = read_fields(path, message, value);
    path->depth--;
    return ok;
}

static bool read_message(struct pbjson_path *path,
                         const ProtobufCMessageDescriptor *descriptor,
                         const json_t *value, ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = create_message(descriptor);
    if (message == NULL)
        return false;
    if (!fill_message(path, message, value)) {
        rnl_pbjson_free(message);
        return false;
    }
    *ret_message = message;
    return true;
}

enum rnl_code rnl_pbjson_read(const ProtobufCMessageDescriptor *descriptor,
                              const json_t *value,
                              ProtobufCMessage **ret_message,
                              struct rnl_pbjson_error *ret_error)
{
    struct pbjson_path path;
    pbjson_path_init(&path, ret_error);
    if (read_message(&path, descriptor, value, ret_message))
        return RNL_OK;
    if (ret_error->what[0] != '\0')
        return RNL_INVALID_ARGUMENT;
    pbjson_fail(&path, "memory is out");
    return RNL_RESOURCE_EXHAUSTED;
}

void rnl_pbjson_free(ProtobufCMessage *message)
{
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, &rnl_pb_allocator);
}

enum rnl_code rnl_pbjson_parse(const char *data, size_t len, json_t **ret_value,
                               struct rnl_pbjson_error *ret_error)
{
    struct pbjson_path path;
    json_error_t error;
    pbjson_path_init(&path, ret_error);
    json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
    /* jansson says nothing when it was memory that failed. */
    if (value == NULL && error.text[0] == '\0') {
        pbjson_fail(&path,
                    "the JSON takes more memory, parsed, than the %zu bytes "
                    "that there are for a request",
                    RNL_JSON_BYTES_MAX);
        return RNL_RESOURCE_EXHAUSTED;
    }
    if (value == NULL) {
        pbjson_fail(&path, "the JSON is malformed at line %d, column %d: %s",
                    error.line, error.column, error.text);
        return RNL_INVALID_ARGUMENT;
    }
    *ret_value = value;
    return RNL_OK;
}
