/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"
#include "timing.h"

#define SEED UINT64_C(20260711)

#define LINE_MAX_BYTES 4096

static void alloc_columns(struct bench_events *events, size_t count)
{
    events->count = count;
    events->key_of = bench_alloc(count * sizeof(events->key_of[0]));
    events->values = bench_alloc(count * sizeof(events->values[0]));
    events->latencies_ms = bench_alloc(count * sizeof(events->latencies_ms[0]));
}

static void count_distinct(struct bench_events *events)
{
    uint8_t *seen = bench_alloc(events->key_count);
    memset(seen, 0, events->key_count);
    for (size_t i = 0; i < events->count; i++) {
        events->distinct += !seen[events->key_of[i]];
        seen[events->key_of[i]] = 1;
    }
    free(seen);
}

static void make_keys(struct bench_events *events, size_t users)
{
    events->key_count = users;
    events->keys = bench_alloc(users * BENCH_KEY_BYTES);
    events->key_offsets = bench_alloc((users + 1) * sizeof(uint32_t));
    for (size_t i = 0; i <= users; i++)
        events->key_offsets[i] = (uint32_t)(i * BENCH_KEY_BYTES);
    for (size_t i = 0; i < users; i++) {
        char *key = events->keys + i * BENCH_KEY_BYTES;
        size_t number = i + 1;
        memcpy(key, "user-", 5);
        for (size_t at = BENCH_KEY_BYTES; at-- > 5; number /= 10)
            key[at] = (char)('0' + number % 10);
    }
}

void bench_events_make(struct bench_events *events, size_t count, size_t users,
                       double skew)
{
    *events = (struct bench_events){0};
    make_keys(events, users);
    alloc_columns(events, count);
    struct rnl_generator generator;
    rnl_generator_init(&generator, &(struct rnl_generator_options){
                                       .seed = SEED,
                                       .users = users,
                                       .skew = skew,
                                       .value_mean = 50,
                                       .value_sigma = 1,
                                       .latency_mean_ms = 20,
                                       .latency_sigma = 0.8,
                                   });
    /* Ranks are spread over the numbers of the keys, so that frequent keys do
     * not lie side by side in anybody's memory. */
    size_t stride = 2654435761u % users | 1;
    for (size_t i = 0; i < count; i++) {
        struct rnl_generated event;
        rnl_generator_next(&generator, &event);
        events->key_of[i] = (uint32_t)((event.user * stride) % users);
        events->values[i] = event.value;
        events->latencies_ms[i] = (float)event.latency_ms;
    }
    count_distinct(events);
}

/* ---- a file ---- */

static int column_of(char *header, const char *name)
{
    int column = 0;
    char *rest = header;
    char *cell;
    while ((cell = strsep(&rest, ",\r\n")) != NULL) {
        if (strcmp(cell, name) == 0)
            return column;
        column++;
    }
    bench_die("the file has no column \"%s\"", name);
}

/* A plain search is enough: the files have some hundred keys. */
static uint32_t intern(struct bench_events *events, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < events->key_count; i++) {
        uint32_t from = events->key_offsets[i];
        if (events->key_offsets[i + 1] - from == len &&
            memcmp(events->keys + from, key, len) == 0)
            return (uint32_t)i;
    }
    size_t end =
        events->key_count == 0 ? 0 : events->key_offsets[events->key_count];
    events->keys = realloc(events->keys, end + len + 1);
    events->key_offsets =
        realloc(events->key_offsets,
                (events->key_count + 2) * sizeof(events->key_offsets[0]));
    if (events->keys == NULL || events->key_offsets == NULL)
        bench_die("memory is out");
    memcpy(events->keys + end, key, len);
    events->key_offsets[events->key_count] = (uint32_t)end;
    events->key_offsets[events->key_count + 1] = (uint32_t)(end + len);
    return (uint32_t)events->key_count++;
}

static void take_row(struct bench_events *events, size_t i, char *line,
                     const int columns[2])
{
    const char *cells[2] = {"", "0"};
    char *rest = line;
    char *cell;
    for (int n = 0; (cell = strsep(&rest, ",\r\n")) != NULL; n++) {
        if (n == columns[0])
            cells[0] = cell;
        if (n == columns[1])
            cells[1] = cell;
    }
    events->key_of[i] = intern(events, cells[0]);
    events->values[i] = strtod(cells[1], NULL);
    events->latencies_ms[i] = (float)fabs(events->values[i]);
}

void bench_events_read(struct bench_events *events, size_t count,
                       const struct bench_csv *csv)
{
    *events = (struct bench_events){0};
    alloc_columns(events, count);
    char line[LINE_MAX_BYTES];
    FILE *file = fopen(csv->path, "r");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL)
        bench_die("%s cannot be read", csv->path);
    char copy[LINE_MAX_BYTES];
    memcpy(copy, line, sizeof(copy));
    int columns[2] = {column_of(line, csv->key), column_of(copy, csv->value)};
    size_t rows = 0;
    while (rows < count && fgets(line, sizeof(line), file) != NULL)
        take_row(events, rows++, line, columns);
    fclose(file);
    if (rows == 0)
        bench_die("%s has no rows", csv->path);
    for (size_t i = rows; i < count; i++) {
        events->key_of[i] = events->key_of[i - rows];
        events->values[i] = events->values[i - rows];
        events->latencies_ms[i] = events->latencies_ms[i - rows];
    }
    count_distinct(events);
}

void bench_events_fini(struct bench_events *events)
{
    free(events->keys);
    free(events->key_offsets);
    free(events->key_of);
    free(events->values);
    free(events->latencies_ms);
    *events = (struct bench_events){0};
}

/* ---- batches ---- */

/* Which entry of the current batch a key has; stamp tells the batch. */
struct dictionary {
    uint32_t *stamps;
    uint32_t *entries;
    uint32_t stamp;
};

struct writer {
    uint8_t *at;
    const struct bench_events *events;
    struct dictionary dictionary;
    size_t first;
    size_t count;
};

/* Columns of four and eight bytes begin at their width. */
static void *reserve(struct writer *writer, size_t bytes)
{
    uintptr_t at = ((uintptr_t)writer->at + 7) & ~(uintptr_t)7;
    writer->at = (uint8_t *)at + bytes;
    return (void *)at;
}

static void put_keys(struct writer *writer, struct rnl_meter_batch *batch)
{
    const struct bench_events *events = writer->events;
    struct dictionary *dictionary = &writer->dictionary;
    uint32_t *indexes = reserve(writer, writer->count * sizeof(*indexes));
    uint32_t *lengths = reserve(writer, writer->count * sizeof(*lengths));
    uint8_t *keys = reserve(writer, 0);
    dictionary->stamp++;
    for (size_t i = 0; i < writer->count; i++) {
        uint32_t key = events->key_of[writer->first + i];
        if (dictionary->stamps[key] != dictionary->stamp) {
            uint32_t from = events->key_offsets[key];
            uint32_t len = events->key_offsets[key + 1] - from;
            dictionary->stamps[key] = dictionary->stamp;
            dictionary->entries[key] = (uint32_t)batch->key_count;
            lengths[batch->key_count++] = len;
            memcpy(keys + batch->keys_len, events->keys + from, len);
            batch->keys_len += len;
        }
        indexes[i] = dictionary->entries[key];
    }
    writer->at += batch->keys_len;
    batch->keys = keys;
    batch->key_lengths = lengths;
    batch->key_indexes = indexes;
}

static void put_batch(struct writer *writer, double rate, int64_t base_ms,
                      struct rnl_meter_batch *batch)
{
    const struct bench_events *events = writer->events;
    size_t first = writer->first;
    size_t count = writer->count;
    *batch = (struct rnl_meter_batch){.event_count = count};
    put_keys(writer, batch);
    double *values = reserve(writer, count * sizeof(*values));
    float *latencies = reserve(writer, count * sizeof(*latencies));
    uint32_t *offsets = reserve(writer, count * sizeof(*offsets));
    memcpy(values, events->values + first, count * sizeof(*values));
    memcpy(latencies, events->latencies_ms + first, count * sizeof(*latencies));
    int64_t begin = (int64_t)((double)first * 1000 / rate);
    for (size_t i = 0; i < count; i++)
        offsets[i] =
            (uint32_t)((int64_t)((double)(first + i) * 1000 / rate) - begin);
    batch->values = values;
    batch->latencies_ms = latencies;
    batch->time_base_ms = base_ms + begin;
    batch->time_offsets_ms = offsets;
}

void bench_batches_make(struct bench_batches *batches,
                        const struct bench_events *events, size_t batch_events,
                        double rate, int64_t base_ms)
{
    size_t longest = 0;
    for (size_t i = 0; i < events->key_count; i++) {
        size_t len = events->key_offsets[i + 1] - events->key_offsets[i];
        longest = len > longest ? len : longest;
    }
    size_t count = (events->count + batch_events - 1) / batch_events;
    size_t bytes = events->count * (24 + longest) + count * 64;
    *batches = (struct bench_batches){
        .batches = bench_alloc(count * sizeof(batches->batches[0])),
        .count = count,
        .memory = bench_alloc(bytes),
    };
    struct writer writer = {.at = batches->memory, .events = events};
    writer.dictionary.stamps = bench_alloc(events->key_count * 4);
    writer.dictionary.entries = bench_alloc(events->key_count * 4);
    memset(writer.dictionary.stamps, 0, events->key_count * 4);
    for (size_t i = 0; i < count; i++) {
        writer.first = i * batch_events;
        size_t left = events->count - writer.first;
        writer.count = left < batch_events ? left : batch_events;
        put_batch(&writer, rate, base_ms, &batches->batches[i]);
        batches->entries += batches->batches[i].key_count;
    }
    batches->bytes = (size_t)(writer.at - batches->memory);
    free(writer.dictionary.stamps);
    free(writer.dictionary.entries);
}

void bench_batches_fini(struct bench_batches *batches)
{
    free(batches->batches);
    free(batches->memory);
    *batches = (struct bench_batches){0};
}
