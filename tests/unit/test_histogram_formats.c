/* SPDX-License-Identifier: Apache-2.0 */
/* DDSketch and OTLP, as far as it takes no library of others: those read and
 * write ours in tests/interop/test_distributions.py. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "fault.h"
#include "histogram_ddsketch.h"
#include "histogram_otlp.h"
#include "log_bins.h"
#include "numbers.h"
#include "splitmix.h"

#define COUNT       2000
#define MESSAGE_MAX 1000

/* ---- messages by hand ---- */

struct message {
    struct rnl_writer writer;
    uint8_t data[MESSAGE_MAX];
};

static void begin(struct message *message)
{
    message->writer = (struct rnl_writer){message->data, 0};
}

/* A message may have been copied since. */
static struct rnl_writer *writer_of(struct message *message)
{
    message->writer.out = message->data;
    return &message->writer;
}

static void put_int(struct message *message, uint32_t field, int64_t number)
{
    rnl_write_tag(writer_of(message), field, RNL_WIRE_VARINT);
    rnl_write_varint(writer_of(message), rnl_zigzag(number));
}

static void put_varint(struct message *message, uint32_t field, uint64_t number)
{
    rnl_write_tag(writer_of(message), field, RNL_WIRE_VARINT);
    rnl_write_varint(writer_of(message), number);
}

static void put_word(struct message *message, uint32_t field, uint64_t word)
{
    rnl_write_tag(writer_of(message), field, RNL_WIRE_FIXED64);
    rnl_write_word(writer_of(message), word);
}

static void put_double(struct message *message, uint32_t field, double number)
{
    put_word(message, field, rnl_double_bits(number));
}

static void put_message(struct message *message, uint32_t field,
                        const struct message *inner)
{
    size_t len = inner->writer.len;
    rnl_write_tag(writer_of(message), field, RNL_WIRE_BYTES);
    rnl_write_varint(writer_of(message), len);
    assert_true(message->writer.len + len < MESSAGE_MAX);
    memcpy(message->data + message->writer.len, inner->data, len);
    message->writer.len += len;
}

/* A DDSketch with that mapping and store; either may be NULL. */
static struct message sketch_of(const struct message *mapping,
                                const struct message *store)
{
    struct message sketch;
    begin(&sketch);
    /* The order of fields is free. */
    if (store != NULL)
        put_message(&sketch, 2, store);
    if (mapping != NULL)
        put_message(&sketch, 1, mapping);
    return sketch;
}

static struct message mapping_of(double gamma, double offset,
                                 uint64_t interpolation)
{
    struct message mapping;
    begin(&mapping);
    put_double(&mapping, 1, gamma);
    put_double(&mapping, 2, offset);
    put_varint(&mapping, 3, interpolation);
    return mapping;
}

static struct message bin_of(int64_t index, double count)
{
    struct message entry, store;
    begin(&entry);
    put_int(&entry, 1, index);
    put_double(&entry, 2, count);
    begin(&store);
    put_message(&store, 1, &entry);
    return store;
}

/* ---- histograms ---- */

static struct rnl_histogram make(const double *values, size_t count)
{
    struct rnl_histogram histogram;
    struct rnl_spread spread;
    rnl_histogram_init(&histogram);
    rnl_spread_f64(values, count, &spread);
    assert_int_equal(
        rnl_histogram_update_f64(&histogram, values, count, &spread), RNL_OK);
    return histogram;
}

static bool same(const struct rnl_histogram *a, const struct rnl_histogram *b)
{
    size_t len = rnl_histogram_serialized_len(a);
    if (len != rnl_histogram_serialized_len(b))
        return false;
    uint8_t *left = malloc(len), *right = malloc(len);
    assert_non_null(left);
    assert_non_null(right);
    rnl_histogram_serialize(a, left);
    rnl_histogram_serialize(b, right);
    bool equal = memcmp(left, right, len) == 0;
    free(left);
    free(right);
    return equal;
}

static void assert_ddsketch(const struct message *sketch, const double *values,
                            size_t count)
{
    const char *what = NULL;
    struct rnl_histogram right = make(values, count), read = make(NULL, 0);
    enum rnl_code code = rnl_histogram_merge_ddsketch(
        &read, RNL_DDSKETCH_FLOOR, sketch->data, sketch->writer.len, &what);
    assert_int_equal(code, RNL_OK);
    assert_true(same(&read, &right));
    rnl_histogram_fini(&read);
    rnl_histogram_fini(&right);
}

/* Refused with a sentence that has word in it, and nothing merged. */
static void assert_refused(const struct message *sketch, const char *word)
{
    const double value = 5;
    const char *what = NULL;
    struct rnl_histogram target = make(&value, 1), before = make(&value, 1);
    enum rnl_code code = rnl_histogram_merge_ddsketch(
        &target, RNL_DDSKETCH_FLOOR, sketch->data, sketch->writer.len, &what);
    assert_int_equal(code, RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(what, word));
    assert_true(same(&target, &before));
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
}

/* ---- DDSketch ---- */

static void ddsketch_bins_of_both_forms_add_up(void **state)
{
    (void)state;
    /* Bin 0 is [1, gamma) there. */
    const double values[] = {1.001, 1.001, 1.001, 1.02, 1.02, 1.001};
    struct message mapping = mapping_of(RNL_HISTOGRAM_GAMMA, 0, 0);
    struct message store = bin_of(0, 3), packed;
    begin(&packed);
    rnl_write_double(writer_of(&packed), 2);
    put_message(&store, 2, &packed);
    /* One that is not packed, and the index of the first after both. */
    put_double(&store, 2, 0);
    put_int(&store, 3, 1);
    struct message entry;
    begin(&entry);
    put_double(&entry, 2, 1); /* The key 0 is left out. */
    put_message(&store, 1, &entry);
    struct message sketch = sketch_of(&mapping, &store);
    assert_ddsketch(&sketch, values, 6);
}

static void ddsketch_offsets_shift_the_bins(void **state)
{
    (void)state;
    const double value = 1.001;
    for (int offset = -3; offset <= 3; offset++) {
        struct message mapping = mapping_of(RNL_HISTOGRAM_GAMMA, offset, 0);
        struct message store = bin_of(offset, 1);
        struct message sketch = sketch_of(&mapping, &store);
        assert_ddsketch(&sketch, &value, 1);
    }
}

static void ddsketch_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct message good = mapping_of(RNL_HISTOGRAM_GAMMA, 0, 0);
    struct message store = bin_of(0, 1);
    const struct {
        struct message mapping;
        const char *word;
    } mappings[] = {
        {mapping_of(1.02, 0, 0), "gamma"},
        {mapping_of(NAN, 0, 0), "gamma"},
        {mapping_of(RNL_HISTOGRAM_GAMMA * (1 + 1e-11), 0, 0), "gamma"},
        {mapping_of(RNL_HISTOGRAM_GAMMA, 0.5, 0), "offset"},
        {mapping_of(RNL_HISTOGRAM_GAMMA, NAN, 0), "offset"},
        {mapping_of(RNL_HISTOGRAM_GAMMA, 1e300, 0), "offset"},
        {mapping_of(RNL_HISTOGRAM_GAMMA, 0, 3), "interpolation"},
    };
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
        struct message sketch = sketch_of(&mappings[i].mapping, &store);
        assert_refused(&sketch, mappings[i].word);
    }
    static const double counts[] = {-1, 0.5, 0x1p64, NAN, INFINITY};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        store = bin_of(0, counts[i]);
        struct message sketch = sketch_of(&good, &store);
        assert_refused(&sketch, "whole number");
    }
    static const int64_t indexes[] = {65536, INT32_MAX, -70000, INT32_MIN};
    for (size_t i = 0; i < sizeof(indexes) / sizeof(indexes[0]); i++) {
        store = bin_of(indexes[i], 1);
        struct message sketch = sketch_of(&good, &store);
        assert_refused(&sketch, "range of double");
    }
    struct message sketch = sketch_of(NULL, &store);
    assert_refused(&sketch, "no DDSketch");
    sketch = sketch_of(&good, NULL);
    put_message(&sketch, 1, &good);
    assert_refused(&sketch, "two mappings");
}

/* ---- OTLP ---- */

static void assert_otlp_refused(const struct message *point, const char *word)
{
    const double value = 5;
    const char *what = NULL;
    struct rnl_histogram target = make(&value, 1), before = make(&value, 1);
    assert_int_equal(rnl_histogram_merge_otlp(&target, point->data,
                                              point->writer.len, &what),
                     RNL_INVALID_ARGUMENT);
    assert_non_null(strstr(what, word));
    assert_true(same(&target, &before));
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
}

static struct message point_of(int scale, int64_t offset, uint64_t count)
{
    struct message buckets, packed, point;
    begin(&packed);
    rnl_write_varint(writer_of(&packed), count);
    begin(&buckets);
    put_message(&buckets, 2, &packed);
    put_int(&buckets, 1, offset); /* After the counts. */
    begin(&point);
    put_word(&point, 4, count);
    put_int(&point, 6, scale);
    put_message(&point, 8, &buckets);
    return point;
}

/* Bucket 2^s - 1 of scale s ends at 2, whatever s; the one after it begins
 * there. */
static void otlp_scales_are_halved_exactly(void **state)
{
    (void)state;
    const double at = 2, above = 2.001;
    for (int scale = 6; scale <= 20; scale++) {
        for (int64_t next = 0; next < 2; next++) {
            struct rnl_histogram read = make(NULL, 0);
            struct rnl_histogram right = make(next ? &above : &at, 1);
            struct message point =
                point_of(scale, (INT64_C(1) << scale) - 1 + next, 1);
            const char *what;
            assert_int_equal(rnl_histogram_merge_otlp(&read, point.data,
                                                      point.writer.len, &what),
                             RNL_OK);
            assert_true(same(&read, &right));
            rnl_histogram_fini(&read);
            rnl_histogram_fini(&right);
        }
    }
}

static void otlp_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const int scales[] = {-10, 0, 5, 21, INT32_MAX};
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        struct message point = point_of(scales[i], 0, 1);
        assert_otlp_refused(&point, "scale");
    }
    struct message point = point_of(6, 65536, 1);
    assert_otlp_refused(&point, "range of double");
    point = point_of(6, 0, 3);
    put_word(&point, 4, 4);
    assert_otlp_refused(&point, "count");
    point = point_of(6, 0, 3);
    put_double(&point, 14, 1e-6);
    assert_otlp_refused(&point, "zero threshold");
    point = point_of(6, 0, 3);
    put_double(&point, 14, NAN);
    assert_otlp_refused(&point, "zero threshold");
    struct message empty;
    begin(&empty);
    put_message(&point, 8, &empty);
    assert_otlp_refused(&point, "no ExponentialHistogramDataPoint");
}

/* ---- both ---- */

typedef size_t write_fn(const struct rnl_histogram *histogram, uint8_t *out);
typedef enum rnl_code merge_fn(struct rnl_histogram *histogram,
                               const uint8_t *bytes, size_t len,
                               const char **ret_what);

static size_t write_floor(const struct rnl_histogram *histogram, uint8_t *out)
{
    if (out != NULL)
        rnl_histogram_to_ddsketch(histogram, RNL_DDSKETCH_FLOOR, out);
    return rnl_histogram_ddsketch_len(histogram, RNL_DDSKETCH_FLOOR);
}

static size_t write_ceil(const struct rnl_histogram *histogram, uint8_t *out)
{
    if (out != NULL)
        rnl_histogram_to_ddsketch(histogram, RNL_DDSKETCH_CEIL, out);
    return rnl_histogram_ddsketch_len(histogram, RNL_DDSKETCH_CEIL);
}

static size_t write_otlp(const struct rnl_histogram *histogram, uint8_t *out)
{
    const struct rnl_otlp_point point = {histogram, NULL, 1, 2};
    if (out != NULL)
        rnl_otlp_point_write(&point, out);
    return rnl_otlp_point_len(&point);
}

static enum rnl_code merge_floor(struct rnl_histogram *histogram,
                                 const uint8_t *bytes, size_t len,
                                 const char **ret_what)
{
    return rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_FLOOR, bytes,
                                        len, ret_what);
}

static enum rnl_code merge_ceil(struct rnl_histogram *histogram,
                                const uint8_t *bytes, size_t len,
                                const char **ret_what)
{
    return rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_CEIL, bytes,
                                        len, ret_what);
}

static const struct {
    write_fn *write;
    merge_fn *merge;
} formats[] = {{write_floor, merge_floor},
               {write_ceil, merge_ceil},
               {write_otlp, rnl_histogram_merge_otlp}};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static uint8_t *written(size_t format, const struct rnl_histogram *histogram,
                        size_t *ret_len)
{
    *ret_len = formats[format].write(histogram, NULL);
    uint8_t *bytes = malloc(*ret_len + 1);
    assert_non_null(bytes);
    bytes[*ret_len] = 0xa5;
    formats[format].write(histogram, bytes);
    assert_int_equal(bytes[*ret_len], 0xa5);
    return bytes;
}

static void what_is_written_comes_back_and_merges(void **state)
{
    (void)state;
    static double values[COUNT];
    for (int kind = 0; kind < NUMBERS_ANY; kind++) {
        numbers_fill((enum numbers_kind)kind, 4, values, COUNT);
        struct rnl_histogram whole = make(values, COUNT);
        struct rnl_histogram left = make(values, COUNT / 2);
        struct rnl_histogram right = make(values + COUNT / 2, COUNT / 2);
        for (size_t format = 0; format < FORMATS; format++) {
            struct rnl_histogram merged = make(NULL, 0);
            const char *what;
            size_t len;
            uint8_t *bytes = written(format, &right, &len);
            assert_int_equal(rnl_histogram_copy(&merged, &left), RNL_OK);
            assert_int_equal(formats[format].merge(&merged, bytes, len, &what),
                             RNL_OK);
            assert_true(same(&merged, &whole));
            rnl_histogram_fini(&merged);
            free(bytes);
        }
        rnl_histogram_fini(&whole);
        rnl_histogram_fini(&left);
        rnl_histogram_fini(&right);
    }
}

static void every_cut_is_refused_or_is_a_message(void **state)
{
    (void)state;
    static double values[COUNT];
    numbers_fill(NUMBERS_MIXED, 4, values, COUNT);
    struct rnl_histogram histogram = make(values, COUNT);
    for (size_t format = 0; format < FORMATS; format++) {
        size_t len, accepted = 0;
        uint8_t *bytes = written(format, &histogram, &len);
        for (size_t cut = 0; cut < len; cut++) {
            struct rnl_histogram read = make(NULL, 0);
            const char *what = NULL;
            enum rnl_code code =
                formats[format].merge(&read, bytes, cut, &what);
            assert_true(code == RNL_OK || what != NULL);
            accepted += code == RNL_OK;
            assert_true(rnl_histogram_count(&read) <= COUNT);
            rnl_histogram_fini(&read);
        }
        /* Only where a field of the outer message ends. */
        assert_true(accepted <= 4);
        free(bytes);
    }
    rnl_histogram_fini(&histogram);
}

/* No hash guards a foreign format: a flipped bit may well be another message,
 * but it does no harm. */
static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    static double values[COUNT];
    uint64_t seed = 3;
    numbers_fill(NUMBERS_MIXED, 4, values, COUNT);
    struct rnl_histogram histogram = make(values, 50);
    for (size_t format = 0; format < FORMATS; format++) {
        size_t len;
        uint8_t *bytes = written(format, &histogram, &len);
        for (int round = 0; round < 20000; round++) {
            size_t bit = splitmix(&seed) % (len * 8);
            struct rnl_histogram read = make(NULL, 0);
            const char *what = NULL;
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            enum rnl_code code =
                formats[format].merge(&read, bytes, len, &what);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(code == RNL_OK || what != NULL);
            if (code == RNL_OK && rnl_histogram_count(&read) > 0)
                assert_false(isnan(rnl_histogram_quantile(&read, 0.5)));
            rnl_histogram_fini(&read);
        }
        free(bytes);
    }
    rnl_histogram_fini(&histogram);
}

static void want_of_memory_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const double few[] = {1, 2, 3}, more[] = {-1, 1e9, 1e-9};
    struct rnl_histogram target = make(few, 3), before = make(few, 3);
    struct rnl_histogram source = make(more, 3);
    for (size_t format = 0; format < FORMATS; format++) {
        size_t len;
        const char *what = NULL;
        uint8_t *bytes = written(format, &source, &len);
        for (size_t k = 1; k <= 2; k++) {
            fault_at(k, true);
            assert_int_equal(formats[format].merge(&target, bytes, len, &what),
                             RNL_RESOURCE_EXHAUSTED);
            fault_stop();
            assert_non_null(strstr(what, "memory"));
            assert_true(same(&target, &before));
        }
        free(bytes);
    }
    rnl_histogram_fini(&target);
    rnl_histogram_fini(&before);
    rnl_histogram_fini(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ddsketch_bins_of_both_forms_add_up),
        cmocka_unit_test(ddsketch_offsets_shift_the_bins),
        cmocka_unit_test(ddsketch_that_does_not_fit_is_refused),
        cmocka_unit_test(otlp_scales_are_halved_exactly),
        cmocka_unit_test(otlp_that_does_not_fit_is_refused),
        cmocka_unit_test(what_is_written_comes_back_and_merges),
        cmocka_unit_test(every_cut_is_refused_or_is_a_message),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(want_of_memory_leaves_everything_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
