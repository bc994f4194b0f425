/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a meter from foreign bytes. Heads, seals and lengths are made
 * around the input, which no mutant would hit. What is taken answers, counts
 * on, and is written and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "meter_bytes.h"
#include "sketch/bytes.h"
#include "sketch/hyperloglog.h"

#define WALL      INT64_C(1767225600000)
#define KEY_TOTAL 2
#define KEY_SLOT  (1U << 16)

/* Second of the base's newest event. */
#define NEWEST ((WALL - 1000) / 1000)

/* ---- parts ---- */

#define PARTS_MAX 400
#define BYTES_MAX (1U << 16)

struct parts {
    struct {
        uint32_t key;
        uint8_t *data;
        size_t len;
    } list[PARTS_MAX];
    size_t count;
};

static uint8_t *room(void *arg, uint32_t key, size_t len)
{
    struct parts *parts = arg;
    FUZZ_CHECK(parts->count < PARTS_MAX);
    uint8_t *data = malloc(len);
    FUZZ_CHECK(data != NULL);
    parts->list[parts->count].key = key;
    parts->list[parts->count].data = data;
    parts->list[parts->count++].len = len;
    return data;
}

static void drop(struct parts *parts)
{
    while (parts->count > 0)
        free(parts->list[--parts->count].data);
}

static struct rnl_meter_config make_config(void)
{
    struct rnl_meter_config config = {.window_seconds = {2, 60, 4000},
                                      .window_count = 3,
                                      .unique_precision = 4,
                                      .top_capacity = 10,
                                      .latency_threshold_ms = 1};
    struct rnl_meter_fault fault;
    FUZZ_CHECK(rnl_meter_config_check(&config, &fault) == RNL_OK);
    return config;
}

static enum rnl_code restore(const struct parts *parts,
                             struct rnl_meter **ret_meter)
{
    struct rnl_meter_config config = make_config();
    enum rnl_code code = rnl_meter_restore(&config, parts->list[0].data,
                                           parts->list[0].len, ret_meter);
    for (size_t i = 1; i < parts->count && code == RNL_OK; i++)
        code = rnl_meter_restore_part(*ret_meter, parts->list[i].key,
                                      parts->list[i].data, parts->list[i].len);
    return code == RNL_OK ? rnl_meter_restore_end(*ret_meter) : code;
}

/* ---- using what was taken ---- */

static void ingest(struct rnl_meter *meter, int64_t time_ms, int64_t wall_ms)
{
    static const uint32_t lengths[] = {1, 2};
    static const uint32_t indexes[] = {0, 1, 0};
    static const double values[] = {1, -2, 3};
    static const float latencies[] = {1, 2, 3};
    const struct rnl_meter_batch batch = {.keys = (const uint8_t *)"abb",
                                          .keys_len = 3,
                                          .key_lengths = lengths,
                                          .key_count = 2,
                                          .key_indexes = indexes,
                                          .event_count = 3,
                                          .values = values,
                                          .latencies_ms = latencies,
                                          .time_base_ms = time_ms};
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    FUZZ_CHECK(rnl_meter_ingest(meter, &batch, wall_ms, &taken, &fault) ==
               RNL_OK);
}

static void ask(struct rnl_meter *meter, uint32_t seconds, int64_t wall_ms)
{
    struct rnl_meter_view *view;
    struct rnl_meter_top top[10];
    struct rnl_meter_frequency frequency;
    struct rnl_meter_moments moments;
    struct rnl_meter_bucket buckets[7];
    /* Bytes that nothing but malice writes may hold a sum out of range. */
    if (rnl_meter_view_create(meter, seconds, wall_ms, &view) != RNL_OK)
        return;
    FUZZ_CHECK(rnl_meter_view_top(view, top, 10) <= 10);
    rnl_meter_view_frequency(view, (const uint8_t *)"a", 1, &frequency);
    FUZZ_CHECK(frequency.lower <= frequency.upper);
    for (int m = 0; m < RNL_METER_METRICS; m++) {
        rnl_meter_view_moments(view, (enum rnl_meter_metric)m, &moments);
        (void)rnl_meter_view_quantile(view, (enum rnl_meter_metric)m, 0.9);
        FUZZ_CHECK(rnl_meter_view_histogram(view, (enum rnl_meter_metric)m,
                                            buckets, 7) <= 7);
    }
    rnl_meter_view_destroy(view);
}

static void use(struct rnl_meter *meter)
{
    struct rnl_meter_info info;
    static const uint32_t windows[] = {0, 2, 60, 4000};
    rnl_meter_info(meter, WALL, &info);
    for (int64_t wall = WALL; wall < WALL + 9000000; wall += 2999999) {
        for (size_t w = 0; w < 4; w++)
            ask(meter, windows[w], wall);
        ingest(meter, wall, wall);
    }
    struct parts parts = {.count = 0};
    struct rnl_meter *again = NULL;
    FUZZ_CHECK(rnl_meter_save(meter, true, room, &parts) == RNL_OK);
    FUZZ_CHECK(restore(&parts, &again) == RNL_OK);
    rnl_meter_destroy(again);
    drop(&parts);
}

/* ---- making parts ---- */

struct out {
    uint8_t bytes[BYTES_MAX];
    size_t len;
};

static void put_varint(struct out *out, uint64_t number)
{
    out->len += (size_t)(rnl_put_varint(out->bytes + out->len, number) -
                         (out->bytes + out->len));
}

/* Takes a piece of the input and puts it into a frame; with its length. */
static void put_sealed(struct out *out, const char letters[4],
                       const uint8_t **data, size_t *size)
{
    uint8_t frame[1024];
    size_t len = fuzz_byte(data, size);
    len += 256U * (fuzz_byte(data, size) % 4U);
    len = len < *size ? len : *size;
    uint8_t *at = rnl_sketch_head(frame, letters, 1);
    if (len > 0)
        memcpy(at, *data, len);
    rnl_sketch_seal(frame, at + len);
    *data += len;
    *size -= len;
    len += RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN;
    put_varint(out, len);
    memcpy(out->bytes + out->len, frame, len);
    out->len += len;
}

static void put_hll(struct out *out, const uint8_t **data, size_t *size)
{
    struct rnl_hll hll;
    FUZZ_CHECK(rnl_hll_init(&hll, 4, RNL_HASH_NATIVE, 0) == RNL_OK);
    for (size_t i = fuzz_byte(data, size) % 16; i > 0; i--)
        FUZZ_CHECK(rnl_hll_update(&hll, fuzz_byte(data, size) *
                                            UINT64_C(0x9E3779B97F4A7C15)) ==
                   RNL_OK);
    size_t len = rnl_hll_serialized_len(&hll);
    put_varint(out, len);
    rnl_hll_serialize(&hll, out->bytes + out->len);
    out->len += len;
    rnl_hll_fini(&hll);
}

static void put_metric(struct out *out, const uint8_t **data, size_t *size)
{
    static struct out inner;
    inner.len = 0;
    put_sealed(&inner, "RMOM", data, size);
    static struct out histogram;
    histogram.len = 0;
    put_sealed(&histogram, "RLHG", data, size);
    /* The histogram has no length of its own. */
    size_t skip = histogram.len > 128 ? 2 : 1;
    memcpy(inner.bytes + inner.len, histogram.bytes + skip,
           histogram.len - skip);
    inner.len += histogram.len - skip;
    put_varint(out, inner.len);
    memcpy(out->bytes + out->len, inner.bytes, inner.len);
    out->len += inner.len;
}

/* Pane, then "RDIG" with what its parts say. */
static void make_digest(struct out *out, int64_t pane, const uint8_t **data,
                        size_t *size)
{
    out->len = 0;
    put_varint(out, rnl_zigzag(pane));
    size_t begin = out->len;
    out->len =
        (size_t)(rnl_sketch_head(out->bytes + begin, "RDIG", 1) - out->bytes);
    uint64_t parts = fuzz_byte(data, size) & 0x1F;
    put_varint(out, 8 + fuzz_byte(data, size) % 8);
    put_varint(out, fuzz_byte(data, size));
    put_varint(out, fuzz_byte(data, size));
    put_varint(out, parts);
    if ((parts & 1) != 0)
        put_sealed(out, "RFRL", data, size);
    if ((parts & 2) != 0)
        put_hll(out, data, size);
    if ((parts & 4) != 0)
        put_metric(out, data, size);
    if ((parts & 8) != 0)
        put_metric(out, data, size);
    if ((parts & 16) != 0)
        put_sealed(out, "RCMS", data, size);
    rnl_sketch_seal(out->bytes + begin, out->bytes + out->len);
    out->len += RNL_SKETCH_CHECK_LEN;
}

/* A meter with some events, as bytes. */
static void make_base(struct parts *parts)
{
    struct rnl_meter_config config = make_config();
    struct rnl_meter *meter;
    FUZZ_CHECK(rnl_meter_create(&config, WALL, &meter) == RNL_OK);
    ingest(meter, WALL - 3000, WALL - 3000);
    /* Too late for any pane: into the figures of all time. */
    ingest(meter, WALL - 9000000, WALL - 3000);
    ingest(meter, WALL - 1000, WALL - 1000);
    FUZZ_CHECK(rnl_meter_save(meter, true, room, parts) == RNL_OK);
    rnl_meter_destroy(meter);
}

/* ---- the input ---- */

static void try_head(const struct parts *base, const uint8_t *data, size_t size)
{
    struct parts parts = *base;
    struct rnl_meter *meter = NULL;
    size_t len = size + RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN;
    uint8_t *bytes = malloc(len);
    FUZZ_CHECK(bytes != NULL);
    uint8_t *at = rnl_sketch_head(bytes, "RMTR", 1);
    if (size > 0)
        memcpy(at, data, size);
    rnl_sketch_seal(bytes, at + size);
    parts.list[0].data = bytes;
    parts.list[0].len = len;
    if (restore(&parts, &meter) == RNL_OK)
        use(meter);
    rnl_meter_destroy(meter);
    free(bytes);
}

/* One part of the base is exchanged. */
static void try_digest(const struct parts *base, uint32_t key, int64_t pane,
                       const uint8_t *data, size_t size)
{
    static struct out out;
    struct parts parts = *base;
    struct rnl_meter *meter = NULL;
    bool found = false;
    make_digest(&out, pane, &data, &size);
    for (size_t i = 0; i < parts.count; i++) {
        if (parts.list[i].key == key) {
            parts.list[i].data = out.bytes;
            parts.list[i].len = out.len;
            found = true;
        }
    }
    FUZZ_CHECK(found);
    if (restore(&parts, &meter) == RNL_OK)
        use(meter);
    rnl_meter_destroy(meter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parts base = {.count = 0};
    uint8_t what = fuzz_byte(&data, &size);
    make_base(&base);
    if (what % 4 == 0)
        try_head(&base, data, size);
    else
        try_digest(&base, what % 4 == 1 ? KEY_TOTAL : KEY_SLOT + NEWEST % 64,
                   what % 4 == 1 ? 0 : NEWEST, data, size);
    drop(&base);
    return 0;
}
