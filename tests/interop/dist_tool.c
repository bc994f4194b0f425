/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sketches of distributions from one format to another, for the tests with
 * other people's libraries:
 *
 *     dist_tool FROM TO < in > out
 *
 * FROM  values (doubles, little endian), own, ddsketch, ddsketch-ceil, otlp
 * TO    own, moments, ddsketch, ddsketch-ceil, otlp, text
 *
 * text has a line a fact, with exact hexadecimal numbers. What is refused goes
 * to stderr as a sentence fragment, with exit status 1.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram_ddsketch.h"
#include "histogram_otlp.h"
#include "moments.h"

#define INPUT_MAX   (64u << 20)
#define QUANTILES   1000
#define START_NS    UINT64_C(1000000000)
#define END_NS      UINT64_C(2000000000)
#define CHUNK_BYTES 65536

struct dist {
    struct rnl_histogram histogram;
    /* Of values only. */
    struct rnl_moments moments;
};

struct buffer {
    uint8_t *data;
    size_t len;
};

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static struct buffer read_all(void)
{
    struct buffer in = {malloc(INPUT_MAX), 0};
    if (in.data == NULL)
        die("out of memory");
    size_t got;
    while ((got = fread(in.data + in.len, 1, CHUNK_BYTES, stdin)) > 0) {
        in.len += got;
        if (in.len > INPUT_MAX - CHUNK_BYTES)
            die("input is too long");
    }
    return in;
}

static enum rnl_code read_values(struct dist *dist, const struct buffer *in)
{
    struct rnl_spread spread;
    size_t count = in->len / sizeof(double);
    double *values = malloc(in->len + 1);
    if (values == NULL)
        return RNL_RESOURCE_EXHAUSTED;
    memcpy(values, in->data, count * sizeof(double));
    rnl_spread_f64(values, count, &spread);
    enum rnl_code code =
        rnl_histogram_update_f64(&dist->histogram, values, count, &spread);
    if (code == RNL_OK)
        code = rnl_moments_update_f64(&dist->moments, values, count, &spread);
    free(values);
    return code;
}

static void read_from(struct dist *dist, const char *format,
                      const struct buffer *in)
{
    struct rnl_histogram *histogram = &dist->histogram;
    const char *what = "cannot be read";
    enum rnl_code code = RNL_INVALID_ARGUMENT;
    if (strcmp(format, "values") == 0)
        code = read_values(dist, in);
    else if (strcmp(format, "own") == 0)
        code = rnl_histogram_deserialize(histogram, in->data, in->len);
    else if (strcmp(format, "ddsketch") == 0)
        code = rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_FLOOR,
                                            in->data, in->len, &what);
    else if (strcmp(format, "ddsketch-ceil") == 0)
        code = rnl_histogram_merge_ddsketch(histogram, RNL_DDSKETCH_CEIL,
                                            in->data, in->len, &what);
    else if (strcmp(format, "otlp") == 0)
        code = rnl_histogram_merge_otlp(histogram, in->data, in->len, &what);
    else
        what = "is no format";
    if (code != RNL_OK)
        die(what);
}

static void print_text(const struct dist *dist)
{
    struct rnl_moments_summary summary;
    rnl_moments_read(&dist->moments, &summary);
    printf("count %" PRIu64 "\n", rnl_histogram_count(&dist->histogram));
    printf("collapsed %" PRIu64 "\n",
           rnl_histogram_collapsed(&dist->histogram));
    printf("sum %a\nmin %a\nmax %a\nmean %a\n", summary.sum, summary.min,
           summary.max, summary.mean);
    printf("variance %a\nm2 %a\nstddev %a\n", summary.variance, summary.m2,
           summary.stddev);
    for (int i = 0; i <= QUANTILES; i++) {
        double q = (double)i / QUANTILES;
        printf("q%d %a\n", i, rnl_histogram_quantile(&dist->histogram, q));
    }
}

static struct buffer make_buffer(size_t len)
{
    struct buffer out = {malloc(len + 1), len};
    if (out.data == NULL)
        die("out of memory");
    return out;
}

static struct buffer write_ddsketch(const struct rnl_histogram *histogram,
                                    enum rnl_ddsketch_dialect dialect)
{
    struct buffer out =
        make_buffer(rnl_histogram_ddsketch_len(histogram, dialect));
    rnl_histogram_to_ddsketch(histogram, dialect, out.data);
    return out;
}

static struct buffer write_otlp(const struct dist *dist)
{
    struct rnl_moments_summary summary;
    rnl_moments_read(&dist->moments, &summary);
    const struct rnl_otlp_point point = {&dist->histogram, &summary, START_NS,
                                         END_NS};
    struct buffer out = make_buffer(rnl_otlp_point_len(&point));
    rnl_otlp_point_write(&point, out.data);
    return out;
}

static struct buffer write_to(const struct dist *dist, const char *format)
{
    const struct rnl_histogram *histogram = &dist->histogram;
    struct buffer out;
    if (strcmp(format, "own") == 0) {
        out = make_buffer(rnl_histogram_serialized_len(histogram));
        rnl_histogram_serialize(histogram, out.data);
    } else if (strcmp(format, "moments") == 0) {
        out = make_buffer(rnl_moments_serialized_len(&dist->moments));
        rnl_moments_serialize(&dist->moments, out.data);
    } else if (strcmp(format, "ddsketch") == 0) {
        out = write_ddsketch(histogram, RNL_DDSKETCH_FLOOR);
    } else if (strcmp(format, "ddsketch-ceil") == 0) {
        out = write_ddsketch(histogram, RNL_DDSKETCH_CEIL);
    } else if (strcmp(format, "otlp") == 0) {
        out = write_otlp(dist);
    } else {
        out = make_buffer(0);
        die("is no format");
    }
    return out;
}

int main(int argc, char **argv)
{
    struct dist dist;
    if (argc != 3)
        die("usage: dist_tool FROM TO");
    rnl_histogram_init(&dist.histogram);
    rnl_moments_init(&dist.moments);
    struct buffer in = read_all();
    read_from(&dist, argv[1], &in);
    free(in.data);
    if (strcmp(argv[2], "text") == 0) {
        print_text(&dist);
    } else {
        struct buffer out = write_to(&dist, argv[2]);
        if (fwrite(out.data, 1, out.len, stdout) != out.len)
            die("cannot write");
        free(out.data);
    }
    rnl_histogram_fini(&dist.histogram);
    rnl_moments_fini(&dist.moments);
    return fflush(stdout) == 0 ? 0 : 1;
}
