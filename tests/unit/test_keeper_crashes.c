/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams over crashes at any moment, against a ledger, and beside a core
 * that is never restarted. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper_rig.h"

/* ---- crashes at any moment ---- */

#define PRODUCERS 3
#define KEYS      50

struct producer {
    char id[8];
    uint64_t sequence;
    bool is_out;
    struct rnl_stream call;
};

static uint64_t chance;

static uint64_t roll(uint64_t sides)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (chance >> 11) % sides;
}

/* Events of a batch follow from its number. */
static uint64_t seed_of(const struct producer *from)
{
    return from->sequence * 7919 + (uint64_t)from->id[1] * 104729;
}

static size_t events_of(uint64_t seed)
{
    return 1 + seed % 40;
}

static size_t key_of(uint64_t seed, size_t i)
{
    return (seed + i * i) % KEYS;
}

static double value_of(uint64_t seed, size_t i)
{
    return (double)((seed * 31 + i) % 1000);
}

static void make_batch(struct event_batch *batch, const struct producer *from)
{
    char key[16];
    uint64_t seed = seed_of(from);
    batch_init(batch, "s");
    for (size_t i = 0; i < events_of(seed); i++) {
        snprintf(key, sizeof(key), "k%zu", key_of(seed, i));
        batch_add(batch, key, value_of(seed, i), 1);
    }
    batch_number(batch, from->id, from->sequence);
}

static void send(struct rig *rig, struct producer *producer)
{
    struct event_batch batch;
    if (producer->is_out)
        return;
    make_batch(&batch, producer);
    rig_begin_ingest(rig, &batch, &producer->call);
    producer->is_out = true;
}

/* Takes answers; what failed is sent again, under its number. */
static void look(struct producer *producer)
{
    if (!producer->is_out || !producer->call.finished)
        return;
    assert_true(producer->call.code == RNL_OK ||
                producer->call.code == RNL_RESOURCE_EXHAUSTED);
    producer->sequence += producer->call.code == RNL_OK;
    producer->is_out = false;
    fake_close(&producer->call);
}

static void lose_calls(struct producer *producers)
{
    for (size_t i = 0; i < PRODUCERS; i++) {
        if (producers[i].is_out)
            fake_close(&producers[i].call);
        producers[i].is_out = false;
    }
}

static void some_event(struct rig *rig, struct producer *producers)
{
    uint64_t what = roll(20);
    if (what < 9) {
        send(rig, &producers[roll(PRODUCERS)]);
    } else if (what < 12) {
        rig_turn(rig);
    } else if (what < 15) {
        if (rig->fake.group != NULL)
            fake_stats_complete(
                &rig->fake, roll(12) == 0 ? RNL_RESOURCE_EXHAUSTED : RNL_OK);
    } else if (what < 17) {
        fake_core_advance(&rig->core, (int64_t)roll(1500) * MS);
    } else if (what < 19) {
        struct outcome outcome = get_stats(&rig->core, "s", 60, 5);
        rnl_request_free(outcome.answer);
    } else {
        lose_calls(producers);
        rig_crash_and_start(rig, roll(2) == 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++)
        look(&producers[i]);
}

/* All that the producers were told, once. */
static void check_all(struct rig *rig, struct producer *producers)
{
    uint64_t count = 0;
    double sum = 0;
    uint64_t keys[KEYS] = {0};
    for (size_t p = 0; p < PRODUCERS; p++) {
        struct producer from = producers[p];
        for (from.sequence = 1; from.sequence < producers[p].sequence;
             from.sequence++) {
            uint64_t seed = seed_of(&from);
            for (size_t i = 0; i < events_of(seed); i++) {
                keys[key_of(seed, i)]++;
                sum += value_of(seed, i);
                count++;
            }
        }
    }
    struct outcome outcome = get_stats(&rig->core, "s", 0, KEYS);
    Runnel__V1__StreamStats *stats = stats_of(&outcome);
    assert_int_equal(stats->count, count);
    assert_true(stats->value->sum == sum);
    for (size_t i = 0; i < stats->n_top_keys; i++)
        assert_int_equal(stats->top_keys[i]->count,
                         keys[strtoul(stats->top_keys[i]->key + 1, NULL, 10)]);
    expect(outcome, RNL_OK, NULL);
}

static void crashes_at_any_moment_lose_and_double_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct rig rig;
        struct producer producers[PRODUCERS] = {
            {.id = "p0", .sequence = 1},
            {.id = "p1", .sequence = 1},
            {.id = "p2", .sequence = 1},
        };
        chance = seed * UINT64_C(0x9E3779B97F4A7C15);
        rig_set_up(&rig);
        for (size_t i = 0; i < 700; i++)
            some_event(&rig, producers);
        /* The end: what is out is answered, the rest is sent again. */
        fake_core_advance(&rig.core, 3 * SECOND);
        rig_settle(&rig);
        for (size_t i = 0; i < PRODUCERS; i++) {
            look(&producers[i]);
            send(&rig, &producers[i]);
        }
        rig_settle(&rig);
        for (size_t i = 0; i < PRODUCERS; i++)
            look(&producers[i]);
        rig_crash_and_start(&rig, false);
        check_all(&rig, producers);
        rig_tear_down(&rig);
    }
}

/* ---- as if it had not happened ---- */

static void same_answers(struct rig *a, struct rnl_core *b, const char *name)
{
    static const uint32_t windows[] = {0, 60, 300, 3600};
    for (size_t w = 0; w < 4; w++) {
        struct outcome x = get_stats(&a->core, name, windows[w], 100);
        struct outcome y = get_stats(b, name, windows[w], 100);
        uint8_t *bytes[2];
        size_t lens[2];
        assert_int_equal(x.code, RNL_OK);
        assert_int_equal(y.code, RNL_OK);
        lens[0] = protobuf_c_message_get_packed_size(x.answer);
        lens[1] = protobuf_c_message_get_packed_size(y.answer);
        assert_int_equal(lens[0], lens[1]);
        bytes[0] = malloc(lens[0]);
        bytes[1] = malloc(lens[1]);
        assert_true(bytes[0] != NULL && bytes[1] != NULL);
        protobuf_c_message_pack(x.answer, bytes[0]);
        protobuf_c_message_pack(y.answer, bytes[1]);
        assert_memory_equal(bytes[0], bytes[1], lens[0]);
        free(bytes[0]);
        free(bytes[1]);
        expect(x, RNL_OK, NULL);
        expect(y, RNL_OK, NULL);
    }
}

/* Beside a core that is never restarted: logs are replayed at the times that
 * things had, saves go on where they were. */
static void answers_are_as_if_nothing_had_happened(void **state)
{
    (void)state;
    static struct event_batch batch;
    struct rig rig;
    struct rnl_core other;
    rig_set_up(&rig);
    streams_setup(&other);
    chance = 77;
    for (size_t i = 0; i < 800; i++) {
        size_t events = 1 + roll(roll(20) == 0 ? 2000 : 30);
        batch_init(&batch, "s");
        for (size_t e = 0; e < events; e++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", (int)roll(1 + roll(4000)));
            batch_add(&batch, key, (double)roll(1000), (double)roll(100));
        }
        if (roll(3) == 0)
            batch_time(&batch, rig.core.wall_ns / MS - (int64_t)roll(90000));
        size_t times = 1;
        if (roll(4) == 0) {
            batch_number(&batch, "p", 1 + i);
            times += roll(2);
        }
        for (; times > 0; times--) {
            rig_ingest_settled(&rig, &batch);
            expect(ingest(&other, &batch), RNL_OK, NULL);
        }
        if (roll(10) == 0) {
            int64_t ns = (int64_t)roll(8000) * MS;
            fake_core_advance(&rig.core, ns);
            rig_settle(&rig);
            fake_core_advance(&other, ns);
        }
        /* Long silence that is looked at now and then: each look judges. */
        for (uint64_t looks = roll(60) == 0 ? 30 : 0; looks > 0; looks--) {
            fake_core_advance(&rig.core, 7 * SECOND);
            rig_settle(&rig);
            fake_core_advance(&other, 7 * SECOND);
            same_answers(&rig, &other, "s");
        }
        if (roll(12) == 0)
            same_answers(&rig, &other, "s");
        if (roll(15) == 0)
            rig_crash_and_start(&rig, false);
    }
    same_answers(&rig, &other, "s");
    assert_true(rig.fake.written[RNL_STATS_LOG] > 300);
    assert_true(rig.fake.written[RNL_STATS_SAVE] > 10);
    streams_teardown(&other);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crashes_at_any_moment_lose_and_double_nothing),
        cmocka_unit_test(answers_are_as_if_nothing_had_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
