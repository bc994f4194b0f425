/* SPDX-License-Identifier: Apache-2.0 */
#include "histogram_otlp.h"

#include <math.h>

#include "bins.h"
#include "bytes.h"

enum {
    POINT_START = 2,
    POINT_END,
    POINT_COUNT,
    POINT_SUM,
    POINT_SCALE,
    POINT_ZEROS,
    POINT_POSITIVE,
    POINT_NEGATIVE,
    POINT_MIN = 12,
    POINT_MAX,
    POINT_ZERO_THRESHOLD,
};
enum { BUCKETS_OFFSET = 1, BUCKETS_COUNTS };

static const char broken[] = "is no ExponentialHistogramDataPoint";

/* ---- writing ---- */

static void write_counts(struct rnl_writer *writer, const struct rnl_bins *bins,
                         int32_t first, int32_t last)
{
    for (int32_t i = first; i <= last; i++)
        rnl_write_varint(writer, rnl_bins_at(bins, (uint32_t)(i - bins->low)));
}

static void write_buckets(struct rnl_writer *writer, uint32_t field,
                          const struct rnl_bins *bins)
{
    int32_t first, last;
    if (!rnl_bins_extent(bins, &first, &last))
        return;
    struct rnl_writer counts = {NULL, 0};
    write_counts(&counts, bins, first, last);
    uint64_t offset = rnl_zigzag(first);
    size_t len = 1 + rnl_varint_len(offset) + 1 + rnl_varint_len(counts.len) +
                 counts.len;
    rnl_write_tag(writer, field, RNL_WIRE_BYTES);
    rnl_write_varint(writer, len);
    rnl_write_tag(writer, BUCKETS_OFFSET, RNL_WIRE_VARINT);
    rnl_write_varint(writer, offset);
    rnl_write_tag(writer, BUCKETS_COUNTS, RNL_WIRE_BYTES);
    rnl_write_varint(writer, counts.len);
    write_counts(writer, bins, first, last);
}

static void write_word(struct rnl_writer *writer, uint32_t field, uint64_t word)
{
    rnl_write_tag(writer, field, RNL_WIRE_FIXED64);
    rnl_write_word(writer, word);
}

static void write_double(struct rnl_writer *writer, uint32_t field,
                         double number)
{
    rnl_write_tag(writer, field, RNL_WIRE_FIXED64);
    rnl_write_double(writer, number);
}

static void write_point(struct rnl_writer *writer,
                        const struct rnl_otlp_point *point)
{
    const struct rnl_histogram *histogram = point->histogram;
    const struct rnl_moments_summary *summary = point->summary;
    bool any = summary != NULL && summary->count > 0;
    write_word(writer, POINT_START, point->start_unix_ns);
    write_word(writer, POINT_END, point->end_unix_ns);
    write_word(writer, POINT_COUNT, rnl_histogram_count(histogram));
    if (any && summary->min >= 0)
        write_double(writer, POINT_SUM, summary->sum);
    rnl_write_tag(writer, POINT_SCALE, RNL_WIRE_VARINT);
    rnl_write_varint(writer, rnl_zigzag(RNL_OTLP_SCALE));
    write_word(writer, POINT_ZEROS, histogram->zeros);
    write_buckets(writer, POINT_POSITIVE, &histogram->positive);
    write_buckets(writer, POINT_NEGATIVE, &histogram->negative);
    if (any) {
        write_double(writer, POINT_MIN, summary->min);
        write_double(writer, POINT_MAX, summary->max);
    }
}

size_t rnl_otlp_point_len(const struct rnl_otlp_point *point)
{
    struct rnl_writer counter = {NULL, 0};
    write_point(&counter, point);
    return counter.len;
}

void rnl_otlp_point_write(const struct rnl_otlp_point *point, uint8_t *out)
{
    struct rnl_writer writer = {out, 0};
    write_point(&writer, point);
}

/* ---- reading ---- */

/* The fields of a point; buckets are lent from the message. */
struct point {
    uint64_t count;
    uint64_t zeros;
    int64_t scale;
    double zero_threshold;
    struct rnl_wire positive;
    struct rnl_wire negative;
};

static int64_t sint32_of(uint64_t number)
{
    return rnl_unzigzag(number & UINT32_MAX);
}

/* Returns false when buckets are there twice. */
static bool read_field(struct point *point, const struct rnl_wire_field *field)
{
    struct rnl_wire *buckets =
        field->number == POINT_POSITIVE ? &point->positive : &point->negative;
    switch (field->number << 3 | field->type) {
    case POINT_COUNT << 3 | RNL_WIRE_FIXED64:
        point->count = field->value;
        return true;
    case POINT_ZEROS << 3 | RNL_WIRE_FIXED64:
        point->zeros = field->value;
        return true;
    case POINT_SCALE << 3 | RNL_WIRE_VARINT:
        point->scale = sint32_of(field->value);
        return true;
    case POINT_ZERO_THRESHOLD << 3 | RNL_WIRE_FIXED64:
        memcpy(&point->zero_threshold, &field->value, sizeof(double));
        return true;
    case POINT_POSITIVE << 3 | RNL_WIRE_BYTES:
    case POINT_NEGATIVE << 3 | RNL_WIRE_BYTES:
        if (buckets->at != NULL)
            return false;
        *buckets = rnl_wire_of(field->data, field->len);
        return true;
    default:
        return true;
    }
}

static const char *read_point(struct rnl_wire in, struct point *point)
{
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    while ((result = rnl_wire_next(&in, &field)) == RNL_WIRE_FIELD) {
        if (!read_field(point, &field))
            return broken;
    }
    if (result == RNL_WIRE_BROKEN)
        return broken;
    if (point->scale < RNL_OTLP_SCALE)
        return "has a scale below 6, whose buckets are wider than the error "
               "bound allows";
    if (point->scale > RNL_OTLP_SCALE_MAX)
        return "has a scale above 20";
    if (!(point->zero_threshold <= RNL_OTLP_ZERO_THRESHOLD_MAX))
        return "has a zero threshold above 2^-128";
    return NULL;
}

/* Buckets on their way into bins. */
struct filling {
    struct rnl_bins *bins;
    unsigned shift;
    int64_t index;
    const char *what;
};

static enum rnl_code fill(struct filling *filling, uint64_t count)
{
    /* Rounds down, as it has to. */
    int64_t scale = INT64_C(1) << filling->shift;
    int64_t index = filling->index++;
    index = index >= 0 ? index / scale : -((scale - 1 - index) / scale);
    if (count == 0)
        return RNL_OK;
    if (index < RNL_LOG_INDEX_MIN || index > RNL_LOG_INDEX_MAX) {
        filling->what = "has a bucket beyond the range of double";
        return RNL_INVALID_ARGUMENT;
    }
    enum rnl_code code =
        rnl_bins_reserve(filling->bins, (int32_t)index, (int32_t)index, count);
    if (code == RNL_OK)
        rnl_bins_add(filling->bins, (int32_t)index, count);
    return code;
}

static enum rnl_code fill_packed(struct filling *filling, struct rnl_wire in)
{
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK && in.at != in.end) {
        uint64_t count;
        if (!rnl_wire_varint(&in, &count)) {
            filling->what = broken;
            return RNL_INVALID_ARGUMENT;
        }
        code = fill(filling, count);
    }
    return code;
}

static enum rnl_code fill_buckets(struct filling *filling, struct rnl_wire in)
{
    struct rnl_wire_field field;
    enum rnl_wire_result result;
    /* The offset may come after the counts. */
    struct rnl_wire ahead = in;
    while ((result = rnl_wire_next(&ahead, &field)) == RNL_WIRE_FIELD) {
        if (field.number == BUCKETS_OFFSET && field.type == RNL_WIRE_VARINT)
            filling->index = sint32_of(field.value);
    }
    if (result == RNL_WIRE_BROKEN) {
        filling->what = broken;
        return RNL_INVALID_ARGUMENT;
    }
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK && rnl_wire_next(&in, &field) == RNL_WIRE_FIELD) {
        if (field.number != BUCKETS_COUNTS)
            continue;
        if (field.type == RNL_WIRE_BYTES)
            code = fill_packed(filling, rnl_wire_of(field.data, field.len));
        else if (field.type == RNL_WIRE_VARINT)
            code = fill(filling, field.value);
    }
    return code;
}

static enum rnl_code fill_histogram(struct rnl_histogram *histogram,
                                    const struct point *point,
                                    const char **ret_what)
{
    unsigned shift = (unsigned)(point->scale - RNL_OTLP_SCALE);
    struct filling up = {&histogram->positive, shift, 0, NULL};
    struct filling down = {&histogram->negative, shift, 0, NULL};
    histogram->zeros = point->zeros;
    enum rnl_code code = fill_buckets(&up, point->positive);
    if (code == RNL_OK)
        code = fill_buckets(&down, point->negative);
    *ret_what = up.what != NULL ? up.what : down.what;
    if (code == RNL_OK && rnl_histogram_count(histogram) != point->count) {
        *ret_what = "has a count that is not the sum of its buckets";
        code = RNL_INVALID_ARGUMENT;
    }
    return code;
}

enum rnl_code rnl_histogram_merge_otlp(struct rnl_histogram *histogram,
                                       const uint8_t *bytes, size_t len,
                                       const char **ret_what)
{
    struct point point = {0};
    const char *what = read_point(rnl_wire_of(bytes, len), &point);
    if (what != NULL) {
        *ret_what = what;
        return RNL_INVALID_ARGUMENT;
    }
    struct rnl_histogram read;
    rnl_histogram_init(&read);
    enum rnl_code code = fill_histogram(&read, &point, &what);
    if (code == RNL_OK)
        code = rnl_histogram_merge(histogram, &read);
    rnl_histogram_fini(&read);
    if (code != RNL_OK)
        *ret_what = code == RNL_INVALID_ARGUMENT ? what : "needs more memory";
    return code;
}

/* ---- facts ---- */

static void read_fact(const struct rnl_wire_field *field, uint32_t number,
                      bool *ret_has, double *ret_fact)
{
    if (field->number != number || field->type != RNL_WIRE_FIXED64)
        return;
    *ret_has = true;
    memcpy(ret_fact, &field->value, sizeof(*ret_fact));
}

void rnl_otlp_facts_read(const uint8_t *bytes, size_t len,
                         struct rnl_otlp_facts *ret_facts)
{
    struct rnl_wire in = rnl_wire_of(bytes, len);
    struct rnl_otlp_facts facts = {0};
    struct rnl_wire_field field;
    while (rnl_wire_next(&in, &field) == RNL_WIRE_FIELD) {
        read_fact(&field, POINT_SUM, &facts.has_sum, &facts.sum);
        read_fact(&field, POINT_MIN, &facts.has_min, &facts.min);
        read_fact(&field, POINT_MAX, &facts.has_max, &facts.max);
    }
    *ret_facts = facts;
}
