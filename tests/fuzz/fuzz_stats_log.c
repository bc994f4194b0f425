/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core that starts with what a journal has of event streams: a log and
 * producers from foreign bytes, with head and seal made around them, or any
 * configuration. It starts, or says that it is damaged; what was taken is
 * closed in order.
 */
#include "fuzz.h"

#include <string.h>

#include <runnel/v1/stats.pb-c.h>

#include "core.h"
#include "sketch/bytes.h"
#include "stats_journal.h"

#define PRODUCERS_KEY (1U << 20)
#define WALL_NS       INT64_C(1767225600000000000)

struct journal {
    struct rnl_stats_journal base;
    /* One stream: configuration, producers and log. */
    struct rnl_stats_record records[4];
    size_t count;
};

static enum rnl_code recover(struct rnl_stats_journal *base,
                             rnl_stats_take_fn *take, void *arg)
{
    const struct journal *journal = (const struct journal *)base;
    enum rnl_code code = RNL_OK;
    for (size_t i = 0; i < journal->count && code == RNL_OK; i++)
        code = take(arg, &journal->records[i]);
    return code;
}

static void commit(struct rnl_stats_journal *base,
                   const struct rnl_stats_group *group)
{
    struct rnl_stats_record record;
    size_t at = 0;
    (void)base;
    while (rnl_stats_group_next(group, &at, &record))
        FUZZ_CHECK(record.kind >= RNL_STATS_STREAM &&
                   record.kind <= RNL_STATS_PART);
}

static enum rnl_code flush(struct rnl_stats_journal *base)
{
    (void)base;
    return RNL_OK;
}

static const struct rnl_stats_journal_ops ops = {
    .name = "fuzz",
    .commit = commit,
    .recover = recover,
    .flush = flush,
};

static void fill_random(void *arg, uint8_t *out, size_t len)
{
    (void)arg;
    memset(out, 7, len);
}

static void add(struct journal *journal, enum rnl_stats_kind kind, uint32_t key,
                uint8_t *data, size_t len)
{
    journal->records[journal->count++] = (struct rnl_stats_record){
        .kind = kind, .key = key, .stream = 1, .data = data, .len = len};
}

static size_t seal(uint8_t *out, const char letters[4], const uint8_t *data,
                   size_t size)
{
    uint8_t *at = rnl_sketch_head(out, letters, 1);
    if (size > 0)
        memcpy(at, data, size);
    rnl_sketch_seal(out, at + size);
    return size + RNL_SKETCH_HEAD_LEN + RNL_SKETCH_CHECK_LEN;
}

static size_t write_config(uint8_t *out)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)(uintptr_t) "s";
    config.unique_precision = 4;
    return runnel__v1__stream_config__pack(&config, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t config[64];
    static uint8_t part[16384];
    static uint8_t own[16384];
    struct journal journal = {.base = {.ops = &ops}};
    struct rnl_core_options options = {.random = fill_random,
                                       .stats_journal = &journal.base};
    struct rnl_core *core;
    uint8_t what = fuzz_byte(&data, &size);
    size = size < 8192 ? size : 8192;
    if (what % 4 == 3) {
        if (size > 0)
            memcpy(own, data, size);
        add(&journal, RNL_STATS_STREAM, 0, own, size);
    } else {
        add(&journal, RNL_STATS_STREAM, 0, config, write_config(config));
    }
    /* The log makes the stream; producers are a part, which want a head. */
    if (what % 4 == 2)
        add(&journal, RNL_STATS_PART, PRODUCERS_KEY, part,
            seal(part, "RPRD", data, size));
    else if (what % 4 < 2)
        add(&journal, RNL_STATS_LOG, 0, part, seal(part, "RLOG", data, size));
    enum rnl_code code = rnl_core_create(&options, 1, WALL_NS, &core);
    FUZZ_CHECK(code == RNL_OK || code == RNL_DATA_LOSS);
    if (code == RNL_OK)
        rnl_core_destroy(core);
    return 0;
}
