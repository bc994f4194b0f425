/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#define TYPE_BITS    3
#define FIELD_MAX    ((UINT32_C(1) << 29) - 1)
#define PAYLOAD_BITS 7

bool rnl_wire_varint(struct rnl_wire *wire, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < RNL_VARINT_MAX * PAYLOAD_BITS;
         shift += PAYLOAD_BITS) {
        if (wire->at == wire->end)
            return false;
        uint8_t byte = *wire->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

size_t rnl_wire_put_varint(uint8_t *out, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= PAYLOAD_BITS;
    }
    out[len++] = (uint8_t)value;
    return len;
}

uint8_t *rnl_wire_put_head(uint8_t *out, uint32_t number,
                           enum rnl_wire_type type, uint64_t value)
{
    *out++ = (uint8_t)(number << TYPE_BITS | (uint32_t)type);
    return out + rnl_wire_put_varint(out, value);
}

static bool read_fixed(struct rnl_wire *wire, unsigned bytes,
                       uint64_t *ret_value)
{
    if ((size_t)(wire->end - wire->at) < bytes)
        return false;
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)wire->at[i] << (8 * i);
    wire->at += bytes;
    *ret_value = value;
    return true;
}

static bool read_bytes(struct rnl_wire *wire, struct rnl_wire_field *field)
{
    uint64_t len;
    if (!rnl_wire_varint(wire, &len) || len > (uint64_t)(wire->end - wire->at))
        return false;
    field->data = wire->at;
    field->len = (size_t)len;
    wire->at += len;
    return true;
}

static bool read_value(struct rnl_wire *wire, struct rnl_wire_field *field)
{
    switch (field->type) {
    case RNL_WIRE_VARINT:
        return rnl_wire_varint(wire, &field->value);
    case RNL_WIRE_FIXED64:
        return read_fixed(wire, 8, &field->value);
    case RNL_WIRE_BYTES:
        return read_bytes(wire, field);
    case RNL_WIRE_FIXED32:
        return read_fixed(wire, 4, &field->value);
    }
    return false; /* Groups, and types that protobuf does not know. */
}

enum rnl_wire_result rnl_wire_next(struct rnl_wire *wire,
                                   struct rnl_wire_field *ret_field)
{
    if (wire->at == wire->end)
        return RNL_WIRE_END;
    uint64_t tag;
    if (!rnl_wire_varint(wire, &tag))
        return RNL_WIRE_BROKEN;
    uint64_t number = tag >> TYPE_BITS;
    if (number == 0 || number > FIELD_MAX)
        return RNL_WIRE_BROKEN;
    struct rnl_wire_field field = {
        .number = (uint32_t)number,
        .type = (enum rnl_wire_type)(tag & ((1u << TYPE_BITS) - 1)),
    };
    if (!read_value(wire, &field))
        return RNL_WIRE_BROKEN;
    *ret_field = field;
    return RNL_WIRE_FIELD;
}
