/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event streams over crashes, with a journal that the test commands
 * (fake_stats_journal.h): it says when a group is written, when the disk is
 * full, and when the process dies. What a call begins is judged by call_ended.
 */
#ifndef RNL_TESTS_KEEPER_RIG_H
#define RNL_TESTS_KEEPER_RIG_H

#include "fake_stats_journal.h"
#include "stream_fixture.h"

struct rig {
    struct rnl_core core;
    struct fake_stats_journal fake;
};

/* A new core over an empty journal; its end, which checks that no timer is
 * left. */
void rig_set_up(struct rig *rig);
void rig_tear_down(struct rig *rig);

/* A core over what the journal has kept, with the clocks of the one before.
 * rig_start demands that it starts. */
enum rnl_code rig_try_start(struct rig *rig);
void rig_start(struct rig *rig);

/* An orderly end of the core. */
void rig_stop(struct rig *rig);

/* The process dies; written: the group that is under way was written. */
void rig_crash(struct rig *rig, bool written);
void rig_crash_and_start(struct rig *rig, bool written);

/* What is due now is done. */
void rig_turn(struct rig *rig);

/* Until nothing is left to write. */
void rig_settle(struct rig *rig);

/* Calls that wait for the journal. */
void rig_begin_ingest(struct rig *rig, const struct event_batch *batch,
                      struct rnl_stream *call);
void rig_begin_create(struct rig *rig, const char *name,
                      struct rnl_stream *call);
void rig_begin_delete(struct rig *rig, const char *name,
                      struct rnl_stream *call);

/* The call has ended with code, and with an answer if that is RNL_OK. */
void call_ended(struct rnl_stream *call, enum rnl_code code);

/* Calls to their end. A numbered batch is one event of stream "s"; true: it
 * was a repetition. */
void rig_ingest_settled(struct rig *rig, const struct event_batch *batch);
bool rig_ingest_numbered(struct rig *rig, const char *producer,
                         uint64_t sequence);

/* Of an outcome of get_stats, which keeps it. */
Runnel__V1__StreamStats *stats_of(struct outcome *outcome);

void rig_has_events(struct rig *rig, const char *name, uint64_t count);
void rig_is_missing(struct rig *rig, const char *name);

#endif
