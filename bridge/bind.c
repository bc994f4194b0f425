/* SPDX-License-Identifier: Apache-2.0 */
#include "bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "query.h"

/* What is being bound. */
struct binding {
    json_t *object;
    const ProtobufCMessageDescriptor *descriptor;
    const char *name;
    const char *value;
    struct rnl_pbjson_error *error;
};

static enum rnl_code fail(const struct binding *binding, const char *format,
                          ...) __attribute__((format(printf, 2, 3)));

static enum rnl_code fail(const struct binding *binding, const char *format,
                          ...)
{
    va_list args;
    va_start(args, format);
    snprintf(binding->error->field, sizeof(binding->error->field), "%s",
             binding->name);
    vsnprintf(binding->error->what, sizeof(binding->error->what), format, args);
    va_end(args);
    return RNL_INVALID_ARGUMENT;
}

/* Steals value, which is NULL when memory is out. */
static enum rnl_code put(const struct binding *binding, json_t *object,
                         const char *key, json_t *value)
{
    if (json_object_get(object, key) != NULL) {
        json_decref(value);
        return fail(binding, "is given twice");
    }
    return json_object_set_new(object, key, value) == 0
               ? RNL_OK
               : RNL_RESOURCE_EXHAUSTED;
}

/* A JSON value that the field's type reads; NULL when there is none, and then
 * *ret_code tells why. Numbers stay text: the mapping reads them so. */
static json_t *make_value(const struct binding *binding,
                          const ProtobufCFieldDescriptor *field,
                          enum rnl_code *ret_code)
{
    const char *text = binding->value;
    *ret_code = RNL_RESOURCE_EXHAUSTED;
    if (field->type == PROTOBUF_C_TYPE_BOOL) {
        if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
            return json_boolean(*text == 't');
        *ret_code = fail(binding, "must be true or false");
        return NULL;
    }
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        const ProtobufCEnumDescriptor *names = field->descriptor;
        const ProtobufCEnumValue *named = rnl_pbjson_enum_loose(names, text);
        if (named != NULL)
            return json_string(named->name);
        *ret_code =
            fail(binding, "must be a name of %s, such as %s", names->short_name,
                 names->values[names->n_values - 1].name);
        return NULL;
    }
    return json_string(text);
}

/* The member of that name, made when it is not there; NULL when it is of
 * another type or memory is out. */
static json_t *member(json_t *object, const char *name, json_type type)
{
    json_t *value = json_object_get(object, name);
    if (value == NULL) {
        value = type == JSON_ARRAY ? json_array() : json_object();
        if (json_object_set_new(object, name, value) != 0)
            return NULL;
    }
    return json_typeof(value) == type ? value : NULL;
}

static enum rnl_code bind_map(const struct binding *binding, const char *dot)
{
    char name[RNL_PBJSON_FIELD_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)(dot - binding->name),
             binding->name);
    const ProtobufCFieldDescriptor *field =
        rnl_pbjson_field(binding->descriptor, name);
    if (field == NULL || !rnl_pbjson_is_map(binding->descriptor, field))
        return fail(binding, "there is no such parameter");
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    json_t *map = member(binding->object, field->name, JSON_OBJECT);
    enum rnl_code code;
    json_t *value = make_value(binding, &entry->fields[1], &code);
    if (map == NULL || value == NULL) {
        json_decref(value);
        return code;
    }
    return put(binding, map, dot + 1, value);
}

static enum rnl_code bind_field(const struct binding *binding,
                                const ProtobufCFieldDescriptor *field)
{
    enum rnl_code code;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return fail(binding, "cannot be given in the query");
    json_t *value = make_value(binding, field, &code);
    if (value == NULL)
        return code;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return put(binding, binding->object, field->name, value);
    json_t *array = member(binding->object, field->name, JSON_ARRAY);
    return array != NULL && json_array_append_new(array, value) == 0
               ? RNL_OK
               : RNL_RESOURCE_EXHAUSTED;
}

static enum rnl_code bind_window(const struct binding *binding,
                                 const ProtobufCFieldDescriptor *field)
{
    uint32_t seconds;
    char text[16];
    if (!rnl_query_window(binding->value, &seconds))
        return fail(binding, "must be a time such as 300, 90s, 5m or 1h, or "
                             "all");
    snprintf(text, sizeof(text), "%u", seconds);
    struct binding in_seconds = *binding;
    in_seconds.value = text;
    return bind_field(&in_seconds, field);
}

enum rnl_code rnl_bind(json_t *object,
                       const ProtobufCMessageDescriptor *descriptor,
                       const char *name, const char *value,
                       struct rnl_pbjson_error *ret_error)
{
    static const char *const short_names[][2] = {
        {"key", "keys"}, {"value", "values"}, {"state", "states"}};
    struct binding binding = {object, descriptor, name, value, ret_error};
    const ProtobufCFieldDescriptor *field = rnl_pbjson_field(descriptor, name);
    if (field != NULL)
        return bind_field(&binding, field);
    const char *dot = strchr(name, '.');
    if (dot != NULL)
        return bind_map(&binding, dot);
    field = rnl_pbjson_field(descriptor, "window_seconds");
    if (field != NULL && strcmp(name, "window") == 0)
        return bind_window(&binding, field);
    for (size_t i = 0; i < sizeof(short_names) / sizeof(short_names[0]); i++) {
        field = rnl_pbjson_field(descriptor, short_names[i][1]);
        if (field != NULL && strcmp(name, short_names[i][0]) == 0)
            return bind_field(&binding, field);
    }
    return fail(&binding, "there is no such parameter");
}
