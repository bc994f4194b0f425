/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a log histogram; see bytes.h for the frame.
 *
 *     "RLHG" | 1 | zeros | positive bins | negative bins | hash
 *     bins:  count of bins from the first to the last that is not empty
 *            and unless that is 0: index of the first | collapsed | counters
 *
 * All are varints, the index in zigzag. Empty bins in between are a 0 and the
 * number of them.
 */
#include "bins.h"
#include "bytes.h"

#define VERSION 1

static const char letters[4] = {'R', 'L', 'H', 'G'};

static void write_bins(struct rnl_writer *writer, const struct rnl_bins *bins)
{
    int32_t first, last;
    if (!rnl_bins_extent(bins, &first, &last)) {
        rnl_write_varint(writer, 0);
        return;
    }
    rnl_write_varint(writer, (uint64_t)(last - first) + 1);
    rnl_write_varint(writer, rnl_zigzag(first));
    rnl_write_varint(writer, bins->collapsed);
    uint64_t empty = 0;
    for (int32_t i = first; i <= last; i++) {
        uint64_t count = rnl_bins_at(bins, (uint32_t)(i - bins->low));
        if (count == 0) {
            empty++;
            continue;
        }
        if (empty > 0) {
            rnl_write_varint(writer, 0);
            rnl_write_varint(writer, empty);
            empty = 0;
        }
        rnl_write_varint(writer, count);
    }
}

static void write_content(struct rnl_writer *writer,
                          const struct rnl_histogram *histogram)
{
    rnl_write_varint(writer, histogram->zeros);
    write_bins(writer, &histogram->positive);
    write_bins(writer, &histogram->negative);
}

size_t rnl_histogram_serialized_len(const struct rnl_histogram *histogram)
{
    struct rnl_writer counter = {NULL, 0};
    write_content(&counter, histogram);
    return RNL_SKETCH_HEAD_LEN + counter.len + RNL_SKETCH_CHECK_LEN;
}

void rnl_histogram_serialize(const struct rnl_histogram *histogram,
                             uint8_t *out)
{
    struct rnl_writer writer = {rnl_sketch_head(out, letters, VERSION), 0};
    write_content(&writer, histogram);
    rnl_sketch_seal(out, writer.out + writer.len);
}

/* Reads the counters of bins_len bins into their reserved window. */
static bool get_counters(struct rnl_wire *in, struct rnl_bins *bins,
                         int32_t first, uint64_t bins_len)
{
    bool was_empty = true; /* Neither the first bin is, nor two runs meet. */
    for (uint64_t i = 0; i < bins_len;) {
        uint64_t count, run = 1;
        if (!rnl_get_varint(in, &count))
            return false;
        bool empty = count == 0;
        if (empty && (was_empty || !rnl_get_varint(in, &run)))
            return false;
        /* The last bin is not empty either. */
        if (run == 0 || run > bins_len - i || (empty && run == bins_len - i))
            return false;
        rnl_bins_add(bins, first + (int32_t)i, count);
        was_empty = empty;
        i += run;
    }
    return true;
}

static enum rnl_code get_bins(struct rnl_wire *in, struct rnl_bins *bins)
{
    uint64_t bins_len, place, collapsed;
    if (!rnl_get_varint(in, &bins_len))
        return RNL_INVALID_ARGUMENT;
    if (bins_len == 0)
        return RNL_OK;
    if (bins_len > RNL_HISTOGRAM_BINS_MAX || !rnl_get_varint(in, &place) ||
        !rnl_get_varint(in, &collapsed))
        return RNL_INVALID_ARGUMENT;
    int64_t first = rnl_unzigzag(place);
    if (first < RNL_LOG_INDEX_MIN || first > RNL_LOG_INDEX_MAX)
        return RNL_INVALID_ARGUMENT;
    int64_t last = first + (int64_t)bins_len - 1;
    if (last > RNL_LOG_INDEX_MAX ||
        rnl_log_octave((int32_t)last) - rnl_log_octave((int32_t)first) >=
            RNL_HISTOGRAM_BINS_MAX / RNL_HISTOGRAM_OCTAVE)
        return RNL_INVALID_ARGUMENT;
    if (collapsed > 0 && first % RNL_HISTOGRAM_OCTAVE != 0)
        return RNL_INVALID_ARGUMENT;
    /* Counters of 8 bytes: what they sum up to is not known yet. */
    enum rnl_code code =
        rnl_bins_reserve(bins, (int32_t)first, (int32_t)last, UINT64_MAX);
    if (code != RNL_OK)
        return code;
    if (!get_counters(in, bins, (int32_t)first, bins_len) ||
        collapsed > rnl_bins_at(bins, (uint32_t)(first - bins->low)))
        return RNL_INVALID_ARGUMENT;
    bins->collapsed = collapsed;
    return RNL_OK;
}

static enum rnl_code get_content(struct rnl_wire *in,
                                 struct rnl_histogram *histogram)
{
    if (!rnl_get_varint(in, &histogram->zeros))
        return RNL_INVALID_ARGUMENT;
    enum rnl_code code = get_bins(in, &histogram->positive);
    if (code == RNL_OK)
        code = get_bins(in, &histogram->negative);
    if (code == RNL_OK && in->at != in->end)
        code = RNL_INVALID_ARGUMENT;
    return code;
}

enum rnl_code rnl_histogram_deserialize(struct rnl_histogram *target,
                                        const uint8_t *bytes, size_t len)
{
    struct rnl_wire content;
    enum rnl_code code =
        rnl_sketch_open(bytes, len, letters, VERSION, &content);
    if (code != RNL_OK)
        return code;
    struct rnl_histogram read;
    rnl_histogram_init(&read);
    code = get_content(&content, &read);
    if (code != RNL_OK) {
        rnl_histogram_fini(&read);
        return code;
    }
    rnl_histogram_fini(target);
    *target = read;
    return RNL_OK;
}
