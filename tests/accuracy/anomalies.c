/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures how often the detectors of a stream find an anomaly that is there,
 * how fast, and how often they find one that is not:
 *
 *     accuracy_anomalies made [TRIALS]    generated events, injected anomalies
 *     accuracy_anomalies file FILE HZ     lines "value,label" of a labelled
 *                                         series, HZ of them a second
 *
 * Prints a table. Of generated events each trial is 10 minutes of a service
 * with Poisson arrivals, Zipf users and lognormal values and latencies; at
 * minute 5, for 5 s, something happens. An alarm in these 5 s, of the metric
 * that it happens to, is a hit; one of any metric at any other time is false.
 * Half of the trials have a rate that swings by 30 % in five minutes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generator.h"
#include "meter.h"

#define SECONDS     600
#define HIT_BEGIN   300
#define HIT_END     305
#define EVENTS_MAX  32768
#define USERS       2000
#define TRIALS      20
#define START_MS    INT64_C(1700000000000)
#define KEY_BYTES   8
#define METRICS     4
#define LINE_BYTES  256
#define SWING_S     300.0
#define SWING_SHARE 0.3

enum kind { QUIET, SURGE, STOP, DEAR, SLOW, CROWD, KINDS };

static const struct {
    const char *name;
    enum rnl_anomaly_of metric;
} kinds[KINDS] = {
    [QUIET] = {"nothing", (enum rnl_anomaly_of)0},
    [SURGE] = {"rate x 2", RNL_ANOMALY_OF_RATE},
    [STOP] = {"rate x 0.2", RNL_ANOMALY_OF_RATE},
    [DEAR] = {"values x 2", RNL_ANOMALY_OF_VALUE_MEAN},
    [SLOW] = {"latencies x 3", RNL_ANOMALY_OF_LATENCY_P99},
    [CROWD] = {"new users only", RNL_ANOMALY_OF_UNIQUE_KEYS},
};

/* One batch a second. */
struct second {
    uint8_t keys[EVENTS_MAX * KEY_BYTES];
    uint32_t lengths[EVENTS_MAX];
    uint32_t indexes[EVENTS_MAX];
    double values[EVENTS_MAX];
    float latencies[EVENTS_MAX];
    uint32_t offsets[EVENTS_MAX];
};

struct trial {
    enum kind kind;
    double rate;
    bool swings;
    uint64_t random;
    uint64_t newcomers;
    struct rnl_generator generator;
    struct rnl_meter *meter;
};

/* What came of the trials of one kind. */
struct score {
    size_t trials;
    size_t hits;
    size_t false_alarms;
    double delay_s;
};

static struct second second;

static double uniform(struct trial *trial)
{
    trial->random ^= trial->random << 13;
    trial->random ^= trial->random >> 7;
    trial->random ^= trial->random << 17;
    return (double)((trial->random * UINT64_C(2685821657736338717)) >> 11) /
           9007199254740992.0;
}

/* By the gaps between arrivals. */
static size_t poisson(struct trial *trial, double mean)
{
    size_t count = 0;
    double at = -log1p(-uniform(trial));
    while (at < mean && count < EVENTS_MAX) {
        count++;
        at -= log1p(-uniform(trial));
    }
    return count;
}

static double rate_at(const struct trial *trial, size_t s, bool hit)
{
    double rate = trial->rate;
    if (trial->swings)
        rate *= 1 + SWING_SHARE * sin((double)s * 6.283185307 / SWING_S);
    if (hit && trial->kind == SURGE)
        return rate * 2;
    return hit && trial->kind == STOP ? rate / 5 : rate;
}

static void make_event(struct trial *trial, size_t i, bool hit)
{
    struct rnl_generated event;
    rnl_generator_next(&trial->generator, &event);
    uint64_t user = event.user;
    if (hit && trial->kind == CROWD)
        user = USERS + ++trial->newcomers;
    char key[KEY_BYTES + 1];
    snprintf(key, sizeof(key), "u%07llu", (unsigned long long)user % 10000000);
    memcpy(second.keys + i * KEY_BYTES, key, KEY_BYTES);
    second.lengths[i] = KEY_BYTES;
    second.indexes[i] = (uint32_t)i;
    second.values[i] = event.value * (hit && trial->kind == DEAR ? 2 : 1);
    second.latencies[i] =
        (float)(event.latency_ms * (hit && trial->kind == SLOW ? 3 : 1));
    second.offsets[i] = (uint32_t)(uniform(trial) * 1000);
}

static void ingest(struct rnl_meter *meter, size_t count, int64_t time_ms)
{
    const struct rnl_meter_batch batch = {.keys = second.keys,
                                          .keys_len = count * KEY_BYTES,
                                          .key_lengths = second.lengths,
                                          .key_count = count,
                                          .key_indexes = second.indexes,
                                          .event_count = count,
                                          .values = second.values,
                                          .latencies_ms = second.latencies,
                                          .time_base_ms = time_ms,
                                          .time_offsets_ms = second.offsets};
    struct rnl_meter_taken taken;
    struct rnl_meter_fault fault;
    if (count > 0 && rnl_meter_ingest(meter, &batch, time_ms + 1000, &taken,
                                      &fault) != RNL_OK) {
        fprintf(stderr, "a batch was refused: %s\n", fault.what);
        exit(1);
    }
    rnl_meter_advance(meter, time_ms + 1000);
}

/* Looks at the anomalies found since `after`; returns the newest sequence. */
static uint64_t judge(const struct trial *trial, uint64_t after, bool *hit,
                      struct score *score)
{
    struct rnl_meter_anomalies found;
    rnl_meter_anomalies(trial->meter, after, &found);
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < found.counts[p]; i++) {
            const struct rnl_meter_anomaly *anomaly = &found.parts[p][i];
            int64_t s = (anomaly->time_ms - START_MS) / 1000;
            bool inside = trial->kind != QUIET && s >= HIT_BEGIN && s < HIT_END;
            if (inside && anomaly->metric == kinds[trial->kind].metric &&
                !*hit) {
                *hit = true;
                score->hits++;
                score->delay_s += (double)(s - HIT_BEGIN);
            }
            score->false_alarms += !inside;
            after = anomaly->sequence;
        }
    }
    return after;
}

static struct rnl_meter *new_meter(void)
{
    struct rnl_meter_config config = {.hash_seed = 1};
    struct rnl_meter_fault fault;
    struct rnl_meter *meter = NULL;
    if (rnl_meter_config_check(&config, &fault) != RNL_OK ||
        rnl_meter_create(&config, START_MS, &meter) != RNL_OK) {
        fprintf(stderr, "no meter\n");
        exit(1);
    }
    return meter;
}

static void run_trial(struct trial *trial, struct score *score)
{
    bool found = false;
    uint64_t after = 0;
    trial->meter = new_meter();
    rnl_generator_init(&trial->generator, &(struct rnl_generator_options){
                                              .seed = trial->random,
                                              .users = USERS,
                                              .skew = 1.1,
                                              .value_mean = 50,
                                              .value_sigma = 1,
                                              .latency_mean_ms = 20,
                                              .latency_sigma = 0.8,
                                          });
    for (size_t s = 0; s < SECONDS; s++) {
        bool hit = s >= HIT_BEGIN && s < HIT_END;
        size_t count = poisson(trial, rate_at(trial, s, hit));
        for (size_t i = 0; i < count; i++)
            make_event(trial, i, hit);
        ingest(trial->meter, count, START_MS + (int64_t)s * 1000);
        after = judge(trial, after, &found, score);
    }
    score->trials++;
    rnl_meter_destroy(trial->meter);
}

static void print(const char *name, double rate, const struct score *score)
{
    double panes = (double)score->trials * SECONDS * METRICS;
    printf("%-16s %8.0f %7zu", name, rate, score->trials);
    if (strcmp(name, kinds[QUIET].name) != 0)
        printf(" %8.1f %% %9.1f s",
               100 * (double)score->hits / (double)score->trials,
               score->hits > 0 ? score->delay_s / (double)score->hits : 0);
    else
        printf(" %10s %11s", "-", "-");
    printf(" %10zu %16.4f\n", score->false_alarms,
           1000 * (double)score->false_alarms / panes);
}

static int made(size_t trials)
{
    static const double rates[] = {5, 50, 500, 5000};
    printf("%-16s %8s %7s %10s %11s %10s %16s\n", "what happens", "events/s",
           "trials", "found", "after", "false", "per 1,000 panes");
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
            struct score score = {0};
            for (size_t t = 0; t < trials; t++) {
                struct trial trial = {.kind = (enum kind)kind,
                                      .rate = rates[r],
                                      .swings = t % 2 == 1,
                                      .random = 1 + t * 7919};
                run_trial(&trial, &score);
            }
            print(kinds[kind].name, rates[r], &score);
        }
    }
    return 0;
}

/* ---- a labelled series ---- */

static int file(const char *path, double hz)
{
    FILE *in = fopen(path, "r");
    char line[LINE_BYTES];
    if (in == NULL || !(hz > 0 && hz <= EVENTS_MAX)) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    struct rnl_meter *meter = new_meter();
    uint8_t *labels = calloc(1 << 20, 1);
    size_t count = 0;
    size_t s = 0;
    for (size_t n = 0; labels != NULL && fgets(line, sizeof(line), in) != NULL;
         n++) {
        char *rest;
        double value = strtod(line, &rest);
        size_t at = (size_t)((double)n / hz);
        if (at != s) {
            ingest(meter, count, START_MS + (int64_t)s * 1000);
            count = 0;
            s = at;
        }
        memcpy(second.keys + count * KEY_BYTES, "series--", KEY_BYTES);
        second.lengths[count] = KEY_BYTES;
        second.indexes[count] = (uint32_t)count;
        second.values[count] = value;
        second.latencies[count] = (float)fabs(value);
        second.offsets[count] = 0;
        count++;
        labels[at] |=
            *rest == ',' &&
            atof(rest + 1) != 0; /* lint: allow atof: a label is 0 or 1 */
    }
    ingest(meter, count, START_MS + (int64_t)s * 1000);
    rnl_meter_advance(meter, START_MS + (int64_t)(s + 10) * 1000);
    struct rnl_meter_anomalies found;
    rnl_meter_anomalies(meter, 0, &found);
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < found.counts[p]; i++) {
            int64_t t = (found.parts[p][i].time_ms - START_MS) / 1000;
            printf("second %lld metric %d score %.1f: %s\n", (long long)t,
                   (int)found.parts[p][i].metric, found.parts[p][i].score,
                   labels[t] != 0 ? "labelled" : "false");
        }
    }
    printf("%zu seconds\n", s + 1);
    fclose(in);
    free(labels);
    rnl_meter_destroy(meter);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "made") == 0)
        return made(argc > 2 ? strtoul(argv[2], NULL, 10) : TRIALS);
    if (argc == 4 && strcmp(argv[1], "file") == 0)
        return file(argv[2], strtod(argv[3], NULL));
    fprintf(stderr, "usage: accuracy_anomalies made [TRIALS] | file FILE HZ\n");
    return 2;
}
