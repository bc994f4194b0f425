/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values to scalars, with every range checked. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "base64.h"
#include "pbjson_private.h"

/* A whole number with room for both 64-bit types. */
struct whole {
    bool negative;
    uint64_t magnitude;
};

static bool whole_from_text(const char *text, size_t len, struct whole *ret)
{
    size_t i = 0;
    ret->negative = len > 0 && text[0] == '-';
    ret->magnitude = 0;
    if (ret->negative)
        i++;
    if (i == len)
        return false;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' ||
            __builtin_mul_overflow(ret->magnitude, 10, &ret->magnitude) ||
            __builtin_add_overflow(ret->magnitude, (uint64_t)(text[i] - '0'),
                                   &ret->magnitude))
            return false;
    }
    return true;
}

/* 1e3 and 5.0 are whole numbers too. Doubles from 2^63 on are refused: they
 * stand for one exact number, but rarely for the one that was meant. */
static bool whole_from_real(double real, struct whole *ret)
{
    if (!(fabs(real) < 0x1p63) || real != trunc(real))
        return false;
    ret->negative = real < 0;
    ret->magnitude = (uint64_t)fabs(real);
    return true;
}

static bool whole_from_json(const json_t *value, struct whole *ret)
{
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        ret->negative = number < 0;
        ret->magnitude = ret->negative ? -(uint64_t)number : (uint64_t)number;
        return true;
    }
    if (json_is_real(value))
        return whole_from_real(json_real_value(value), ret);
    return json_is_string(value) &&
           whole_from_text(json_string_value(value), json_string_length(value),
                           ret);
}

static bool read_signed(struct pbjson_path *path, const json_t *value,
                        int64_t min, int64_t max, int64_t *ret_number)
{
    struct whole whole;
    bool fits = whole_from_json(value, &whole);
    if (fits && whole.negative)
        fits = whole.magnitude <= -(uint64_t)min;
    else if (fits)
        fits = whole.magnitude <= (uint64_t)max;
    if (!fits)
        return pbjson_fail(
            path, "must be a whole number from %" PRId64 " to %" PRId64, min,
            max);
    *ret_number =
        (int64_t)(whole.negative ? -whole.magnitude : whole.magnitude);
    return true;
}

static bool read_unsigned(struct pbjson_path *path, const json_t *value,
                          uint64_t max, uint64_t *ret_number)
{
    struct whole whole;
    if (!whole_from_json(value, &whole) ||
        (whole.negative && whole.magnitude != 0) || whole.magnitude > max)
        return pbjson_fail(path, "must be a whole number from 0 to %" PRIu64,
                           max);
    *ret_number = whole.magnitude;
    return true;
}

static bool real_from_text(const char *text, double *ret_real)
{
    if (strcmp(text, "NaN") == 0)
        *ret_real = NAN;
    else if (strcmp(text, "Infinity") == 0)
        *ret_real = INFINITY;
    else if (strcmp(text, "-Infinity") == 0)
        *ret_real = -INFINITY;
    else {
        /* strtod also takes blanks, hexadecimal and other names. */
        if (*text == '\0' || text[strspn(text, "+-0123456789.eE")] != '\0')
            return false;
        char *end;
        *ret_real = strtod(text, &end);
        return *end == '\0' && isfinite(*ret_real);
    }
    return true;
}

static bool read_real(struct pbjson_path *path, const json_t *value,
                      double *ret_real)
{
    if (json_is_number(value)) {
        *ret_real = json_number_value(value);
        return true;
    }
    if (json_is_string(value) &&
        real_from_text(json_string_value(value), ret_real))
        return true;
    return pbjson_fail(path, "must be a number, \"NaN\", \"Infinity\" or "
                             "\"-Infinity\"");
}

static bool read_float(struct pbjson_path *path, const json_t *value,
                       float *ret_real)
{
    double real = 0;
    if (!read_real(path, value, &real))
        return false;
    if (isfinite(real) && fabs(real) > (double)FLT_MAX)
        return pbjson_fail(path, "must fit into 32 bits: at most %g",
                           (double)FLT_MAX);
    *ret_real = (float)real;
    return true;
}

static bool read_enum(struct pbjson_path *path,
                      const ProtobufCEnumDescriptor *descriptor,
                      const json_t *value, int *ret_number)
{
    if (json_is_string(value)) {
        const ProtobufCEnumValue *named =
            protobuf_c_enum_descriptor_get_value_by_name(
                descriptor, json_string_value(value));
        if (named == NULL)
            return pbjson_fail(
                path, "must be a name of %s, such as %s",
                descriptor->short_name,
                descriptor->values[descriptor->n_values - 1].name);
        *ret_number = named->value;
        return true;
    }
    int64_t number = 0;
    if (!json_is_number(value) ||
        !read_signed(path, value, INT32_MIN, INT32_MAX, &number))
        return pbjson_fail(path, "must be a name or a number of %s",
                           descriptor->short_name);
    *ret_number = (int)number;
    return true;
}

static bool read_string(struct pbjson_path *path, const json_t *value,
                        char **ret_string)
{
    if (!json_is_string(value))
        return pbjson_fail(path, "must be a string");
    /* jansson has checked UTF-8 and refused U+0000. */
    *ret_string =
        rnl_strndup(json_string_value(value), json_string_length(value));
    return *ret_string != NULL;
}

static bool read_bytes(struct pbjson_path *path, const json_t *value,
                       ProtobufCBinaryData *ret_bytes)
{
    if (!json_is_string(value))
        return pbjson_fail(path, "must be a string of base64");
    size_t len = json_string_length(value);
    uint8_t *data = rnl_malloc(RNL_BASE64_DECODED_MAX(len));
    if (data == NULL)
        return false;
    if (!rnl_base64_decode(json_string_value(value), len, data,
                           &ret_bytes->len)) {
        rnl_free(data);
        return pbjson_fail(path, "must be base64");
    }
    ret_bytes->data = data;
    return true;
}

static bool read_bool(struct pbjson_path *path, const json_t *value,
                      protobuf_c_boolean *ret_flag)
{
    if (!json_is_boolean(value))
        return pbjson_fail(path, "must be true or false");
    *ret_flag = json_is_true(value);
    return true;
}

static bool read_32(struct pbjson_path *path, bool is_signed,
                    const json_t *value, void *slot)
{
    int64_t number = 0;
    uint64_t magnitude = 0;
    if (is_signed) {
        if (!read_signed(path, value, INT32_MIN, INT32_MAX, &number))
            return false;
        *(int32_t *)slot = (int32_t)number;
        return true;
    }
    if (!read_unsigned(path, value, UINT32_MAX, &magnitude))
        return false;
    *(uint32_t *)slot = (uint32_t)magnitude;
    return true;
}

bool pbjson_read_scalar(struct pbjson_path *path,
                        const ProtobufCFieldDescriptor *field,
                        const json_t *value, void *slot)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_32(path, true, value, slot);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_32(path, false, value, slot);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_signed(path, value, INT64_MIN, INT64_MAX, slot);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_unsigned(path, value, UINT64_MAX, slot);
    case PROTOBUF_C_TYPE_FLOAT:
        return read_float(path, value, slot);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_real(path, value, slot);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(path, value, slot);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(path, field->descriptor, value, slot);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(path, value, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(path, value, slot);
    default:
        return pbjson_fail(path, "has a type that is not known");
    }
}
