/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_stats_journal.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

static struct fake_stats_journal *fake_of(struct rnl_stats_journal *journal)
{
    return (struct fake_stats_journal *)journal;
}

/* ---- what is kept ---- */

static void drop_at(struct fake_stats_journal *fake, size_t at)
{
    free(fake->kept[at].data);
    memmove(&fake->kept[at], &fake->kept[at + 1],
            (fake->count - at - 1) * sizeof(fake->kept[0]));
    fake->count--;
}

static void drop(struct fake_stats_journal *fake, uint64_t stream,
                 enum rnl_stats_kind kind, uint32_t key)
{
    for (size_t i = fake->count; i > 0; i--) {
        const struct rnl_stats_record *record = &fake->kept[i - 1].record;
        if (record->stream == stream && record->kind == kind &&
            record->key == key)
            drop_at(fake, i - 1);
    }
}

static void drop_stream(struct fake_stats_journal *fake, uint64_t stream)
{
    for (size_t i = fake->count; i > 0; i--) {
        if (fake->kept[i - 1].record.stream == stream)
            drop_at(fake, i - 1);
    }
}

static void keep(struct fake_stats_journal *fake,
                 const struct rnl_stats_record *record)
{
    if (fake->count == fake->cap) {
        fake->cap = 2 * fake->cap + 64;
        fake->kept = realloc(fake->kept, fake->cap * sizeof(fake->kept[0]));
        assert_non_null(fake->kept);
    }
    struct fake_record *kept = &fake->kept[fake->count++];
    kept->record = *record;
    kept->data = malloc(record->len + 1);
    assert_non_null(kept->data);
    if (record->len > 0)
        memcpy(kept->data, record->data, record->len);
    kept->record.data = kept->data;
}

static void apply(struct fake_stats_journal *fake,
                  const struct rnl_stats_record *record)
{
    fake->written[record->kind]++;
    if (record->kind == RNL_STATS_GONE) {
        drop_stream(fake, record->stream);
    } else if (record->kind == RNL_STATS_SAVE) {
        assert_int_equal(record->len, sizeof(struct rnl_stats_summary));
        drop(fake, record->stream, RNL_STATS_LOG, 0);
    } else {
        if (record->kind == RNL_STATS_PART)
            drop(fake, record->stream, record->kind, record->key);
        keep(fake, record);
    }
}

static void write_group(struct fake_stats_journal *fake)
{
    struct rnl_stats_record record;
    size_t at = 0;
    while (rnl_stats_group_next(fake->group, &at, &record))
        apply(fake, &record);
}

/* ---- the journal ---- */

static void commit(struct rnl_stats_journal *journal,
                   const struct rnl_stats_group *group)
{
    assert_null(fake_of(journal)->group);
    assert_true(group->len > 0);
    fake_of(journal)->group = group;
}

static enum rnl_code flush(struct rnl_stats_journal *journal)
{
    struct fake_stats_journal *fake = fake_of(journal);
    if (fake->group != NULL && fake->flush_code == RNL_OK)
        write_group(fake);
    fake->group = NULL;
    return fake->flush_code;
}

static const struct fake_record *next_of(const struct fake_stats_journal *fake,
                                         const struct rnl_stats_record *after,
                                         enum rnl_stats_kind kind)
{
    const struct fake_record *next = NULL;
    for (size_t i = 0; i < fake->count; i++) {
        const struct rnl_stats_record *record = &fake->kept[i].record;
        bool is_later = kind == RNL_STATS_STREAM
                            ? record->stream > after->stream
                            : record->stream == after->stream &&
                                  (int64_t)record->key > after->time_ns;
        if (record->kind == kind && is_later &&
            (next == NULL ||
             (kind == RNL_STATS_STREAM ? record->stream < next->record.stream
                                       : record->key < next->record.key)))
            next = &fake->kept[i];
    }
    return next;
}

static enum rnl_code recover_stream(const struct fake_stats_journal *fake,
                                    uint64_t stream, rnl_stats_take_fn *take,
                                    void *arg)
{
    struct rnl_stats_record after = {.stream = stream, .time_ns = -1};
    const struct fake_record *part;
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK &&
           (part = next_of(fake, &after, RNL_STATS_PART)) != NULL) {
        after.time_ns = part->record.key;
        code = take(arg, &part->record);
    }
    for (size_t i = 0; i < fake->count && code == RNL_OK; i++) {
        const struct rnl_stats_record *record = &fake->kept[i].record;
        if (record->stream == stream && record->kind == RNL_STATS_LOG)
            code = take(arg, record);
    }
    return code;
}

static enum rnl_code recover(struct rnl_stats_journal *journal,
                             rnl_stats_take_fn *take, void *arg)
{
    const struct fake_stats_journal *fake = fake_of(journal);
    struct rnl_stats_record after = {.stream = 0};
    const struct fake_record *stream;
    enum rnl_code code = RNL_OK;
    while (code == RNL_OK &&
           (stream = next_of(fake, &after, RNL_STATS_STREAM)) != NULL) {
        after.stream = stream->record.stream;
        code = take(arg, &stream->record);
        if (code == RNL_OK)
            code = recover_stream(fake, after.stream, take, arg);
    }
    return code;
}

static const struct rnl_stats_journal_ops ops = {
    .name = "fake",
    .commit = commit,
    .recover = recover,
    .flush = flush,
};

/* ---- what a test does ---- */

void fake_stats_init(struct fake_stats_journal *fake)
{
    *fake = (struct fake_stats_journal){.journal = {.ops = &ops}};
}

void fake_stats_fini(struct fake_stats_journal *fake)
{
    while (fake->count > 0)
        drop_at(fake, fake->count - 1);
    free(fake->kept);
}

void fake_stats_complete(struct fake_stats_journal *fake, enum rnl_code code)
{
    assert_non_null(fake->group);
    if (code == RNL_OK)
        write_group(fake);
    fake->group = NULL;
    fake->journal.committed(fake->journal.arg, code);
}

void fake_stats_crash(struct fake_stats_journal *fake, bool written)
{
    if (fake->group != NULL && written)
        write_group(fake);
    fake->group = NULL;
}

struct fake_record *fake_stats_find(struct fake_stats_journal *fake,
                                    enum rnl_stats_kind kind, uint32_t key)
{
    for (size_t i = fake->count; i > 0; i--) {
        struct fake_record *kept = &fake->kept[i - 1];
        if (kept->record.kind == kind && kept->record.key == key)
            return kept;
    }
    return NULL;
}
