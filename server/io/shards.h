/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that count events: lanes (stats/lanes.h) dealt out to shards in turn,
 * each shard a thread of its own with a queue of its own. What a lane works on
 * so stays in the caches of one core, and no two threads touch the same meter.
 * Between the threads is one mutex a shard, held for a few instructions; it
 * also makes what a task has written visible to who is told that it is done.
 */
#ifndef RNL_IO_SHARDS_H
#define RNL_IO_SHARDS_H

#include "lanes.h"

/* Threads, that of the loop not counted. */
#define RNL_SHARDS_MAX 63

struct rnl_shards;

/* Starts the threads, 1 to RNL_SHARDS_MAX. wake is called on any of them when
 * there is something to poll for, once until that is done. NULL: there is no
 * memory, or no thread to be had. */
struct rnl_shards *rnl_shards_create(unsigned count, void (*wake)(void *arg),
                                     void *arg);

/* Ends the threads. All lanes are gone. Accepts NULL. */
void rnl_shards_destroy(struct rnl_shards *shards);

struct rnl_lanes *rnl_shards_lanes(struct rnl_shards *shards);

/* Reports tasks that are done, on the thread that created the shards. */
void rnl_shards_poll(struct rnl_shards *shards);

#endif
