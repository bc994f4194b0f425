/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the mapping: of fields, of enum values, of map entries. */
#include "pbjson.h"

#include <ctype.h>
#include <string.h>

#include "pbjson_private.h"

/* Runs of letters at once. */
void pbjson_put_name(struct rnl_text *text, const char *name)
{
    rnl_text_put_byte(text, '"');
    while (*name != '\0') {
        size_t run = strcspn(name, "_");
        rnl_text_put(text, name, run);
        name += run;
        if (*name == '\0' || *++name == '\0')
            break;
        rnl_text_put_byte(text, (char)toupper((unsigned char)*name++));
    }
    rnl_text_put_byte(text, '"');
}

/* Compares a .proto name with its lowerCamelCase form, letter by letter. */
static bool is_camel(const char *name, const char *camel)
{
    for (; *name != '\0'; name++) {
        char want = *name;
        if (want == '_') {
            if (name[1] == '\0')
                break;
            want = (char)toupper((unsigned char)*++name);
        }
        if (*camel++ != want)
            return false;
    }
    return *camel == '\0';
}

const ProtobufCFieldDescriptor *rnl_pbjson_field(
    const ProtobufCMessageDescriptor *descriptor, const char *name)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        if (strcmp(field->name, name) == 0 || is_camel(field->name, name))
            return field;
    }
    return NULL;
}

/* Skips "JOB_STATE_" of "JOB_STATE_RUNNING" in the enum "JobState"; returns the
 * value's name as it is when it does not begin so. */
static const char *skip_prefix(const char *enum_name, const char *value_name)
{
    const char *at = value_name;
    for (const char *c = enum_name; *c != '\0'; c++) {
        if (isupper((unsigned char)*c) && c != enum_name && *at++ != '_')
            return value_name;
        if (*at++ != toupper((unsigned char)*c))
            return value_name;
    }
    return *at == '_' ? at + 1 : value_name;
}

const ProtobufCEnumValue *rnl_pbjson_enum_loose(
    const ProtobufCEnumDescriptor *descriptor, const char *name)
{
    for (unsigned i = 0; i < descriptor->n_values; i++) {
        const ProtobufCEnumValue *value = &descriptor->values[i];
        if (strcmp(value->name, name) == 0 ||
            strcasecmp(skip_prefix(descriptor->short_name, value->name),
                       name) == 0)
            return value;
    }
    return NULL;
}

bool rnl_pbjson_is_map(const ProtobufCMessageDescriptor *parent,
                       const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED ||
        field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t parent_len = strlen(parent->name);
    size_t short_len = strlen(entry->short_name);
    if (strncmp(entry->name, parent->name, parent_len) != 0 ||
        entry->name[parent_len] != '.' || short_len < strlen("Entry") ||
        strcmp(entry->short_name + short_len - strlen("Entry"), "Entry") != 0)
        return false;
    return entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
           entry->fields[0].id == 1 &&
           strcmp(entry->fields[1].name, "value") == 0 &&
           entry->fields[1].id == 2;
}
