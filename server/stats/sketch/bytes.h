/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame around the serialized moments and histograms, and the numbers in
 * it. Four letters say what it is, a byte which version; eight bytes at the end
 * are a hash of all before, so that a damaged one is refused as such.
 *
 *     'R' x x x | version | content ... | hash, little endian
 *
 * Numbers in the content are varints, as in protobuf, or little endian words.
 */
#ifndef RNL_SKETCH_BYTES_H
#define RNL_SKETCH_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <runnel/status.h>

#include "wire.h"

#define RNL_SKETCH_HEAD_LEN  5
#define RNL_SKETCH_CHECK_LEN 8

/* Signed numbers as unsigned ones, small magnitudes first. */
uint64_t rnl_zigzag(int64_t number);
int64_t rnl_unzigzag(uint64_t number);

size_t rnl_varint_len(uint64_t number);
uint8_t *rnl_put_varint(uint8_t *out, uint64_t number);
uint8_t *rnl_put_word(uint8_t *out, uint64_t word);
uint8_t *rnl_put_double(uint8_t *out, double number);

/* Writes protobuf's wire format; counts only while out is NULL, so that one
 * function gives both a message and its length. */
struct rnl_writer {
    uint8_t *out;
    size_t len;
};

void rnl_write_varint(struct rnl_writer *writer, uint64_t number);
void rnl_write_word(struct rnl_writer *writer, uint64_t word);
void rnl_write_double(struct rnl_writer *writer, double number);
void rnl_write_tag(struct rnl_writer *writer, uint32_t field,
                   enum rnl_wire_type type);

/* What is left to read of len bytes; data may be NULL when that is 0. */
static inline struct rnl_wire rnl_wire_of(const uint8_t *data, size_t len)
{
    return (struct rnl_wire){data, len > 0 ? data + len : data};
}

/* Each reads one and goes on; false when it is cut off, and for a varint that
 * is longer than needed: every content has one form. */
bool rnl_get_varint(struct rnl_wire *in, uint64_t *ret_number);
bool rnl_get_word(struct rnl_wire *in, uint64_t *ret_word);
bool rnl_get_double(struct rnl_wire *in, double *ret_number);

/* Writes the head; returns where the content begins. */
uint8_t *rnl_sketch_head(uint8_t *out, const char letters[4], uint8_t version);

/* Writes the hash of the bytes from begin to end after them. */
void rnl_sketch_seal(uint8_t *begin, uint8_t *end);

/* Checks head and hash, and lends the content. Errors: RNL_INVALID_ARGUMENT;
 * RNL_UNIMPLEMENTED: a later version. */
RNL_MUST_USE enum rnl_code rnl_sketch_open(const uint8_t *bytes, size_t len,
                                           const char letters[4],
                                           uint8_t version,
                                           struct rnl_wire *ret_content);

#endif
