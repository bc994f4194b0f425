/* SPDX-License-Identifier: Apache-2.0 */
/* The ceilings of event streams besides those of the engine (meter.h), each
 * with its reason. Those marked (setting) are defaults of struct
 * rnl_core_options. */
#ifndef RNL_STREAMS_STREAM_BOUNDS_H
#define RNL_STREAMS_STREAM_BOUNDS_H

#include <stdint.h>

/* (setting) Streams. A name is made by whoever sends the first event to it:
 * this keeps a producer with a name for each user from taking all the memory.
 * A stream takes 40 KiB when it is made and some 10 MiB when it is busy
 * (docs/streams.md). */
#define RNL_EVENT_STREAMS_MAX_DEFAULT 1000

/* (setting) Memory of all streams and of what is kept for their watchers, a
 * quarter of a machine of 8 GiB. Above it no stream is created and no event is
 * taken. */
#define RNL_STATS_BYTES_MAX_DEFAULT (UINT64_C(2) << 30)

/* What stats.proto and events.proto say. */
#define RNL_STREAM_NAME_LEN_MAX    128
#define RNL_PRODUCER_ID_LEN_MAX    64
#define RNL_STREAM_PAGE_MAX        1000
#define RNL_STREAM_PAGE_DEFAULT    100
#define RNL_TOP_DEFAULT            10
#define RNL_FREQUENCY_KEYS_MAX     1000
#define RNL_QUANTILES_MAX          100
#define RNL_STATS_INTERVAL_MS_MIN  100
#define RNL_STATS_INTERVAL_MS_MAX  3600000
#define RNL_STATS_INTERVAL_DEFAULT 1000

/* Producers that a stream remembers; the one that was silent for longest goes
 * first. A producer lives as long as its program: 1,024 programs may send to a
 * stream at the same time. 120 bytes each. */
#define RNL_PRODUCERS_MAX 1024

/* Different watches of a stream (windows, interval, length of the top list):
 * each is computed by itself, equal ones together. */
#define RNL_STATS_GROUPS_MAX 64

/* A snapshot that is younger than this serves for one more watcher that joins:
 * many that come at once, after a reconnect, cost one. */
#define RNL_STATS_FRESH_MS 100

/* How often the engine is asked to judge what is over, while there is somebody
 * to tell. */
#define RNL_STATS_JUDGE_MS 1000

#endif
