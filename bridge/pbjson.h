/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical protobuf JSON mapping over protobuf-c descriptors: any message
 * of the schema to JSON text and back, without code for a single one of them.
 *
 *   names      lowerCamelCase; the names of the .proto file are read too
 *   64 bits    strings; exact numbers are read too
 *   enums      names; numbers are read too, and written when they have no name
 *   bytes      base64; the URL-safe alphabet and no padding are read too
 *   doubles    numbers, or "NaN", "Infinity", "-Infinity"
 *   time       google.protobuf.Timestamp as RFC 3339, Duration as "1.5s"
 *   maps       objects
 *   defaults   are not written; null is read as "not given"
 *
 * Text is parsed by jansson and written directly: jansson prints 0.1 as
 * 0.10000000000000001, and a tree of values in between would only cost.
 *
 * It is not lenient: an unknown field, two members of a oneof, a number that
 * does not fit, a repeated name, U+0000 in a string or text that is not UTF-8
 * is an error that names its place. Messages with extensions, required fields
 * or Any are not read (the schema is proto3 and has none).
 */
#ifndef RNL_BRIDGE_PBJSON_H
#define RNL_BRIDGE_PBJSON_H

#include <stddef.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <runnel/status.h>

#include "text.h"

/* Messages within messages. The schema nests 5 deep; more is an attack on the
 * stack. */
#define RNL_PBJSON_DEPTH_MAX 32

#define RNL_PBJSON_FIELD_MAX 192
#define RNL_PBJSON_WHAT_MAX  160

/* Where and why a mapping failed. */
struct rnl_pbjson_error {
    /* "config.windowSeconds[2]"; empty for the message as a whole. Cut when it
     * is longer. */
    char field[RNL_PBJSON_FIELD_MAX];
    /* "must be a whole number from 0 to 4294967295" */
    char what[RNL_PBJSON_WHAT_MAX];
};

/*
 * Appends message to text as one line of JSON.
 *
 * Errors: RNL_RESOURCE_EXHAUSTED when text failed; RNL_INTERNAL when the
 * message holds what JSON cannot (a string that is not UTF-8, a time out of
 * range). The text is then of no use.
 */
RNL_MUST_USE enum rnl_code rnl_pbjson_write(const ProtobufCMessage *message,
                                            struct rnl_text *text,
                                            struct rnl_pbjson_error *ret_error);

/*
 * Parses JSON text. The caller owns *ret_value (json_decref).
 *
 * Errors: RNL_INVALID_ARGUMENT, with line and column in error->what;
 * RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_pbjson_parse(const char *data, size_t len,
                                            json_t **ret_value,
                                            struct rnl_pbjson_error *ret_error);

/*
 * Makes a message of an object. The caller frees it with rnl_pbjson_free.
 *
 * Errors: RNL_INVALID_ARGUMENT with the place; RNL_RESOURCE_EXHAUSTED.
 */
RNL_MUST_USE enum rnl_code rnl_pbjson_read(
    const ProtobufCMessageDescriptor *descriptor, const json_t *value,
    ProtobufCMessage **ret_message, struct rnl_pbjson_error *ret_error);

/* Accepts NULL. */
void rnl_pbjson_free(ProtobufCMessage *message);

/* The field of that name, either spelling; NULL when there is none. */
const ProtobufCFieldDescriptor *rnl_pbjson_field(
    const ProtobufCMessageDescriptor *descriptor, const char *name);

/* The value of that full name in an enum; NULL when there is none. Also by its
 * name without the enum's prefix, in either case: "running" is
 * JOB_STATE_RUNNING. Not part of the mapping; for parameters of a query. */
const ProtobufCEnumValue *rnl_pbjson_enum_loose(
    const ProtobufCEnumDescriptor *descriptor, const char *name);

/* Whether a field is a map: protobuf-c shows it as a repeated message
 * Parent.FieldEntry{key = 1, value = 2}. */
bool rnl_pbjson_is_map(const ProtobufCMessageDescriptor *parent,
                       const ProtobufCFieldDescriptor *field);

/* The place of a field in its message, and the count of a repeated one or the
 * case of a oneof. */
static inline void *rnl_pbjson_slot(const void *message, unsigned offset)
{
    return (char *)(uintptr_t)message + offset;
}

#endif
