/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter should say, worked out from a plain list of all its events:
 * independent of the engine, slow, and obviously right.
 */
#ifndef RNL_TESTS_METER_REFERENCE_H
#define RNL_TESTS_METER_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter.h"

/* Keys are "k0", "k1"... */
#define REF_KEYS_MAX 100000

struct ref_event {
    uint32_t key;
    double value;
    float latency_ms;
    int64_t time_ms;
};

struct ref {
    struct ref_event *events;
    size_t count;
    size_t cap;
};

void ref_init(struct ref *ref);
void ref_fini(struct ref *ref);

/* Remembers an event. */
void ref_add(struct ref *ref, const struct ref_event *event);

size_t ref_key_name(uint32_t key, char name[16]);

/* A meter with these windows (0-terminated; NULL: the default). */
struct rnl_meter *ref_meter(const uint32_t *windows, int64_t wall_ms);

/* Ingests events as one batch; asserts that it is taken. Returns late events.
 */
uint32_t ref_ingest(struct rnl_meter *meter, const struct ref_event *events,
                    size_t count, int64_t wall_ms);

/* The same, for what it answers. */
enum rnl_code ref_try_ingest(struct rnl_meter *meter,
                             const struct ref_event *events, size_t count,
                             int64_t wall_ms, struct rnl_meter_taken *ret_taken,
                             struct rnl_meter_fault *ret_fault);

/* Asserts that the view of a window says what the events in it amount to.
 * exact: there are so few keys that all figures of keys must be exact. */
void ref_check(const struct ref *ref, struct rnl_meter *meter,
               uint32_t window_seconds, int64_t wall_ms, bool exact);

/* Asserts that two meters answer alike, to the bit. */
void ref_same(struct rnl_meter *a, struct rnl_meter *b, uint32_t window_seconds,
              int64_t wall_ms);

/* A small generator of random numbers, from any seed but 0. */
uint64_t ref_random(uint64_t *state);

#endif
