/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sketches of distinct keys from one format to another, for the tests with
 * other people's programs:
 *
 *     distinct_tool TO FROM=PATH... > out
 *
 * FROM  own, redis, datasketches: a sketch in that format
 *       redis:14, datasketches:P, native:P, ultra:P: a key a line
 *       datasketches-long:P: PATH is N; the integers 0 to N - 1
 * TO    own, redis, datasketches, text
 *
 * Sketches after the first are merged into it. What is refused goes to stderr
 * with its code, with exit status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hll_datasketches.h"
#include "hll_redis.h"
#include "ultraloglog.h"

#define INPUT_MAX (64u << 20)
#define SEED      1

struct buffer {
    uint8_t *data;
    size_t len;
};

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void check(enum rnl_code code)
{
    if (code != RNL_OK)
        die(rnl_code_name((int)code));
}

static struct buffer read_file(const char *path)
{
    struct buffer in = {malloc(INPUT_MAX), 0};
    FILE *file = fopen(path, "rb");
    if (in.data == NULL || file == NULL)
        die("cannot read the file");
    in.len = fread(in.data, 1, INPUT_MAX, file);
    fclose(file);
    if (in.len == INPUT_MAX)
        die("the file is too long");
    return in;
}

static void count(struct rnl_hll *hll, const void *key, size_t len)
{
    enum rnl_hash_profile profile = (enum rnl_hash_profile)hll->profile;
    check(rnl_hll_update(hll, rnl_hash_profiled(profile, key, len, SEED)));
}

static void count_lines(struct rnl_hll *hll, const struct buffer *in)
{
    size_t from = 0;
    for (size_t i = 0; i < in->len; i++) {
        if (in->data[i] == '\n') {
            count(hll, in->data + from, i - from);
            from = i + 1;
        }
    }
}

static void count_longs(struct rnl_hll *hll, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint8_t key[8];
        for (size_t k = 0; k < 8; k++)
            key[k] = (uint8_t)(i >> (8 * k));
        count(hll, key, sizeof(key));
    }
}

/* An empty sketch for keys: KIND:PRECISION. */
static struct rnl_hll make(const char *kind)
{
    static const struct {
        const char *name;
        enum rnl_hash_profile profile;
    } kinds[] = {{"native:", RNL_HASH_NATIVE},
                 {"redis:", RNL_HASH_REDIS},
                 {"datasketches:", RNL_HASH_DATASKETCHES},
                 {"datasketches-long:", RNL_HASH_DATASKETCHES}};
    struct rnl_hll hll;
    const char *colon = strchr(kind, ':');
    unsigned precision = (unsigned)strtoul(colon + 1, NULL, 10);
    if (strncmp(kind, "ultra:", 6) == 0) {
        check(rnl_ull_init(&hll, precision, SEED));
        return hll;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncmp(kind, kinds[i].name, strlen(kinds[i].name)) == 0) {
            check(rnl_hll_init(&hll, precision, kinds[i].profile, SEED));
            return hll;
        }
    }
    die("unknown source");
    abort();
}

static struct rnl_hll read_keys(const char *kind, const char *path)
{
    struct rnl_hll hll = make(kind);
    if (strncmp(kind, "datasketches-long:", 18) == 0) {
        count_longs(&hll, strtoull(path, NULL, 10));
        return hll;
    }
    struct buffer in = read_file(path);
    count_lines(&hll, &in);
    free(in.data);
    return hll;
}

static struct rnl_hll read_sketch(const char *kind, const char *path)
{
    struct rnl_hll hll;
    struct buffer in = read_file(path);
    check(rnl_hll_init(&hll, RNL_HLL_PRECISION_DEFAULT, RNL_HASH_NATIVE, 0));
    if (strcmp(kind, "own") == 0)
        check(rnl_hll_deserialize(&hll, in.data, in.len));
    else if (strcmp(kind, "redis") == 0)
        check(rnl_hll_redis_read(&hll, in.data, in.len));
    else if (strcmp(kind, "datasketches") == 0)
        check(rnl_hll_datasketches_read(&hll, in.data, in.len));
    else
        die("unknown source");
    free(in.data);
    return hll;
}

static struct rnl_hll read_source(char *source)
{
    char *equals = strchr(source, '=');
    if (equals == NULL)
        die("a source is FROM=PATH");
    *equals = 0;
    if (strchr(source, ':') != NULL)
        return read_keys(source, equals + 1);
    return read_sketch(source, equals + 1);
}

static void write_text(const struct rnl_hll *hll)
{
    struct rnl_hll_estimate estimate;
    rnl_hll_estimate(hll, &estimate);
    printf("value %.17g\nlower %.17g\nupper %.17g\nerror %.17g\n"
           "precision %u\ndense %d\n",
           estimate.value, estimate.lower, estimate.upper, estimate.error,
           hll->precision, hll->dense);
}

static void write_bytes(const struct rnl_hll *hll, size_t len,
                        void (*write)(const struct rnl_hll *hll, uint8_t *out))
{
    uint8_t *out = malloc(len + 1);
    if (len == 0)
        die("the profile of the sketch is another");
    if (out == NULL)
        die("out of memory");
    write(hll, out);
    if (fwrite(out, 1, len, stdout) != len)
        die("cannot write");
    free(out);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage: distinct_tool TO FROM=PATH...");
    struct rnl_hll hll = read_source(argv[2]);
    for (int i = 3; i < argc; i++) {
        struct rnl_hll other = read_source(argv[i]);
        check(rnl_hll_merge(&hll, &other));
        rnl_hll_fini(&other);
    }
    if (strcmp(argv[1], "text") == 0)
        write_text(&hll);
    else if (strcmp(argv[1], "own") == 0)
        write_bytes(&hll, rnl_hll_serialized_len(&hll), rnl_hll_serialize);
    else if (strcmp(argv[1], "redis") == 0)
        write_bytes(&hll, rnl_hll_redis_len(&hll), rnl_hll_redis_write);
    else if (strcmp(argv[1], "datasketches") == 0)
        write_bytes(&hll, rnl_hll_datasketches_len(&hll),
                    rnl_hll_datasketches_write);
    else
        die("unknown format");
    rnl_hll_fini(&hll);
    return 0;
}
