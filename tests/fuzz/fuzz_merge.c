/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sketches of any bytes into meters of every configuration, seals put right so
 * that mutants come far: each is refused with a field and a reason, or merged;
 * the meter answers all questions afterwards, takes events, exports what can be
 * merged again, and is the same after a restart.
 */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include "alloc.h"
#include "export.h"
#include "import.h"
#include "meter_bytes.h"
#include "sketch/bytes.h"
#include "sketch/hash.h"

#define WALL    INT64_C(1767225600000)
#define LEN_MAX 8192

/* Of a sketch that is sealed at its end; and of one of distinct keys, whose
 * seal is in its head. */
static void put_seal(uint8_t *bytes, size_t len)
{
    if (len > RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN &&
        (memcmp(bytes, "RKEY", 4) == 0 || memcmp(bytes, "RDST", 4) == 0)) {
        rnl_sketch_seal(bytes, bytes + len - RNL_SKETCH_CHECK_LEN);
    } else if (len >= 24 && memcmp(bytes, "RHLL", 4) == 0) {
        uint64_t head = rnl_hash(bytes, 16, 0);
        uint64_t check = rnl_hash(bytes + 24, len - 24, head);
        memcpy(bytes + 16, &check, 8);
    }
}

/* The sketches in a sketch have seals of their own. */
static void put_inner_seals(uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at + 6 < len; at++) {
        if (bytes[at] != 'R' || at == 0 || bytes[at - 1] > 127 ||
            bytes[at - 1] < 13 || bytes[at - 1] > len - at)
            continue;
        rnl_sketch_seal(bytes + at,
                        bytes + at + bytes[at - 1] - RNL_SKETCH_CHECK_LEN);
    }
}

static struct rnl_meter *make_meter(uint8_t choice)
{
    struct rnl_meter_config config = {.unique_precision = 4,
                                      .top_capacity = 10};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter;
    config.key_hash = (enum rnl_key_hash)(1 + choice % 3);
    if (config.key_hash == RNL_KEY_HASH_REDIS)
        config.unique_precision = 14;
    if (config.key_hash == RNL_KEY_HASH_RUNNEL && (choice & 8) != 0)
        config.unique_algorithm = RNL_UNIQUE_BY_ULTRALOGLOG;
    FUZZ_CHECK(rnl_meter_config_check(&config, &fault) == RNL_OK);
    FUZZ_CHECK(rnl_meter_create(&config, WALL, &meter) == RNL_OK);
    return meter;
}

static void ask(struct rnl_meter *meter)
{
    struct rnl_meter_view *view;
    struct rnl_meter_estimate unique;
    struct rnl_meter_top top[10];
    FUZZ_CHECK(rnl_meter_view_create(meter, 0, WALL, &view) == RNL_OK);
    rnl_meter_view_unique(view, &unique);
    FUZZ_CHECK(unique.lower <= unique.value && unique.value <= unique.upper);
    size_t count = rnl_meter_view_top(view, top, 10);
    for (size_t i = 0; i < count; i++)
        FUZZ_CHECK(top[i].frequency.lower <= top[i].frequency.count &&
                   top[i].frequency.count <= top[i].frequency.upper);
    for (int m = 0; m < RNL_METER_METRICS; m++) {
        struct rnl_meter_moments moments;
        struct rnl_meter_bucket buckets[7];
        enum rnl_meter_metric metric = (enum rnl_meter_metric)m;
        rnl_meter_view_moments(view, metric, &moments);
        double q = rnl_meter_view_quantile(view, metric, 0.9);
        FUZZ_CHECK(moments.count == 0 ? isnan(q) : isfinite(q));
        FUZZ_CHECK(moments.variance >= 0 && moments.stddev_error >= 0 &&
                   isfinite(moments.sum) && isfinite(moments.mean));
        FUZZ_CHECK(rnl_meter_view_histogram(view, metric, buckets, 7) <= 7);
    }
    rnl_meter_view_destroy(view);
}

/* Two events, one of them too late for every pane. */
static void ingest(struct rnl_meter *meter)
{
    static const uint8_t keys[] = "ab";
    static const uint32_t lengths[] = {1, 1}, indexes[] = {0, 1};
    static const uint32_t offsets[] = {0, 90000000};
    static const double values[] = {1, -2};
    const struct rnl_meter_batch batch = {.keys = keys,
                                          .keys_len = 2,
                                          .key_lengths = lengths,
                                          .key_count = 2,
                                          .key_indexes = indexes,
                                          .event_count = 2,
                                          .values = values,
                                          .time_base_ms = WALL - 90000000,
                                          .time_offsets_ms = offsets};
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    FUZZ_CHECK(rnl_meter_ingest(meter, &batch, WALL, &taken, &fault) == RNL_OK);
    FUZZ_CHECK(taken.late_events == 1);
}

/* What is exported merges into a new meter of the same kind. */
static void export_and_merge(struct rnl_meter *meter, uint8_t choice)
{
    for (int of = RNL_SKETCH_OF_UNIQUE; of <= RNL_SKETCH_OF_VALUE; of++) {
        struct rnl_meter_view *view;
        struct rnl_sketch_bytes bytes;
        struct rnl_import_fault fault;
        const char *what;
        uint64_t count;
        FUZZ_CHECK(rnl_meter_view_create(meter, 0, WALL, &view) == RNL_OK);
        FUZZ_CHECK(rnl_meter_view_export(view, (enum rnl_sketch_of)of,
                                         RNL_SKETCH_FORMAT_RUNNEL, &bytes,
                                         &what) == RNL_OK);
        rnl_meter_view_destroy(view);
        struct rnl_meter *other = make_meter(choice);
        const struct rnl_import import = {(enum rnl_sketch_of)of,
                                          RNL_SKETCH_FORMAT_RUNNEL, bytes.data,
                                          bytes.len};
        FUZZ_CHECK(rnl_meter_import(other, &import, &count, &fault) == RNL_OK);
        rnl_meter_destroy(other);
        rnl_free(bytes.data);
    }
}

struct kept {
    uint32_t keys[16];
    uint8_t *parts[16];
    size_t lens[16];
    size_t count;
};

static uint8_t *keep(void *arg, uint32_t key, size_t len)
{
    struct kept *kept = arg;
    FUZZ_CHECK(kept->count < 16);
    kept->keys[kept->count] = key;
    kept->lens[kept->count] = len;
    kept->parts[kept->count] = rnl_malloc(len);
    return kept->parts[kept->count++];
}

static void restart(struct rnl_meter **meter)
{
    struct kept kept = {.count = 0};
    struct rnl_meter *again;
    FUZZ_CHECK(rnl_meter_save(*meter, true, keep, &kept) == RNL_OK);
    FUZZ_CHECK(rnl_meter_restore(rnl_meter_config(*meter), kept.parts[0],
                                 kept.lens[0], &again) == RNL_OK);
    for (size_t i = 1; i < kept.count; i++)
        FUZZ_CHECK(rnl_meter_restore_part(again, kept.keys[i], kept.parts[i],
                                          kept.lens[i]) == RNL_OK);
    FUZZ_CHECK(rnl_meter_restore_end(again) == RNL_OK);
    for (size_t i = 0; i < kept.count; i++)
        rnl_free(kept.parts[i]);
    rnl_meter_destroy(*meter);
    *meter = again;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t choice = fuzz_byte(&data, &size);
    uint8_t which = fuzz_byte(&data, &size);
    if (size > LEN_MAX)
        return 0;
    /* As long as it is, so that a read beyond its end is seen. */
    uint8_t *copy = malloc(size + (size == 0));
    FUZZ_CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    if ((choice & 16) != 0)
        put_inner_seals(copy, size);
    put_seal(copy, size);
    struct rnl_meter *meter = make_meter(choice);
    if ((choice & 32) != 0)
        ingest(meter);
    const struct rnl_import import = {
        (enum rnl_sketch_of)(1 + which % 4),
        (enum rnl_sketch_format)(1 + which / 4 % 5), copy, size};
    struct rnl_import_fault fault = {.field = NULL};
    uint64_t count = 0;
    enum rnl_code code = rnl_meter_import(meter, &import, &count, &fault);
    FUZZ_CHECK(code == RNL_OK || (fault.field != NULL && fault.what[0] != 0 &&
                                  (code == RNL_INVALID_ARGUMENT ||
                                   code == RNL_FAILED_PRECONDITION)));
    ask(meter);
    ingest(meter);
    ask(meter);
    if (code == RNL_OK) {
        export_and_merge(meter, choice);
        restart(&meter);
        ask(meter);
    }
    rnl_meter_destroy(meter);
    free(copy);
    return 0;
}
