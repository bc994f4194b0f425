/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes protobuf's wire format one field at a time, without memory
 * of its own: for the few messages that are handled so often that unpacking
 * them into a tree of allocations would be felt (the envelope and the control
 * frames). Everything else goes through protobuf-c.
 *
 * Stricter than protobuf where that costs no honest peer anything: field
 * number 0, groups and varints of more than ten bytes are errors.
 */
#ifndef RNL_PROTO_WIRE_H
#define RNL_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A varint of 64 bits takes at most 10 bytes, one of 32 bits 5. */
#define RNL_VARINT_MAX   10
#define RNL_VARINT32_MAX 5

enum rnl_wire_type {
    RNL_WIRE_VARINT = 0,
    RNL_WIRE_FIXED64 = 1,
    RNL_WIRE_BYTES = 2,
    RNL_WIRE_FIXED32 = 5,
};

/* What is left to read. */
struct rnl_wire {
    const uint8_t *at;
    const uint8_t *end;
};

struct rnl_wire_field {
    uint32_t number;
    enum rnl_wire_type type;
    /* VARINT, FIXED64 and FIXED32. */
    uint64_t value;
    /* BYTES: borrowed from the buffer that is read. */
    const uint8_t *data;
    size_t len;
};

enum rnl_wire_result {
    RNL_WIRE_FIELD,
    RNL_WIRE_END,
    RNL_WIRE_BROKEN,
};

/* Reads the next field; *ret_field is written for RNL_WIRE_FIELD only. */
enum rnl_wire_result rnl_wire_next(struct rnl_wire *wire,
                                   struct rnl_wire_field *ret_field);

/* Reads one varint; false when it is cut off or longer than ten bytes. */
bool rnl_wire_varint(struct rnl_wire *wire, uint64_t *ret_value);

/* Writes a varint and returns its length, at most RNL_VARINT_MAX. */
size_t rnl_wire_put_varint(uint8_t *out, uint64_t value);

/* What rnl_wire_put_head writes at most. */
#define RNL_WIRE_HEAD_MAX (1 + RNL_VARINT_MAX)

/* Writes the tag of a field, whose number is below 16, and its value, which of
 * RNL_WIRE_BYTES is the length. Returns the place behind. */
uint8_t *rnl_wire_put_head(uint8_t *out, uint32_t number,
                           enum rnl_wire_type type, uint64_t value);

#endif
