/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a meter from bytes that somebody has changed, and sealed anew,
 * which no mutant would hit. What is taken answers, counts on, and is written
 * and read again.
 */
#include "fuzz.h"

#include <string.h>

#include "meter_bytes.h"
#include "sketch/bytes.h"
#include "sketch/hash.h"

#define WALL INT64_C(1767225600000)

/* ---- parts ---- */

#define PARTS_MAX 400

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

/* ---- seals ---- */

/* A sealed piece of a part. */
struct frame {
    size_t begin;
    /* Of its hash. */
    size_t end;
};

#define FRAMES_MAX 64

/* The frames of a part, innermost first: where letters begin and a hash fits.
 * So this knows nothing of what is inside, and does not grow old. */
static size_t find_frames(const uint8_t *data, size_t len, struct frame *frames)
{
    size_t count = 0;
    for (size_t span = RNL_SKETCH_HEAD_LEN; span + RNL_SKETCH_CHECK_LEN <= len;
         span++) {
        for (size_t i = 0; i + span + RNL_SKETCH_CHECK_LEN <= len; i++) {
            uint8_t hash[RNL_SKETCH_CHECK_LEN];
            if (data[i] != 'R' || data[i + 4] != 1)
                continue;
            rnl_put_word(hash, rnl_hash(data + i, span, 0));
            if (memcmp(hash, data + i + span, sizeof(hash)) == 0 &&
                count < FRAMES_MAX)
                frames[count++] = (struct frame){i, i + span};
        }
    }
    return count;
}

/* A meter with events in several panes and in all time, as bytes. */
static void make_base(struct parts *parts)
{
    struct rnl_meter_config config = make_config();
    struct rnl_meter *meter;
    FUZZ_CHECK(rnl_meter_create(&config, WALL, &meter) == RNL_OK);
    ingest(meter, WALL - 9000, WALL - 9000);
    ingest(meter, WALL - 3000, WALL - 3000);
    /* Too late for any pane: into the figures of all time. */
    ingest(meter, WALL - 9000000, WALL - 3000);
    ingest(meter, WALL - 1000, WALL - 1000);
    FUZZ_CHECK(rnl_meter_save(meter, true, room, parts) == RNL_OK);
    rnl_meter_destroy(meter);
}

/* ---- the input ---- */

/* Byte by byte: where, and what is there instead. Then all seals anew. */
static void edit(uint8_t *bytes, size_t len, const uint8_t **data, size_t *size)
{
    struct frame frames[FRAMES_MAX];
    size_t count = find_frames(bytes, len, frames);
    while (*size >= 3) {
        size_t at = fuzz_byte(data, size);
        at += (size_t)fuzz_byte(data, size) << 8;
        bytes[at % len] = fuzz_byte(data, size);
    }
    for (size_t i = 0; i < count; i++)
        rnl_sketch_seal(bytes + frames[i].begin, bytes + frames[i].end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parts base = {.count = 0};
    struct rnl_meter *meter = NULL;
    make_base(&base);
    size_t which = fuzz_byte(&data, &size) % base.count;
    edit(base.list[which].data, base.list[which].len, &data, &size);
    if (restore(&base, &meter) == RNL_OK)
        use(meter);
    rnl_meter_destroy(meter);
    drop(&base);
    return 0;
}
