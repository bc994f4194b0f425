/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram_ddsketch.h"

#include <math.h>

#include "bins.h"
#include "bytes.h"

enum { SKETCH_MAPPING = 1, SKETCH_POSITIVE, SKETCH_NEGATIVE, SKETCH_ZEROS };
enum { MAPPING_GAMMA = 1, MAPPING_OFFSET, MAPPING_INTERPOLATION };
enum { STORE_MAP = 1, STORE_COUNTS, STORE_FIRST };
enum { ENTRY_KEY = 1, ENTRY_VALUE };

/* As sketches-go compares. A bin at the far end is then off by 2^16 * 1e-12 of
 * itself. */
#define GAMMA_TOLERANCE 1e-12

static const char broken[] = "is no DDSketch message";

/* ---- writing ---- */

static int32_t shift_of(enum rnl_ddsketch_dialect dialect)
{
    return dialect == RNL_DDSKETCH_CEIL ? 1 : 0;
}

static void write_message(struct rnl_writer *writer, uint32_t field, size_t len)
{
    rnl_write_tag(writer, field, RNL_WIRE_BYTES);
    rnl_write_varint(writer, len);
}

/* Neighbouring bins only: it is the one form that all libraries read. */
static void write_store(struct rnl_writer *writer, uint32_t field,
                        const struct rnl_bins *bins, int32_t shift)
{
    int32_t first, last;
    if (!rnl_bins_extent(bins, &first, &last))
        return;
    uint64_t place = rnl_zigzag(first + shift);
    size_t counts_len = (size_t)(last - first + 1) * sizeof(double);
    size_t len =
        1 + rnl_varint_len(counts_len) + counts_len + 1 + rnl_varint_len(place);
    write_message(writer, field, len);
    write_message(writer, STORE_COUNTS, counts_len);
    for (int32_t i = first; i <= last; i++)
        rnl_write_double(writer,
                         (double)rnl_bins_at(bins, (uint32_t)(i - bins->low)));
    rnl_write_tag(writer, STORE_FIRST, RNL_WIRE_VARINT);
    rnl_write_varint(writer, place);
}

static void write_sketch(struct rnl_writer *writer,
                         const struct rnl_histogram *histogram,
                         enum rnl_ddsketch_dialect dialect)
{
    write_message(writer, SKETCH_MAPPING, 1 + sizeof(double));
    rnl_write_tag(writer, MAPPING_GAMMA, RNL_WIRE_FIXED64);
    rnl_write_double(writer, RNL_HISTOGRAM_GAMMA);
    int32_t shift = shift_of(dialect);
    write_store(writer, SKETCH_POSITIVE, &histogram->positive, shift);
    write_store(writer, SKETCH_NEGATIVE, &histogram->negative, shift);
    if (histogram->zeros > 0) {
        rnl_write_tag(writer, SKETCH_ZEROS, RNL_WIRE_FIXED64);
        rnl_write_double(writer, (double)histogram->zeros);
    }
}

size_t rnl_histogram_ddsketch_len(const struct rnl_histogram *histogram,
                                  enum rnl_ddsketch_dialect dialect)
{
    struct rnl_writer counter = {NULL, 0};
    write_sketch(&counter, histogram, dialect);
    return counter.len;
}

void rnl_histogram_to_ddsketch(const struct rnl_histogram *histogram,
                               enum rnl_ddsketch_dialect dialect, uint8_t *out)
{
    struct rnl_writer writer = {out, 0};
    write_sketch(&writer, histogram, dialect);
}

/* ---- reading ---- */

struct reader {
    /* Added to an index of theirs to get ours. */
    int64_t shift;
    /* Why it failed, with RNL_INVALID_ARGUMENT. */
    const char *what;
};

static enum rnl_code refuse(struct reader *reader, const char *what)
{
    reader->what = what;
    return RNL_INVALID_ARGUMENT;
}

static double double_of(uint64_t word)
{
    double number;
    memcpy(&number, &word, sizeof(number));
    return number;
}

static int64_t sint32_of(uint64_t number)
{
    return rnl_unzigzag(number & UINT32_MAX);
}

static enum rnl_code read_count(struct reader *reader, double number,
                                uint64_t *ret_count)
{
    if (!(number >= 0) || number >= 0x1p64 || number != floor(number))
        return refuse(reader, "has a count that is no whole number from 0 to "
                              "2^64");
    *ret_count = (uint64_t)number;
    return RNL_OK;
}

static enum rnl_code add_bin(struct reader *reader, struct rnl_bins *bins,
                             int64_t index, double number)
{
    uint64_t count;
    enum rnl_code code = read_count(reader, number, &count);
    if (code != RNL_OK || count == 0)
        return code;
    index += reader->shift;
    if (index < RNL_LOG_INDEX_MIN || index > RNL_LOG_INDEX_MAX)
        return refuse(reader, "has a bin beyond the range of double");
    code = rnl_bins_reserve(bins, (int32_t)index, (int32_t)index, count);
    if (code == RNL_OK)
        rnl_bins_add(bins, (int32_t)index, count);
    return code;
}

static enum rnl_code read_mapping(struct reader *reader, struct rnl_wire in)
{
    double gamma = 0, offset = 0;
    uint64_t interpolation = 0;
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&in, &field)) == RNL_WIRE_FIELD) {
        if (field.number == MAPPING_GAMMA && field.type == RNL_WIRE_FIXED64)
            gamma = double_of(field.value);
        if (field.number == MAPPING_OFFSET && field.type == RNL_WIRE_FIXED64)
            offset = double_of(field.value);
        if (field.number == MAPPING_INTERPOLATION &&
            field.type == RNL_WIRE_VARINT)
            interpolation = field.value;
    }
    if (result == RNL_WIRE_BROKEN)
        return refuse(reader, broken);
    if (interpolation != 0)
        return refuse(reader, "has a mapping with interpolation; only the "
                              "exact logarithm can be merged");
    if (!(fabs(gamma / RNL_HISTOGRAM_GAMMA - 1) <= GAMMA_TOLERANCE))
        return refuse(reader, "has another gamma than 2^(1/64) (relative "
                              "accuracy 0.0054152)");
    if (!(fabs(offset) <= INT32_MAX) || offset != floor(offset))
        return refuse(reader, "has an index offset that is no whole number");
    reader->shift -= (int64_t)offset;
    return RNL_OK;
}

static enum rnl_code read_entry(struct reader *reader, struct rnl_wire in,
                                struct rnl_bins *bins)
{
    int64_t index = 0;
    double count = 0;
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&in, &field)) == RNL_WIRE_FIELD) {
        if (field.number == ENTRY_KEY && field.type == RNL_WIRE_VARINT)
            index = sint32_of(field.value);
        if (field.number == ENTRY_VALUE && field.type == RNL_WIRE_FIXED64)
            count = double_of(field.value);
    }
    if (result == RNL_WIRE_BROKEN)
        return refuse(reader, broken);
    return add_bin(reader, bins, index, count);
}

/* Counts of neighbouring bins, in one piece or several. */
static enum rnl_code read_counts(struct reader *reader, struct rnl_wire in,
                                 struct rnl_bins *bins, int64_t *index)
{
    enum rnl_code code = RNL_OK;
    if ((in.end - in.at) % (ptrdiff_t)sizeof(double) != 0)
        return refuse(reader, broken);
    double count;
    while (code == RNL_OK && rnl_get_double(&in, &count))
        code = add_bin(reader, bins, (*index)++, count);
    return code;
}

static enum rnl_code read_store_field(struct reader *reader,
                                      const struct rnl_wire_field *field,
                                      struct rnl_bins *bins, int64_t *index)
{
    struct rnl_wire in = rnl_wire_of(field->data, field->len);
    if (field->number == STORE_MAP && field->type == RNL_WIRE_BYTES)
        return read_entry(reader, in, bins);
    if (field->number == STORE_COUNTS && field->type == RNL_WIRE_BYTES)
        return read_counts(reader, in, bins, index);
    if (field->number == STORE_COUNTS && field->type == RNL_WIRE_FIXED64)
        return add_bin(reader, bins, (*index)++, double_of(field->value));
    return RNL_OK;
}

static enum rnl_code read_store(struct reader *reader, struct rnl_wire in,
                                struct rnl_bins *bins)
{
    int64_t index = 0;
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    /* The index of the first bin may come after its count. */
    struct rnl_wire ahead = in;
    while ((result = rnl_wire_next(&ahead, &field)) == RNL_WIRE_FIELD) {
        if (field.number == STORE_FIRST && field.type == RNL_WIRE_VARINT)
            index = sint32_of(field.value);
    }
    if (result == RNL_WIRE_BROKEN)
        return refuse(reader, broken);
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK && rnl_wire_next(&in, &field) == RNL_WIRE_FIELD)
        code = read_store_field(reader, &field, bins, &index);
    return code;
}

/* Reads the mapping first, wherever it is: the indexes need it. */
static enum rnl_code find_mapping(struct reader *reader, struct rnl_wire in)
{
    const struct rnl_wire nothing = {NULL, NULL};
    struct rnl_wire mapping = nothing;
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&in, &field)) == RNL_WIRE_FIELD) {
        if (field.number != SKETCH_MAPPING || field.type != RNL_WIRE_BYTES)
            continue;
        if (mapping.at != NULL)
            return refuse(reader, "has two mappings");
        mapping = rnl_wire_of(field.data, field.len);
    }
    if (result == RNL_WIRE_BROKEN || mapping.at == NULL)
        return refuse(reader, broken);
    return read_mapping(reader, mapping);
}

static enum rnl_code read_sketch(struct reader *reader, struct rnl_wire in,
                                 struct rnl_histogram *histogram)
{
    struct rnl_wire_field field;
    enum rnl_code code = find_mapping(reader, in);
    while (code == RNL_OK && rnl_wire_next(&in, &field) == RNL_WIRE_FIELD) {
        struct rnl_wire store = rnl_wire_of(field.data, field.len);
        bool is_bytes = field.type == RNL_WIRE_BYTES;
        if (field.number == SKETCH_POSITIVE && is_bytes)
            code = read_store(reader, store, &histogram->positive);
        else if (field.number == SKETCH_NEGATIVE && is_bytes)
            code = read_store(reader, store, &histogram->negative);
        else if (field.number == SKETCH_ZEROS && field.type == RNL_WIRE_FIXED64)
            code =
                read_count(reader, double_of(field.value), &histogram->zeros);
    }
    return code;
}

enum rnl_code rnl_histogram_merge_ddsketch(struct rnl_histogram *histogram,
                                           enum rnl_ddsketch_dialect dialect,
                                           const uint8_t *bytes, size_t len,
                                           const char **ret_what)
{
    struct reader reader = {-(int64_t)shift_of(dialect), NULL};
    const struct rnl_wire in = rnl_wire_of(bytes, len);
    struct rnl_histogram read;
    rnl_histogram_init(&read);
    enum rnl_code code = read_sketch(&reader, in, &read);
    if (code == RNL_OK)
        code = rnl_histogram_merge(histogram, &read);
    rnl_histogram_fini(&read);
    if (code != RNL_OK)
        *ret_what =
            code == RNL_INVALID_ARGUMENT ? reader.what : "needs more memory";
    return code;
}
