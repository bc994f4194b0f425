/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the detectors of a stream find of the incidents that a job of
 * the kind "simulate" makes, on virtual time:
 *
 *     accuracy_simulate [SEEDS]    an hour a seed, rate and threshold
 *     accuracy_simulate check      21 minutes; status 1 if an incident at
 *                                  1,000 events a second is missed, or more
 *                                  than FALSE_MAX alarms are false
 *
 * The incidents are those of the job's log, the anomalies those that GetStats
 * tells. An alarm of the incident's metric and in its direction, from its first
 * second to HIT_MS after its end, is a hit. Until SETTLE_MS after the end no
 * alarm is false; later ones, of any metric, are.
 */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_fixture.h"
#include "stream_fixture.h"

#define HOUR_S            3600
#define CHECK_S           1260
#define EVERY_S           120
#define LOOK_S            20
#define HIT_MS            2000
#define SETTLE_MS         20000
#define WARM_UP_MS        30000
#define SEEDS             4
#define SEEDS_MAX         100
#define INCIDENTS_MAX     64
#define ANOMALIES_MAX     4096
#define KINDS             5
#define FALSE_MAX         3
#define HITS_MAX          ((size_t)INCIDENTS_MAX * SEEDS_MAX)
#define DEFAULT_THRESHOLD 6

struct incident {
    int metric;
    double factor;
    int64_t start_ms;
    int64_t end_ms;
};

struct alarm {
    int metric;
    bool is_above;
    int64_t time_ms;
};

/* One run of a job. */
struct trial {
    double rate;
    double threshold;
    int64_t duration_s;
    unsigned seed;
    struct incident incidents[INCIDENTS_MAX];
    size_t incident_count;
    struct alarm alarms[ANOMALIES_MAX];
    size_t alarm_count;
    uint64_t sequence;
};

/* What came of the runs of one rate and threshold. */
struct score {
    size_t counts[KINDS];
    size_t hits[KINDS];
    int64_t delays_s[KINDS][HITS_MAX];
    size_t false_alarms;
    double quiet_h;
};

static const char *const kind_names[KINDS] = {
    "rate x 5", "latency x 8", "new keys only", "value x 5", "rate x 0.1"};

static struct trial trial;
static struct score score;

/* ---- a run ---- */

static int metric_of(const char *name)
{
    static const char *const names[] = {"", "rate", "value", "latency_ms",
                                        "unique_keys"};
    for (int i = 1; i < 5; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fail_msg("the log has a metric %s", name);
    return 0;
}

static void read_line(const char *line)
{
    assert_in_range(trial.incident_count, 0, INCIDENTS_MAX - 1);
    struct incident *to = &trial.incidents[trial.incident_count++];
    char metric[32];
    unsigned number;
    assert_int_equal(sscanf(line,
                            "incident number=%u metric=%31s factor=%lf "
                            "start_ms=%" SCNd64 " end_ms=%" SCNd64,
                            &number, metric, &to->factor, &to->start_ms,
                            &to->end_ms),
                     5);
    assert_int_equal(number, trial.incident_count);
    to->metric = metric_of(metric);
}

static void read_log(struct rnl_core *core, const char *id)
{
    struct rnl_stream stream;
    job_watch(&stream, core, id, 0);
    assert_true(stream.finished);
    assert_int_equal(stream.code, RNL_OK);
    for (size_t i = 0; i < stream.sent_count; i++) {
        Runnel__V1__WatchJobResponse *response = watched(&stream, i);
        if (response->event->payload_case == RUNNEL__V1__JOB_EVENT__PAYLOAD_LOG)
            read_line(response->event->log->message);
        rnl_request_free(response);
    }
    fake_close(&stream);
    assert_int_equal(trial.incident_count, (trial.duration_s - 1) / EVERY_S);
}

/* What is new since the last look; none may have been lost between. */
static void read_alarms(struct rnl_core *core)
{
    struct outcome outcome = get_stats(core, "web", 0, 1);
    const Runnel__V1__GetStatsResponse *answer = outcome.answer;
    for (size_t i = 0; i < answer->n_anomalies; i++) {
        const Runnel__V1__Anomaly *from = answer->anomalies[i];
        if (from->sequence <= trial.sequence)
            continue;
        assert_int_equal(from->sequence, ++trial.sequence);
        assert_in_range(trial.alarm_count, 0, ANOMALIES_MAX - 1);
        trial.alarms[trial.alarm_count++] = (struct alarm){
            .metric = (int)from->metric,
            .is_above = from->observed > from->baseline,
            .time_ms = from->time->seconds * 1000 + from->time->nanos / 1000000,
        };
    }
    expect(outcome, RNL_OK, NULL);
}

/* The default is what a stream has that the job itself makes. */
static void choose_threshold(struct rnl_core *core)
{
    Runnel__V1__StreamConfig config = RUNNEL__V1__STREAM_CONFIG__INIT;
    config.name = (char *)"web";
    config.anomaly_threshold = trial.threshold;
    if (trial.threshold != DEFAULT_THRESHOLD)
        expect(create_stream(core, &config), RNL_OK, NULL);
}

static void create(struct rnl_core *core, char id[RNL_JOB_ID_LEN + 1])
{
    struct job_request request;
    char rate[32];
    char seed[32];
    char duration[32];
    char every[32];
    snprintf(rate, sizeof(rate), "%g", trial.rate);
    snprintf(seed, sizeof(seed), "%u", trial.seed);
    snprintf(duration, sizeof(duration), "%" PRId64, trial.duration_s);
    snprintf(every, sizeof(every), "%d", EVERY_S);
    job_request_init(&request, "simulate", NULL);
    job_request_option(&request, "stream", "web");
    job_request_option(&request, "rate", rate);
    job_request_option(&request, "seed", seed);
    job_request_option(&request, "duration_s", duration);
    job_request_option(&request, "incident_every_s", every);
    job_create(core, &request, id);
}

static void run(void)
{
    struct rnl_core core;
    char id[RNL_JOB_ID_LEN + 1];
    trial.incident_count = 0;
    trial.alarm_count = 0;
    trial.sequence = 0;
    jobs_setup(&core);
    choose_threshold(&core);
    create(&core, id);
    for (int64_t s = 0; s < trial.duration_s + LOOK_S; s += LOOK_S) {
        fake_core_advance(&core, LOOK_S * SECOND);
        read_alarms(&core);
    }
    read_log(&core, id);
    jobs_teardown(&core);
}

/* ---- what came of it ---- */

/* Panes are whole seconds. */
static int64_t first_pane_ms(const struct incident *incident)
{
    return incident->start_ms / 1000 * 1000;
}

static void score_incident(size_t number)
{
    const struct incident *incident = &trial.incidents[number];
    size_t kind = number % KINDS;
    score.counts[kind]++;
    for (size_t i = 0; i < trial.alarm_count; i++) {
        const struct alarm *alarm = &trial.alarms[i];
        if (alarm->metric != incident->metric ||
            alarm->is_above != (incident->factor >= 1) ||
            alarm->time_ms < first_pane_ms(incident) ||
            alarm->time_ms >= incident->end_ms + HIT_MS)
            continue;
        score.delays_s[kind][score.hits[kind]++] =
            (alarm->time_ms - first_pane_ms(incident)) / 1000;
        return;
    }
}

static bool is_excused(const struct alarm *alarm)
{
    /* The end of the events is an anomaly too. */
    if (alarm->time_ms >= START_MS + trial.duration_s * 1000)
        return true;
    for (size_t i = 0; i < trial.incident_count; i++)
        if (alarm->time_ms >= first_pane_ms(&trial.incidents[i]) &&
            alarm->time_ms < trial.incidents[i].end_ms + SETTLE_MS)
            return true;
    return false;
}

static void score_trial(void)
{
    int64_t quiet_ms = trial.duration_s * 1000 - WARM_UP_MS;
    for (size_t i = 0; i < trial.incident_count; i++) {
        const struct incident *incident = &trial.incidents[i];
        score_incident(i);
        quiet_ms -= incident->end_ms + SETTLE_MS - first_pane_ms(incident);
    }
    for (size_t i = 0; i < trial.alarm_count; i++)
        score.false_alarms += !is_excused(&trial.alarms[i]);
    score.quiet_h += (double)quiet_ms / 3600e3;
}

static void measure(double rate, double threshold, int64_t duration_s,
                    unsigned seeds)
{
    memset(&score, 0, sizeof(score));
    for (unsigned seed = 1; seed <= seeds; seed++) {
        trial.rate = rate;
        trial.threshold = threshold;
        trial.duration_s = duration_s;
        trial.seed = seed;
        run();
        score_trial();
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_row(size_t kind)
{
    size_t hits = score.hits[kind];
    printf("%-14s %8.0f %9.0f %9zu %7.1f %%", kind_names[kind], trial.rate,
           trial.threshold, score.counts[kind],
           100 * (double)hits / (double)score.counts[kind]);
    if (hits == 0) {
        printf(" %8s\n", "-");
        return;
    }
    qsort(score.delays_s[kind], hits, sizeof(int64_t), by_size);
    printf(" %6" PRId64 " s\n", score.delays_s[kind][hits / 2]);
}

static void print(void)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        print_row(kind);
    printf("%-14s %8.0f %9.0f %9s %9s %8s %6zu %8.1f h %10.2f\n", "nothing",
           trial.rate, trial.threshold, "-", "-", "-", score.false_alarms,
           score.quiet_h, (double)score.false_alarms / score.quiet_h);
    (void)fflush(stdout);
}

static void print_head(void)
{
    printf("%-14s %8s %9s %9s %9s %8s %6s %10s %10s\n", "what happens",
           "events/s", "threshold", "incidents", "found", "after", "false",
           "quiet for", "per hour");
}

static int check(void)
{
    int wrong = 0;
    measure(1000, DEFAULT_THRESHOLD, CHECK_S, 1);
    print_head();
    print();
    for (size_t kind = 0; kind < KINDS; kind++) {
        if (score.counts[kind] > 0 && score.hits[kind] == score.counts[kind])
            continue;
        printf("missed: %s\n", kind_names[kind]);
        wrong = 1;
    }
    if (score.false_alarms > FALSE_MAX) {
        printf("more than %d alarms are false\n", FALSE_MAX);
        wrong = 1;
    }
    return wrong;
}

int main(int argc, char **argv)
{
    static const double rates[] = {50, 1000};
    static const double thresholds[] = {4, DEFAULT_THRESHOLD, 8};
    if (argc == 2 && strcmp(argv[1], "check") == 0)
        return check();
    unsigned long seeds = argc == 2 ? strtoul(argv[1], NULL, 10) : SEEDS;
    if (argc > 2 || seeds < 1 || seeds > SEEDS_MAX) {
        fprintf(stderr, "usage: accuracy_simulate check | [SEEDS], 1 to %d\n",
                SEEDS_MAX);
        return 2;
    }
    print_head();
    for (size_t r = 0; r < 2; r++) {
        for (size_t t = 0; t < 3; t++) {
            measure(rates[r], thresholds[t], HOUR_S, (unsigned)seeds);
            print();
        }
    }
    return 0;
}
