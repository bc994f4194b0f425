/* SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include <string.h>

#include "hash.h"

#define VERSION_AT 4

uint64_t rnl_zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

int64_t rnl_unzigzag(uint64_t number)
{
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

size_t rnl_varint_len(uint64_t number)
{
    size_t len = 1;
    while (number >= 0x80) {
        number >>= 7;
        len++;
    }
    return len;
}

uint8_t *rnl_put_varint(uint8_t *out, uint64_t number)
{
    return out + rnl_wire_put_varint(out, number);
}

uint8_t *rnl_put_word(uint8_t *out, uint64_t word)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(word >> (8 * i));
    return out + 8;
}

uint8_t *rnl_put_double(uint8_t *out, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof(word));
    return rnl_put_word(out, word);
}

void rnl_write_varint(struct rnl_writer *writer, uint64_t number)
{
    if (writer->out != NULL)
        rnl_put_varint(writer->out + writer->len, number);
    writer->len += rnl_varint_len(number);
}

void rnl_write_word(struct rnl_writer *writer, uint64_t word)
{
    if (writer->out != NULL)
        rnl_put_word(writer->out + writer->len, word);
    writer->len += 8;
}

void rnl_write_double(struct rnl_writer *writer, double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof(word));
    rnl_write_word(writer, word);
}

void rnl_write_tag(struct rnl_writer *writer, uint32_t field,
                   enum rnl_wire_type type)
{
    rnl_write_varint(writer, (uint64_t)field << 3 | (uint64_t)type);
}

bool rnl_get_varint(struct rnl_wire *in, uint64_t *ret_number)
{
    /* Nearly all have one byte, and those one form. */
    if (in->at < in->end && *in->at < 0x80) {
        *ret_number = *in->at++;
        return true;
    }
    const uint8_t *begin = in->at;
    uint64_t number;
    if (!rnl_wire_varint(in, &number))
        return false;
    /* Neither zeros at the end nor bits beyond the 64th. */
    uint8_t last = in->at[-1];
    if (last == 0 || (in->at - begin == RNL_VARINT_MAX && last > 1))
        return false;
    *ret_number = number;
    return true;
}

bool rnl_get_word(struct rnl_wire *in, uint64_t *ret_word)
{
    if (in->end - in->at < 8)
        return false;
    uint64_t word = 0;
    for (size_t i = 0; i < 8; i++)
        word |= (uint64_t)in->at[i] << (8 * i);
    in->at += 8;
    *ret_word = word;
    return true;
}

bool rnl_get_double(struct rnl_wire *in, double *ret_number)
{
    uint64_t word;
    if (!rnl_get_word(in, &word))
        return false;
    memcpy(ret_number, &word, sizeof(word));
    return true;
}

uint8_t *rnl_sketch_head(uint8_t *out, const char letters[4], uint8_t version)
{
    memcpy(out, letters, VERSION_AT);
    out[VERSION_AT] = version;
    return out + RNL_SKETCH_HEAD_LEN;
}

void rnl_sketch_seal(uint8_t *begin, uint8_t *end)
{
    rnl_put_word(end, rnl_hash(begin, (size_t)(end - begin), 0));
}

enum rnl_code rnl_sketch_open(const uint8_t *bytes, size_t len,
                              const char letters[4], uint8_t version,
                              struct rnl_wire *ret_content)
{
    if (len < RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN ||
        memcmp(bytes, letters, VERSION_AT) != 0)
        return RNL_INVALID_ARGUMENT;
    if (bytes[VERSION_AT] > version)
        return RNL_UNIMPLEMENTED;
    size_t check_at = len - RNL_SKETCH_CHECK_LEN;
    struct rnl_wire check = {bytes + check_at, bytes + len};
    uint64_t hash;
    if (!rnl_get_word(&check, &hash) || hash != rnl_hash(bytes, check_at, 0) ||
        bytes[VERSION_AT] != version)
        return RNL_INVALID_ARGUMENT;
    *ret_content =
        (struct rnl_wire){bytes + RNL_SKETCH_HEAD_LEN, bytes + check_at};
    return RNL_OK;
}
