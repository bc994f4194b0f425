/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodes WatchJobResponse straight from an event of the store. Watching is
 * the hot path of the server, and protobuf-c would want the delta as a
 * NUL-terminated copy first.
 */
#ifndef RNL_JOBS_WATCH_ENCODE_H
#define RNL_JOBS_WATCH_ENCODE_H

#include "rpc.h"
#include "store.h"

/* Bytes that a WatchJobResponse has at most besides the event's data: tags
 * and lengths 6 x (1 + 5), two sequences 2 x 11, the time 22. */
#define RNL_WATCH_ENCODE_OVERHEAD 80

/* first_sequence is 0 unless the event stands for several. Returns NULL when
 * memory is out. */
struct rnl_buf *rnl_watch_encode(const struct rnl_event *event,
                                 uint64_t first_sequence);

#endif
